package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/sallyport-id/sallyport/internal/seal"
)

func generate(t *testing.T) (*seal.Ring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.yaml")
	ring, err := seal.Generate(path, now)
	require.NoError(t, err)
	return ring, path
}

// edit loads the file as plain data, changes it, and writes it back.
func edit(t *testing.T, path string, change func(file map[string]any, keys map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, yaml.Unmarshal(text, &file))
	change(file, file["keys"].(map[string]any))
	text, err = json.Marshal(file) // JSON is a part of YAML
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

func first(keys map[string]any, purpose string) map[string]any {
	return keys[purpose].([]any)[0].(map[string]any)
}

func TestGeneratedFileIsPrivateAndLoads(t *testing.T) {
	ring, path := generate(t)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	sealed, err := ring.Seal(place, []byte("x"))
	require.NoError(t, err)

	again, err := seal.Load(path)

	require.NoError(t, err)
	require.Equal(t, ring.Fingerprints(), again.Fingerprints())
	opened, err := again.Open(place, sealed)
	require.NoError(t, err)
	require.Equal(t, "x", string(opened))
	for _, p := range seal.Purposes {
		require.Equal(t, "k1", again.Current(p))
	}
}

func TestGenerateNeverReplacesAFile(t *testing.T) {
	_, path := generate(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	_, err = seal.Generate(path, now)

	require.ErrorIs(t, err, seal.ErrFile)
	require.ErrorIs(t, err, fs.ErrExist)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}

func TestLoadRefuses(t *testing.T) {
	type data = map[string]any
	tests := []struct {
		name  string
		spoil func(t *testing.T, path string)
		want  string
	}{
		{"a file that the group may read", func(t *testing.T, p string) { require.NoError(t, os.Chmod(p, 0o640)) }, "run: chmod 600 "},
		{"a file that all may read", func(t *testing.T, p string) { require.NoError(t, os.Chmod(p, 0o644)) }, "mode 0644"},
		{"a file that others may write", func(t *testing.T, p string) { require.NoError(t, os.Chmod(p, 0o602)) }, "run: chmod 600 "},
		{"no file", func(t *testing.T, p string) { require.NoError(t, os.Remove(p)) }, "no such file"},
		{"a folder", func(t *testing.T, p string) {
			require.NoError(t, os.Remove(p))
			require.NoError(t, os.Mkdir(p, 0o700))
		}, "not a regular file"},
		{"an empty file", func(t *testing.T, p string) { require.NoError(t, os.WriteFile(p, nil, 0o600)) }, "not a valid"},
		{"a purpose without a key", func(t *testing.T, p string) {
			edit(t, p, func(_, keys data) { delete(keys, "audit") })
		}, "no key for audit"},
		{"a purpose that is not known", func(t *testing.T, p string) {
			edit(t, p, func(_, keys data) { keys["wallet"] = keys["audit"] })
		}, `unknown purpose "wallet"`},
		{"a field that is not known", func(t *testing.T, p string) {
			edit(t, p, func(f, _ data) { f["kms"] = true })
		}, "not a valid"},
		{"another version", func(t *testing.T, p string) {
			edit(t, p, func(f, _ data) { f["version"] = 2 })
		}, "version is 2"},
		{"a short key", func(t *testing.T, p string) {
			edit(t, p, func(_, keys data) { first(keys, "data")["key"] = "c2hvcnQ=" })
		}, "data/k1 is not 32 bytes"},
		{"a key that is not base64", func(t *testing.T, p string) {
			edit(t, p, func(_, keys data) { first(keys, "data")["key"] = "hunter2!" })
		}, "data/k1 is not 32 bytes"},
		{"an id with a colon", func(t *testing.T, p string) {
			edit(t, p, func(_, keys data) { first(keys, "data")["id"] = "a:b" })
		}, "key 1 of data"},
		{"one id twice", func(t *testing.T, p string) {
			edit(t, p, func(_, keys data) { keys["data"] = append(keys["data"].([]any), first(keys, "data")) })
		}, "two keys data/k1"},
		{"one key under two names", func(t *testing.T, p string) {
			edit(t, p, func(_, keys data) { first(keys, "audit")["key"] = first(keys, "data")["key"] })
		}, "keys data/k1 and audit/k1 are the same"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, path := generate(t)
			tt.spoil(t, path)

			_, err := seal.Load(path)

			require.ErrorIs(t, err, seal.ErrFile)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// rotate puts a new key in front of those of purpose, as an operator would.
func rotate(t *testing.T, path, purpose, id string, donor *seal.Ring) *seal.Ring {
	t.Helper()
	edit(t, path, func(_, keys map[string]any) {
		fresh := map[string]any{"id": id, "created_at": now, "key": donor.Derive(seal.Data, "", purpose+id)}
		keys[purpose] = append([]any{fresh}, keys[purpose].([]any)...)
	})
	ring, err := seal.Load(path)
	require.NoError(t, err)
	return ring
}

func TestRotation(t *testing.T) {
	before, path := generate(t)
	sealed, err := before.Seal(place, []byte("old"))
	require.NoError(t, err)
	index := before.Index("t1", "email", "a@example.com")
	mac := before.MAC(seal.PepperPIN, "k1", "t1", []byte("1234"))

	rotate(t, path, "index", "k2", before)
	rotate(t, path, "pepper_pin", "k2", before)
	after := rotate(t, path, "data", "k2", before)

	opened, err := after.Open(place, sealed)
	require.NoError(t, err, "the old key opens")
	require.Equal(t, "old", string(opened))
	renewed, err := after.Seal(place, []byte("new"))
	require.NoError(t, err)
	require.Equal(t, "k2", seal.KeyID(renewed), "the new key seals")
	_, err = after.Open(place, strings.Replace(sealed, ":k1:", ":k2:", 1))
	require.ErrorIs(t, err, seal.ErrSealed)
	_, err = before.Open(place, renewed)
	require.ErrorIs(t, err, seal.ErrSealed)

	require.Equal(t, "k2", after.Current(seal.PepperPIN))
	require.Equal(t, mac, after.MAC(seal.PepperPIN, "k1", "t1", []byte("1234")))
	require.NotEqual(t, mac, after.MAC(seal.PepperPIN, "k2", "t1", []byte("1234")))
	require.NotEqual(t, index, after.Index("t1", "email", "a@example.com"))
	require.Equal(t, [][]byte{after.Index("t1", "email", "a@example.com"), index}, after.Indexes("t1", "email", "a@example.com"))
	require.NoError(t, after.Covers(before.Fingerprints()))
}

func TestMAC(t *testing.T) {
	ring := seal.New(now)
	base := ring.MAC(seal.Token, "k1", "t1", []byte("ab"), []byte("c"))
	require.Len(t, base, 32)
	require.Equal(t, base, ring.MAC(seal.Token, "k1", "t1", []byte("ab"), []byte("c")))

	tests := []struct {
		name  string
		other []byte
	}{
		{"the border between parts", ring.MAC(seal.Token, "k1", "t1", []byte("a"), []byte("bc"))},
		{"one part", ring.MAC(seal.Token, "k1", "t1", []byte("abc"))},
		{"a part that looks like two", ring.MAC(seal.Token, "k1", "t1", []byte("ab\x00\x00\x00\x00\x00\x00\x00\x00c"))},
		{"an empty part more", ring.MAC(seal.Token, "k1", "t1", []byte("ab"), []byte("c"), nil)},
		{"the tenant", ring.MAC(seal.Token, "k1", "t2", []byte("ab"), []byte("c"))},
		{"the purpose", ring.MAC(seal.Cookie, "k1", "t1", []byte("ab"), []byte("c"))},
		{"the ring", seal.New(now).MAC(seal.Token, "k1", "t1", []byte("ab"), []byte("c"))},
	}
	for _, tt := range tests {
		t.Run(tt.name+" matters", func(t *testing.T) {
			require.NotEqual(t, base, tt.other)
		})
	}
	t.Run("an unknown key equals nothing, not even itself", func(t *testing.T) {
		a := ring.MAC(seal.Token, "k9", "t1", []byte("x"))

		require.Len(t, a, 32)
		require.NotEqual(t, a, ring.MAC(seal.Token, "k9", "t1", []byte("x")))
	})
}

func TestIndexAndDeriveAreOfOneTenant(t *testing.T) {
	ring := seal.New(now)

	require.Equal(t, ring.Index("t1", "email", "a@b"), ring.Index("t1", "email", "a@b"))
	require.NotEqual(t, ring.Index("t1", "email", "a@b"), ring.Index("t2", "email", "a@b"))
	require.NotEqual(t, ring.Index("t1", "email", "a@b"), ring.Index("t1", "phone", "a@b"))
	require.NotEqual(t, ring.Index("t1", "ab", "c"), ring.Index("t1", "a", "bc"))

	require.Len(t, ring.Derive(seal.Cookie, "t1", "csrf"), 32)
	require.Equal(t, ring.Derive(seal.Cookie, "t1", "csrf"), ring.Derive(seal.Cookie, "t1", "csrf"))
	require.NotEqual(t, ring.Derive(seal.Cookie, "t1", "csrf"), ring.Derive(seal.Cookie, "t2", "csrf"))
	require.NotEqual(t, ring.Derive(seal.Cookie, "t1", "csrf"), ring.Derive(seal.Cookie, "t1", "sid"))
	require.NotEqual(t, ring.Derive(seal.Cookie, "t1", "csrf"), ring.Derive(seal.Token, "t1", "csrf"))

	t.Run("what the caller does to the bytes stays with the caller", func(t *testing.T) {
		k := ring.Derive(seal.Cookie, "t1", "csrf")
		want := bytes.Clone(k)
		clear(k)

		require.Equal(t, want, ring.Derive(seal.Cookie, "t1", "csrf"))
	})
}

func TestCovers(t *testing.T) {
	ring, path := generate(t)
	written := ring.Fingerprints()
	require.Len(t, written, len(seal.Purposes))
	require.Contains(t, written, "data/k1")
	require.NoError(t, ring.Covers(written))
	require.NoError(t, ring.Covers(nil), "an empty database was written with nothing")

	t.Run("a key that is gone", func(t *testing.T) {
		more := maps.Clone(written)
		more["data/k0"] = "00"

		err := ring.Covers(more)

		require.ErrorIs(t, err, seal.ErrMissingKey)
		require.ErrorContains(t, err, "the database was written with key data/k0, which is not in the key ring "+path)
		require.ErrorContains(t, err, "restore the file or point key_ring at it")
	})
	t.Run("another ring with the same names", func(t *testing.T) {
		err := seal.New(now).Covers(written)

		require.ErrorIs(t, err, seal.ErrMissingKey)
		require.ErrorContains(t, err, "another key under that name")
		require.ErrorContains(t, err, "data/k1")
	})
}

func TestConcurrentUse(t *testing.T) {
	ring := seal.New(now)
	want := ring.MAC(seal.Token, "k1", "t1", []byte("x"))
	fresh := make([][]byte, 16)

	var wg sync.WaitGroup
	for i := range fresh {
		wg.Go(func() {
			fresh[i] = ring.MAC(seal.Token, "k1", "t1", []byte("x"))
			sealed, err := ring.Seal(place, []byte("x"))
			if err == nil {
				_, err = ring.Open(place, sealed)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()

	require.False(t, slices.ContainsFunc(fresh, func(b []byte) bool { return !bytes.Equal(b, want) }))
}

func TestNothingPrintsASecret(t *testing.T) {
	const word = "hunter2"
	secret := seal.Secret(word)
	ring, path := generate(t)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct {
		Keys map[string][]struct{ Key string }
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	key := file.Keys["data"][0].Key
	raw, err := base64.StdEncoding.DecodeString(key)
	require.NoError(t, err)
	type holder struct {
		S seal.Secret
		P *seal.Secret
		R *seal.Ring
	}
	values := map[string]any{
		"secret": secret, "pointer": &secret, "ring": ring,
		"struct": holder{secret, &secret, ring}, "slice": []seal.Secret{secret},
		"map": map[string]seal.Secret{"k": secret},
	}

	for name, v := range values {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(h).Info("m", "v", v)
		}
		if name != "ring" && name != "struct" {
			asJSON, err := json.Marshal(v)
			require.NoError(t, err)
			out.Write(asJSON)
		}
		got := out.String()

		require.NotContains(t, got, word, name)
		require.NotContains(t, got, fmt.Sprintf("%x", word), name)
		for _, form := range []string{key, string(raw), fmt.Sprintf("%x", raw), strings.Trim(fmt.Sprint(raw), "[]")} {
			require.NotContains(t, got, form, name)
		}
		require.Contains(t, got, "[secret]", name)
	}
	asText, err := secret.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "[secret]", string(asText))
	asJSON, err := secret.MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, `"[secret]"`, string(asJSON))
	asYAML, err := yaml.Marshal(map[string]any{"s": secret})
	require.NoError(t, err)
	require.NotContains(t, string(asYAML), word)
	require.Equal(t, word, secret.Reveal())
}
