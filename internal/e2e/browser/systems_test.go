package browser_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// row is one sentence of the description of systems A to E, and what shows that
// it is true.
type row struct {
	id, says string
	show     func(t *testing.T, s *stage, script bool)
}

// rows are those of system A that have pages, and the trusted devices of E.
var rows = []row{
	{"A-14", "a code lives 60 seconds", codeLives},
	{"A-15", "after 60 seconds the code is no longer taken, and that is no guess", codeDies},
	{"A-16", "a new code can be asked for, and it ends the old one", newCodeEndsOld},
	{"A-16", "only so many codes are sent in a row", sendsEnd},
	{"A-17", "a login asks for a code while 2FA is on", loginWithSecondStep},
	{"A-17", "a login asks for none while 2FA is off", loginWithoutSecondStep},
	{"A-19", "adding payment details is confirmed, each time", confirmPaymentDetails},
	{"A-20", "asking for a payout is confirmed, each time", confirmPayout},
	{"A-21", "login, payment details and payout run through one flow", oneFlow},
	{"A-22", "the flow starts when the user does the action", startsWithTheAction},
	{"A-23", "six digits go to email first, also with a confirmed phone", emailFirst},
	{"A-24", "the page says that the code was sent, and where, masked", saysSent},
	{"A-25", "a resend timer of one minute starts, and the server keeps it", resendTimer},
	{"A-26", "after the timer a confirmed phone may get the code, and email may again", smsAfterTimer},
	{"A-26", "a phone that is not verified, or none, is never offered", smsNeverOffered},
	{"A-27", "a wrong code is told in place, until the tries are used up", wrongCodeLogin},
	{"A-27", "an action ends when the tries are used up", wrongCodeAction},
	{"A-28", "after the right code the window is over", windowCloses},
	{"A-29", "the action is completed, exactly once", completedOnce},
	{"A-30", "the user is told that it worked", toldThatItWorked},
	{"E-15", "the tenant decides how long a device is trusted, for all its users", trustForAll},
	{"E-16", "after that time a code is asked for again, however often the device was used", trustIsAbsolute},
	{"E-17", "session trusts this sign-in only and stores nothing", trustSession},
	{"E-17", "a device is trusted for one day", trustFor("P1D")},
	{"E-17", "a device is trusted for one week", trustFor("P7D")},
	{"E-17", "a device is trusted for thirty days", trustFor("P30D")},
	{"E-17", "where the tenant asks, a device is trusted only when the box is ticked", trustAsks},
	{"E-19", "a change of the rules holds from the next login on", rulesHoldAtNextLogin},
}

// TestSystems shows each row in a browser as people have it.
func TestSystems(t *testing.T) { showAll(t, true) }

// TestSystemsWithoutScript shows each row in a browser that runs no JavaScript.
func TestSystemsWithoutScript(t *testing.T) {
	t.Run("the browser runs none", func(t *testing.T) {
		const ran = `document.querySelectorAll("time[title]").length > 0` // page.js leaves a title
		s := theStage(t)
		for _, script := range []bool{true, false} {
			v := s.visitShop(t, script, contractor, alice)
			v.giveName(t)
			require.Equal(t, script, eval[bool](t, v.tab, ran))
			require.Equal(t, !script, eval[bool](t, v.tab, `matchMedia("(scripting: none)").matches`))
		}
	})
	showAll(t, false)
}

func showAll(t *testing.T, script bool) {
	t.Helper()
	for _, r := range slices.Concat(rows, rowsOfA, rowsOfD, rowsOfB, rowsWithdrawal, rowsOfC, rowsOfNumber, rowsOfE) {
		t.Run(r.id+" "+strings.ReplaceAll(r.says, "/", " "), func(t *testing.T) {
			t.Parallel()
			r.show(t, theStage(t), script)
		})
	}
}
