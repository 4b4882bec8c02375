package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// ErrFile says that a file cannot be used as key ring. The message says why.
var ErrFile = errors.New("seal: key ring")

const fileVersion = 1

// ringFile is the file, in YAML, of which JSON is a part.
type ringFile struct {
	Version int                     `yaml:"version"`
	Keys    map[Purpose][]keyInFile `yaml:"keys"`
}

type keyInFile struct {
	ID        string    `yaml:"id"`
	Key       string    `yaml:"key"` // base64 of 32 bytes
	CreatedAt time.Time `yaml:"created_at"`
}

const fileHead = `# Master keys of Sallyport. Whoever has this file and the database can read all
# secrets in it; without this file nobody can, and nobody can sign in. Keep a
# copy in a safe place that is not the place of the database backups.
#
# To rotate the keys of a purpose, put a new one in front of its list: the first
# one writes, all of them read.
`

// Generate makes a key ring and writes it to path, readable by its owner only. It
// never replaces a file.
//
// Errors: [ErrFile]; errors.Is also finds [fs.ErrExist] if path exists.
func Generate(path string, now time.Time) (*Ring, error) {
	r := New(now)
	r.path = path
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w %s is there already and is not replaced: %w", ErrFile, path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	err = r.write(f)
	if err == nil {
		err = syncFolder(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, errors.Join(err, os.Remove(path)))
	}
	return r, nil
}

// write fills f and closes it. The data is on the disk when it returns: a value
// sealed with a key that a power cut takes away is lost.
func (r *Ring) write(f *os.File) error {
	out := ringFile{Version: fileVersion, Keys: map[Purpose][]keyInFile{}}
	for p, keys := range r.keys {
		for _, k := range keys {
			out.Keys[p] = append(out.Keys[p], keyInFile{k.id, base64.StdEncoding.EncodeToString(k.key), k.createdAt})
		}
	}
	text, err := yaml.Marshal(out)
	if err == nil {
		_, err = f.Write(append([]byte(fileHead), text...))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes the name of a new file last, as well as its contents.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Load reads a key ring. It refuses a file that anyone but its owner may read or
// write, and one that lacks a key for any purpose: nothing is ever written
// without a key.
//
// Errors: [ErrFile]; errors.Is also finds [fs.ErrNotExist] if there is no file.
func Load(path string) (*Ring, error) {
	text, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	var in ringFile
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	err = d.Decode(&in)
	if err != nil {
		// The message of the decoder may quote the file, so it stays here.
		return nil, fmt.Errorf("%w %s is not a valid YAML or JSON key ring", ErrFile, path)
	}
	r := &Ring{path: path, keys: map[Purpose][]masterKey{}}
	err = r.fill(in)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrFile, path, err)
	}
	return r, nil
}

func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w %s is not a regular file", ErrFile, path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w %s is open to others (mode %04o); run: chmod 600 %s", ErrFile, path, info.Mode().Perm(), path)
	}
	const most = 1 << 20 // a thousand times what a ring takes
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return text, nil
}

// An id is part of the envelope, where a colon would end it.
var goodID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`)

// fill takes over the keys of in. Its errors name a key, never its value.
func (r *Ring) fill(in ringFile) error {
	if in.Version != fileVersion {
		return fmt.Errorf("version is %d, and this binary knows version %d", in.Version, fileVersion)
	}
	for p := range in.Keys {
		if !slices.Contains(Purposes, p) {
			return fmt.Errorf("unknown purpose %q", p)
		}
	}
	seen := map[string]string{} // key -> name
	for _, p := range Purposes {
		if len(in.Keys[p]) == 0 {
			return fmt.Errorf("there is no key for %s", p)
		}
		for i, k := range in.Keys[p] {
			name := string(p) + "/" + k.ID
			key, err := base64.StdEncoding.DecodeString(k.Key)
			switch {
			case !goodID.MatchString(k.ID):
				return fmt.Errorf("key %d of %s: its id must be 1 to 32 letters, digits, dots, dashes or underscores", i+1, p)
			case slices.ContainsFunc(r.keys[p], func(o masterKey) bool { return o.id == k.ID }):
				return fmt.Errorf("there are two keys %s", name)
			case err != nil || len(key) != keySize:
				return fmt.Errorf("key %s is not %d bytes in base64", name, keySize)
			case seen[string(key)] != "":
				return fmt.Errorf("keys %s and %s are the same", seen[string(key)], name)
			}
			seen[string(key)] = name
			r.keys[p] = append(r.keys[p], masterKey{id: k.ID, key: key, createdAt: k.CreatedAt})
		}
	}
	return nil
}
