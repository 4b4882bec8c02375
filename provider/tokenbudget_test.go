package provider

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/store"
)

// TestStatements holds the endpoints to their number of SQL statements.
func TestStatements(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		warm := s.exchange(nil) // the tenant is in memory now
		code, _ := s.grant(appShop, nil)

		ctx, count := store.Count(t.Context())
		a := s.postCtx(ctx, s.codeForm(appShop, code), asShop)
		require.Equal(t, http.StatusOK, a.Status)
		require.Len(t, count.Statements(), 1, "code exchange")
		require.Zero(t, count.Begins())

		count.Reset()
		b := s.postCtx(ctx, refreshForm(a.RefreshToken), asShop)
		require.Equal(t, http.StatusOK, b.Status)
		require.Len(t, count.Statements(), 2, "refresh")
		require.Zero(t, count.Begins())

		count.Reset()
		require.Equal(t, b.RefreshToken, s.postCtx(ctx, refreshForm(a.RefreshToken), asShop).RefreshToken)
		require.Len(t, count.Statements(), 1, "refresh within the grace")

		count.Reset()
		w := s.postCtx(ctx, url.Values{"grant_type": {grantCredentials}, "scope": {"api"}}, as(appMachine, robotSecret))
		require.Equal(t, http.StatusOK, w.Status)
		require.Empty(t, count.Statements(), "client_credentials")

		count.Reset()
		r := s.infoRequest(warm.AccessToken).WithContext(ctx)
		require.Equal(t, http.StatusOK, s.serve(r).Code)
		require.Len(t, count.Statements(), 1, "userinfo")

		s.resourceServer(nil)
		s.signer(nil)
		inCtx := func(r *http.Request) { *r = *r.WithContext(ctx) }
		own := s.exchange(forAPI)
		for name, tt := range map[string]struct {
			path, token string
			as          func(*http.Request)
			most        int
		}{
			"introspection by the app that has it":     {"introspect", own.AccessToken, asShop, 1},
			"introspection by the app it is meant for": {"introspect", own.AccessToken, asAPI, 1},
			"introspection of a refresh token":         {"introspect", own.RefreshToken, asShop, 1},
			"introspection by a stranger":              {"introspect", own.AccessToken, asPost, 0},
			"introspection of an app's own token":      {"introspect", w.AccessToken, asRobot, 0},
			"introspection of what is none":            {"introspect", "x", asRobot, 0},
			"revocation of what is none":               {"revoke", "x", asShop, 0},
			"revocation of another app's access token": {"revoke", own.AccessToken, asPost, 0},
			"revocation of an access token":            {"revoke", s.exchange(nil).AccessToken, asShop, 1},
			"revocation of a refresh token":            {"revoke", s.exchange(nil).RefreshToken, asShop, 1},
		} {
			count.Reset()
			require.Equal(t, http.StatusOK, s.call(tt.path, tokenForm(tt.token), tt.as, inCtx).Code, name)
			require.Len(t, count.Statements(), tt.most, name)
			require.Zero(t, count.Begins())
		}

		count.Reset()
		require.Equal(t, http.StatusOK, s.postCtx(ctx, signed(ccForm(), s.assertion("ec", "ES256", nil))).Status)
		require.Len(t, count.Statements(), 1, "client_credentials with private_key_jwt")

		count.Reset()
		require.Equal(t, "invalid_grant", s.postCtx(ctx, s.codeForm(appShop, code), asShop).Error)
		require.LessOrEqual(t, len(count.Statements()), 2, "code replay")
	})
}
