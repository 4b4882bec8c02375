package consent

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestDetailsHashEscapesAsRFC8785Does(t *testing.T) {
	const detail = `{"type":"payout.request"}`
	tests := []struct{ name, issuer, client, sub, document string }{
		{"plain names", "https://a", "shop", "u1", `{"client_id":"shop","detail":{"type":"payout.request"},"iss":"https://a","sub":"u1"}`},
		{
			"line separators stand for themselves", "https://a", "shop\u2028", "u\u2029",
			"{\"client_id\":\"shop\u2028\",\"detail\":{\"type\":\"payout.request\"},\"iss\":\"https://a\",\"sub\":\"u\u2029\"}",
		},
		{
			"so do signs of HTML", "https://a?b&c", "<shop>", "u'1", `{"client_id":"<shop>","detail":{"type":"payout.request"},"iss":"https://a?b&c","sub":"u'1"}`,
		},
		{
			"quotes, backslashes and control characters do not", "https://a", `sh"op\`, "u\b\f\n\r\t\x01\x7f",
			`{"client_id":"sh\"op\\","detail":{"type":"payout.request"},"iss":"https://a","sub":"u\b\f\n\r\t\u0001` + "\x7f\"}",
		},
		{"letters beyond the first plane", "https://a", "shop", "u😀", `{"client_id":"shop","detail":{"type":"payout.request"},"iss":"https://a","sub":"u😀"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, hashOf(tt.document), DetailsHash(tt.issuer, tt.client, tt.sub, []byte(detail)))
		})
	}
}

func TestDetailsHashIsOfTheCanonicalDetail(t *testing.T) {
	require.Equal(t,
		DetailsHash("https://a", "shop", "u1", []byte(`{"a":"é","type":"x"}`)),
		DetailsHash("https://a", "shop", "u1", []byte(` { "type": "x", "a": "\u00e9" } `)))
}

// TestWhatIsNoDetailHasAHashOfItsOwn: an empty hash would mean that nothing is
// bound.
func TestWhatIsNoDetailHasAHashOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, detail := range []string{``, `{`, `{"a":1,"a":2}`, `"\ud800"`, `{"a":1},"sub":"u2"`, `{"a":1}`, `{}`} {
		hash := DetailsHash("https://a", "shop", "u1", []byte(detail))
		require.Len(t, hash, 43)
		require.NotContains(t, seen, hash)
		seen[hash] = detail
	}
}
