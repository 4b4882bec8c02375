package stepup_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestRefresh(t *testing.T) {
	p, c := open(t)
	old, err := run(t, c, payout())
	require.NoError(t, err)
	p.clock.Move(time.Hour)

	fresh, err := c.Refresh(t.Context(), old)

	require.NoError(t, err)
	require.Equal(t, old.Subject, fresh.Subject)
	require.Equal(t, old.ACR, fresh.ACR)
	require.Equal(t, old.AuthTime, fresh.AuthTime, "a refresh is not a proof")
	require.NotEqual(t, string(old.RefreshToken), string(fresh.RefreshToken))
	require.Equal(t, start.Add(time.Hour+5*time.Minute), fresh.ExpiresAt)

	_, err = c.Refresh(t.Context(), old)
	require.ErrorIs(t, err, stepup.ErrInvalidGrant, "the old refresh token is used up")

	_, err = c.Refresh(t.Context(), stepup.Proof{Subject: "alice"})
	require.ErrorIs(t, err, stepup.ErrInvalidGrant)
	require.ErrorContains(t, err, "there is no refresh token")
}

func TestRefreshKeepsARefreshTokenThatIsNotReplaced(t *testing.T) {
	p, c := open(t)
	old, err := run(t, c, payout())
	require.NoError(t, err)
	p.tokens = func(m map[string]any) { delete(m, "refresh_token") }

	fresh, err := c.Refresh(t.Context(), old)

	require.NoError(t, err)
	require.Equal(t, string(old.RefreshToken), string(fresh.RefreshToken))
}

func TestRefreshWithoutAnIDTokenKeepsWhatWasProven(t *testing.T) {
	p, c := open(t)
	old, err := run(t, c, payout())
	require.NoError(t, err)
	p.tokens = func(m map[string]any) {
		delete(m, "id_token")
		delete(m, "refresh_token")
		delete(m, "scope")
		delete(m, "expires_in")
	}

	fresh, err := c.Refresh(t.Context(), old)

	require.NoError(t, err)
	want := old
	want.AccessToken, want.ExpiresAt = fresh.AccessToken, time.Time{}
	require.Equal(t, want, fresh)
}

func TestRefreshRefuses(t *testing.T) {
	set := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { m[name] = value }
	}
	drop := func(name string) func(map[string]any) { return func(m map[string]any) { delete(m, name) } }
	tests := []struct {
		name string
		acr  string // of the old proof
		edit func(map[string]any)
		want error
	}{
		{"another user", stepup.ACRMFA, set("sub", "bob"), stepup.ErrOtherSubject},
		{"a later auth_time", stepup.ACRMFA, set("auth_time", start.Unix()+1), stepup.ErrToken},
		{"a higher acr", stepup.ACRMFA, set("acr", stepup.ACRPHR), stepup.ErrToken},
		{"an action out of a login", stepup.ACRMFA, set("acr", stepup.Action("payout.request")), stepup.ErrToken},
		{"a trusted device out of a login", stepup.ACRMFA, set("acr", stepup.ACRTrustedDevice), stepup.ErrToken},
		{"another nonce", stepup.ACRMFA, set("nonce", "x"), stepup.ErrToken},
		{"another client", stepup.ACRMFA, set("aud", "x"), stepup.ErrToken},
		{"another access token", stepup.ACRMFA, set("at_hash", "x"), stepup.ErrToken},
		{"a lower acr passes", stepup.ACRMFA, set("acr", stepup.ACR1FA), nil},
		{"no acr passes", stepup.ACRMFA, drop("acr"), nil},
		{"no auth_time passes", stepup.ACRMFA, drop("auth_time"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, c := open(t)
			old, err := run(t, c, stepup.StartOptions{ACR: []string{tt.acr}})
			require.NoError(t, err)
			p.clock.Move(time.Minute)
			p.claims = tt.edit

			fresh, err := c.Refresh(t.Context(), old)

			require.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				require.Equal(t, start, fresh.AuthTime)
			}
		})
	}
}

func TestUserinfo(t *testing.T) {
	p, c := open(t)
	proof, err := run(t, c, stepup.StartOptions{Scopes: []string{"email"}})
	require.NoError(t, err)

	t.Run("returns the claims of the user", func(t *testing.T) {
		info, err := c.Userinfo(t.Context(), proof)

		require.NoError(t, err)
		require.Equal(t, "alice@example.test", info["email"])
	})

	t.Run("refuses those of another user", func(t *testing.T) {
		p.user = "bob"
		defer func() { p.user = "alice" }()

		_, err := c.Userinfo(t.Context(), proof)

		require.ErrorIs(t, err, stepup.ErrOtherSubject)
	})

	t.Run("tells when the token is no longer good", func(t *testing.T) {
		bad := proof
		bad.AccessToken = "x"

		_, err := c.Userinfo(t.Context(), bad)

		var endpoint *stepup.EndpointError
		require.ErrorAs(t, err, &endpoint)
		require.Equal(t, http.StatusUnauthorized, endpoint.Status)
		require.Equal(t, "invalid_token", endpoint.Code)
	})

	t.Run("refuses what is not an object", func(t *testing.T) {
		p.override["/userinfo"] = func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, []int{1}) }

		_, err := c.Userinfo(t.Context(), proof)

		require.ErrorIs(t, err, stepup.ErrUnavailable)
	})
}
