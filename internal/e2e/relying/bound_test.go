package relying_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/stepup"
)

const payouts = "https://payouts.example/"

// boundBank is a bank that is registered to have all its tokens bound.
func boundBank(t *testing.T, h *harness.House, config func(*stepup.Config), members string) (*bank, *tap) {
	t.Helper()
	sent := &tap{}
	b := newBank(t, h, func(c *stepup.Config) {
		c.DPoPKey = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		c.HTTP = &http.Client{Transport: sent}
		if config != nil {
			config(c)
		}
		kept := *c
		sent.cfg = &kept
	}, `{"dpop_bound_access_tokens":true,"audiences":["`+payouts+`"]`+members+`}`)
	return b, sent
}

// tap keeps what the app sent, as somebody does who reads along.
type tap struct {
	cfg  *stepup.Config
	last *http.Request
	body string
}

func (s *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	s.last = r.Clone(r.Context())
	if r.GetBody != nil {
		s.body = string(must(io.ReadAll(must(r.GetBody()))))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// again sends the last request once more, bent by edit.
func (s *tap) again(t *testing.T, edit func(http.Header)) *http.Response {
	t.Helper()
	req := s.last.Clone(t.Context())
	req.Body = io.NopCloser(strings.NewReader(s.body))
	if edit != nil {
		edit(req.Header)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res
}

// thief is an app with everything of b but its key.
func (s *tap) thief(t *testing.T) *stepup.Client {
	t.Helper()
	cfg := *s.cfg
	cfg.DPoPKey = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	cfg.HTTP = nil
	return must(stepup.New(t.Context(), cfg))
}

// payoutAPI pays out what its caller has consumed the approval of.
type payoutAPI struct {
	*httptest.Server
	verifier *stepup.Verifier
	paid     []string
	consumed error // what became of consuming by itself
}

func newPayoutAPI(t *testing.T, b *bank) *payoutAPI {
	t.Helper()
	a := &payoutAPI{}
	a.Server = httptest.NewUnstartedServer(nil)
	public := "http://" + a.Listener.Addr().String()
	var err error
	a.verifier, err = stepup.NewVerifier(t.Context(), stepup.VerifierConfig{
		Issuer: b.place.Issuer, Audience: payouts, Now: b.house.Clock.Now, PublicURL: public, RequireDPoP: true,
		NonceKey: stepup.Secret(rand.Text() + rand.Text()),
	})
	require.NoError(t, err)
	guard := a.verifier.Require(stepup.Requirement{ACR: []string{payout}, MaxAge: 2 * time.Minute})
	a.Config.Handler = guard(http.HandlerFunc(a.pay))
	a.Start()
	t.Cleanup(a.Close)
	return a
}

func (a *payoutAPI) pay(w http.ResponseWriter, r *http.Request) {
	token, _ := stepup.FromContext(r.Context())
	detail := thePayout(r.PostFormValue("order"))
	_, a.consumed = a.verifier.Consume(r.Context(), token, detail, "job")
	receipt, err := a.verifier.VerifyReceipt(r.Context(), token, r.PostFormValue("receipt"), detail)
	if err != nil {
		http.Error(w, "not paid", http.StatusConflict)
		return
	}
	a.paid = append(a.paid, receipt.TxnID+" for "+token.Subject)
	w.WriteHeader(http.StatusNoContent)
}

// call pays order-1 with client, whose token it is or not.
func (a *payoutAPI) call(t *testing.T, client *stepup.Client, token stepup.Secret, receipt string) (int, error) {
	t.Helper()
	form := strings.NewReader("order=order-1&receipt=" + receipt)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL+"/payouts?by=form", form)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req, token)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// TestBoundTokens: tokens that are bound to a key, with the stepup library on both
// sides of the real server.
func TestBoundTokens(t *testing.T) {
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		t.Run("a whole payout, and what a thief makes of it", func(t *testing.T) { boundPayout(t, h) })
		t.Run("the life of a login", func(t *testing.T) { boundLogin(t, h) })
		t.Run("an app that is registered to bind sends a proof, or gets nothing", func(t *testing.T) { unprovenApp(t, h) })
		t.Run("an app without a secret consumes with its token and its key", func(t *testing.T) { publicApp(t, h) })
		t.Run("an API consumes with the token that it was sent", func(t *testing.T) { consumingAPI(t, h) })
	})
}

func boundPayout(t *testing.T, h *harness.House) {
	b, sent := boundBank(t, h, nil, "")
	api := newPayoutAPI(t, b)
	address, tx, err := b.Start(stepup.StartOptions{Resources: []string{payouts}})
	require.NoError(t, err)
	login, err := b.Finish(t.Context(), tx, b.visit(t, address))
	require.NoError(t, err)

	_, err = api.call(t, b.Client, login.AccessToken, "")
	demand, ok := errors.AsType[*stepup.DemandError](err)
	require.True(t, ok, "the demand comes over DPoP, behind the API's nonce: %v", err)
	require.Equal(t, []string{payout}, demand.Challenge.ACR)
	h.Clock.Advance(90 * time.Second)
	address, tx, err = b.Answer(t.Context(), demand.Challenge, stepup.StartOptions{
		Subject: login.Subject, Resources: []string{payouts}, Detail: thePayout("order-1"), Resume: "order-1",
	})
	require.NoError(t, err)
	query := b.visit(t, address, "confirm")
	v, err := b.FinishConfirmation(t.Context(), tx, query)
	require.NoError(t, err)

	status, err := api.call(t, b.Client, v.AccessToken, "none yet")
	require.NoError(t, err)
	require.Equal(t, http.StatusConflict, status)
	require.ErrorIs(t, api.consumed, stepup.ErrBound, "the API has the token, not the key")
	receipt, err := b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.NoError(t, err)
	status, err = api.call(t, b.Client, v.AccessToken, receipt.JWS)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, status)

	stolen := []func(http.Header){
		nil, // the very same request
		func(h http.Header) { h.Set("Authorization", "Bearer "+string(v.AccessToken)) },
		func(h http.Header) { h.Set("Authorization", "Bearer "+string(v.AccessToken)); h.Del("DPoP") },
		func(h http.Header) { h.Del("DPoP") },
	}
	for i, edit := range stolen {
		res := sent.again(t, edit)
		require.Equal(t, http.StatusUnauthorized, res.StatusCode, "%d", i)
		want := []string{`invalid_dpop_proof", error_description="The DPoP proof is not valid: it was used before.`, "invalid_token", "invalid_token", "exactly one"}[i]
		require.Contains(t, res.Header.Get("WWW-Authenticate"), want)
	}
	status, err = api.call(t, sent.thief(t), v.AccessToken, receipt.JWS)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, status, "another key")
	require.Equal(t, []string{"order-1 for " + login.Subject}, api.paid, "once")
}

// boundLogin: what the server itself makes of proofs.
func boundLogin(t *testing.T, h *harness.House) {
	b, sent := boundBank(t, h, func(c *stepup.Config) { c.AuthMethod = stepup.AuthPost }, "")
	thief := sent.thief(t)
	info, err := b.Userinfo(t.Context(), b.login)
	require.NoError(t, err)
	require.Equal(t, b.login.Subject, info["sub"])
	require.Equal(t, http.StatusUnauthorized, sent.again(t, nil).StatusCode, "the proof was used")
	_, err = thief.Userinfo(t.Context(), b.login)
	endpoint, ok := errors.AsType[*stepup.EndpointError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []any{401, "invalid_token"}, []any{endpoint.Status, endpoint.Code})

	address, tx := b.begin(t, thePayout("order-1"))
	v, err := b.FinishConfirmation(t.Context(), tx, b.visit(t, address, "confirm"))
	require.NoError(t, err)
	_, err = b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.NoError(t, err)
	standing, err := b.Status(t.Context(), v.ID)
	require.NoError(t, err, "the app's own token is bound, too")
	require.Equal(t, stepup.StateConsumed, standing.State)

	h.Clock.Advance(11 * time.Minute) // the nonce that the app knows is of no use any more
	_, err = b.Userinfo(t.Context(), b.login)
	require.Error(t, err, "the token has ended")
	for name, begin := range map[string]func() (string, stepup.Transaction){
		"pushed":              func() (string, stepup.Transaction) { return b.begin(t, thePayout("order-2")) },
		"through the browser": func() (string, stepup.Transaction) { return begunPlain(t, b) },
	} {
		address, tx = begin()
		_, err = thief.FinishConfirmation(t.Context(), tx, b.visit(t, address, "confirm"))
		require.ErrorIs(t, err, stepup.ErrInvalidGrant, "a code that was begun with another key, "+name)
	}
}

func begunPlain(t *testing.T, b *bank) (address string, tx stepup.Transaction) {
	t.Helper()
	b.house.Clock.Advance(90 * time.Second)
	address, tx, err := b.Start(stepup.StartOptions{ACR: []string{payout}, Subject: b.login.Subject})
	require.NoError(t, err)
	return address, tx
}

func unprovenApp(t *testing.T, h *harness.House) {
	b, sent := boundBank(t, h, nil, "")
	cfg := *sent.cfg
	cfg.DPoPKey = nil
	bare := must(stepup.New(t.Context(), cfg))
	address, tx, err := bare.Start(stepup.StartOptions{})
	require.NoError(t, err)
	_, err = bare.Finish(t.Context(), tx, b.visit(t, address))
	endpoint, ok := errors.AsType[*stepup.EndpointError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []any{"token", 400, "invalid_dpop_proof"}, []any{endpoint.Endpoint, endpoint.Status, endpoint.Code})
}

func publicApp(t *testing.T, h *harness.House) {
	b, sent := boundBank(t, h, func(c *stepup.Config) { c.AuthMethod, c.ClientSecret = stepup.AuthNone, "" },
		`,"auth_methods":["none"],"grant_types":["authorization_code","refresh_token"]`)
	address, tx := begunPlain(t, b)
	v, err := b.FinishConfirmation(t.Context(), tx, b.visit(t, address, "confirm"))
	require.NoError(t, err)

	_, err = sent.thief(t).ConsumeFor(t.Context(), v, stepup.PlainAction("payout.request"))
	endpoint, ok := errors.AsType[*stepup.EndpointError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []any{401, "invalid_token"}, []any{endpoint.Status, endpoint.Code})
	r, err := b.ConsumeFor(t.Context(), v, stepup.PlainAction("payout.request"))
	require.NoError(t, err)
	require.Equal(t, v.ID, r.ConfirmationID)
}

// consumingAPI: a bearer token is all that an API needs to use the approval up.
func consumingAPI(t *testing.T, h *harness.House) {
	b := newBank(t, h, nil, `{"audiences":["`+payouts+`"]}`)
	verifier, err := stepup.NewVerifier(t.Context(), stepup.VerifierConfig{
		Issuer: b.place.Issuer, Audience: payouts, Now: h.Clock.Now, Wait: b.pause,
	})
	require.NoError(t, err)
	approved := func(txn string) (stepup.Confirmation, stepup.AccessToken) {
		h.Clock.Advance(90 * time.Second)
		address, tx, err := b.Push(t.Context(), stepup.StartOptions{Subject: b.login.Subject, Detail: thePayout(txn), Resources: []string{payouts}})
		require.NoError(t, err)
		v, err := b.FinishConfirmation(t.Context(), tx, b.visit(t, address, "confirm"))
		require.NoError(t, err)
		token, err := verifier.Verify(t.Context(), v.AccessToken)
		require.NoError(t, err)
		require.Equal(t, v.ID, token.ConfirmationID)
		return v, token
	}

	v, token := approved("order-1")
	other := thePayout("order-1")
	other.Amount.Value = "1250.01"
	_, err = verifier.Consume(t.Context(), token, other, "job-1")
	require.ErrorIs(t, err, stepup.ErrMismatch)
	r, err := verifier.Consume(t.Context(), token, thePayout("order-1"), "job-1")
	require.NoError(t, err)
	require.Equal(t, []string{v.ID, b.place.Own, b.login.Subject}, []string{r.ConfirmationID, r.ClientID, r.Subject})
	again, err := verifier.Consume(t.Context(), token, thePayout("order-1"), "job-1")
	require.NoError(t, err)
	require.Equal(t, r.JWS, again.JWS)
	_, err = verifier.Consume(t.Context(), token, thePayout("order-1"), "job-2")
	require.ErrorIs(t, err, stepup.ErrConsumed)
	_, err = b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.ErrorIs(t, err, stepup.ErrConsumed, "the app comes too late")

	_, token = approved("order-2")
	h.Clock.Advance(3 * time.Minute)
	_, err = verifier.Consume(t.Context(), token, thePayout("order-2"), "job-3")
	endpoint, ok := errors.AsType[*stepup.EndpointError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []any{401, "invalid_token"}, []any{endpoint.Status, endpoint.Code})
}
