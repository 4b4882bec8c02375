package templates

import (
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAssets(t *testing.T) {
	s := newTestSet(t)
	entries, err := fs.ReadDir(files, "static")
	require.NoError(t, err)
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			path := s.StaticPath(e.Name())
			require.True(t, strings.HasPrefix(path, StaticPrefix))
			require.NotEqual(t, StaticPrefix+e.Name(), path, "the path carries a hash")

			hashed, ok := s.Asset(strings.TrimPrefix(path, StaticPrefix))
			require.True(t, ok)
			plain, ok := s.Asset(e.Name())
			require.True(t, ok)

			require.Contains(t, hashed.CacheControl, "immutable")
			require.Equal(t, "no-cache", plain.CacheControl)
			require.Equal(t, plain.ETag, hashed.ETag)
			require.Equal(t, plain.Body, hashed.Body)
			require.NotEmpty(t, hashed.ContentType)
			require.Equal(t, hashed.Body, readAll(t, s.Static(), strings.TrimPrefix(path, StaticPrefix)))
		})
	}
	_, ok := s.Asset("../templates.go")
	require.False(t, ok)
	_, err = s.Static().Open("nothing.css")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func readAll(t *testing.T, fsys fs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	body, err := io.ReadAll(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, int64(len(body)), info.Size())
	return body
}

func TestBrand(t *testing.T) {
	s := newTestSet(t)
	tests := []struct{ hex, css, path string }{
		{"#0B5563", ":root{--brand:#0b5563}\n", "/static/brand-0b5563.css"},
		{"#fff", "", ""},
		{"red", "", ""},
		{"", "", ""},
		{"#0b5563}body{display:none", "", ""},
		{"#0b5563\n", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.hex, func(t *testing.T) {
			require.Equal(t, tt.css, BrandCSS(tt.hex))
			require.Equal(t, tt.path, BrandPath(tt.hex))

			text := render(t, s, ErrorPage{Frame: Frame{Tenant: Tenant{Brand: tt.hex}}})
			require.Equal(t, tt.path != "", strings.Contains(text, "/static/brand-"))
			a, ok := s.Asset(strings.TrimPrefix(tt.path, StaticPrefix))
			require.Equal(t, tt.path != "", ok)
			require.Equal(t, tt.css, string(a.Body))
		})
	}
}
