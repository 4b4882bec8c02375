package demo_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/templates"
)

func TestEveryPageCanBeLookedAt(t *testing.T) {
	d := run(t, func(*demo.Options) {})
	status, _, list := d.call(t, http.MethodGet, "/_pages?lang=ar&dir=ltr", "")
	require.Equal(t, http.StatusOK, status)
	states := regexp.MustCompile(`href="(/_pages/[^"?]+)\?dir=ltr&amp;lang=ar"`).FindAllStringSubmatch(list, -1)
	require.Greater(t, len(states), 250)
	require.NotContains(t, list, "-bare")

	tests := []struct {
		name, path string
		want       string
	}{
		{"the language of the reader", "/_pages/password-locked", `<html lang="en" dir="ltr">`},
		{"another language", "/_pages/password-locked?lang=ar", `<html lang="ar" dir="rtl">`},
		{"an amount as its language writes it", "/_pages/confirm-pin?lang=de", "<b>1.250,00 EUR</b>"},
		{"the switcher at the language of the page", "/_pages/settings?lang=de", `<option value="de" lang="de" selected>`},
		{"another direction", "/_pages/password-locked?lang=en&dir=rtl", `<html lang="en" dir="rtl">`},
		{"what nobody knows is as if it was not said", "/_pages/password-locked?lang=xx&dir=up", `<html lang="en" dir="ltr">`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, header, page := d.call(t, http.MethodGet, tt.path, "")
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, templates.ContentSecurityPolicy, header.Get("Content-Security-Policy"), "as users get it")
			require.Contains(t, page, tt.want)
			require.Equal(t, 1, strings.Count(page, "<html"))
			require.Contains(t, page, "</html>")
		})
	}
	status, _, _ = d.call(t, http.MethodGet, "/_pages/no-such-state", "")
	require.Equal(t, http.StatusNotFound, status)
}
