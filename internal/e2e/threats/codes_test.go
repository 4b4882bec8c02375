package threats_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/mfa"
)

// sameCodeTwice is T-01. It is done a few times over, since a race that is there
// is not won each time.
func sameCodeTwice(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	for round := 1; round <= 5; round++ {
		v := mustSecondStep(t, browser(p), alice)
		right := code(t, p, alice)

		submits := statuses(t, parallel(64, func(int) answer {
			page, err := v.guess(right)
			return answer{page, err}
		}))

		require.Equal(t, 1, submits[http.StatusSeeOther], "%v", submits)
		require.Equal(t, 63, submits[http.StatusConflict]+submits[http.StatusTooManyRequests], "%v", submits)
		require.Equal(t, round, events(t, p, mfa.EventTried, "ok"))
		require.Equal(t, round, comparisons(t, p))
		require.Equal(t, "used", v.challenge(t).Status)
		require.Equal(t, round-1, sessions(t, p), "a session begins with the last effect of a login")

		answers := parallel(64, func(int) *harness.Page { return v.browser.TryGet(v.resume()) })
		given := 0
		for _, a := range answers {
			if a.Callback != nil {
				require.NotEmpty(t, a.Callback.Get("code"))
				given++
				continue
			}
			require.Equal(t, http.StatusConflict, a.Status, "%s", a.Body)
		}
		require.Equal(t, 1, given, "the interaction was answered more than once")
		require.Equal(t, round, sessions(t, p))
		require.Equal(t, round, events(t, p, "login.completed", "ok"))
	}
}

// overrun is T-02.
func overrun(t *testing.T, h *harness.House) {
	t.Run("63 wrong ones and the right one, limit 5", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, noLimits, `"lockout": {"soft_fails": 20}`), person(t, alice, phone))
		v := mustSecondStep(t, browser(p), alice)
		right := code(t, p, alice)

		submits := statuses(t, parallel(64, func(i int) answer {
			guess := wrong(right, i)
			if i == 32 {
				guess = right
			}
			page, err := v.guess(guess)
			return answer{page, err}
		}))

		require.LessOrEqual(t, comparisons(t, p), 5)
		require.LessOrEqual(t, submits[http.StatusSeeOther], 1, "%v", submits)
		require.Equal(t, submits[http.StatusSeeOther], events(t, p, mfa.EventTried, "ok"))
		c := v.challenge(t)
		require.Equal(t, comparisons(t, p), c.Attempts)
		if submits[http.StatusSeeOther] == 1 {
			require.Equal(t, "used", c.Status)
		} else {
			require.Equal(t, "locked", c.Status)
			require.Equal(t, 5, c.Attempts)
		}
	})
	t.Run("9 wrong ones and the right one, limit 10, 100 times", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(`"codes": {"default": {"ttl_s": 600, "attempts": 10}}`, noLimits, `"lockout": {"soft_fails": 20}`),
			person(t, alice, phone))
		for round := range 100 {
			v := mustSecondStep(t, browser(p), alice)
			right := code(t, p, alice)

			submits := statuses(t, parallel(10, func(i int) answer {
				guess := wrong(right, i)
				if i == round%10 {
					guess = right
				}
				page, err := v.guess(guess)
				return answer{page, err}
			}))

			require.Equal(t, 1, submits[http.StatusSeeOther], "round %d: %v", round, submits)
			require.Equal(t, round+1, events(t, p, mfa.EventTried, "ok"))
		}
	})
}

// resendMultiplies is T-06.
func resendMultiplies(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits, `"lockout": {"soft_fails": 6, "delays_s": [30, 31, 32, 33, 34]}`), person(t, alice, phone))
	v := mustSecondStep(t, browser(p), alice)
	for gen, guesses := range []int{4, 4, 2} {
		if gen > 0 {
			h.Clock.Advance(2 * time.Minute) // past the timer, and past the delay that the wrong codes cost
			require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge/resend").Status)
		}
		for i := range guesses {
			h.Clock.Advance(61 * time.Second)
			page := v.mustGuess(t, wrong(code(t, p, alice), i))
			require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusTooManyRequests}, page.Status, "generation %d, guess %d", gen+1, i+1)
		}
		require.Equal(t, gen+1, v.challenge(t).Gen)
	}
	require.Equal(t, 10, comparisons(t, p))
	require.Equal(t, 10, v.challenge(t).Chain)

	h.Clock.Advance(time.Hour / 10)
	eleventh := v.mustGuess(t, code(t, p, alice))

	require.Equal(t, http.StatusTooManyRequests, eleventh.Status)
	require.Equal(t, 10, comparisons(t, p), "the eleventh was compared")
	require.Zero(t, events(t, p, mfa.EventTried, "ok"))
	require.Equal(t, "locked", v.challenge(t).Status)
}

// oldCode is T-07.
func oldCode(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes), person(t, alice, phone))
	v := mustSecondStep(t, browser(p), alice)
	old := code(t, p, alice)
	h.Clock.Advance(61 * time.Second)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge/resend").Status)
	fresh := code(t, p, alice)
	require.NotEqual(t, old, fresh)

	refused := v.mustGuess(t, old)

	require.Equal(t, http.StatusUnprocessableEntity, refused.Status)
	require.Equal(t, 1, events(t, p, mfa.EventTried, "mismatch"), "it counts as a wrong code")
	require.Equal(t, 1, v.challenge(t).Attempts)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, fresh).Status)
}

// codePastItsLife is T-08. Codes of this preset live 60 s.
func codePastItsLife(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, "", person(t, alice, phone))
	for _, tt := range []struct {
		name   string
		after  time.Duration
		status int
	}{
		{"59.999 s is in time", 60*time.Second - time.Millisecond, http.StatusSeeOther},
		{"60.000 s is too late", 60 * time.Second, http.StatusUnprocessableEntity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := stillAt(h.Clock.Now())
			a := build(t, h, func(o *server.Options) { o.Now = clock.now })
			v := mustSecondStep(t, a.browser(p), alice)
			right := code(t, p, alice)
			refused := events(t, p, mfa.EventRefused, "code_expired")
			clock.move(tt.after - 10*time.Millisecond)
			shown := v.browser.Get(t, v.path("/challenge"))
			require.NotEmpty(t, shown.Form(t, "/challenge").Names, "the page still asks for the code")
			clock.move(10 * time.Millisecond)

			page := v.mustGuess(t, right)

			require.Equal(t, tt.status, page.Status)
			if tt.status == http.StatusSeeOther {
				require.NotEmpty(t, v.finish(t).Get("code"))
				return
			}
			require.Equal(t, refused+1, events(t, p, mfa.EventRefused, "code_expired"))
			require.Equal(t, "expired", v.challenge(t).Status)
			require.Zero(t, v.challenge(t).Attempts, "an expired code costs nothing")
			again := v.mustGuess(t, right)
			require.NotEqual(t, http.StatusSeeOther, again.Status)
		})
	}
}

// doubleClick is T-36.
func doubleClick(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes), person(t, alice, phone))
	v := mustSecondStep(t, browser(p), alice)
	require.Equal(t, 1, codes(p, alice))
	h.Clock.Advance(61 * time.Second)

	clicks := statuses(t, parallel(20, func(int) answer {
		page, err := v.post("/challenge/resend")
		return answer{page, err}
	}))

	require.Equal(t, 2, codes(p, alice), "20 clicks made %d messages: %v", codes(p, alice)-1, clicks)
	require.Equal(t, 20, clicks[http.StatusSeeOther]+clicks[http.StatusTooManyRequests]+clicks[http.StatusConflict], "%v", clicks)
	require.Equal(t, 2, v.challenge(t).Gen)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, alice)).Status)
}

// clockMoved is T-58.
func clockMoved(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, "", person(t, alice, phone))
	clock := stillAt(h.Clock.Now())
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	for _, tt := range []struct {
		name    string
		touched bool
	}{
		{"a code that died unseen", false},
		{"a code that was refused as dead", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begun := clock.now()
			defer clock.set(begun.Add(2 * time.Minute))
			v := mustSecondStep(t, a.browser(p), alice)
			right := code(t, p, alice)
			clock.move(61 * time.Second)
			if tt.touched {
				require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, right).Status)
			}
			clock.move(-10 * time.Minute)

			page := v.mustGuess(t, right)

			require.NotEqual(t, http.StatusSeeOther, page.Status, "setting the clock back revived a dead code")
			require.Zero(t, events(t, p, mfa.EventTried, "ok"))
			require.Nil(t, v.browser.Get(t, v.resume()).Callback)
		})
	}
	t.Run("a clock set forward ends a code and nothing else", func(t *testing.T) {
		v := mustSecondStep(t, a.browser(p), alice)
		right := code(t, p, alice)
		clock.move(10 * time.Minute)
		require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, right).Status)
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge/resend").Status)
		require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, alice)).Status)
	})
}
