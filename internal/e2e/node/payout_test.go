package node_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/stepup"
)

type receipt struct {
	JWS            string          `json:"jws"`
	ConfirmationID string          `json:"confirmationId"`
	Subject        string          `json:"subject"`
	Action         string          `json:"action"`
	TxnID          string          `json:"txnId"`
	Detail         json.RawMessage `json:"detail"`
	Hash           string          `json:"detailsHash"`
	ApprovedAt     time.Time       `json:"approvedAt"`
	ConsumedAt     time.Time       `json:"consumedAt"`
	Proofs         []struct {
		Method string    `json:"method"`
		At     time.Time `json:"at"`
	} `json:"proofs"`
	Vouched map[string]any `json:"vouched"`
}

type standing struct {
	ID            string `json:"id"`
	State         string `json:"state"`
	Hash          string `json:"detailsHash"`
	ConsumeBefore string `json:"consumeBefore"`
	Receipt       string `json:"receipt"`
}

// TestAppsInNode is the whole life of confirmed transactions with the package against
// the real server.
func TestAppsInNode(t *testing.T) {
	compiled(t)
	t.Parallel()
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		t.Run("a payout, from the push to the receipt", func(t *testing.T) { wholePayout(t, h) })
		t.Run("what must not be executed", func(t *testing.T) { refusedConsumptions(t, h) })
		t.Run("an answer that is lost", func(t *testing.T) { lostAnswers(t, h) })
		t.Run("a user who says no", func(t *testing.T) { declined(t, h) })
		t.Run("an answer for somebody else", func(t *testing.T) { foreignAnswers(t, h) })
		t.Run("an action without details", func(t *testing.T) { plainAction(t, h) })
		t.Run("an app that signs, with tokens bound to a key", func(t *testing.T) { appThatSigns(t, h) })
		t.Run("an app that keeps its own login", func(t *testing.T) { appWithOwnLogin(t, h) })
		t.Run("a session that is renewed", func(t *testing.T) { renewed(t, h) })
		t.Run("an app with a secret in the form", func(t *testing.T) { appWithForm(t, h) })
		t.Run("an API demands more, of bearer tokens", func(t *testing.T) { demanded(t, h, nil) })
		t.Run("an API demands more, of tokens bound to a key", func(t *testing.T) { demanded(t, h, newKey(t)) })
		t.Run("an app that asks too often", func(t *testing.T) { askedTooOften(t, h) })
		t.Run("an app without a token of its own", func(t *testing.T) { withoutTheGrant(t, h) })
		t.Run("the example", func(t *testing.T) { example(t, h) })
		t.Run("the example of an API", func(t *testing.T) { exampleOfAnAPI(t, h) })
	})
}

func wholePayout(t *testing.T, h *harness.House) {
	a := newApp(t, h, "", nil)
	s := a.push(t, thePayout("order-1", "1250.00"))
	address, err := url.Parse(s.URL)
	require.NoError(t, err)
	require.Len(t, address.Query(), 2, "the browser carries a name and nothing else: %s", s.URL)
	require.True(t, strings.HasPrefix(address.Query().Get("request_uri"), "urn:ietf:params:oauth:request_uri:"))
	page := a.user.Get(t, s.URL)
	require.Contains(t, page.Body, "1,250.00")
	require.Contains(t, page.Body, "Müller &amp; Söhne &lt;GmbH&gt;")
	page = a.user.Submit(t, page, "/confirm", "code", a.place.Code(t, alice))

	var c confirmation
	a.must(t, &c, "finishConfirmation", s.Transaction, callback(page.Callback))
	require.Equal(t, confirmation{
		ID: c.ID, Action: "payout.request", TxnID: "order-1", Subject: a.login.Subject, Hash: c.Hash, ApprovedAt: c.ApprovedAt,
		Method: "email", ACR: payout, Key: c.Key, AccessToken: c.AccessToken,
	}, c)
	theirs, err := stepup.DetailsHash(a.place.Issuer, a.place.Own, c.Subject, stepup.Payout{
		TxnID: "order-1", Amount: stepup.Money{Value: "1250.00", Currency: "EUR"},
		Payee: stepup.Payee{Name: "Müller & Söhne <GmbH>", IBAN: "DE89370400440532013000"}, Reference: "Invoice 7",
	})
	require.NoError(t, err)
	require.Equal(t, theirs, c.Hash, "both libraries hash alike")
	a.fails(t, "invalid_grant", "finishConfirmation", s.Transaction, callback(page.Callback))
	// The code came twice, which ends what it was for.
	a.fails(t, "revoked", "consumeFor", c, thePayout("order-1", "1250.00"))

	c = a.confirm(t, thePayout("order-2", "1250.00"))
	var st standing
	a.must(t, &st, "status", c.ID)
	require.Equal(t, "approved", st.State)
	require.NotEmpty(t, st.ConsumeBefore)
	var r, again, verified receipt
	a.must(t, &r, "consumeFor", c, thePayout("order-2", "1250.00"))
	require.Equal(t, []string{c.ID, c.Subject, "payout.request", "order-2", c.Hash}, []string{r.ConfirmationID, r.Subject, r.Action, r.TxnID, r.Hash})
	require.Len(t, r.Proofs, 1)
	require.Equal(t, "email", r.Proofs[0].Method)
	require.False(t, r.ConsumedAt.Before(r.ApprovedAt))
	a.must(t, &again, "consumeFor", c, thePayout("order-2", "1250.00"))
	require.Equal(t, r.JWS, again.JWS, "the same key, the same receipt")
	a.fails(t, "consumed", "consume", map[string]any{"id": c.ID, "detailsHash": c.Hash, "key": "another"})

	h.Clock.Advance(time.Hour)
	a.must(t, &verified, "verifyReceipt", r.JWS, map[string]any{"confirmationId": c.ID, "detail": thePayout("order-2", "1250.00")})
	require.Equal(t, r, verified)
	a.fails(t, "mismatch", "verifyReceipt", r.JWS, map[string]any{"detail": thePayout("order-2", "1250.01")})
	head, rest, _ := strings.Cut(r.JWS, ".")
	body, signature, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(body)
	require.NoError(t, err)
	forged := strings.Replace(string(text), "1250.00", "9250.00", 1)
	a.fails(t, "token", "verifyReceipt", head+"."+base64.RawURLEncoding.EncodeToString([]byte(forged))+"."+signature)
	a.fails(t, "token", "verifyReceipt", a.login.AccessToken)
}

// refusedConsumptions: each ends with an error, and uses nothing up.
func refusedConsumptions(t *testing.T, h *harness.House) {
	a := newApp(t, h, "", nil)
	c := a.confirm(t, thePayout("order-1", "1250.00"))
	a.must(t, nil, "asked")
	a.fails(t, "mismatch", "consumeFor", c, thePayout("order-1", "1250.01"))
	var asked []string
	a.must(t, &asked, "asked")
	require.Empty(t, asked, "the server is not even asked")
	var hash string
	a.must(t, &hash, "detailsHash", c.Subject, thePayout("order-1", "1250.01"))
	p := a.fails(t, "mismatch", "consume", map[string]any{"id": c.ID, "detailsHash": hash, "key": "k"})
	require.Equal(t, []any{422, "mismatch"}, []any{p.Status, p.Error})
	a.fails(t, "not_found", "consume", map[string]any{"id": "nobodys", "detailsHash": c.Hash, "key": "k"})
	a.fails(t, "not_found", "status", "nobodys")
	a.fails(t, "not_found", "statusByTxn", "payout.request", "nobodys")
	h.Clock.Advance(121 * time.Second)
	a.fails(t, "expired", "consumeFor", c, thePayout("order-1", "1250.00"))

	s := a.push(t, thePayout("order-2", "1250.00"))
	a.user.Get(t, s.URL)
	var st standing
	a.must(t, &st, "statusByTxn", "payout.request", "order-2")
	a.fails(t, "not_approved", "consume", map[string]any{"id": st.ID, "detailsHash": st.Hash, "key": "k"})
	p = a.fails(t, "bad_detail", "push", map[string]any{"subject": a.login.Subject, "detail": thePayout("order-3", "1250")})
	require.NotEmpty(t, p.Description, "it says what to do")
	a.fails(t, "bad_detail", "push", map[string]any{"subject": a.login.Subject, "detail": thePayout("order 3", "1250.00")})
}

func lostAnswers(t *testing.T, h *harness.House) {
	a := newApp(t, h, "", nil)
	c := a.confirm(t, thePayout("order-1", "1250.00"))
	var asked []string
	var st standing
	var r receipt
	a.must(t, nil, "asked")
	a.must(t, nil, "lose", 4)
	a.fails(t, "unavailable", "consumeFor", c, thePayout("order-1", "1250.00"))
	a.must(t, &asked, "asked")
	require.Len(t, asked, 4)
	require.Equal(t, asked[0], asked[3], "with the same key: %v", asked)
	require.Contains(t, asked[0], c.Key)
	a.must(t, &st, "statusByTxn", "payout.request", "order-1")
	require.Equal(t, "consumed", st.State)
	a.must(t, nil, "lose", 1)
	a.must(t, &r, "consumeFor", c, thePayout("order-1", "1250.00"))
	require.Equal(t, st.Receipt, r.JWS)
}

func declined(t *testing.T, h *harness.House) {
	a := newApp(t, h, "", nil)
	s := a.push(t, thePayout("order-1", "1250.00"))
	page := a.user.Get(t, s.URL)
	page = a.user.Submit(t, page, "/deny", "deny", "1")
	require.Equal(t, "denied", page.Name)
	parts := strings.Split(page.URL.Path, "/") // …/interaction/{id}/denied
	page = a.user.Get(t, a.place.Issuer+"/authorize/resume/"+parts[len(parts)-2])
	require.NotNil(t, page.Callback, "%s", page.Name)
	p := a.fails(t, "denied", "finishConfirmation", s.Transaction, callback(page.Callback))
	require.Equal(t, "access_denied", p.Error)
	var st standing
	a.must(t, &st, "statusByTxn", "payout.request", "order-1")
	require.Equal(t, "denied", st.State)
}

// foreignAnswers: what the browser brings belongs to the transaction, or is refused before
// the code is redeemed.
func foreignAnswers(t *testing.T, h *harness.House) {
	a := newApp(t, h, "", nil)
	two, one := a.push(t, thePayout("order-2", "1250.00")), a.push(t, thePayout("order-1", "1250.00"))
	answer := a.visit(t, one.URL, "confirm")
	a.must(t, nil, "asked")
	a.fails(t, "response", "finishConfirmation", two.Transaction, answer)
	a.fails(t, "response", "finishConfirmation", one.Transaction, strings.Replace(answer, "iss=", "iss=x", 1))
	a.fails(t, "response", "finishConfirmation", one.Transaction, answer+"&code=x")
	a.fails(t, "response", "finishConfirmation", one.Transaction, strings.Replace(answer, "code=", "cod=", 1))
	for name, value := range map[string]string{"state": `""`, "clientId": `"other"`, "subject": `null`, "version": `2`} {
		var tx map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(one.Transaction, &tx))
		tx[name] = json.RawMessage(value)
		a.fails(t, "response", "finishConfirmation", tx, answer)
	}
	var asked []string
	a.must(t, &asked, "asked")
	require.Empty(t, asked, "no code was redeemed")
	var tx map[string]any
	require.NoError(t, json.Unmarshal(one.Transaction, &tx))
	tx["detailsHash"] = strings.Repeat("A", 43)
	a.fails(t, "mismatch", "finishConfirmation", tx, answer)

	a.house.Clock.Advance(90 * time.Second)
	var s started
	a.must(t, &s, "start", map[string]any{"subject": a.login.Subject, "acr": []string{payout}})
	answer = a.visit(t, s.URL, "confirm")
	require.NoError(t, json.Unmarshal(s.Transaction, &tx))
	tx["subject"] = "somebody else"
	delete(tx, "detailsHash")
	delete(tx, "txnId")
	a.fails(t, "other_subject", "finish", tx, answer)
}

// plainAction: without details there is a confirmation too, and it is used once.
func plainAction(t *testing.T, h *harness.House) {
	a := newApp(t, h, "", nil)
	h.Clock.Advance(90 * time.Second)
	var s started
	var c confirmation
	var r receipt
	a.must(t, &s, "start", map[string]any{"acr": payout, "subject": a.login.Subject})
	a.must(t, &c, "finishConfirmation", s.Transaction, a.visit(t, s.URL, "confirm"))
	require.Equal(t, []string{"payout.request", "", ""}, []string{c.Action, c.TxnID, c.Method})
	a.fails(t, "mismatch", "consumeFor", c, thePayout("order-1", "1250.00"))
	a.must(t, &r, "consumeFor", c, map[string]any{"type": "payout.request"})
	require.JSONEq(t, `{"type":"payout.request"}`, string(r.Detail))
}

// newKey is a private key for ECDSA on P-256 as a JWK.
func newKey(t *testing.T) map[string]any {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	d, err := key.Bytes()
	require.NoError(t, err)
	b64 := base64.RawURLEncoding.EncodeToString
	return map[string]any{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:]), "d": b64(d)}
}

// appThatSigns sends no secret, and its tokens are worth nothing without its key.
func appThatSigns(t *testing.T, h *harness.House) {
	key := newKey(t)
	public := map[string]any{"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"], "kid": "one"}
	members, err := json.Marshal(map[string]any{
		"auth_methods": []string{"private_key_jwt"}, "jwks": map[string]any{"keys": []any{public}}, "dpop_bound_access_tokens": true,
	})
	require.NoError(t, err)
	x, d, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	b64 := base64.RawURLEncoding.EncodeToString
	binding := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(x), "d": b64(d.Seed())}
	a := newApp(t, h, string(members), map[string]any{"auth": map[string]any{"privateKey": key, "keyId": "one"}, "dpop": binding})
	require.Contains(t, harness.Claims(t, a.login.AccessToken), "cnf")
	var st standing
	var r receipt
	c := a.confirm(t, thePayout("order-1", "1250.00"))
	require.Contains(t, harness.Claims(t, c.AccessToken), "cnf")
	a.must(t, nil, "lose", 1)
	a.must(t, &r, "consumeFor", c, thePayout("order-1", "1250.00"))
	a.must(t, &st, "status", c.ID)
	require.Equal(t, r.JWS, st.Receipt)

	c = a.confirm(t, thePayout("order-2", "1250.00"))
	a.must(t, &r, "consumeFor", c, thePayout("order-2", "1250.00"), map[string]any{"with": "access_token"})
	require.Equal(t, "order-2", r.TxnID)
}

// appWithOwnLogin: the user has no session at the server and is asked for no login there.
func appWithOwnLogin(t *testing.T, h *harness.House) {
	key := newKey(t)
	members, err := json.Marshal(map[string]any{
		"auth_methods": []string{"private_key_jwt"}, "vouched_acr": "1fa", "actions": []string{"payout.request"},
		"jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"], "kid": "one"}}},
	})
	require.NoError(t, err)
	a := newApp(t, h, string(members), map[string]any{"auth": map[string]any{"privateKey": key, "keyId": "one"}})
	h.Clock.Advance(90 * time.Second)
	at := h.Clock.Now().Add(-time.Hour).Unix()
	var s started
	a.must(t, &s, "push", map[string]any{"subject": a.login.Subject, "detail": thePayout("order-1", "1250.00"), "loggedInAt": at})
	a.user = a.place.NewBrowser()
	answer := a.visit(t, s.URL, "confirm")
	var c confirmation
	var r receipt
	a.must(t, &c, "finishConfirmation", s.Transaction, answer)
	a.must(t, &r, "consumeFor", c, thePayout("order-1", "1250.00"))
	require.Equal(t, map[string]any{"by": a.place.Own, "loggedInAt": float64(at), "acr": "urn:sallyport:acr:1fa"}, r.Vouched)
}

func appWithForm(t *testing.T, h *harness.House) {
	place := map[string]any{}
	a := newApp(t, h, "", place)
	config := map[string]any{
		"issuer": a.place.Issuer, "clientId": a.place.Own, "redirectUri": harness.Callback,
		"auth": map[string]any{"secret": a.place.Secret, "method": "client_secret_post"},
	}
	a.must(t, nil, "discover", config)
	c := a.confirm(t, thePayout("order-1", "1250.00"))
	var st standing
	a.must(t, &st, "status", c.ID)
	require.Equal(t, "approved", st.State)
	a.must(t, nil, "consumeFor", c, thePayout("order-1", "1250.00"), map[string]any{"with": "access_token"})

	config["auth"] = map[string]any{"secret": "wrong"}
	a.must(t, nil, "discover", config)
	p := a.fails(t, "refused", "push", map[string]any{"subject": a.login.Subject, "detail": thePayout("order-2", "1250.00")})
	require.Equal(t, []any{401, "invalid_client"}, []any{p.Status, p.Error})
}

// renewed: the tokens of a login become new, and its strength does not.
func renewed(t *testing.T, h *harness.House) {
	a := newApp(t, h, "", map[string]any{"dpop": newKey(t)})
	h.Clock.Advance(90 * time.Second)
	var s started
	var old, fresh map[string]any
	a.must(t, &s, "start", map[string]any{"scopes": []string{"email", "offline_access"}})
	a.must(t, &old, "finish", s.Transaction, a.visit(t, s.URL))
	a.must(t, &fresh, "refresh", old)
	require.NotEqual(t, old["accessToken"], fresh["accessToken"])
	require.Equal(t, []any{old["subject"], old["acr"], old["authTime"]}, []any{fresh["subject"], fresh["acr"], fresh["authTime"]})
	var info map[string]any
	a.must(t, &info, "userinfo", fresh)
	require.Equal(t, alice, info["email"])
	var still bool
	a.must(t, &still, "meets", fresh, map[string]any{"maxAge": 60})
	require.False(t, still)
	a.must(t, &still, "meets", fresh, map[string]any{"maxAge": 600})
	require.True(t, still)
}
