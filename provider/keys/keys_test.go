package keys

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var t0 = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func TestGenerate(t *testing.T) {
	for _, alg := range []string{ES256, RS256} {
		t.Run(alg+" key is named by its thumbprint", func(t *testing.T) {
			k, err := Generate("tenant", alg, Active, t0)
			require.NoError(t, err)

			thumb, err := Thumbprint(k.Private.Public())
			require.NoError(t, err)
			require.Equal(t, thumb, k.ID)
			require.Equal(t, alg, k.Alg)
			require.Equal(t, Active, k.State)
			require.Equal(t, t0, k.ChangedAt)
		})
	}

	t.Run("an unknown alg is refused", func(t *testing.T) {
		_, err := Generate("tenant", "HS256", Active, t0)
		require.Error(t, err)
	})
}

// TestThumbprintOfTheRFC is the example of RFC 7638 section 3.1.
func TestThumbprintOfTheRFC(t *testing.T) {
	n := "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

	thumb, err := Thumbprint(rsaKey(t, n, 65537))

	require.NoError(t, err)
	require.Equal(t, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", thumb)
}

func TestSet(t *testing.T) {
	key := func(id, alg string, state State, changed time.Time) Key {
		k, err := Generate("tenant", alg, state, changed)
		require.NoError(t, err)
		k.ID = id
		return k
	}
	set := NewSet([]Key{
		key("old", ES256, Retired, t0), key("now", ES256, Active, t0.Add(time.Hour)),
		key("earlier", ES256, Active, t0), key("next", ES256, Pending, t0),
		key("gone", ES256, Removed, t0), key("rsa", RS256, Active, t0),
	})

	t.Run("the key that became active last signs", func(t *testing.T) {
		k, ok := set.Signing(ES256)
		require.True(t, ok)
		require.Equal(t, "now", k.ID)
	})

	t.Run("pending, active and retired keys verify, a removed one does not", func(t *testing.T) {
		var found []string
		for _, id := range []string{"old", "now", "earlier", "next", "gone", "rsa", ""} {
			if _, ok := set.Lookup(id); ok {
				found = append(found, id)
			}
		}
		require.Equal(t, []string{"old", "now", "earlier", "next", "rsa"}, found)
	})

	t.Run("an alg without an active key does not sign", func(t *testing.T) {
		_, ok := NewSet([]Key{key("p", ES256, Pending, t0), key("r", ES256, Retired, t0)}).Signing(ES256)
		require.False(t, ok)
	})

	t.Run("the document has public members only, and no key twice", func(t *testing.T) {
		var doc struct {
			Keys []map[string]any `json:"keys"`
		}
		require.NoError(t, json.Unmarshal(set.JWKS(), &doc))
		require.Len(t, doc.Keys, 5)
		allowed := map[string][]string{
			"EC":  {"alg", "crv", "kid", "kty", "use", "x", "y"},
			"RSA": {"alg", "e", "kid", "kty", "n", "use"},
		}
		kids := map[any]bool{}
		for _, k := range doc.Keys {
			var names []string
			for name := range k {
				names = append(names, name)
			}
			slices.Sort(names)
			require.Equal(t, allowed[k["kty"].(string)], names)
			require.Equal(t, "sig", k["use"])
			kids[k["kid"]] = true
		}
		require.Len(t, kids, 5)
	})

	t.Run("the tag follows the content, not the order of the rows", func(t *testing.T) {
		a, b := key("a", ES256, Active, t0), key("b", RS256, Active, t0.Add(time.Second))
		require.Equal(t, NewSet([]Key{a, b}).ETag(), NewSet([]Key{b, a}).ETag())
		require.NotEqual(t, NewSet([]Key{a}).ETag(), NewSet([]Key{a, b}).ETag())
	})

	t.Run("a coordinate that begins with zero keeps its length", func(t *testing.T) {
		found := false
		for d := uint64(1); !found; d++ {
			private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), binary.BigEndian.AppendUint64(make([]byte, 24), d))
			require.NoError(t, err)
			members, err := publicMembers(private.Public())
			require.NoError(t, err)
			require.Len(t, members.X, 43)
			require.Len(t, members.Y, 43)
			found = strings.HasPrefix(members.X, "AA") // the first byte is zero
		}
	})

	t.Run("no keys make an empty list, not null", func(t *testing.T) {
		require.JSONEq(t, `{"keys":[]}`, string(NewSet(nil).JWKS()))
	})
}

func TestDue(t *testing.T) {
	rule := Rotation{Algs: []string{ES256}, Publish: 10 * time.Minute, Use: 90 * 24 * time.Hour, Keep: 31 * 24 * time.Hour}
	key := func(id string, state State, age time.Duration) Key {
		return Key{ID: id, Alg: ES256, State: state, ChangedAt: t0.Add(-age)}
	}
	tests := []struct {
		name string
		keys []Key
		want []Change
	}{
		{"a new tenant gets a key that signs at once", nil, []Change{{Alg: ES256, To: Active}}},
		{"a young key is left alone", []Key{key("a", Active, time.Hour)}, nil},
		{
			"a successor is not made a moment too early",
			[]Key{key("a", Active, rule.Use-rule.Publish-time.Second)},
			nil,
		},
		{
			"a successor is published in time",
			[]Key{key("a", Active, rule.Use-rule.Publish)},
			[]Change{{Alg: ES256, To: Pending}},
		},
		{
			"a pending key waits until every app can know it",
			[]Key{key("a", Active, rule.Use), key("b", Pending, rule.Publish-time.Second)},
			nil,
		},
		{
			"the new key takes over before the old one retires",
			[]Key{key("a", Active, rule.Use), key("b", Pending, rule.Publish)},
			[]Change{{"b", ES256, Active}, {"a", ES256, Retired}},
		},
		{
			"a key that was ordered by hand takes over as well",
			[]Key{key("a", Active, time.Hour), key("b", Pending, rule.Publish)},
			[]Change{{"b", ES256, Active}, {"a", ES256, Retired}},
		},
		{
			"without an active key the pending one signs at once",
			[]Key{key("b", Pending, time.Second)},
			[]Change{{"b", ES256, Active}},
		},
		{
			"of two pending keys the newer one stays",
			[]Key{key("a", Active, time.Hour), key("b", Pending, rule.Publish+time.Second), key("c", Pending, rule.Publish)},
			[]Change{{"c", ES256, Active}, {"a", ES256, Retired}, {"b", ES256, Removed}},
		},
		{
			"of two active keys the newer one stays",
			[]Key{key("a", Active, time.Hour), key("b", Active, time.Minute)},
			[]Change{{"a", ES256, Retired}},
		},
		{
			"a retired key stays as long as something that it signed may live",
			[]Key{key("a", Active, time.Hour), key("b", Retired, rule.Keep-time.Second)},
			nil,
		},
		{
			"then it is removed",
			[]Key{key("a", Active, time.Hour), key("b", Retired, rule.Keep)},
			[]Change{{"b", ES256, Removed}},
		},
		{
			"retired keys alone do not sign",
			[]Key{key("b", Retired, time.Second)},
			[]Change{{Alg: ES256, To: Active}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Due(tt.keys, t0, rule)); diff != "" {
				t.Errorf("Due (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRotate lets half a year pass, a minute or a day at a time, and watches
// that there is always one key that signs and that whatever was signed can be
// verified as long as it may live.
func TestRotate(t *testing.T) {
	store := &rows{}
	rule := Rotation{}
	signedAt := map[string]time.Time{} // kid to when it last signed
	firstSeen := map[string]time.Time{}

	for now := t0; now.Before(t0.Add(200 * 24 * time.Hour)); now = now.Add(5 * time.Minute) {
		_, err := Rotate(t.Context(), store, "tenant", rule, now)
		require.NoError(t, err)
		if n := len(Due(store.keys, now, rule)); n != 0 {
			t.Fatalf("%d changes are due right after a rotation", n)
		}
		set := NewSet(store.keys)
		for kid, at := range signedAt {
			_, ok := set.Lookup(kid)
			require.True(t, ok || now.Sub(at) >= DefaultKeep, "%s cannot be verified %s after it signed", kid, now.Sub(at))
		}
		for _, k := range store.keys {
			if _, seen := firstSeen[k.ID]; !seen {
				firstSeen[k.ID] = now
			}
		}
		for _, alg := range []string{ES256, RS256} {
			k, ok := set.Signing(alg)
			require.True(t, ok, "%s does not sign at %s", alg, now)
			published := now.Sub(firstSeen[k.ID])
			require.True(t, published >= DefaultPublish || firstSeen[k.ID].Equal(t0), "%s signed %s after it was published", k.ID, published)
			signedAt[k.ID] = now
		}
	}

	require.Len(t, signedAt, 6) // two algs, three keys each
}

func rsaKey(t *testing.T, n string, e int) *rsa.PublicKey {
	t.Helper()
	modulus, err := base64.RawURLEncoding.DecodeString(n)
	require.NoError(t, err)
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: e}
}

// rows is a [Store] of one tenant. Package store's own is tested there.
type rows struct {
	keys []Key
}

func (r *rows) Keys(context.Context, string) ([]Key, error) { return slices.Clone(r.keys), nil }

func (r *rows) AddKey(_ context.Context, k Key) error {
	r.keys = append(r.keys, k)
	return nil
}

func (r *rows) SetState(_ context.Context, _, id string, to State, now time.Time) error {
	for i := range r.keys {
		if r.keys[i].ID == id {
			r.keys[i].State, r.keys[i].ChangedAt = to, now
		}
	}
	r.keys = slices.DeleteFunc(r.keys, func(k Key) bool { return k.State == Removed })
	return nil
}
