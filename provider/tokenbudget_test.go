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

		count.Reset()
		require.Equal(t, "invalid_grant", s.postCtx(ctx, s.codeForm(appShop, code), asShop).Error)
		require.LessOrEqual(t, len(count.Statements()), 2, "code replay")
	})
}
