package stepup_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestDo(t *testing.T) {
	const demanding = `Bearer error="insufficient_user_authentication", acr_values="phr"`
	for _, tt := range []struct {
		name    string
		status  int
		headers []string
		demand  bool
	}{
		{"a demand", 401, []string{demanding}, true},
		{"a demand in the second header", 401, []string{`Basic realm="x"`, demanding}, true},
		{"a token that is not good", 401, []string{`Bearer error="invalid_token"`}, false},
		{"no challenge at all", 401, nil, false},
		{"a demand beside another status", 403, []string{demanding}, false},
		{"what it should be", 200, nil, false},
		{"an API that is down", 503, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, c := open(t)
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer token" {
					t.Errorf("Authorization: %q", r.Header.Get("Authorization"))
				}
				w.Header()["Www-Authenticate"] = tt.headers
				w.WriteHeader(tt.status)
			}))
			t.Cleanup(api.Close)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL, http.NoBody)
			require.NoError(t, err)

			res, err := c.Do(req, "token")

			require.Empty(t, req.Header, "the caller's request stays as it is")
			demand, ok := errors.AsType[*stepup.DemandError](err)
			require.Equal(t, tt.demand, ok)
			if ok {
				require.ErrorIs(t, err, stepup.ErrUnmet)
				require.Equal(t, []string{"phr"}, demand.Challenge.ACR)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.status, res.StatusCode)
			require.NoError(t, res.Body.Close())
		})
	}
	for name, address := range map[string]string{
		"an API by http on a network":    "http://api.example.test/payouts",
		"a host that only looks local":   "http://localhost.example.test/payouts",
		"a user name in the address":     "https://a@api.example.test/payouts",
		"an address that is not written": "",
	} {
		t.Run("no token goes to "+name, func(t *testing.T) {
			c := openWith(t, func(cfg *stepup.Config) {
				cfg.HTTP = &http.Client{Transport: onlyTo(cfg.Issuer, func(r *http.Request) { t.Errorf("%s was sent", r.URL) })}
			})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, http.NoBody)
			require.NoError(t, err)

			_, err = c.Do(req, "token") //nolint:bodyclose // there is none

			require.ErrorContains(t, err, "stepup: API: ")
			require.NotErrorIs(t, err, stepup.ErrUnavailable, "it is a mistake, and stays one")
		})
	}
	t.Run("an API that cannot be reached", func(t *testing.T) {
		_, c := open(t)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/", http.NoBody)
		require.NoError(t, err)
		_, err = c.Do(req, "token") //nolint:bodyclose // there is none
		require.ErrorIs(t, err, stepup.ErrUnavailable)
	})
}

// openWith is a client whose configuration edit has changed.
func openWith(t *testing.T, edit func(*stepup.Config)) *stepup.Client {
	t.Helper()
	p := newProvider()
	t.Cleanup(p.Close)
	cfg := config(p)
	edit(&cfg)
	c, err := stepup.New(t.Context(), cfg)
	require.NoError(t, err)
	return c
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// onlyTo carries requests to issuer. All others are told, and not sent.
func onlyTo(issuer string, others func(*http.Request)) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.String(), issuer) {
			return http.DefaultTransport.RoundTrip(r)
		}
		others(r)
		return nil, errors.New("not sent")
	})
}

func TestAnswer(t *testing.T) {
	age := time.Minute
	payouts := stepup.Action("payout.request")
	t.Run("without a detail it goes through the browser", func(t *testing.T) {
		_, c := open(t)
		opts := stepup.StartOptions{Subject: "alice", Resources: []string{apiName}, Scopes: []string{"email"}, Resume: "order 7"}
		address, tx, err := c.Answer(t.Context(), stepup.Challenge{ACR: []string{payouts}, MaxAge: &age, Scope: "pay"}, opts)
		require.NoError(t, err)
		q := must(url.Parse(address)).Query()
		require.Equal(t, []string{payouts, "60", "openid email pay", apiName}, []string{q.Get("acr_values"), q.Get("max_age"), q.Get("scope"), q.Get("resource")})
		require.Equal(t, "order 7", tx.Resume)
	})
	t.Run("with a detail it is pushed", func(t *testing.T) {
		p, c := open(t)
		_, tx, err := c.Answer(t.Context(), stepup.Challenge{ACR: []string{stepup.ACRPHR, payouts}, MaxAge: &age}, pushing("t1"))
		require.NoError(t, err)
		require.Equal(t, []string{payouts}, tx.ACR)
		require.Len(t, p.pushes, 1)
	})
	for name, acr := range map[string][]string{"of another action": {stepup.Action("bid.place")}, "of a level": {stepup.ACRMFA}, "of nothing": nil} {
		t.Run("a detail is no answer to a demand "+name, func(t *testing.T) {
			p, c := open(t)
			_, _, err := c.Answer(t.Context(), stepup.Challenge{ACR: acr}, pushing("t1"))
			require.Error(t, err)
			require.Empty(t, p.pushes)
		})
	}
}
