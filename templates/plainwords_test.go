package templates

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhoHasForgottenThePINIsToldWhatToDo(t *testing.T) {
	app := house()
	app.AppName = "Demo Shop"
	help := PINHelp{Tries: 10, ResetURL: "/settings#row-pin", Holds: true}
	leaves := help
	leaves.Leaves = true
	tests := []struct {
		name string
		page Page
		want []string
		not  string
	}{
		{
			"alone, for an action",
			ChallengePage{Frame: app, CodeField: CodeField{Method: "pin", PINHelp: leaves}, ActionName: "payout.request", CanCancel: true},
			[]string{"Forgot your PIN?", "After 10 wrong tries it stops working", "payouts and other protected actions have to wait", "To go back to Demo Shop"},
			"",
		},
		{"with a code", EnrolCodePage{Frame: house(), CodeField: CodeField{Method: "sms", AskPIN: true, PINHelp: help}}, []string{"your security settings"}, "To go back"},
		{
			"where staff alone can help",
			ConfirmPage{Frame: app, CodeField: CodeField{Method: "pin", PINHelp: PINHelp{ResetURL: "/settings", Leaves: true}}, ActionName: "payout.request"},
			[]string{"Ask the people who look after Contractor"},
			"wrong tries",
		},
		{"beside a new PIN", EnrolPINPage{Frame: house(), AskOld: true, PINHelp: help, DigitsMin: 6}, []string{"Forgot your PIN?"}, ""},
		{"beside new codes", RecoveryRenewPage{Frame: house(), AskPIN: true, PINHelp: help}, []string{"Forgot your PIN?"}, ""},
		{"for a key", EnrolKeyPage{Frame: house(), AskPIN: true, PINHelp: help}, []string{"Forgot your PIN?"}, ""},
		{"for an app", EnrolAppPage{Frame: house(), CodeField: CodeField{Method: "totp", AskPIN: true, PINHelp: help}, SetupURI: "otpauth://totp/x"}, []string{"Forgot your PIN?"}, ""},
		{
			"a PIN that has stopped working",
			ChallengePage{Frame: house(), CodeField: CodeField{Method: "pin", Problem: ProblemPINDead, PINHelp: help}},
			[]string{"Set a new one in your security settings."},
			"After 10",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := drawnPage(t, tt.page)

			box := p.byID("forgot-pin")
			require.NotNil(t, box)
			for _, text := range tt.want {
				require.Contains(t, content(box), text)
			}
			if tt.not != "" {
				require.NotContains(t, content(box), tt.not)
			}
		})
	}
	require.Nil(t, drawnPage(t, ChallengePage{Frame: house(), CodeField: CodeField{Method: "sms", PINHelp: help}}).byID("forgot-pin"), "no PIN is asked for")
	require.Nil(t, drawnPage(t, EnrolPINPage{Frame: house(), PINHelp: help}).byID("forgot-pin"))
}

func TestAPageSaysHowLongACodeWorks(t *testing.T) {
	field := func(life, resend time.Duration) CodeField {
		return CodeField{
			Method: "sms", Masked: "+52", Life: life, ExpiresAt: noon.Add(life), ResendAt: noon.Add(resend), ResendAction: "/again",
		}
	}
	tests := []struct {
		name  string
		field CodeField
		want  string
		again bool
	}{
		{"a minute, and then a new one: A-14, A-16", field(time.Minute, time.Minute), "They work for 60 seconds, until 14:32:08 CET.", false},
		{"some minutes", field(5*time.Minute, time.Minute), "They work for 5 minutes, until 14:36 CET.", false},
		{"as long as the wait for a new one: C-14", field(15*time.Minute, 15*time.Minute), "They work for 15 minutes, until 14:46:08 CET.", true},
		{"shorter than the wait", field(time.Minute, 2*time.Minute), "They work for 60 seconds", true},
		{"nobody knows for how long", CodeField{Method: "sms", ExpiresAt: noon.Add(5 * time.Minute)}, "They work until 14:36 CET.", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := drawnPage(t, EnrolCodePage{Frame: house(), CodeField: tt.field, Action: "/x"})

			require.Contains(t, content(p.byID("code-hint")), tt.want)
			require.Equal(t, tt.again, p.byID("start-again") != nil)
		})
	}
}

func TestAContactOnFileHasOneState(t *testing.T) {
	for _, confirmed := range []bool{true, false} {
		mail := content(drawnPage(t, EnrolEmailPage{Frame: house(), Email: "a@example.test", Existing: true, Confirmed: confirmed}).byID("main"))
		phone := content(drawnPage(t, EnrolPhoneCheckPage{Frame: house(), Number: "+52", Method: "sms", Existing: true, Confirmed: confirmed}).byID("main"))
		for _, text := range []string{mail, phone} {
			if confirmed {
				require.NotContains(t, text, "waits to be confirmed")
				require.Contains(t, text, "of your account:")
			} else {
				require.Contains(t, text, "waits to be confirmed")
			}
		}
	}
}

func TestANumberFormWithoutACountryTakesOneThatBeginsWithPlus(t *testing.T) {
	page := EnrolPhonePage{Frame: house(), Action: "/x", Countries: []Country{{Code: "MX", Name: "Mexico", Calling: "+52"}}, Methods: []PhoneMethod{{Method: "sms", Available: true}}}

	p := drawnPage(t, page)
	require.False(t, hasAttr(p.byID("country"), "required"))
	require.Contains(t, content(p.byID("phone-hint")), "begin with +")

	page.Country, page.Change, page.Current, page.Told = "MX", true, "+49 ••• 42", TellBoth
	p = drawnPage(t, page)
	require.True(t, hasAttr(p.byID("country"), "required"))
	require.Contains(t, content(p.byID("phone-hint")), "Without the country code")
	require.Contains(t, content(p.byID("current")), "We tell the old number and your email address")
	page.Told = TellEmail
	require.Contains(t, content(drawnPage(t, page).byID("current")), "We tell your email address")
}

func TestAListOfOneIsNoChoice(t *testing.T) {
	one := drawnPage(t, EnrolChoosePage{Frame: house(), Action: "/x", Choices: []EnrolChoice{{Method: "sms", Available: true}}})
	require.Contains(t, content(one.byID("main")), "Set up a second step")
	require.NotContains(t, content(one.byID("main")), "Choose")

	required := func(alone bool) string {
		return content(drawnPage(t, SettingsPage{Inside: inside(), TwoStep: TwoStep{State: StateRequired, OneWay: alone}}).byID("main"))
	}
	require.NotContains(t, required(true), "You can choose how")
	require.Contains(t, required(false), "You can choose how")
}

func TestTheHubSaysOnceThatAPINComesFirst(t *testing.T) {
	p := drawnPage(t, SettingsPage{
		Inside: inside(), Rows: []FactorRow{{Kind: "sms", State: StateOff}},
		NeedsPIN: &RowAction{Label: DoSet, URL: "/start", Post: true, Fields: []Field{{Name: "kind", Value: "pin"}}},
	})

	box := p.byID("needs-pin")
	require.Contains(t, content(box), "Set a PIN first.")
	require.Contains(t, content(box), "Set PIN")
}

func TestAMethodForActionsAloneIsNotCalledRequired(t *testing.T) {
	row := content(drawnPage(t, SettingsPage{Inside: inside(), Rows: []FactorRow{{Kind: "email", State: StateRequired, Apart: true}}}).byID("row-email"))

	require.NotContains(t, row, "Required by your organization")
	require.Contains(t, row, "Always on")
	require.Contains(t, row, "also while two-step sign-in is off")
}

func TestTheQuestionSaysWhatTurningOffMeans(t *testing.T) {
	p := drawnPage(t, ConfirmChangePage{Frame: house(), Action: "/x", Change: ChangeTurnOffEmail, Next: true, NextTo: "a•••@example.test", Alone: true})

	require.Contains(t, content(p.byID("alone")), "your password alone opens the account")
	require.Contains(t, content(p.byID("next")), "we send a last code to a•••@example.test")
	require.Nil(t, drawnPage(t, ConfirmChangePage{Frame: house(), Change: ChangeTurnOffEmail}).byID("alone"))
}

func TestWhoIsSignedOutMaySignInAgain(t *testing.T) {
	p := drawnPage(t, LogoutPage{Frame: house(), Done: true, SignInURL: "/settings"})

	require.Equal(t, "/settings", attr(p.byID("sign-in"), "href"))
}

func TestTrustForOneSignInIsExplained(t *testing.T) {
	p := drawnPage(t, DevicesPage{Inside: inside(), OneSignIn: true})

	require.Contains(t, content(p.byID("one-sign-in")), "until you sign out or close the browser")
}

func TestAPasswordInTheSettingsSaysWhyItIsAskedFor(t *testing.T) {
	p := drawnPage(t, PasswordPage{Frame: house(), Change: "pin.enable", Progress: Progress{Step: 1, Steps: 2}})

	require.Contains(t, content(p.byID("change")), "To choose a PIN")
	require.Contains(t, content(p.byID("why")), "You’re signed in already.")
	require.Equal(t, "Step 1 of 2", content(p.byID("step")))
	require.Nil(t, drawnPage(t, PasswordPage{Frame: house()}).byID("why"), "at the door nobody is signed in")
}
