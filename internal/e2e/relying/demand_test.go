package relying_test

import (
	"context"
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

// pause is the library's, which the tests do not wait for.
func (b *bank) pause(_ context.Context, d time.Duration) error {
	b.pauses = append(b.pauses, d)
	return nil
}

// demanded: an API wants the payout confirmed, with its amount and payee. Its caller
// has that done, and makes the same call again.
func demanded(t *testing.T, h *harness.House) {
	const payouts = "https://payouts.example/"
	b := newBank(t, h, nil, `{"audiences":["`+payouts+`"]}`)
	verifier, err := stepup.NewVerifier(t.Context(), stepup.VerifierConfig{Issuer: b.place.Issuer, Audience: payouts, Now: h.Clock.Now})
	require.NoError(t, err)
	var paid []string
	guard := verifier.Require(stepup.Requirement{ACR: []string{payout}, MaxAge: 2 * time.Minute})
	api := httptest.NewServer(guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := stepup.FromContext(r.Context())
		body, _ := io.ReadAll(r.Body)
		paid = append(paid, token.Subject+" "+string(body))
		w.WriteHeader(http.StatusNoContent)
	})))
	t.Cleanup(api.Close)
	call := func(token stepup.Secret) (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL, strings.NewReader("1250.00"))
		require.NoError(t, err)
		res, err := b.Do(req, token)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	address, tx, err := b.Start(stepup.StartOptions{Resources: []string{payouts}})
	require.NoError(t, err)
	login, err := b.Finish(t.Context(), tx, b.visit(t, address))
	require.NoError(t, err)

	status, err := call(b.login.AccessToken)
	require.NoError(t, err, "a token for another API is no matter of the user's")
	require.Equal(t, http.StatusUnauthorized, status)
	_, err = call(login.AccessToken)
	require.ErrorIs(t, err, stepup.ErrUnmet)
	demand, ok := errors.AsType[*stepup.DemandError](err)
	require.True(t, ok)
	opts := stepup.StartOptions{Subject: login.Subject, Resources: []string{payouts}, Detail: thePayout("order-1"), Resume: "order-1"}
	h.Clock.Advance(90 * time.Second)
	address, tx, err = b.Answer(t.Context(), demand.Challenge, opts)
	require.NoError(t, err)
	require.NotContains(t, address, "acr_values")
	v, err := b.FinishConfirmation(t.Context(), tx, b.visit(t, address, "confirm"))
	require.NoError(t, err)
	require.Equal(t, "order-1", tx.Resume)
	status, err = call(v.AccessToken)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, []string{login.Subject + " 1250.00"}, paid)

	opts.Detail = stepup.PaymentDetails{TxnID: "x", Change: stepup.AddPayoutAccount, Holder: "Ana", IBAN: "DE89370400440532013000"}
	_, _, err = b.Answer(t.Context(), demand.Challenge, opts)
	require.ErrorContains(t, err, "something else")

	h.Clock.Advance(90 * time.Second)
	opts.Detail = nil
	address, tx, err = b.Answer(t.Context(), demand.Challenge, opts)
	require.NoError(t, err)
	proof, err := b.Finish(t.Context(), tx, b.visit(t, address, "confirm"))
	require.NoError(t, err)
	status, err = call(proof.AccessToken)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, status, "without details too, where the API is content with that")
}
