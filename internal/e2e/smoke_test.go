package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// TestMainJob is the main job, end to end: a login, then the confirmation of a
// payout in the same browser, whose token says what was proven for what.
func TestMainJob(t *testing.T) {
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		place := h.Tenant(t, "contractor-email-first", "", harness.Alice())
		browser := place.NewBrowser()

		auth, answer := browser.Login(t, "alice@example.test", "alice@example.test")
		login := harness.Claims(t, place.Exchange(t, auth, answer).ID)
		require.Equal(t, "urn:sallyport:acr:2sv", login["acr"])

		payout := place.Authorize(place.Own, "acr_values", "urn:sallyport:action:payout.request")
		page := browser.Get(t, payout.URL)
		require.Equal(t, "confirm", page.Name)
		page = browser.Submit(t, page, "/confirm", "code", place.Letter(t, "alice@example.test").Code)
		require.NotNil(t, page.Callback, "page %s: %s", page.Name, page.Body)
		require.Equal(t, place.Issuer, page.Callback.Get("iss"))
		proof := harness.Claims(t, place.Exchange(t, payout, page.Callback).ID)
		require.Equal(t, "urn:sallyport:action:payout.request", proof["acr"])
		require.Equal(t, login["sub"], proof["sub"])
	})
}
