package seal_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sallyport-id/sallyport/internal/seal"
)

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	place = seal.AD{Table: "mfa_contacts", Column: "value_enc", Tenant: "t1", User: "u1", Row: "r1"}
)

func TestSealedValueOpensInItsPlaceOnly(t *testing.T) {
	ring := seal.New(now)
	sealed, err := ring.Seal(place, []byte("+525512345678"))
	require.NoError(t, err)
	require.Regexp(t, `^enc:1:k1:[A-Za-z0-9_-]{16}:[A-Za-z0-9_-]+$`, sealed)

	opened, err := ring.Open(place, sealed)
	require.NoError(t, err)
	require.Equal(t, "+525512345678", string(opened))

	tests := []struct {
		name string
		edit func(*seal.AD)
	}{
		{"another table", func(a *seal.AD) { a.Table = "mfa_factors" }},
		{"another column", func(a *seal.AD) { a.Column = "masked" }},
		{"another tenant", func(a *seal.AD) { a.Tenant = "t2" }},
		{"another user", func(a *seal.AD) { a.User = "u2" }},
		{"another row", func(a *seal.AD) { a.Row = "r2" }},
		{"no user", func(a *seal.AD) { a.User = "" }},
		{"the border between two fields moved", func(a *seal.AD) { a.User, a.Row = "u1r", "1" }},
		{"two fields swapped", func(a *seal.AD) { a.User, a.Row = a.Row, a.User }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ad := place
			tt.edit(&ad)

			_, err := ring.Open(ad, sealed)

			require.Equal(t, seal.ErrSealed, err, "without detail")
		})
	}
	t.Run("another key ring", func(t *testing.T) {
		_, err := seal.New(now).Open(place, sealed)

		require.Equal(t, seal.ErrSealed, err)
	})
}

func TestChangedValueDoesNotOpen(t *testing.T) {
	ring := seal.New(now)
	sealed, err := ring.Seal(place, []byte("123456"))
	require.NoError(t, err)
	parts := strings.Split(sealed, ":")

	for _, i := range []int{3, 4} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		require.NoError(t, err)
		for bit := range len(raw) * 8 {
			raw[bit/8] ^= 1 << (bit % 8)
			changed := append([]string(nil), parts...)
			changed[i] = base64.RawURLEncoding.EncodeToString(raw)
			raw[bit/8] ^= 1 << (bit % 8)

			_, err := ring.Open(place, strings.Join(changed, ":"))

			require.Equal(t, seal.ErrSealed, err, "part %d, bit %d", i, bit)
		}
	}
	for _, s := range []string{
		"", "123456", "enc:1:k1", sealed + ":", sealed + "=", " " + sealed, sealed[:len(sealed)-4],
		strings.Replace(sealed, "enc:1:", "enc:2:", 1), strings.Replace(sealed, ":k1:", ":k2:", 1),
		strings.Replace(sealed, "enc:", "ENC:", 1), "enc:1:k1::" + parts[4], "enc:1:k1:" + parts[3] + ":",
	} {
		_, err := ring.Open(place, s)
		require.Equal(t, seal.ErrSealed, err, s)
	}
}

func TestAnyByteOfAnEnvelopeMatters(t *testing.T) {
	ring := seal.New(now)
	rapid.Check(t, func(rt *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(rt, "plain")
		sealed, err := ring.Seal(place, plain)
		require.NoError(rt, err)
		i := rapid.IntRange(0, len(sealed)-1).Draw(rt, "at")
		b := rapid.Byte().Filter(func(b byte) bool { return b != sealed[i] }).Draw(rt, "byte")

		_, err = ring.Open(place, sealed[:i]+string([]byte{b})+sealed[i+1:])

		require.Equal(rt, seal.ErrSealed, err)
		opened, err := ring.Open(place, sealed)
		require.NoError(rt, err)
		require.Equal(rt, string(plain), string(opened))
	})
}

func TestTwoSealsOfOneValueDiffer(t *testing.T) {
	ring := seal.New(now)
	a, err := ring.Seal(place, []byte("same"))
	require.NoError(t, err)

	b, err := ring.Seal(place, []byte("same"))

	require.NoError(t, err)
	require.NotEqual(t, a, b)
	require.NotContains(t, a, base64.RawURLEncoding.EncodeToString([]byte("same")))
}

func TestKeyID(t *testing.T) {
	sealed, err := seal.New(now).Seal(place, nil)
	require.NoError(t, err)

	require.Equal(t, "k1", seal.KeyID(sealed))
	require.Empty(t, seal.KeyID("plain text"))
	require.Empty(t, seal.KeyID("enc:2:k1:a:b"))
}

func BenchmarkSealAndOpen(b *testing.B) {
	ring := seal.New(now)
	for b.Loop() {
		s, err := ring.Seal(place, []byte("+525512345678"))
		if err != nil {
			b.Fatal(err)
		}
		_, err = ring.Open(place, s)
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMAC(b *testing.B) {
	ring := seal.New(now)
	value := []byte("a token of some length, as they are")
	for b.Loop() {
		ring.MAC(seal.Token, "k1", "t1", value)
	}
}
