package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// askedTooOften: of the eleventh page within an hour the app learns when it may ask again,
// and it is told apart from a user who says no.
func askedTooOften(t *testing.T, h *harness.House) {
	a := newApp(t, h, "", nil)
	options := func(i int) map[string]any {
		return map[string]any{"subject": a.login.Subject, "detail": thePayout(fmt.Sprintf("order-%d", i), "1250.00")}
	}
	for i := range 10 {
		var s started
		a.must(t, &s, "push", options(i))
		a.user.Get(t, s.URL)
	}
	p := a.fails(t, "too_often", "push", options(10))
	require.Equal(t, []any{http.StatusTooManyRequests, "access_denied"}, []any{p.Status, p.Error})
	require.Positive(t, p.RetryAfter)
	h.Clock.Advance(time.Duration(p.RetryAfter) * time.Second)
	a.must(t, nil, "push", options(10))
}

// withoutTheGrant: an app that signs and may not have a token of its own can do all but ask
// where a confirmation stands; a wrong issuer is named.
func withoutTheGrant(t *testing.T, h *harness.House) {
	key := newKey(t)
	members, err := json.Marshal(map[string]any{
		"auth_methods": []string{"private_key_jwt"}, "grant_types": []string{"authorization_code"},
		"jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"], "kid": "one"}}},
	})
	require.NoError(t, err)
	config := map[string]any{"auth": map[string]any{"privateKey": key, "keyId": "one"}}
	a := newApp(t, h, string(members), config)
	c := a.confirm(t, thePayout("order-1", "1250.00"))
	p := a.fails(t, "refused", "status", c.ID)
	require.Equal(t, "unauthorized_client", p.Error, "%+v", p)
	a.must(t, nil, "consumeFor", c, thePayout("order-1", "1250.00"))

	issuer := h.URL + "/t/nobodys"
	p = a.ask(t, nil, "discover", map[string]any{
		"issuer": issuer, "clientId": a.place.Own, "auth": map[string]any{"secret": "x"}, "redirectUri": harness.Callback,
	})
	require.NotNil(t, p)
	require.Equal(t, []string{"TypeError", "stepup: issuer: " + issuer + "/.well-known/openid-configuration answered 404; check the issuer"}, []string{p.Name, p.Message})
}

// exampleOfAnAPI runs the API that the README shows. Its caller has the payout confirmed.
func exampleOfAnAPI(t *testing.T, h *harness.House) {
	const api = "https://payouts.example/"
	a := newApp(t, h, `{"audiences":["`+api+`"]}`, nil)
	_, out, stderr := a.clock.process(t, "example/api.mjs", "ISSUER="+a.place.Issuer, "API="+api)
	require.True(t, out.Scan(), "the API ended: %s", stderr)
	var at struct {
		Port int `json:"port"`
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &at), "%s", out.Text())
	call := func(token string) answer {
		t.Helper()
		var got answer
		a.must(t, &got, "plainly", token, "http://127.0.0.1:"+strconv.Itoa(at.Port)+"/payouts/p-1")
		return got
	}
	confirmed := func(txn, value string) confirmation {
		t.Helper()
		h.Clock.Advance(90 * time.Second)
		detail := thePayout(txn, value)
		detail["payee"] = map[string]any{"name": "Müller & Söhne", "account": map[string]any{"iban": "DE89370400440532013000"}}
		delete(detail, "reference")
		var s started
		var c confirmation
		a.must(t, &s, "push", map[string]any{"subject": a.login.Subject, "resources": []string{api}, "detail": detail})
		a.must(t, &c, "finishConfirmation", s.Transaction, a.visit(t, s.URL, "confirm"))
		return c
	}

	login := a.signIn(t, map[string]any{"resources": []string{api}})
	refused := call(login.AccessToken)
	require.Equal(t, http.StatusUnauthorized, refused.Status)
	require.Contains(t, refused.Challenge, payout)
	require.Equal(t, http.StatusForbidden, call(confirmed("p-2", "1.00").AccessToken).Status, "another payout was approved")
	c := confirmed("p-1", "1250.00")
	require.Equal(t, http.StatusOK, call(c.AccessToken).Status)
	var st standing
	a.must(t, &st, "status", c.ID)
	require.Equal(t, "consumed", st.State)
	require.True(t, strings.HasPrefix(st.Receipt, "ey"))
	require.Equal(t, http.StatusOK, call(c.AccessToken).Status, "it is paid, and not paid again")
}
