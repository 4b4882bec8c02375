package browser_test

import (
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestConfirmPicture takes the picture of the confirm page for docs/confirm.png.
// It is for hand use, after a change to the looks of the pages:
//
//	SALLYPORT_CONFIRM_PNG=../../../docs/confirm.png go test ./internal/e2e/browser -run TestConfirmPicture
func TestConfirmPicture(t *testing.T) {
	path := os.Getenv("SALLYPORT_CONFIRM_PNG")
	if path == "" {
		path = t.TempDir() + "/confirm.png"
	}
	v := theStage(t).visitShop(t, true, contractor, alice)
	// A picture of a browser as people have it: not headless, and in the zone of the tenant.
	_, err := chromedp.Call(v.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
	})
	require.NoError(t, err)
	_, err = chromedp.Call(v.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"})
	require.NoError(t, err)
	v.signIn(t)
	v.ask(t, "#payout")
	require.Contains(t, v.text(t, ".slip"), "Chrome on Linux, this device")

	_, err = chromedp.Call(v.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 640, Height: 800, DeviceScaleFactor: 1})
	require.NoError(t, err)
	bottom := eval[float64](t, v.tab, `document.querySelector(".foot").getBoundingClientRect().bottom + scrollY`)
	v.save(t, path, page.Viewport{Width: 640, Height: bottom + 16, Scale: 2})
	info, err := os.Stat(path)
	require.NoError(t, err)
	if os.Getenv("SALLYPORT_CONFIRM_PNG") == "" {
		return // other fonts make other sizes
	}
	require.Less(t, info.Size(), int64(150_000), "it is loaded with the README")
}
