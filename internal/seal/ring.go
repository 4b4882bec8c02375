package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Purpose is what a key is for. Keys of one purpose are never used for another.
type Purpose string

// The purposes. A key ring holds at least one key for each of them.
const (
	Data         Purpose = "data"          // seals values
	Index        Purpose = "index"         // finds sealed values
	PepperCode   Purpose = "pepper_code"   // hashes one-time and recovery codes
	PepperPIN    Purpose = "pepper_pin"    // hashes PINs
	PepperClient Purpose = "pepper_client" // hashes client secrets
	Audit        Purpose = "audit"         // chains audit records
	Cookie       Purpose = "cookie"        // binds cookies
	Token        Purpose = "token"         // hashes codes and tokens
)

// Purposes are all purposes, in the order of the file.
var Purposes = []Purpose{Data, Index, PepperCode, PepperPIN, PepperClient, Audit, Cookie, Token}

// ErrMissingKey says that a key which the database was written with is not in
// the key ring.
var ErrMissingKey = errors.New("seal: a key is missing")

// keySize is the length of a master key and of every derived key, in bytes.
const keySize = 32

// A Ring is a key ring. It is safe for concurrent use, and prints as "[secret]".
//
// It remembers the keys it has derived, a few for each tenant there is, so the
// tenants it is asked for must exist.
type Ring struct {
	path    string
	keys    map[Purpose][]masterKey // at least one for each purpose
	derived sync.Map                // derivation -> *derivedKey
}

type masterKey struct {
	id        string
	key       []byte // keySize bytes
	createdAt time.Time
}

// New makes a key ring that is in memory only: what is written with it cannot be
// read after the process ends.
func New(now time.Time) *Ring {
	r := &Ring{path: "in memory", keys: map[Purpose][]masterKey{}}
	for _, p := range Purposes {
		key := make([]byte, keySize)
		_, _ = rand.Read(key) // never fails; see crypto/rand
		r.keys[p] = []masterKey{{id: "k1", key: key, createdAt: now.UTC().Truncate(time.Second)}}
	}
	return r
}

// Oldest is the id of the first key of p that is still in the ring.
func (r *Ring) Oldest(p Purpose) string { return r.keys[p][len(r.keys[p])-1].id }

// Current returns the id of the key that seals or hashes for p now.
func (r *Ring) Current(p Purpose) string { return r.keys[p][0].id }

// derivation names a derived key.
type derivation struct {
	purpose Purpose
	id      string
	tenant  string
	label   string
}

// derive returns the key for d, or nil when the ring has no such master key.
//
// Source: RFC 5869 (HKDF with SHA-256). The information is each field of d with
// its length before it.
func (r *Ring) derive(d derivation) *derivedKey {
	found, ok := r.derived.Load(d)
	if ok {
		return found.(*derivedKey)
	}
	i := slices.IndexFunc(r.keys[d.purpose], func(k masterKey) bool { return k.id == d.id })
	if i < 0 {
		return nil
	}
	info := prefixed([]byte("sallyport/1"), []byte(d.purpose), []byte(d.tenant), []byte(d.label))
	key, err := hkdf.Key(sha256.New, r.keys[d.purpose][i].key, nil, string(info), keySize)
	if err != nil {
		return nil // 32 bytes are always within the limits of HKDF
	}
	k := &derivedKey{key: key, aead: newAEAD(key)}
	found, _ = r.derived.LoadOrStore(d, k)
	return found.(*derivedKey)
}

// prefixed joins parts, each behind its length in eight bytes, so that no two
// lists of parts give the same bytes.
func prefixed(parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += 8 + len(p)
	}
	out := make([]byte, 0, n)
	for _, p := range parts {
		out = binary.BigEndian.AppendUint64(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}

// MAC returns the HMAC-SHA-256 of parts with the key id of purpose p, as derived
// for tenant. Store the id next to the result, and compare with hmac.Equal.
// Each part counts with its length: ("ab", "c") and ("a", "bc") differ.
//
// For an id that is not in the ring the result is random, so it equals nothing.
func (r *Ring) MAC(p Purpose, id, tenant string, parts ...[]byte) []byte {
	k := r.derive(derivation{p, id, tenant, "mac"})
	if k == nil {
		none := make([]byte, sha256.Size)
		_, _ = rand.Read(none) // never fails; see crypto/rand
		return none
	}
	h := hmac.New(sha256.New, k.key)
	h.Write(prefixed(parts...))
	return h.Sum(nil)
}

// Index returns the blind index of value: equal values of one kind ("email",
// "phone") in one tenant give equal bytes, which tell nothing about the value
// without the key. The caller brings value to its canonical form first.
func (r *Ring) Index(tenant, kind, value string) []byte {
	return r.MAC(Index, r.Current(Index), tenant, []byte(kind), []byte(value))
}

// Indexes returns [Ring.Index] under every key of the ring, the current one
// first. A search looks for all of them, or it would miss the rows that were
// written before the last rotation.
func (r *Ring) Indexes(tenant, kind, value string) [][]byte {
	var all [][]byte
	for _, k := range r.keys[Index] {
		all = append(all, r.MAC(Index, k.id, tenant, []byte(kind), []byte(value)))
	}
	return all
}

// Derive returns 32 bytes for use as a key, derived from the current key of p for
// tenant ("" for the whole server) and label.
func (r *Ring) Derive(p Purpose, tenant, label string) []byte {
	// The prefix keeps label apart from the labels of this package.
	return slices.Clone(r.derive(derivation{p, r.Current(p), tenant, "derive/" + label}).key)
}

// Fingerprints returns, for each key, "purpose/id" and a text by which the key can
// be recognised but not guessed. A database keeps those of the keys it was
// written with, for [Ring.Covers].
func (r *Ring) Fingerprints() map[string]string {
	all := map[string]string{}
	for p, keys := range r.keys {
		for _, k := range keys {
			mac := r.MAC(p, k.id, "", []byte("sallyport key ring fingerprint"))
			all[string(p)+"/"+k.id] = hex.EncodeToString(mac[:16])
		}
	}
	return all
}

// Covers reports whether the ring holds every key in written, which is what
// [Ring.Fingerprints] returned when the database was written. A server that
// starts without them could read nothing, and would lock everyone out.
//
// Errors: [ErrMissingKey], with the name of each key and what to do.
func (r *Ring) Covers(written map[string]string) error {
	have := r.Fingerprints()
	var missing, other []string
	for _, name := range slices.Sorted(maps.Keys(written)) {
		ours, ok := have[name]
		switch {
		case !ok:
			missing = append(missing, name)
		case !hmac.Equal([]byte(ours), []byte(written[name])):
			other = append(other, name)
		}
	}
	switch {
	case len(missing) > 0:
		return fmt.Errorf("%w: the database was written with key %s, which is not in the key ring %s: restore the file or point key_ring at it",
			ErrMissingKey, strings.Join(missing, ", "), r.path)
	case len(other) > 0:
		return fmt.Errorf("%w: the database was written with key %s, but the key ring %s holds another key under that name: restore the file or point key_ring at it",
			ErrMissingKey, strings.Join(other, ", "), r.path)
	}
	return nil
}

// String implements [fmt.Stringer].
func (*Ring) String() string { return hidden }

// GoString implements [fmt.GoStringer].
func (*Ring) GoString() string { return hidden }

// Format implements [fmt.Formatter].
func (*Ring) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, hidden) }

// LogValue implements [slog.LogValuer].
func (*Ring) LogValue() slog.Value { return slog.StringValue(hidden) }
