package stepup_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestTokenEndpoint(t *testing.T) {
	serve := func(status int, body string) func(*provider) {
		return func(p *provider) {
			p.override["/token"] = func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}
		}
	}
	edit := func(name string, value any) func(*provider) {
		return func(p *provider) { p.tokens = func(m map[string]any) { m[name] = value } }
	}
	elsewhere := newProvider()
	t.Cleanup(elsewhere.Close)
	tests := []struct {
		name string
		bend func(*provider)
		want error
	}{
		{"invalid_grant", serve(400, `{"error":"invalid_grant"}`), stepup.ErrInvalidGrant},
		{"server down", serve(503, "<html>"), stepup.ErrUnavailable},
		{"too many requests", serve(429, ""), stepup.ErrUnavailable},
		{"not JSON", serve(200, "<html>"), stepup.ErrToken},
		{"larger than 256 kB", serve(200, `{"x":"`+strings.Repeat("x", 257<<10)+`"}`), stepup.ErrUnavailable},
		{"a token of a type that is not a bearer's", edit("token_type", "DPoP"), stepup.ErrToken},
		{"no access token", edit("access_token", ""), stepup.ErrToken},
		{"no ID token", edit("id_token", ""), stepup.ErrToken},
		{"the access token was exchanged", edit("access_token", "other"), stepup.ErrToken},
		{"a redirect would carry the secret away", func(p *provider) {
			p.override["/token"] = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.issuer()+"/token", http.StatusTemporaryRedirect)
			}
		}, stepup.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, c := open(t)
			tt.bend(p)

			_, err := run(t, c, payout())

			require.ErrorIs(t, err, tt.want)
			require.NotContains(t, err.Error(), secret)
		})
	}

	t.Run("a POST is not redirected on the same host either", func(t *testing.T) {
		p, c := open(t)
		p.override["/moved"] = p.serveToken
		p.override["/token"] = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, p.issuer()+"/moved", http.StatusTemporaryRedirect)
		}

		_, err := run(t, c, payout())

		require.ErrorIs(t, err, stepup.ErrUnavailable)
	})

	t.Run("what is missing is named", func(t *testing.T) {
		p, c := open(t)
		for name, want := range map[string]string{"access_token": "no bearer token", "id_token": "no ID token"} {
			p.tokens = func(m map[string]any) { delete(m, name) }

			_, err := run(t, c, payout())

			require.ErrorContains(t, err, want)
		}
	})

	t.Run("cookies of the app's HTTP client are not sent along", func(t *testing.T) {
		p, _ := open(t)
		cfg := config(p)
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		jar.SetCookies(must(url.Parse(p.URL)), []*http.Cookie{{Name: "a", Value: "b"}})
		cfg.HTTP = &http.Client{Jar: jar}
		p.override["/token"] = func(w http.ResponseWriter, r *http.Request) {
			if len(r.Cookies()) > 0 {
				t.Error("a cookie was sent")
			}
			p.serveToken(w, r)
		}
		c, err := stepup.New(t.Context(), cfg)
		require.NoError(t, err)

		_, err = run(t, c, payout())

		require.NoError(t, err)
		require.NotNil(t, cfg.HTTP.Jar, "the app's own client is left as it was")
		require.Nil(t, cfg.HTTP.CheckRedirect)
	})

	t.Run("a wrong secret is an error with its code", func(t *testing.T) {
		p, c := open(t)
		p.secret = "another"

		_, err := run(t, c, payout())

		var endpoint *stepup.EndpointError
		require.ErrorAs(t, err, &endpoint)
		require.Equal(t, stepup.EndpointError{Endpoint: "token", Status: 401, Code: "invalid_client"}, *endpoint)
	})
}
