package provider

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/model"
)

func TestAnAppThatBindsAllItsTokens(t *testing.T) {
	s := newTokenServer(t)
	for _, id := range []string{appShop, appMachine} {
		app := s.app(id)
		app.DPoPBound = true
		s.put(app)
	}
	require.NoError(t, s.catalog.Refresh(t.Context()))
	code, _ := s.grant(appShop, nil)
	for name, a := range map[string]answer{
		"client_credentials": s.post(ccForm(), asMachine),
		"a code":             s.post(s.codeForm(appShop, code), asShop),
		"a refresh token":    s.post(refreshForm("rt1.x.y"), asShop),
	} {
		require.Equal(t, "invalid_dpop_proof", a.Error, name)
		require.Equal(t, http.StatusBadRequest, a.Status, name)
		require.NotEmpty(t, a.Header.Get("DPoP-Nonce"), name)
	}
	a := s.post(s.codeForm(appShop, code), asShop, s.proving("ec"))
	require.Equal(t, http.StatusOK, a.Status, "the code was not used up")
	require.Equal(t, "invalid_dpop_proof", s.post(refreshForm(a.RefreshToken), asShop).Error)
	require.Equal(t, http.StatusOK, s.post(refreshForm(a.RefreshToken), asShop, s.proving("ec")).Status)
	require.Equal(t, http.StatusOK, s.post(ccForm(), asMachine, s.proving("ec")).Status)
}

func TestAnAppThatHasToBindItsTokensSinceAMomentAgo(t *testing.T) {
	s := newTokenServer(t)
	s.exchange(nil) // the tenant is in memory now
	app := s.app(appShop)
	app.DPoPBound = true
	s.put(app)
	code, _ := s.grant(appShop, nil)
	require.Equal(t, "invalid_dpop_proof", s.post(s.codeForm(appShop, code), asShop).Error)
}

// TestRefreshTokensOfAnAppWithoutASecret are bound to the key of the code's exchange.
func TestRefreshTokensOfAnAppWithoutASecret(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		code, g := s.grant(appPublic, nil)
		a := s.post(publicForm(s.codeForm(appPublic, code)), s.proving("ec"))
		require.Equal(t, http.StatusOK, a.Status, a.Description)
		require.Equal(t, "DPoP", a.TokenType)
		kept, _, err := s.store.Grant(t.Context(), tenantA, g.ID, s.clock())
		require.NoError(t, err)
		require.Equal(t, jktOf(t, "ec"), kept.JKT)

		require.Equal(t, "invalid_grant", s.post(publicForm(refreshForm(a.RefreshToken))).Error, "no proof")
		require.Equal(t, "invalid_grant", s.post(publicForm(refreshForm(a.RefreshToken)), s.proving("next")).Error, "another key")
		b := s.post(publicForm(refreshForm(a.RefreshToken)), s.proving("ec"))
		require.Equal(t, http.StatusOK, b.Status, "what was refused has ended nothing")
		require.Equal(t, map[string]any{"jkt": jktOf(t, "ec")}, claimsIn(t, b.AccessToken)["cnf"])
		require.Equal(t, "invalid_grant", s.post(publicForm(refreshForm(a.RefreshToken)), s.proving("next")).Error, "another key, in the time of grace")
		require.Equal(t, b.RefreshToken, s.post(publicForm(refreshForm(a.RefreshToken)), s.proving("ec")).RefreshToken)

		s.advance(refreshGrace)
		require.Equal(t, "invalid_grant", s.post(publicForm(refreshForm(a.RefreshToken)), s.proving("next")).Error)
		require.Equal(t, http.StatusOK, s.post(publicForm(refreshForm(b.RefreshToken)), s.proving("ec")).Status,
			"who does not hold the key ends nothing with a token that is old")
	})
}

func TestRefreshTokensOfAnAppWithoutAProof(t *testing.T) {
	s := newTokenServer(t)
	code, _ := s.grant(appPublic, nil)
	a := s.post(publicForm(s.codeForm(appPublic, code)))
	require.Equal(t, "Bearer", a.TokenType)
	require.NotContains(t, claimsIn(t, a.AccessToken), "cnf")
	b := s.post(publicForm(refreshForm(a.RefreshToken)), s.proving("ec"))
	require.Equal(t, "DPoP", b.TokenType, "it may begin to bind its tokens")
}

// TestRefreshTokensOfAnAppWithASecret are bound by that: it may change its key.
func TestRefreshTokensOfAnAppWithASecret(t *testing.T) {
	s := newTokenServer(t)
	code, _ := s.grant(appShop, nil)
	a := s.post(s.codeForm(appShop, code), asShop, s.proving("ec"))
	b := s.post(refreshForm(a.RefreshToken), asShop, s.proving("next"))
	require.Equal(t, http.StatusOK, b.Status, b.Description)
	require.Equal(t, map[string]any{"jkt": jktOf(t, "next")}, claimsIn(t, b.AccessToken)["cnf"])
	c := s.post(refreshForm(b.RefreshToken), asShop)
	require.Equal(t, "Bearer", c.TokenType)

	s.resourceServer(nil)
	told := s.asked(b.AccessToken, asShop)
	require.Equal(t, "DPoP", told["token_type"])
	require.Equal(t, map[string]any{"jkt": jktOf(t, "next")}, told["cnf"])
	require.Equal(t, true, s.asked(c.RefreshToken, asShop)["active"])
}

// TestABoundCode: RFC 9449 section 10.
func TestABoundCode(t *testing.T) {
	bound := func(g *model.Grant) { g.JKT = jktOf(t, "ec") }
	tests := []struct {
		name string
		key  string
		want string
	}{
		{"with its key", "ec", ""},
		{"with another key", "next", "invalid_grant"},
		{"without a proof", "", "invalid_grant"},
	}
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		for _, app := range []string{appShop, appPublic} {
			for _, tt := range tests {
				t.Run(app+" "+tt.name, func(t *testing.T) {
					code, g := s.grant(app, bound)
					edits := []func(*http.Request){}
					form := s.codeForm(app, code)
					if app == appShop {
						edits = append(edits, asShop)
					} else {
						publicForm(form)
					}
					again := append([]func(*http.Request){s.proving("ec")}, edits...)
					if tt.key != "" {
						edits = append(edits, s.proving(tt.key))
					}
					a := s.post(form, edits...)
					require.Equal(t, tt.want, a.Error, a.Description)
					if tt.want == "" {
						return
					}
					_, _, err := s.store.Grant(t.Context(), tenantA, g.ID, s.clock())
					require.ErrorIs(t, err, model.ErrNotFound, "the grant has ended")
					require.Equal(t, "invalid_grant", s.post(form, again...).Error, "there is no second try")
				})
			}
		}
	})
}

func TestProofWhenTheStoreFails(t *testing.T) {
	s := newTokenServer(t)
	s.provider.Replays = brokenReplays{}
	code, _ := s.grant(appShop, nil)
	a := s.post(s.codeForm(appShop, code), asShop, s.proving("ec"))
	require.Equal(t, http.StatusServiceUnavailable, a.Status)
	require.Equal(t, "temporarily_unavailable", a.Error)
	s.provider.Replays = s.store
	require.Equal(t, http.StatusOK, s.post(s.codeForm(appShop, code), asShop, s.proving("ec")).Status, "the code was not used up")
}
