package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/model"
)

func TestJudgeRefresh(t *testing.T) {
	now := tokenT0
	key := []byte("a key of thirty-two bytes for it")
	app := &identity.Client{ID: appShop, GrantTypes: []string{grantRefresh}}
	base := model.Grant{
		ID: b64(make([]byte, grantIDSize)), TenantID: tenantA, ClientID: appShop, Scopes: []string{scopeOffline},
		RTGen: 3, RTSalt: []byte("0123456789abcdef"), RTRotatedAt: now.Add(-5 * time.Second),
		RTExpiresAt: now.Add(time.Hour), GrantExpiresAt: now.Add(time.Hour),
	}
	tests := []struct {
		name string
		gen  int
		edit func(*model.Grant, *refreshToken) // after the token was made
		want verdict
	}{
		{"the generation in force", 3, nil, refreshNext},
		{"the one before, within the grace", 2, nil, refreshAgain},
		{"the one before, a moment before the grace ends", 2, func(g *model.Grant, _ *refreshToken) { g.RTRotatedAt = now.Add(time.Millisecond - refreshGrace) }, refreshAgain},
		{"the one before, when the grace has ended", 2, func(g *model.Grant, _ *refreshToken) { g.RTRotatedAt = now.Add(-refreshGrace) }, refreshReused},
		{"an older one, even within the grace", 1, nil, refreshReused},
		{"a generation that is not yet", 4, nil, refreshRefused},
		{"generation 0", 0, nil, refreshRefused},
		{"a forged MAC on an old generation is no reuse", 1, func(_ *model.Grant, r *refreshToken) { r.mac[0] ^= 1 }, refreshRefused},
		{"a forged MAC on the generation in force", 3, func(_ *model.Grant, r *refreshToken) { r.mac[31] ^= 1 }, refreshRefused},
		{"the MAC of another generation", 2, func(_ *model.Grant, r *refreshToken) { r.gen = 3 }, refreshRefused},
		{"a new salt kills the family", 3, func(g *model.Grant, _ *refreshToken) { g.RTSalt = []byte("fedcba9876543210") }, refreshRefused},
		{"another tenant", 3, func(g *model.Grant, _ *refreshToken) { g.TenantID = tenantB }, refreshRefused},
		{"another app's old token is no reuse", 1, func(g *model.Grant, _ *refreshToken) { g.ClientID = appPost }, refreshRefused},
		{"a revoked grant", 3, func(g *model.Grant, _ *refreshToken) { g.RevokedAt = now }, refreshRefused},
		{"idle for too long", 3, func(g *model.Grant, _ *refreshToken) { g.RTExpiresAt = now }, refreshRefused},
		{"at the absolute end", 3, func(g *model.Grant, _ *refreshToken) { g.GrantExpiresAt = now }, refreshRefused},
		{"without offline_access", 3, func(g *model.Grant, _ *refreshToken) { g.Scopes = []string{"openid"} }, refreshRefused},
		{"for an action", 3, func(g *model.Grant, _ *refreshToken) { g.Action = "payout.request" }, refreshRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := base
			text, err := makeRefresh(key, &g, tt.gen)
			require.NoError(t, err)
			token, ok := parseRefresh(text)
			require.True(t, ok)
			if tt.edit != nil {
				tt.edit(&g, &token)
			}
			require.Equal(t, tt.want, judgeRefresh(key, &g, token, app, "", now))
		})
	}
}

func TestParseRefresh(t *testing.T) {
	g := model.Grant{ID: b64(randomBytes(grantIDSize)), TenantID: tenantA}
	good, err := makeRefresh([]byte("key"), &g, 7)
	require.NoError(t, err)

	token, ok := parseRefresh(good)
	require.True(t, ok)
	require.Equal(t, g.ID, token.grantID)
	require.Equal(t, 7, token.gen)

	for name, text := range map[string]string{
		"nothing":         "",
		"a code":          "ac1." + strings.Repeat("A", 43),
		"another version": "rt2" + strings.TrimPrefix(good, "rt1"),
		"a part too few":  good[:strings.LastIndex(good, ".")],
		"a part too many": good + ".x",
		"a short body":    "rt1.AAAA." + strings.Repeat("A", 43),
		"a short MAC":     good[:len(good)-4],
		"padding":         good + "=",
		// Two bits of the last letter say nothing; they must be zero, or one token
		// could be written in four ways.
		"other idle bits in the MAC":  good[:len(good)-1] + "-",
		"other idle bits in the body": good[:strings.LastIndex(good, ".")-1] + "-" + good[strings.LastIndex(good, "."):],
	} {
		t.Run(name+" is no refresh token", func(t *testing.T) {
			_, ok := parseRefresh(text)
			require.False(t, ok)
		})
	}
}

func TestRefresh(t *testing.T) {
	t.Run("each one gives a new pair, with the evidence of the first", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		s.advance(time.Hour)

		second := s.post(refreshForm(first.RefreshToken), asShop)

		require.Equal(t, http.StatusOK, second.Status, second.Description)
		require.NotEqual(t, first.RefreshToken, second.RefreshToken)
		require.EqualValues(t, 300, second.ExpiresIn)
		before, after := claimsIn(t, first.IDToken), claimsIn(t, second.IDToken)
		for _, same := range []string{"iss", "sub", "aud", "auth_time", "acr", "amr", "sid"} {
			require.Equal(t, before[same], after[same], same)
		}
		require.NotContains(t, after, "nonce")
		require.EqualValues(t, tokenT0.Add(time.Hour).Unix(), after["iat"])
		require.Equal(t, claimsIn(t, first.AccessToken)["acr"], claimsIn(t, second.AccessToken)["acr"])
		require.Equal(t, claimsIn(t, first.AccessToken)["auth_time"], claimsIn(t, second.AccessToken)["auth_time"])
	})

	t.Run("an answer that got lost can be had again for 10 s, and it is the same", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		second := s.post(refreshForm(first.RefreshToken), asShop)
		s.advance(refreshGrace - time.Second)

		again := s.post(refreshForm(first.RefreshToken), asShop)

		require.Equal(t, second.RefreshToken, again.RefreshToken)
		s.advance(refreshGrace)
		require.Equal(t, http.StatusOK, s.post(refreshForm(second.RefreshToken), asShop).Status)
	})

	t.Run("after that it is theft, and the family ends", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		second := s.post(refreshForm(first.RefreshToken), asShop)
		s.advance(refreshGrace)

		require.Equal(t, "invalid_grant", s.post(refreshForm(first.RefreshToken), asShop).Error)

		require.Equal(t, "invalid_grant", s.post(refreshForm(second.RefreshToken), asShop).Error)
		require.Equal(t, http.StatusUnauthorized, s.info(second.AccessToken).Code)
		require.Equal(t, []string{"refresh.reused"}, s.audited())
	})

	t.Run("a forged old generation ends nothing", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		second := s.post(refreshForm(first.RefreshToken), asShop)
		s.advance(time.Minute)
		parts := strings.Split(first.RefreshToken, ".")
		forged := parts[0] + "." + parts[1] + "." + b64(make([]byte, 32))

		require.Equal(t, "invalid_grant", s.post(refreshForm(forged), asShop).Error)

		require.Equal(t, http.StatusOK, s.post(refreshForm(second.RefreshToken), asShop).Status)
		require.Empty(t, s.audited())
	})

	t.Run("another app's token is refused and harms nobody", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)

		require.Equal(t, "invalid_grant", s.post(refreshForm(first.RefreshToken), as(appPost, postSecret)).Error)

		require.Equal(t, http.StatusOK, s.post(refreshForm(first.RefreshToken), asShop).Status)
	})

	t.Run("it ends after 14 days without use, and after 90 days in any case", func(t *testing.T) {
		s := newTokenServer(t)
		idle := s.exchange(nil).RefreshToken
		used := s.exchange(nil).RefreshToken
		for day := 0; day < 78; day += 13 {
			s.advance(13 * 24 * time.Hour)
			a := s.post(refreshForm(used), asShop)
			require.Equal(t, http.StatusOK, a.Status, "day %d", day+13)
			used = a.RefreshToken
			if day == 13 {
				require.Equal(t, "invalid_grant", s.post(refreshForm(idle), asShop).Error)
			}
		}
		s.advance(12*24*time.Hour - time.Second)
		a := s.post(refreshForm(used), asShop)
		require.Equal(t, http.StatusOK, a.Status, "a second before 90 days")
		s.advance(time.Second)
		require.Equal(t, "invalid_grant", s.post(refreshForm(a.RefreshToken), asShop).Error)
	})

	t.Run("none without offline_access, none for an app that may not refresh", func(t *testing.T) {
		s := newTokenServer(t)
		require.Empty(t, s.exchange(func(g *model.Grant) { g.Scopes = []string{"openid"} }).RefreshToken)
		app := s.app(appShop)
		app.GrantTypes = []string{grantCode}
		s.put(app)
		require.Empty(t, s.exchange(nil).RefreshToken)
	})

	t.Run("the strategy itself makes none for an action", func(t *testing.T) {
		g := model.Grant{ID: b64(randomBytes(grantIDSize)), Scopes: []string{scopeOffline}, Action: "payout.request", RTGen: 1}
		app := &identity.Client{GrantTypes: []string{grantRefresh}}
		strategy := &tokenStrategy{uow: &unitOfWork{grant: &g, client: app, redeemed: true}, secrets: newTokenServer(t).provider.Secrets}
		token, _, err := strategy.GenerateRefreshToken(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, token)
		g.Action = ""
		token, _, err = strategy.GenerateRefreshToken(t.Context(), nil)
		require.NoError(t, err)
		require.NotEmpty(t, token)
	})

	t.Run("an app may set an age of the login after which it is refused", func(t *testing.T) {
		s := newTokenServer(t)
		app := s.app(appShop)
		app.RefreshMaxAge = 2 * 60 * 60 // the login was an hour ago
		s.put(app)
		first := s.exchange(nil)
		s.advance(time.Hour)
		second := s.post(refreshForm(first.RefreshToken), asShop)
		require.Equal(t, http.StatusOK, second.Status)
		s.advance(time.Second)
		require.Equal(t, "invalid_grant", s.post(refreshForm(second.RefreshToken), asShop).Error)
	})

	t.Run("a user who was disabled refreshes nothing", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		s.setStatus(identity.UserDisabled)
		require.Equal(t, "invalid_grant", s.post(refreshForm(first.RefreshToken), asShop).Error)
	})

	t.Run("a public app refreshes without a secret", func(t *testing.T) {
		s := newTokenServer(t)
		code, _ := s.grant(appPublic, nil)
		form := s.codeForm(appPublic, code)
		form.Set("client_id", appPublic)
		first := s.post(form)
		require.Equal(t, http.StatusOK, first.Status, first.Description)
		form = refreshForm(first.RefreshToken)
		form.Set("client_id", appPublic)
		require.Equal(t, http.StatusOK, s.post(form).Status)
	})
}

// TestRefreshParallel sends one refresh token 32 times at once: the app that
// does so is clumsy, not robbed. Everyone gets the same successor.
func TestRefreshParallel(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		first := s.exchange(nil)

		var mu sync.Mutex
		successors := map[string]int{}
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				a := s.post(refreshForm(first.RefreshToken), asShop)
				mu.Lock()
				defer mu.Unlock()
				successors[a.RefreshToken+a.Error]++
			})
		}
		wg.Wait()

		require.Len(t, successors, 1)
		for token := range successors {
			require.Equal(t, http.StatusOK, s.post(refreshForm(token), asShop).Status)
		}
	})
}

// TestRefreshRace decides what happens to the one who loses the race, with the
// store turned at the moment that matters.
func TestRefreshRace(t *testing.T) {
	race := func(t *testing.T, between func(s *tokenServer, token refreshToken) error) answer {
		s := newTokenServer(t)
		first := s.exchange(nil)
		token, ok := parseRefresh(first.RefreshToken)
		require.True(t, ok)
		s.provider.Grants = &turned{Store: s.store, beforeRotate: func() error { return between(s, token) }}
		return s.post(refreshForm(first.RefreshToken), asShop)
	}

	t.Run("who loses by a moment gets the winner's successor", func(t *testing.T) {
		a := race(t, func(s *tokenServer, token refreshToken) error {
			return s.store.Rotate(s.t.Context(), tenantA, token.grantID, token.gen, s.clock(), s.clock().Add(refreshIdle))
		})
		require.Equal(t, http.StatusOK, a.Status)
	})

	t.Run("who is two generations behind is refused", func(t *testing.T) {
		a := race(t, func(s *tokenServer, token refreshToken) error {
			return errors.Join(
				s.store.Rotate(s.t.Context(), tenantA, token.grantID, token.gen, s.clock(), s.clock().Add(refreshIdle)),
				s.store.Rotate(s.t.Context(), tenantA, token.grantID, token.gen+1, s.clock(), s.clock().Add(refreshIdle)),
			)
		})
		require.Equal(t, "invalid_grant", a.Error)
	})

	t.Run("a grant that ended meanwhile gives nothing", func(t *testing.T) {
		a := race(t, func(s *tokenServer, token refreshToken) error {
			return s.store.Revoke(s.t.Context(), tenantA, token.grantID, "logout", s.clock())
		})
		require.Equal(t, "invalid_grant", a.Error)
	})

	t.Run("a database in trouble is 503 and not the app's mistake", func(t *testing.T) {
		a := race(t, func(*tokenServer, refreshToken) error { return errors.New("connection lost") })
		require.Equal(t, "temporarily_unavailable", a.Error)
		require.Equal(t, http.StatusServiceUnavailable, a.Status)
		require.NotContains(t, a.Description, "connection")
	})
}

// turned is the real store with something happening right before a rotation.
type turned struct {
	model.Store
	beforeRotate func() error
}

func (s *turned) Rotate(ctx context.Context, tenantID, id string, gen int, now, expires time.Time) error {
	err := s.beforeRotate()
	if err != nil {
		return err
	}
	return s.Store.Rotate(ctx, tenantID, id, gen, now, expires)
}

// TestStoreFailure: whatever the store cannot do at any of its calls is 503,
// and gives nothing away.
func TestStoreFailure(t *testing.T) {
	for _, broken := range []string{"RedeemCode", "Grant", "GrantAndUser"} {
		t.Run(broken+" fails", func(t *testing.T) {
			s := newTokenServer(t)
			first := s.exchange(nil)
			code, _ := s.grant(appShop, nil)
			s.provider.Grants = &dead{Store: s.store}
			var status int
			switch broken {
			case "RedeemCode":
				status = s.post(s.codeForm(appShop, code), asShop).Status
			case "Grant":
				status = s.post(url.Values{"grant_type": {grantRefresh}, "refresh_token": {first.RefreshToken}}, asShop).Status
			case "GrantAndUser":
				status = s.info(first.AccessToken).Code
			}
			require.Equal(t, http.StatusServiceUnavailable, status)
		})
	}
}

// dead is a store whose database is gone.
type dead struct{ model.Store }

var errDead = errors.New("no route to host")

func (*dead) RedeemCode(context.Context, model.Redeem) (model.Grant, model.Seen, error) {
	return model.Grant{}, model.Seen{}, errDead
}

func (*dead) Grant(context.Context, string, string, time.Time) (model.Grant, model.Seen, error) {
	return model.Grant{}, model.Seen{}, errDead
}

func (*dead) GrantAndUser(context.Context, string, string, time.Time) (model.Grant, identity.User, model.Seen, error) {
	return model.Grant{}, identity.User{}, model.Seen{}, errDead
}
