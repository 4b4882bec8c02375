package protocol_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// caller is the server of the demo shop at one tenant.
type caller struct {
	t      *testing.T
	house  *harness.House
	slug   string
	secret string
}

func shopServer(t *testing.T, h *harness.House, slug string) caller {
	t.Helper()
	var all struct {
		Tenants []struct {
			Slug    string
			Clients []struct{ ID, Secret string }
		}
	}
	resp, err := http.Get(h.URL + "/_demo")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&all))
	for _, tenant := range all.Tenants {
		for _, c := range tenant.Clients {
			if tenant.Slug == slug && c.ID == "demo-shop" {
				return caller{t, h, slug, c.Secret}
			}
		}
	}
	require.Fail(t, "no demo shop at "+slug)
	return caller{}
}

func (c caller) token(scope string) string {
	c.t.Helper()
	req, err := http.NewRequest(http.MethodPost, c.house.URL+"/t/"+c.slug+"/token",
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}.Encode()))
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("demo-shop", c.secret)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	var got struct {
		Token string `json:"access_token"`
	}
	require.NoError(c.t, json.NewDecoder(resp.Body).Decode(&got))
	require.NotEmpty(c.t, got.Token)
	return got.Token
}

func (c caller) call(method, token, path string) (int, string, http.Header) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.house.URL+"/t/"+c.slug+path, nil)
	require.NoError(c.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp.StatusCode, string(body), resp.Header
}

func (c caller) userID(name string) string {
	c.t.Helper()
	realm, err := c.house.Server.Realms.BySlug(c.t.Context(), c.slug)
	require.NoError(c.t, err)
	u, err := c.house.Server.Store.UserByName(c.t.Context(), realm.Tenant.ID, name)
	require.NoError(c.t, err)
	return u.ID
}

// TestUsersEndpoints is the part of and C-24 that an app's own server
// sees: the checklist of its "Getting started" page, and the flags that it sets.
func TestUsersEndpoints(t *testing.T) {
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		c := shopServer(t, h, "contractor")
		read, write := c.token("users.security"), c.token("users.flags")
		alice, bob, carol := c.userID("alice@example.test"), c.userID("bob@example.test"), c.userID("carol@example.test")

		for _, tt := range []struct{ name, id, state string }{
			{"a confirmed number", alice, "done"},
			{"a number that was never verified", bob, "open"},
			{"no number", carol, "open"},
		} {
			status, body, header := c.call(http.MethodGet, read, "/users/"+tt.id+"/security")
			require.Equal(t, http.StatusOK, status, body)
			require.Equal(t, "no-store", header.Get("Cache-Control"))
			var got struct {
				Tasks []struct{ ID, State string }
			}
			require.NoError(t, json.Unmarshal([]byte(body), &got))
			require.Equal(t, "confirm_phone", got.Tasks[0].ID, tt.name)
			require.Equal(t, tt.state, got.Tasks[0].State, tt.name)
			require.NotContains(t, body, "+52644", "numbers are masked")
			require.NotContains(t, body, "alice@", "and so are addresses")
		}

		flag := "/users/" + alice + "/flags/identity_verification_pending"
		for _, tt := range []struct {
			name, method, token, path string
			status                    int
		}{
			{"without a token", http.MethodGet, "", "/users/" + alice + "/security", http.StatusUnauthorized},
			{"with a token of another scope", http.MethodGet, write, "/users/" + alice + "/security", http.StatusForbidden},
			{"a flag with a reading token", http.MethodPut, read, flag, http.StatusForbidden},
			{"with a token of another tenant", http.MethodGet, shopServer(t, h, "broker").token("users.security"), "/users/" + alice + "/security", http.StatusUnauthorized},
			{"a user of another tenant", http.MethodGet, read, "/users/" + shopServer(t, h, "broker").userID("alice@example.test") + "/security", http.StatusNotFound},
			{"a flag of no such form", http.MethodPut, write, "/users/" + alice + "/flags/Not%20this", http.StatusBadRequest},
			{"a flag of nobody", http.MethodPut, write, "/users/nobody/flags/frozen", http.StatusNotFound},
			{"a flag", http.MethodPut, write, flag, http.StatusNoContent},
			{"the same flag again", http.MethodPut, write, flag, http.StatusNoContent},
		} {
			status, body, _ := c.call(tt.method, tt.token, tt.path)
			require.Equal(t, tt.status, status, "%s: %s", tt.name, body)
		}
		realm, err := h.Server.Realms.BySlug(t.Context(), "contractor")
		require.NoError(t, err)
		u, err := h.Server.Store.User(t.Context(), realm.Tenant.ID, alice)
		require.NoError(t, err)
		require.Contains(t, u.Flags, "identity_verification_pending")
		status, _, _ := c.call(http.MethodDelete, write, flag)
		require.Equal(t, http.StatusNoContent, status)
		u, err = h.Server.Store.User(t.Context(), realm.Tenant.ID, alice)
		require.NoError(t, err)
		require.Empty(t, u.Flags)
	})
}
