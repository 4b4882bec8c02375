package provider

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// TestKnownTokensAreStillJudged: that a signature was good before says nothing about
// the token now.
func TestKnownTokensAreStillJudged(t *testing.T) {
	s := newTokenServer(t)
	a := s.exchange(nil)
	for range 3 {
		require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
		require.Equal(t, true, s.asked(a.AccessToken, asShop)["active"])
	}
	dot := strings.LastIndex(a.AccessToken, ".")
	for name, changed := range map[string]string{
		"another signature":      a.AccessToken[:dot+1] + strings.Repeat("A", len(a.AccessToken)-dot-1),
		"no signature":           a.AccessToken[:dot+1],
		"the claims of another":  strings.Replace(a.AccessToken, "."+strings.Split(a.AccessToken, ".")[1]+".", "."+strings.Split(s.exchange(nil).AccessToken, ".")[1]+".", 1),
		"the same with more":     a.AccessToken + "A",
		"the same with a blank":  a.AccessToken + "=",
		"the ID token's service": a.IDToken,
	} {
		require.Equal(t, http.StatusUnauthorized, s.info(changed).Code, name)
		require.Equal(t, inactive, s.asked(changed, asShop), name)
	}
	s.advance(accessTokenLife + clockSkew)
	require.Equal(t, http.StatusUnauthorized, s.info(a.AccessToken).Code, "it is over")

	t.Run("a key that was removed has never signed", func(t *testing.T) {
		s := newTokenServer(t)
		a := s.exchange(nil)
		require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
		old, _ := s.keySet().Signing(keys.ES256)
		require.NoError(t, s.store.SetState(t.Context(), tenantA, old.ID, keys.Removed, s.clock()))
		app := s.app(appShop)
		app.URI = "https://shop.example/"
		s.put(app)
		require.NoError(t, s.catalog.Refresh(t.Context()))
		require.Equal(t, http.StatusUnauthorized, s.info(a.AccessToken).Code)
	})
	t.Run("another tenant does not know it", func(t *testing.T) {
		s := newTokenServer(t)
		a := s.exchange(nil)
		require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
		require.Equal(t, http.StatusUnauthorized, s.infoAt("/t/b/userinfo", a.AccessToken).Code)
	})
	t.Run("nor does a user who was disabled get in", func(t *testing.T) {
		s := newTokenServer(t)
		a := s.exchange(nil)
		require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
		_, err := s.store.UpdateUser(t.Context(), tenantA, userAlice, func(u *identity.User) error { u.Status = identity.UserDisabled; return nil })
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, s.info(a.AccessToken).Code)
	})
}

func TestVerifiedForgets(t *testing.T) {
	name := func(i int) (n [sha256.Size]byte) {
		binary.BigEndian.PutUint64(n[:], uint64(i))
		return n
	}
	v := &verified{}
	require.False(t, v.has(name(0)))
	v.add(name(0))
	for i := range 5 * verifiedMost {
		v.add(name(i + 1))
		if i%1000 == 0 {
			require.True(t, v.has(name(0)), "what is used stays")
		}
	}
	require.False(t, v.has(name(1)), "what is not used is forgotten")
	require.LessOrEqual(t, len(v.younger)+len(v.older), 2*verifiedMost)

	var none *verified
	none.add(name(1))
	require.False(t, none.has(name(1)))
}
