package identity_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
)

// cheap is a cost for tests: the rules are the same, and the work is not.
var cheap = identity.Cost{Memory: 8, Passes: 1, Lanes: 1}

func hasher(t *testing.T) *identity.Hasher {
	t.Helper()
	h, err := identity.NewHasher(cheap)
	require.NoError(t, err)
	return h
}

func TestAHashIsAPHCStringUnderAFreshSalt(t *testing.T) {
	h := hasher(t)

	one, err := h.Hash(t.Context(), "open sesame")
	require.NoError(t, err)
	two, err := h.Hash(t.Context(), "open sesame")
	require.NoError(t, err)

	require.Regexp(t, `^\$argon2id\$v=19\$m=8,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, one)
	require.NotEqual(t, one, two)
	require.NoError(t, identity.CheckHash(one))
}

// TestVerifyReadsHashesOfOthers uses a string that the reference implementation
// printed: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32.
func TestVerifyReadsHashesOfOthers(t *testing.T) {
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := hasher(t)

	right, err := h.Verify(t.Context(), reference, "password")
	require.NoError(t, err)
	wrong, err := h.Verify(t.Context(), reference, "passwore")
	require.NoError(t, err)

	require.True(t, right)
	require.False(t, wrong)
}

func TestVerify(t *testing.T) {
	h := hasher(t)
	phc, err := h.Hash(t.Context(), "open sesame")
	require.NoError(t, err)
	tests := []struct {
		name, phc, password string
		want                bool
	}{
		{"the password", phc, "open sesame", true},
		{"another password", phc, "Open sesame", false},
		{"no password typed", phc, "", false},
		{"an account without a password", "", "open sesame", false},
		{"an account without a password, and none typed", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := h.Verify(t.Context(), tt.phc, tt.password)

			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestHashesThatCannotBeReadAreRefused(t *testing.T) {
	b64 := func(n int) string { return base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", n))) }
	phc := func(parameters string, salt, hash int) string {
		return "$argon2id$v=19$" + parameters + "$" + b64(salt) + "$" + b64(hash)
	}
	const good = "m=19456,t=2,p=1"
	tests := []struct {
		name, phc string
		ok        bool
	}{
		{"ours", phc(good, 16, 32), true},
		{"the highest cost", phc("m=262144,t=16,p=16", 16, 32), true},
		{"the lowest cost", phc("m=1,t=1,p=1", 16, 32), true},
		{"the shortest salt and hash", phc(good, 8, 16), true},
		{"the longest salt and hash", phc(good, 64, 64), true},
		{"nothing", "", false},
		{"plain text", "open sesame", false},
		{"bcrypt", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", false},
		{"argon2i", strings.Replace(phc(good, 16, 32), "argon2id", "argon2i", 1), false},
		{"an old version", strings.Replace(phc(good, 16, 32), "v=19", "v=16", 1), false},
		{"something in front", "x" + phc(good, 16, 32), false},
		{"a part too many", phc(good, 16, 32) + "$", false},
		{"a part too few", "$argon2id$v=19$" + good + "$" + b64(16), false},
		{"too much memory", phc("m=262145,t=2,p=1", 16, 32), false},
		{"no memory", phc("m=0,t=2,p=1", 16, 32), false},
		{"memory beyond 32 bits", phc("m=4294967297,t=2,p=1", 16, 32), false},
		{"too many passes", phc("m=19456,t=17,p=1", 16, 32), false},
		{"no pass", phc("m=19456,t=0,p=1", 16, 32), false},
		{"too many lanes", phc("m=19456,t=2,p=17", 16, 32), false},
		{"lanes beyond 8 bits", phc("m=19456,t=2,p=257", 16, 32), false},
		{"no lane", phc("m=19456,t=2,p=0", 16, 32), false},
		{"parameters in another order", phc("t=2,m=19456,p=1", 16, 32), false},
		{"something behind the parameters", phc(good+",keyid=1", 16, 32), false},
		{"a sign in a number", phc("m=+19456,t=2,p=1", 16, 32), false},
		{"a short salt", phc(good, 7, 32), false},
		{"a long salt", phc(good, 65, 32), false},
		{"a short hash", phc(good, 16, 15), false},
		{"a long hash", phc(good, 16, 65), false},
		{"a salt that is not base64", "$argon2id$v=19$" + good + "$!!!!!!!!!!!!$" + b64(32), false},
		{"a hash that is not base64", "$argon2id$v=19$" + good + "$" + b64(16) + "$!!!!", false},
	}
	h := hasher(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := identity.CheckHash(tt.phc)

			if tt.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, identity.ErrHash)
			if tt.phc != "" { // "" is an account without a password
				_, err = h.Verify(t.Context(), tt.phc, "x")
				require.ErrorIs(t, err, identity.ErrHash)
			}
		})
	}
}
