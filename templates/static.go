package templates

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"
)

// StaticPrefix is the path below which the web layer serves the assets. It is
// the same for all tenants.
const StaticPrefix = "/static/"

// Asset is a static file, with all that is needed to serve it.
type Asset struct {
	ContentType  string
	CacheControl string // immutable when the name carries a hash
	ETag         string // quoted
	Body         []byte // not to be changed
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func (s *Set) loadAssets(fsys fs.FS) error {
	s.assets, s.paths = map[string]Asset{}, map[string]string{}
	entries, err := fs.ReadDir(fsys, "static")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		body, err := fs.ReadFile(fsys, "static/"+name)
		if err != nil {
			return fmt.Errorf("templates: %w", err)
		}
		ext := path.Ext(name)
		if contentTypes[ext] == "" {
			return fmt.Errorf("templates: static/%s: no content type for %q", name, ext)
		}
		a := newAsset(body, ext)
		s.assets[name] = a
		hashed := strings.TrimSuffix(name, ext) + "." + strings.Trim(a.ETag, `"`) + ext
		a.CacheControl = immutable
		s.assets[hashed] = a
		s.paths[name] = StaticPrefix + hashed
	}
	return nil
}

const immutable = "public, max-age=31536000, immutable"

func newAsset(body []byte, ext string) Asset {
	sum := sha256.Sum256(body)
	return Asset{
		ContentType:  contentTypes[ext],
		CacheControl: "no-cache",
		ETag:         `"` + hex.EncodeToString(sum[:6]) + `"`,
		Body:         body,
	}
}

// StaticPath returns the URL path of a static file, with a hash of its content
// in it, such as "/static/sallyport.1f2e3d4c5b6a.css". It is "" for a name that
// does not exist.
func (s *Set) StaticPath(name string) string { return s.paths[name] }

// Asset returns the file that belongs to name, the part of the path after
// [StaticPrefix]: a file, a file with the hash of its content, or the
// stylesheet of a brand ([BrandPath]).
func (s *Set) Asset(name string) (Asset, bool) {
	m := brandName.FindStringSubmatch(name)
	if m != nil {
		a := newAsset([]byte(BrandCSS("#"+m[1])), ".css")
		a.CacheControl = immutable
		return a, true
	}
	a, ok := s.assets[name]
	return a, ok
}

var (
	brandHex  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	brandName = regexp.MustCompile(`^brand-([0-9a-f]{6})\.css$`)
)

// BrandCSS is the stylesheet of a tenant whose colour is hex ("#rrggbb"). It is
// "" for anything else, so that nothing but a colour gets into the sheet.
func BrandCSS(hex string) string {
	if !brandHex.MatchString(hex) {
		return ""
	}
	return ":root{--brand:" + strings.ToLower(hex) + "}\n"
}

// BrandPath is the URL path of the stylesheet of a brand colour. It is "" when
// hex is not "#rrggbb".
func BrandPath(hex string) string {
	if !brandHex.MatchString(hex) {
		return ""
	}
	return StaticPrefix + "brand-" + strings.ToLower(hex[1:]) + ".css"
}

// Static is the assets as a file system, for servers that want one. Caching is
// the server's part; [Set.Asset] says what is right.
func (s *Set) Static() fs.FS { return staticFS{s} }

type staticFS struct{ set *Set }

// Open implements [fs.FS].
func (f staticFS) Open(name string) (fs.File, error) {
	a, ok := f.set.Asset(name)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &staticFile{Reader: bytes.NewReader(a.Body), name: name}, nil
}

// staticFile is an open asset and its own description.
type staticFile struct {
	*bytes.Reader
	name string
}

func (f *staticFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *staticFile) Close() error               { return nil }
func (f *staticFile) Name() string               { return f.name }
func (f *staticFile) Mode() fs.FileMode          { return 0o444 }
func (f *staticFile) ModTime() time.Time         { return time.Time{} }
func (f *staticFile) IsDir() bool                { return false }
func (f *staticFile) Sys() any                   { return nil }
