package provider

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestParseClaims(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	tests := []struct {
		name string
		text string
		want claimsRequest
	}{
		{"nothing", ``, claimsRequest{}},
		{"an empty object", ` {} `, claimsRequest{}},
		{"a voluntary claim", `{"userinfo":{"name":null}}`, claimsRequest{Userinfo: map[string]claimAsk{"name": {}}}},
		{"an essential claim", `{"id_token":{"auth_time":{"essential":true}}}`, claimsRequest{IDToken: map[string]claimAsk{"auth_time": {Essential: true}}}},
		{"a value", `{"id_token":{"sub":{"value":"u1"}}}`, claimsRequest{IDToken: map[string]claimAsk{"sub": {Value: raw(`"u1"`)}}}},
		{"values", `{"id_token":{"acr":{"values":["a","b"]}}}`, claimsRequest{IDToken: map[string]claimAsk{"acr": {Values: []json.RawMessage{raw(`"a"`), raw(`"b"`)}}}}},
		{"members that are not known", `{"verified":{"x":1},"userinfo":{"name":{"purpose":"x"}}}`, claimsRequest{Userinfo: map[string]claimAsk{"name": {}}}},
		{"a part that is null", `{"id_token":null,"userinfo":{}}`, claimsRequest{Userinfo: map[string]claimAsk{}}},
		{"a value of null", `{"userinfo":{"name":{"value":null}}}`, claimsRequest{Userinfo: map[string]claimAsk{"name": {}}}},
		{"a name in another spelling", `{"ID_TOKEN":{"name":null}}`, claimsRequest{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseClaims(tt.text)

			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tt.want, got))
		})
	}
}

func TestParseClaimsRefuses(t *testing.T) {
	many := make([]string, maxClaims+1)
	for i := range many {
		many[i] = `"c` + strconv.Itoa(i) + `":null`
	}
	tests := []struct{ name, text string }{
		{"text", `name`},
		{"a list", `[]`},
		{"null", `null`},
		{"half an object", `{"userinfo":{`},
		{"two objects", `{}{}`},
		{"a comma too many", `{"userinfo":{},}`},
		{"a part that is a list", `{"userinfo":[]}`},
		{"a part that is text", `{"id_token":"name"}`},
		{"a claim that is true", `{"userinfo":{"name":true}}`},
		{"essential that is text", `{"userinfo":{"name":{"essential":"true"}}}`},
		{"essential that is null", `{"userinfo":{"name":{"essential":null}}}`},
		{"values that are text", `{"userinfo":{"name":{"values":"a"}}}`},
		{"a part twice", `{"userinfo":{},"userinfo":{}}`},
		{"a claim twice", `{"userinfo":{"name":null,"name":{"essential":true}}}`},
		{"essential twice", `{"id_token":{"acr":{"essential":true,"essential":false,"value":"phr"}}}`},
		{"too many claims", `{"userinfo":{` + strings.Join(many, ",") + `}}`},
		{"too many bytes", `{"userinfo":{"` + strings.Repeat("x", maxClaimsBytes) + `":null}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseClaims(tt.text)

			require.ErrorIs(t, err, errClaims)
		})
	}
}

func TestACRClaim(t *testing.T) {
	tests := []struct {
		name      string
		text      string
		values    []string
		essential bool
		bad       bool
	}{
		{"not asked for", `{}`, nil, false, false},
		{"essential with a value", `{"id_token":{"acr":{"essential":true,"value":"phr"}}}`, []string{"phr"}, true, false},
		{"essential with values", `{"id_token":{"acr":{"essential":true,"values":["phr","x"]}}}`, []string{"phr", "x"}, true, false},
		{"voluntary with values", `{"id_token":{"acr":{"values":["phr"]}}}`, []string{"phr"}, false, false},
		{"essential without values is always met", `{"id_token":{"acr":{"essential":true}}}`, nil, false, false},
		{"of userinfo means nothing", `{"userinfo":{"acr":{"essential":true,"value":"phr"}}}`, nil, false, false},
		{"value and values", `{"id_token":{"acr":{"value":"a","values":["b"]}}}`, nil, false, true},
		{"a number", `{"id_token":{"acr":{"values":["a",2]}}}`, nil, false, true},
		{"an empty value", `{"id_token":{"acr":{"value":""}}}`, nil, false, true},
		{"too many values", `{"id_token":{"acr":{"values":["a"` + strings.Repeat(`,"a"`, maxACRValues) + `]}}}`, nil, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims, err := parseClaims(tt.text)
			require.NoError(t, err)

			values, essential, err := claims.acr()

			require.Equal(t, tt.bad, err != nil)
			require.Equal(t, tt.values, values)
			require.Equal(t, tt.essential, essential)
		})
	}
}

func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"id_token":{"acr":{"essential":true,"values":["a"]}}}`, `{"userinfo":{"name":null,"name":1}}`, `{"id_token":{"sub":{"value":"u"}}} `,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := parseClaims(text)
		if err != nil {
			require.True(t, claims.Empty(), "nothing of a malformed parameter may be used")
			return
		}
		stored, err := json.Marshal(claims)
		require.NoError(t, err)
		again, err := parseClaims(string(stored))
		if len(stored) <= maxClaimsBytes {
			require.NoError(t, err)
			twice, err := json.Marshal(again)
			require.NoError(t, err)
			require.Equal(t, string(stored), string(twice))
		}
		_, _, _ = claims.acr()
		_, _ = claims.subject()
	})
}
