package relying_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/stepup"
)

// askedTooOften: of the eleventh page within an hour the app learns when it may ask again,
// and it is told apart from a user who says no.
func askedTooOften(t *testing.T, h *harness.House) {
	b := newBank(t, h, nil, "")
	push := func(txn string) (string, error) {
		address, _, err := b.Push(t.Context(), stepup.StartOptions{Subject: b.login.Subject, Detail: thePayout(txn)})
		return address, err
	}
	for i := range 10 {
		address, err := push(fmt.Sprintf("order-%d", i))
		require.NoError(t, err)
		b.user.Get(t, address)
	}

	_, err := push("order-10")

	require.ErrorIs(t, err, stepup.ErrTooOften)
	require.NotErrorIs(t, err, stepup.ErrDenied)
	require.NotErrorIs(t, err, stepup.ErrUnavailable)
	endpoint, ok := errors.AsType[*stepup.EndpointError](err)
	require.True(t, ok)
	require.Positive(t, endpoint.RetryAfter)
	require.LessOrEqual(t, endpoint.RetryAfter, time.Hour)
	h.Clock.Advance(endpoint.RetryAfter)
	_, err = push("order-10")
	require.NoError(t, err, "it said when the same call passes")
}

// wrongIssuer: what will not mend itself is not called unavailable.
func wrongIssuer(t *testing.T, h *harness.House) {
	cfg := stepup.Config{Issuer: h.URL + "/t/nobodys", ClientID: "app", ClientSecret: "x", RedirectURI: harness.Callback}
	_, err := stepup.New(t.Context(), cfg)
	require.ErrorContains(t, err, cfg.Issuer+"/.well-known/openid-configuration answered 404; check the issuer")
	require.NotErrorIs(t, err, stepup.ErrUnavailable)
}
