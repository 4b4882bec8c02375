package protocol_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// TestWhatIsNoTextIsNotFound: an id that holds what no id holds is looked for nowhere. A
// database refuses to, which is no fault of the server's.
func TestWhatIsNoTextIsNotFound(t *testing.T) {
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		p := h.Tenant(t, "contractor-email-first", "", harness.Alice())
		b := p.NewBrowser()
		for _, path := range []string{
			"/interaction/%00", "/interaction/%ff/confirm", "/authorize/resume/%ff", "/authorize/resume/a%0ab",
			"/authorize?parked=%ff", "/authorize?parked=%00", "/settings/op/%00", "/confirmations/%00", "/users/%ff",
		} {
			page := b.Get(t, p.Issuer+path)
			require.Contains(t, []int{http.StatusNotFound, http.StatusUnauthorized}, page.Status, "%s: %s", path, page.Name)
		}
	})
}
