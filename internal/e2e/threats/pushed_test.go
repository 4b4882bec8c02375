package threats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
)

// signer is the key that the app "own" signs its requests with.
type signer struct {
	place *harness.Place
	key   *ecdsa.PrivateKey
}

// newSigner registers a key for the app "own".
func newSigner(t *testing.T, p *harness.Place) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	b64 := base64.RawURLEncoding.EncodeToString
	apply(t, p, setup.Tenant{Clients: []setup.Client{{ID: p.Own, Members: json.RawMessage(fmt.Sprintf(
		`{"jwks":{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k1","x":%q,"y":%q}]}}`, b64(point[1:33]), b64(point[33:])))}}})
	return signer{p, key}
}

// object is the request a as a signed object (RFC 9101).
func (s signer) object(t *testing.T, a harness.Auth) string {
	t.Helper()
	_, query, _ := strings.Cut(a.URL, "?")
	form, err := url.ParseQuery(query)
	require.NoError(t, err)
	now := s.place.House.Clock.Now()
	claims := jwt.MapClaims{"iss": a.Client, "aud": s.place.Issuer, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	for name := range form {
		claims[name] = form.Get(name)
		if name == "claims" || name == "authorization_details" {
			claims[name] = json.RawMessage(form.Get(name))
		}
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["typ"], token.Header["kid"] = "oauth-authz-req+jwt", "k1"
	raw, err := token.SignedString(s.key)
	require.NoError(t, err)
	return raw
}

// path is a way on which a request of the app "own" comes to the server.
type path struct {
	name string
	send func(t *testing.T, pairs ...string) harness.Auth
}

// paths are all the ways there are.
func paths(t *testing.T, p *harness.Place) []path {
	t.Helper()
	s := newSigner(t, p)
	plain := func(_ *testing.T, pairs ...string) harness.Auth { return p.Authorize(p.Own, pairs...) }
	pushed := func(t *testing.T, pairs ...string) harness.Auth {
		t.Helper()
		return p.Push(t, p.Own, "", append([]string{"scope", "openid"}, pairs...)...)
	}
	signed := func(t *testing.T, pairs ...string) harness.Auth {
		t.Helper()
		a := p.Authorize(p.Own, pairs...)
		a.URL = p.Issuer + "/authorize?" + url.Values{"client_id": {p.Own}, "request": {s.object(t, a)}}.Encode()
		return a
	}
	both := func(t *testing.T, pairs ...string) harness.Auth {
		t.Helper()
		a := p.Authorize(p.Own, pairs...)
		var answer harness.Pushed
		form := url.Values{"client_id": {p.Own}, "request": {s.object(t, a)}}
		require.Equal(t, http.StatusCreated, p.Call(t, p.Own, http.MethodPost, "/par", "application/x-www-form-urlencoded", form.Encode(), nil, &answer), answer.Reason)
		a.URL = p.Issuer + "/authorize?" + url.Values{"client_id": {p.Own}, "request_uri": {answer.RequestURI}}.Encode()
		return a
	}
	return []path{{"in the query", plain}, {"pushed", pushed}, {"signed", signed}, {"signed and pushed", both}}
}

// otherPaths is T-56: whichever way a request comes, it is judged alike.
func otherPaths(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
	for _, way := range paths(t, p) {
		t.Run(way.name, func(t *testing.T) {
			silent := func(b *harness.Browser, pairs ...string) (harness.Auth, url.Values) {
				auth := way.send(t, append([]string{"prompt", "none"}, pairs...)...)
				answer := b.Get(t, auth.URL).Callback
				require.Equal(t, auth.State, answer.Get("state"))
				return auth, answer
			}
			_, answer := silent(browser(p))
			require.Equal(t, "login_required", answer.Get("error"), "nobody is signed in")

			half := mustSecondStep(t, browser(p), alice)
			_, answer = silent(half.browser)
			require.Equal(t, "login_required", answer.Get("error"), "a login whose second step is open")

			b := browser(p)
			b.Login(t, alice, alice)
			h.Clock.Advance(time.Minute)
			auth, answer := silent(b)
			require.Equal(t, "urn:sallyport:acr:2sv", harness.Claims(t, p.Exchange(t, auth, answer).ID)["acr"])
			for _, refused := range []struct{ name, value, code string }{
				{"acr_values", payoutACR, "interaction_required"},
				{"acr_values", "urn:sallyport:acr:mfa", "interaction_required"},
				{"acr_values", "phr", "unmet_authentication_requirements"},
				{"max_age", "10", "login_required"},
			} {
				_, answer = silent(b, refused.name, refused.value)
				require.Equal(t, refused.code, answer.Get("error"), "%s=%s", refused.name, refused.value)
				require.Empty(t, answer.Get("code"))
			}
			require.Zero(t, number(t, p, "select count(*) from confirmations where tenant_id = $1"), "in silence nothing is confirmed")

			_, err := h.Server.Store.EndSessionsOf(t.Context(), tenant(t, p), user(t, p, alice).ID, "", h.Clock.Now())
			require.NoError(t, err)
			_, answer = silent(b)
			require.Equal(t, "login_required", answer.Get("error"), "the session has ended")
		})
	}
	t.Run("the same locks", func(t *testing.T) { sameLocks(t, h) })
	t.Run("the same number of confirmations", func(t *testing.T) { sameNumber(t, h) })
}

// sameLocks: wrong codes on one path lock the others, and what is locked is not opened by
// another path.
func sameLocks(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits, `"lockout": {"soft_fails": 3, "delays_s": [600]}`), mailed(t, alice))
	ways := paths(t, p)
	for i, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			h.Clock.Advance(20 * time.Minute)
			second := func(way path) visit {
				v, _ := mustOpen(t, browser(p), way.send(t))
				_, err := v.enter(alice)
				require.NoError(t, err)
				return v
			}
			v := second(way)
			right := code(t, p, alice)
			for n := range 3 {
				v.mustGuess(t, wrong(right, n))
			}
			require.Equal(t, http.StatusTooManyRequests, v.mustGuess(t, right).Status, "locked where the guesses were made")
			elsewhere := second(ways[(i+1)%len(ways)])
			sent := codes(p, alice)
			require.NotContains(t, elsewhere.browser.Get(t, elsewhere.path("/challenge")).Body, `name="code"`, "there is no code to enter")
			require.Equal(t, http.StatusTooManyRequests, elsewhere.mustPost(t, "/challenge/switch", "method", "email").Status)
			require.Equal(t, sent, codes(p, alice))
			require.Nil(t, elsewhere.browser.Get(t, elsewhere.resume()).Callback)
		})
	}
}

// sameNumber: the confirmations that an app may ask for are counted on all paths together.
func sameNumber(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	ways := paths(t, p)
	b := browser(p)
	b.Login(t, alice, alice)
	for i := range 10 {
		require.Equal(t, "confirm", b.Get(t, ways[i%len(ways)].send(t, "acr_values", payoutACR).URL).Name)
	}
	for _, way := range ways {
		answer := b.Get(t, way.send(t, "acr_values", payoutACR).URL).Callback
		require.Equal(t, "access_denied", answer.Get("error"), way.name)
	}
	answer := b.Get(t, p.Push(t, p.Own, pay("order-1")).URL).Callback
	require.Equal(t, "access_denied", answer.Get("error"), "one with details is one of them")
}

// requestOnce is the other part of T-56: a pushed request is answered once, whatever the
// answer was.
func requestOnce(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	push := func(t *testing.T, pairs ...string) harness.Auth {
		t.Helper()
		return p.Push(t, p.Own, "", append([]string{"scope", "openid"}, pairs...)...)
	}
	over := func(t *testing.T, b *harness.Browser, address string) {
		t.Helper()
		for range 2 {
			page := b.Get(t, address)
			require.Equal(t, http.StatusBadRequest, page.Status, "%s", page.Name)
			require.Nil(t, page.Callback, "nobody is sent anywhere")
			require.Contains(t, page.Body, "invalid_request_uri")
		}
	}
	tests := []struct {
		name  string
		pairs []string
		end   func(t *testing.T, b *harness.Browser, auth harness.Auth) // answers it in b
	}{
		{"an error of prompt=none", []string{"prompt", "none", "max_age", "1"}, func(t *testing.T, b *harness.Browser, auth harness.Auth) {
			require.Equal(t, "login_required", b.Get(t, auth.URL).Callback.Get("error"))
		}},
		{"a code of prompt=none", []string{"prompt", "none"}, func(t *testing.T, b *harness.Browser, auth harness.Auth) {
			require.NotEmpty(t, b.Get(t, auth.URL).Callback.Get("code"))
		}},
		{"a code without a page", nil, func(t *testing.T, b *harness.Browser, auth harness.Auth) {
			require.NotEmpty(t, b.Get(t, auth.URL).Callback.Get("code"))
		}},
		{"a code after pages", []string{"acr_values", "urn:sallyport:acr:mfa"}, func(t *testing.T, b *harness.Browser, auth harness.Auth) {
			v, _ := mustOpen(t, b, auth)
			require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, phone)).Status)
			require.NotEmpty(t, v.finish(t).Get("code"))
			require.Nil(t, b.Get(t, v.resume()).Callback, "nor is the interaction")
		}},
		{"a cancelled page", []string{"acr_values", "urn:sallyport:acr:mfa"}, func(t *testing.T, b *harness.Browser, auth harness.Auth) {
			v, _ := mustOpen(t, b, auth)
			v.mustPost(t, "/cancel", "cancel", "1")
			require.Equal(t, "access_denied", v.finish(t).Get("error"))
		}},
		{"a refusal without a page", []string{"acr_values", "phr"}, func(t *testing.T, b *harness.Browser, auth harness.Auth) {
			require.Equal(t, "unmet_authentication_requirements", b.Get(t, auth.URL).Callback.Get("error"))
		}},
	}
	for _, tt := range tests {
		t.Run("after "+tt.name, func(t *testing.T) {
			h.Clock.Advance(time.Minute)
			b := browser(p)
			b.Login(t, alice, alice)
			h.Clock.Advance(2 * time.Second)
			auth := push(t, tt.pairs...)
			tt.end(t, b, auth)
			over(t, b, auth.URL)
			over(t, browser(p), auth.URL)
		})
	}
	t.Run("after a transaction that was declined", func(t *testing.T) {
		b := browser(p)
		b.Login(t, alice, alice)
		auth := p.Push(t, p.Own, pay("order-1"))
		v, _ := mustOpen(t, b, auth)
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/deny", "deny", "1").Status)
		require.Equal(t, "access_denied", v.finish(t).Get("error"))
		over(t, b, auth.URL)
	})
	t.Run("for one browser, one app, one server, in time", func(t *testing.T) { requestOfOne(t, h, p, over) })
}

func requestOfOne(t *testing.T, h *harness.House, p *harness.Place, over func(*testing.T, *harness.Browser, string)) {
	auth := p.Push(t, p.Own, pay("order-2"))
	uri, err := url.Parse(auth.URL)
	require.NoError(t, err)
	asked := func(client, name string) string {
		return "/authorize?" + url.Values{"client_id": {client}, "request_uri": {name}}.Encode()
	}
	name := uri.Query().Get("request_uri")
	b := browser(p)
	b.Login(t, alice, alice)
	over(t, b, asked(p.Client, name))
	over(t, b, asked("nobody", name))
	over(t, b, asked(p.Own, name+"A"))
	over(t, b, asked(p.Own, name[:len(name)-1]))
	over(t, b, asked(p.Own, strings.Replace(name, name[40:], strings.ToLower(name[40:]), 1)))

	v, page := mustOpen(t, b, auth)
	require.Equal(t, "confirm", page.Name)
	over(t, browser(p), auth.URL)
	other := h.Tenant(t, preset, "", person(t, alice, phone))
	over(t, browser(other), other.Issuer+asked(p.Own, name))
	require.Equal(t, v.id, interactionOf(b.Get(t, auth.URL).URL), "the browser that has it may come again")
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", code(t, p, alice)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
	over(t, b, auth.URL)

	late := p.Push(t, p.Own, pay("order-3"))
	h.Clock.Advance(91 * time.Second)
	over(t, b, late.URL)
}
