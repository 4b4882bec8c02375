package provider

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
)

func TestClientAuthentication(t *testing.T) {
	s := newTokenServer(t)
	inForm := func(app, secret string) func(url.Values) {
		return func(f url.Values) {
			f.Set("client_id", app)
			if secret != "" {
				f.Set("client_secret", secret)
			}
		}
	}
	header := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	// What stands behind the app does not matter: with the right introduction
	// the answer is invalid_grant, for the token is none.
	tests := []struct {
		name   string
		form   func(url.Values)
		header func(*http.Request)
		want   string
	}{
		{"Basic with the secret", nil, asShop, "invalid_grant"},
		{"Basic without encoding, for what needs none", nil, header("Basic cG9zdGVyOnRoZSBzZWNyZXQgb2YgdGhlIHBvc3Rlcg=="), "invalid_grant"},
		{"the scheme in small letters", nil, header("basic cG9zdGVyOnRoZSBzZWNyZXQgb2YgdGhlIHBvc3Rlcg=="), "invalid_grant"},
		{"Basic and its own client_id in the form", inForm(appShop, ""), asShop, "invalid_grant"},
		{"post with the secret", inForm(appPost, postSecret), nil, "invalid_grant"},
		{"post with the older of two secrets", inForm(appPost, "an older secret"), nil, "invalid_grant"},
		{"none, for a public app", inForm(appPublic, ""), nil, "invalid_grant"},

		{"a wrong secret", nil, as(appShop, "wrong"), "invalid_client"},
		{"an empty secret", nil, as(appShop, ""), "invalid_client"},
		{"the secret of another app", nil, as(appShop, postSecret), "invalid_client"},
		{"an app that there is not", nil, as("nobody", shopSecret), "invalid_client"},
		{"nothing at all", nil, nil, "invalid_client"},
		{"a confidential app without its secret", inForm(appShop, ""), nil, "invalid_client"},
		{"post, where only Basic is registered", inForm(appShop, shopSecret), nil, "invalid_client"},
		{"a secret from a public app, by post", inForm(appPublic, "x"), nil, "invalid_client"},
		{"a secret from a public app, by Basic", nil, as(appPublic, "x"), "invalid_client"},
		{"another scheme", inForm(appPost, ""), header("Bearer abc"), "invalid_client"},
		{"Basic that is no base64", nil, header("Basic %%%"), "invalid_client"},
		{"Basic without a colon", nil, header("Basic c2hvcA=="), "invalid_client"},
		{"Basic that is no form encoding", nil, header("Basic c2hvcDolenp6"), "invalid_client"},
		{"Basic without a name", nil, header("Basic OnNlY3JldA=="), "invalid_client"},

		{"an assertion and a secret by Basic", func(f url.Values) { f.Set("client_assertion", "x") }, asShop, "invalid_request"},
		{"header and form at once", inForm(appPost, postSecret), as(appPost, postSecret), "invalid_request"},
		{"header and form of two apps", inForm(appPublic, ""), asShop, "invalid_request"},
		{"two headers", nil, func(r *http.Request) {
			asShop(r)
			r.Header.Add("Authorization", "Basic x")
		}, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" is "+tt.want, func(t *testing.T) {
			form := refreshForm("not a token")
			if tt.form != nil {
				tt.form(form)
			}
			var edit []func(*http.Request)
			if tt.header != nil {
				edit = append(edit, tt.header)
			}

			a := s.post(form, edit...)

			require.Equal(t, tt.want, a.Error)
			require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			require.Equal(t, tt.want == "invalid_client", a.Status == http.StatusUnauthorized)
		})
	}
}

// TestClientAuthenticationWork: who asks cannot tell by the work that is done
// whether an app exists.
func TestClientAuthenticationWork(t *testing.T) {
	s := newTokenServer(t)
	counted := &countedSecrets{Secrets: s.provider.Secrets}
	s.provider.Secrets = counted
	app := s.app(appMachine)
	app.Disabled = true
	s.put(app)
	require.NoError(t, s.catalog.Refresh(t.Context()))

	for name, auth := range map[string]func(*http.Request){
		"a wrong secret":           as(appShop, "wrong"),
		"an app that there is not": as("nobody", "wrong"),
		"a disabled app":           as(appMachine, robotSecret),
		"an app without secrets":   as(appPublic, "wrong"),
	} {
		t.Run(name+" costs one keyed hash and gives the same answer", func(t *testing.T) {
			counted.n = 0
			a := s.post(refreshForm("x"), auth)
			require.Equal(t, 1, counted.n)
			a.Header.Del("X-Request-Id")
			require.Equal(t, s.same(refreshForm("x"), as(appShop, "wrong")), a)
		})
	}

	t.Run("a pepper that is missing is the server's fault", func(t *testing.T) {
		counted.err = errors.New("no such pepper")
		require.Equal(t, "server_error", s.post(refreshForm("x"), asShop).Error)
	})
}

func (s *tokenServer) same(form url.Values, edit func(*http.Request)) answer {
	a := s.post(form, edit)
	a.Header.Del("X-Request-Id")
	return a
}

type countedSecrets struct {
	Secrets
	n   int
	err error
}

func (c *countedSecrets) ClientSecretMAC(pepperID, tenantID, clientID, secret string) ([]byte, error) {
	c.n++
	if c.err != nil {
		return nil, c.err
	}
	return c.Secrets.ClientSecretMAC(pepperID, tenantID, clientID, secret)
}

func TestSecretsAreHidden(t *testing.T) {
	c := credentials{Method: identity.AuthPost, ID: "a", Secret: "hunter2"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(format, c), "hunter2", format)
	}
}
