package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func wrongCodeLogin(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.giveName(t)
	letter := v.letter(t, alice)
	for left := 4; left >= 1; left-- {
		p := v.give(t, wrong(letter.Code))
		require.Equal(t, "challenge", p.Page)
		require.True(t, strings.HasPrefix(p.Title, "Error: "), "%s", p.Title)
		require.Contains(t, v.text(t, "#summary"), saysWrong)
		require.Contains(t, v.text(t, "#summary"), tries(left))
		require.Equal(t, "true", v.attr(t, "#code", "aria-invalid"))
		require.Contains(t, v.attr(t, "#code", "aria-describedby"), "code-error")
		require.Contains(t, v.text(t, "#code-error"), saysWrong)
	}
	v.give(t, wrong(letter.Code))
	require.Equal(t, http.StatusTooManyRequests, v.last().Status)
	require.Contains(t, v.text(t, "#summary"), saysTooMany)
	require.False(t, v.has(t, "#code"), "no more codes are taken")
	v.reload(t)
	require.False(t, v.has(t, "#code"), "nor after a look again")
}

func tries(left int) string {
	if left == 1 {
		return "You have 1 try left."
	}
	return fmt.Sprintf("You have %d tries left.", left)
}

func wrongCodeAction(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.signIn(t)
	p := v.ask(t, "#payout")
	letter := v.letter(t, alice)
	for left := 4; left >= 1; left-- {
		p = v.give(t, wrong(letter.Code))
		require.Equal(t, "confirm", p.Page)
		require.Contains(t, v.text(t, "#summary"), tries(left))
	}
	p = v.give(t, wrong(letter.Code))
	require.Equal(t, "shop", p.Page)
	require.Equal(t, "denied", v.attr(t, "#result", "data-result"))
	require.Equal(t, "access_denied", v.attr(t, "#result", "data-error"))
}

func windowCloses(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.signIn(t)
	window := v.ask(t, "#payout").URL
	letter := v.letter(t, alice)
	v.atShop(t, v.give(t, letter.Code), "payout.request")
	v.navigate(t, window) // as the back button does
	p := v.await(t, "the old window", func(p sight) bool { return p.Ready == "complete" && p.Page != "" && p.Page != "interstitial" })
	require.NotEqual(t, "confirm", p.Page)
	require.False(t, v.has(t, "#code"), "%+v", p)
}

func completedOnce(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.signIn(t)
	v.ask(t, "#payout")
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "payout.request")
	address := v.answerAddress(t)
	v.open(t, address)
	require.Equal(t, "denied", v.attr(t, "#result", "data-result"), "the same answer does nothing twice")
	require.Equal(t, "unknown_state", v.attr(t, "#result", "data-error"))
}

// answerAddress is the address with which the browser came back to the shop, as
// the interstitial showed it.
func (v *visit) answerAddress(t *testing.T) string {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := len(v.hops) - 1; i >= 0; i-- {
		if strings.HasPrefix(v.hops[i], v.ShopURL+"/callback?") {
			return v.hops[i]
		}
	}
	require.Fail(t, "the browser never came back")
	return ""
}

func toldThatItWorked(t *testing.T, s *stage, script bool) {
	for button, says := range map[string]string{"#payout": "Payout requested.", "#payment-details": "Payment details added."} {
		v := s.visitShop(t, script, contractor, carol)
		v.signIn(t)
		v.ask(t, button)
		p := v.give(t, v.letter(t, carol).Code)
		require.True(t, strings.HasPrefix(p.URL, v.ShopURL), "the app is on its own origin: %s", p.URL)
		require.Equal(t, says, v.text(t, "#result"))
		require.Equal(t, "status", v.attr(t, "#result", "role"))
		s.Clock.Advance(2 * minute)
	}
}
