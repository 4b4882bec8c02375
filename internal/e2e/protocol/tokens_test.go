package protocol_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// tokens are a successful answer of the token endpoint.
type tokens struct {
	Access  string
	ID      string
	Refresh string
	Scope   string
	Claims  jwt.MapClaims // of the ID token, verified
}

// sub is whom the tokens are about.
func (k tokens) sub() any { return k.Claims["sub"] }

// post sends form to the token endpoint as client, who authenticates by Basic, or
// in the form itself.
func (m *module) post(client app, inForm bool, form url.Values) (int, http.Header, map[string]any) {
	m.t.Helper()
	if inForm {
		form.Set("client_id", client.ID)
		form.Set("client_secret", client.Secret)
	}
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.endpoint(m.t, "token_endpoint"), strings.NewReader(form.Encode()))
	require.NoError(m.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if !inForm {
		req.SetBasicAuth(url.QueryEscape(client.ID), url.QueryEscape(client.Secret))
	}
	status, header, text := call(m.t, req)
	body := map[string]any{}
	require.NoError(m.t, json.Unmarshal(text, &body), "%d %s", status, text)
	require.Equal(m.t, "application/json", jsonType(header))
	require.Equal(m.t, "no-store", header.Get("Cache-Control"))
	require.Equal(m.t, "no-cache", header.Get("Pragma"))
	return status, header, body
}

func codeForm(v url.Values, code string, pairs ...string) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {v.Get("redirect_uri")}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// exchange redeems the code of a for the request v and checks everything that
// comes back.
func (m *module) exchange(client app, v url.Values, a answer) tokens {
	m.t.Helper()
	return m.granted(client, v, false, codeForm(v, m.code(a)))
}

// granted posts form and checks a successful answer to the request v; v is nil
// for a refresh.
func (m *module) granted(client app, v url.Values, inForm bool, form url.Values) tokens {
	m.t.Helper()
	status, _, body := m.post(client, inForm, form)
	require.Equal(m.t, http.StatusOK, status, "%v", body)
	for name := range body {
		require.Contains(m.t, []string{"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}, name)
	}
	k := tokens{Access: m.text(body, "access_token"), ID: m.text(body, "id_token"), Scope: m.text(body, "scope")}
	k.Refresh, _ = body["refresh_token"].(string)
	require.Regexp(m.t, `(?i)^bearer$`, body["token_type"])
	require.Regexp(m.t, `^[A-Za-z0-9._~+/-]+=*$`, k.Access, "RFC 6750 section 2.1")
	seconds, ok := body["expires_in"].(float64)
	require.True(m.t, ok, "expires_in is not a number: %v", body["expires_in"])
	require.Positive(m.t, seconds)
	require.Equal(m.t, float64(int64(seconds)), seconds, "not a whole number")
	k.Claims = m.verifyID(client, k)
	if v != nil {
		nonce, sent := k.Claims["nonce"]
		require.Equal(m.t, v.Has("nonce"), sent, "nonce comes if and only if it was sent")
		if sent {
			require.Equal(m.t, v.Get("nonce"), nonce)
		}
	}
	return k
}

func (m *module) text(body map[string]any, name string) string {
	m.t.Helper()
	s, ok := body[name].(string)
	require.True(m.t, ok, "%s is missing: %v", name, body)
	require.NotEmpty(m.t, s)
	return s
}

// verifyID checks the ID token of k: its signature by the published key that it
// names, and every claim that is required.
//
// Source: OpenID Connect Core sections 2, 3.1.3.6 and 3.1.3.7.
func (m *module) verifyID(client app, k tokens) jwt.MapClaims {
	m.t.Helper()
	claims, header := m.keys.verify(m.t, k.ID)
	require.Equal(m.t, "RS256", header["alg"], "what the clients of this tenant registered")
	require.Equal(m.t, m.place.Issuer, claims["iss"])
	require.Equal(m.t, client.ID, claims["aud"], "one audience, as text")
	require.NotContains(m.t, claims, "azp", "the suite warns of an azp that says nothing new")
	require.Regexp(m.t, `^[\x21-\x7E]{1,255}$`, claims["sub"])
	now := m.house.Clock.Now()
	issued, expires := m.seconds(claims, "iat"), m.seconds(claims, "exp")
	require.WithinDuration(m.t, now, issued, 5*time.Second)
	require.True(m.t, expires.After(now) && expires.Before(now.Add(24*time.Hour)), "exp %v", expires)
	require.False(m.t, m.seconds(claims, "auth_time").After(now.Add(time.Second)))
	require.NotEmpty(m.t, claims["acr"])
	require.Equal(m.t, halfHash(k.Access), claims["at_hash"])
	for _, name := range []string{"name", "given_name", "email", "address", "phone_number"} {
		require.NotContains(m.t, claims, name, "claims of scopes belong to userinfo when there is an access token")
	}
	return claims
}

// seconds is a claim that is a time in whole seconds.
func (m *module) seconds(claims jwt.MapClaims, name string) time.Time {
	m.t.Helper()
	n, ok := claims[name].(json.Number)
	require.True(m.t, ok, "%s is not a number: %v", name, claims[name])
	whole, err := n.Int64()
	require.NoError(m.t, err, "%s is not a whole number", name)
	return time.Unix(whole, 0)
}

// denied posts form and checks that the answer is the error code, in the form
// that RFC 6749 section 5.2 gives it.
func (m *module) denied(client app, form url.Values, code string) {
	m.t.Helper()
	status, header, body := m.post(client, false, form)
	require.Equal(m.t, code, body["error"])
	if status == http.StatusUnauthorized {
		require.Equal(m.t, "invalid_client", code)
		require.Contains(m.t, header.Get("WWW-Authenticate"), "Basic")
	} else {
		require.Equal(m.t, http.StatusBadRequest, status)
	}
	for name, value := range body {
		require.Contains(m.t, []string{"error", "error_description", "error_uri"}, name)
		// No quote, no backslash, and so no CR, LF or TAB either.
		require.Regexp(m.t, `^[\x20-\x21\x23-\x5B\x5D-\x7E]*$`, value)
	}
}

// The ways to present an access token. Source: RFC 6750 sections 2.1 and 2.2.
const (
	getHeader  = "GET, header"
	postHeader = "POST, header"
	postBody   = "POST, body"
)

func (m *module) askUserinfo(access, way string) (int, http.Header, []byte) {
	m.t.Helper()
	method, form := http.MethodPost, ""
	switch way {
	case getHeader:
		method = http.MethodGet
	case postBody:
		form = url.Values{"access_token": {access}}.Encode()
	}
	req, err := http.NewRequestWithContext(m.t.Context(), method, m.endpoint(m.t, "userinfo_endpoint"), strings.NewReader(form))
	require.NoError(m.t, err)
	if way == postBody {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		req.Header.Set("Authorization", "Bearer "+access)
	}
	return call(m.t, req)
}

// userinfo asks for the claims of k's user and checks those that are there.
func (m *module) userinfo(k tokens, way string) map[string]any {
	m.t.Helper()
	status, header, text := m.askUserinfo(k.Access, way)
	require.Equal(m.t, http.StatusOK, status, "%s", text)
	require.Equal(m.t, "application/json", jsonType(header))
	info := map[string]any{}
	require.NoError(m.t, json.Unmarshal(text, &info))
	require.Equal(m.t, k.sub(), info["sub"], "OpenID Connect Core section 5.3.2")
	checkStandardClaims(m.t, info)
	return info
}

// login is the flow that most modules begin with: a request, its code redeemed,
// userinfo asked.
func (m *module) login(pairs ...string) (tokens, answer) {
	m.t.Helper()
	v := m.request(m.first, pairs...)
	a := m.authorize(v)
	k := m.exchange(m.first, v, a)
	m.userinfo(k, getHeader)
	return k, a
}

// randomText is n random characters that need no encoding anywhere.
func randomText(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(rand.Text())
	}
	return b.String()[:n]
}
