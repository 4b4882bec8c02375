package stepup_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

// received is the token of v as the API's middleware lets it pass.
func received(t *testing.T, v *stepup.Verifier, c *stepup.Client, token stepup.Secret) stepup.AccessToken {
	t.Helper()
	var got stepup.AccessToken
	api := httptest.NewServer(v.Require(stepup.Requirement{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = stepup.FromContext(r.Context())
	})))
	defer api.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL, nil)
	require.NoError(t, err)
	res, err := c.Do(req, token)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode, "%v", res.Header)
	return got
}

// patientAPI is an API that waits in no time.
func patientAPI(t *testing.T, p *provider) *stepup.Verifier {
	t.Helper()
	return guard(t, p, func(c *stepup.VerifierConfig) {
		c.PublicURL = ""
		c.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	})
}

func TestAnAPIConsumes(t *testing.T) {
	t.Run("with the token alone, once, and again with the same key", func(t *testing.T) {
		p, c := open(t)
		v := patientAPI(t, p)
		confirmation, err := approved(t, c)
		require.NoError(t, err)
		token := received(t, v, c, confirmation.AccessToken)
		require.Equal(t, []string{confirmation.ID, confirmation.DetailsHash}, []string{token.ConfirmationID, token.DetailsHash})
		tries := 0
		p.override["/confirmations/"+confirmation.ID+"/consume"] = func(w http.ResponseWriter, r *http.Request) {
			tries++
			require.Equal(t, "Bearer "+string(confirmation.AccessToken), r.Header.Get("Authorization"))
			if tries == 1 {
				p.serveLost(w, r, confirmation.ID)
			}
			r.SetPathValue("id", confirmation.ID)
			p.serveConsume(w, r)
		}

		r, err := v.Consume(t.Context(), token, aPayout("t1"), "job-7")
		require.NoError(t, err)
		require.Equal(t, 2, tries, "an answer that was lost is asked for again")
		require.Equal(t, []string{confirmation.ID, "alice", clientID}, []string{r.ConfirmationID, r.Subject, r.ClientID})
		again, err := v.Consume(t.Context(), token, aPayout("t1"), "job-7")
		require.NoError(t, err)
		require.Equal(t, r.JWS, again.JWS)
		_, err = v.Consume(t.Context(), token, aPayout("t1"), "job-8")
		require.ErrorIs(t, err, stepup.ErrConsumed)
	})
	t.Run("what has another hash is refused before the server is asked", func(t *testing.T) {
		p, c := open(t)
		v := patientAPI(t, p)
		confirmation, err := approved(t, c)
		require.NoError(t, err)
		token := received(t, v, c, confirmation.AccessToken)
		p.override["/confirmations/"+confirmation.ID+"/consume"] = func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") }
		other := aPayout("t1")
		other.Amount.Value = "1250.01"
		_, err = v.Consume(t.Context(), token, other, "k")
		require.ErrorIs(t, err, stepup.ErrMismatch)
		token.Subject = "mallory"
		_, err = v.Consume(t.Context(), token, aPayout("t1"), "k")
		require.ErrorIs(t, err, stepup.ErrMismatch)
	})
	t.Run("the token of a login is of no approval", func(t *testing.T) {
		p, c := open(t)
		v := patientAPI(t, p)
		login, err := run(t, c, stepup.StartOptions{})
		require.NoError(t, err)
		token := received(t, v, c, login.AccessToken)
		_, err = v.Consume(t.Context(), token, aPayout("t1"), "k")
		require.ErrorIs(t, err, stepup.ErrNotApproved)
		_, err = v.VerifyReceipt(t.Context(), token, "x.y.z", aPayout("t1"))
		require.ErrorIs(t, err, stepup.ErrNotApproved)
	})
	t.Run("a receipt that is not good", func(t *testing.T) {
		p, c := open(t)
		v := patientAPI(t, p)
		confirmation, err := approved(t, c)
		require.NoError(t, err)
		p.receipt = func(_, claims map[string]any) { claims["aud"] = "another" }
		_, err = v.Consume(t.Context(), received(t, v, c, confirmation.AccessToken), aPayout("t1"), "k")
		require.ErrorIs(t, err, stepup.ErrToken)
	})
	t.Run("a token that is no longer good", func(t *testing.T) {
		p, c := open(t)
		v := patientAPI(t, p)
		confirmation, err := approved(t, c)
		require.NoError(t, err)
		token := received(t, v, c, confirmation.AccessToken)
		p.override["/confirmations/"+confirmation.ID+"/consume"] = func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		}
		_, err = v.Consume(t.Context(), token, aPayout("t1"), "k")
		endpoint, ok := errors.AsType[*stepup.EndpointError](err)
		require.True(t, ok)
		require.Equal(t, []any{401, "invalid_token"}, []any{endpoint.Status, endpoint.Code})
	})
	t.Run("a confirmation in the token that says two things", func(t *testing.T) {
		p, _ := open(t)
		for _, confirmation := range []any{nil, "x", map[string]any{"id": "other", "details_hash": "h", "approved_at": "2026-01-02T15:00:00Z"}} {
			token := accessToken(p, func(_, c map[string]any) { c["txn"], c["urn:sallyport:confirmation"] = "id", confirmation })
			_, err := patientAPI(t, p).Verify(t.Context(), token)
			require.ErrorIs(t, err, stepup.ErrToken)
		}
	})
}

// boundPayout is an approval whose token is bound to the key of c, as the API has it.
func boundPayout(t *testing.T, p *provider) (c *stepup.Client, confirmation stepup.Confirmation, token stepup.AccessToken) {
	t.Helper()
	c = holding(t, p, nil)
	confirmation, err := approved(t, c)
	require.NoError(t, err)
	var v *stepup.Verifier
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.Require(stepup.Requirement{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			token, _ = stepup.FromContext(r.Context())
		})).ServeHTTP(w, r)
	}))
	defer api.Close()
	v = guard(t, p, func(c *stepup.VerifierConfig) { c.PublicURL = api.URL })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL, nil)
	require.NoError(t, err)
	res, err := c.Do(req, confirmation.AccessToken)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode, "%v", res.Header)
	require.NotEmpty(t, token.JKT)
	return c, confirmation, token
}

func TestAnAPICannotUseABoundToken(t *testing.T) {
	p, _ := open(t)
	v := patientAPI(t, p)
	c, confirmation, token := boundPayout(t, p)
	_, err := v.Consume(t.Context(), token, aPayout("t1"), "k")
	require.ErrorIs(t, err, stepup.ErrBound)
	require.Empty(t, p.approvals[confirmation.ID].key, "nothing was used up")

	r, err := c.ConsumeFor(t.Context(), confirmation, aPayout("t1"))
	require.NoError(t, err)
	got, err := v.VerifyReceipt(t.Context(), token, r.JWS, aPayout("t1"))
	require.NoError(t, err)
	require.Equal(t, r, got)

	other := aPayout("t1")
	other.Payee.Name = "Mallory"
	_, err = v.VerifyReceipt(t.Context(), token, r.JWS, other)
	require.ErrorIs(t, err, stepup.ErrMismatch)
	c, confirmation, token = boundPayout(t, p) // of the same payout, approved anew
	_, err = v.VerifyReceipt(t.Context(), token, r.JWS, aPayout("t1"))
	require.ErrorIs(t, err, stepup.ErrToken, "a receipt of another approval, although of the same details")
	_, err = v.VerifyReceipt(t.Context(), token, r.JWS+"x", aPayout("t1"))
	require.ErrorIs(t, err, stepup.ErrToken)
	r, err = c.ConsumeFor(t.Context(), confirmation, aPayout("t1"))
	require.NoError(t, err)
	token.ClientID = "another"
	_, err = v.VerifyReceipt(t.Context(), token, r.JWS, aPayout("t1"))
	require.ErrorIs(t, err, stepup.ErrMismatch, "the hash stands for the app, too")
}

func TestAnAppWithoutASecretConsumesWithItsToken(t *testing.T) {
	p, _ := open(t)
	p.secret = ""
	p.tokens = func(m map[string]any) { delete(m, "refresh_token") }
	c := holding(t, p, func(c *stepup.Config) { c.AuthMethod, c.ClientSecret = stepup.AuthNone, "" })
	address, tx, err := c.Start(payout())
	require.NoError(t, err)
	v, err := c.FinishConfirmation(t.Context(), tx, browse(address))
	require.NoError(t, err)
	p.secret = "nobody authenticates"
	p.dpop.nonce = "n1"

	_, err = c.ConsumeFor(t.Context(), v, stepup.PlainAction("payout.request"))
	require.NoError(t, err)
	last := p.dpop.proofs[len(p.dpop.proofs)-1]
	require.Equal(t, []any{"/confirmations/" + v.ID + "/consume", ath(v.AccessToken), "n1"}, []any{last.path, last.claims["ath"], last.claims["nonce"]})
}
