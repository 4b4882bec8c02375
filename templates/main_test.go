package templates_test

import (
	"os"
	"testing"

	"github.com/sallyport-id/sallyport/templates"
	"github.com/sallyport-id/sallyport/templates/samples"
)

// TestMain lends the samples to the tests inside the package.
func TestMain(m *testing.M) {
	templates.Lent.House, templates.Lent.Inside = samples.House, samples.Inside
	templates.Lent.EmailCode, templates.Lent.PayoutSlip, templates.Lent.PhonePage = samples.EmailCode, samples.PayoutSlip, samples.PhonePage
	templates.Lent.Each = func(use func(string, templates.Page)) {
		for _, s := range samples.All() {
			use(s.Name, s.Page)
		}
	}
	os.Exit(m.Run())
}
