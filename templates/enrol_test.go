package templates

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// keyOptions has what could break out of an attribute.
const keyOptions = `{"challenge":"dGhlLWNoYWxsZW5nZQ","rpId":"localhost","x":"<\"'&>"}`

// opened is a page as a browser without script sees it.
func opened(t *testing.T, s *Set, p Page) page {
	t.Helper()
	doc, err := html.ParseWithOptions(strings.NewReader(render(t, s, p)), html.ParseOptionEnableScripting(false))
	require.NoError(t, err)
	return page{t, doc}
}

// posts lists what the form with the field or button of this id sends: the
// names of its fields, and those of buttons elsewhere that belong to it.
func (p page) posts(id string) []string {
	var names []string
	for _, n := range p.form(id).all(func(*html.Node) bool { return true }) {
		if attr(n, "name") != "" && !hasAttr(n, "form") && attr(n, "name") != "csrf" {
			names = append(names, attr(n, "name"))
		}
	}
	return names
}

// form is the form around the element with this id.
func (p page) form(id string) page {
	p.t.Helper()
	n := p.byID(id)
	require.NotNil(p.t, n, "nothing has the id %s", id)
	for ; n != nil; n = n.Parent {
		if n.Data == "form" {
			return page{p.t, n}
		}
	}
	require.FailNow(p.t, "no form", "around %s", id)
	return page{}
}

func TestWhatTheFormsPost(t *testing.T) {
	s := newTestSet(t)
	tests := []struct {
		name   string
		sample string
		around string
		want   []string
	}{
		{"a PIN alone", "challenge-pin", "pin", []string{"pin", "trust_device", "cancel"}},
		{"a code and a PIN go together", "challenge-pair", "code", []string{"code", "pin", "trust_device", "cancel"}},
		{"a key posts its credential", "challenge-key", "submit", []string{"credential", "trust_device"}},
		{"a cancel beside a key opens no dialog", "challenge-first-enrolment", "submit", []string{"code"}},
		{"a passkey at the door", "identify-passkey", "passkey", []string{"credential"}},
		{"an email at the door", "identify-passkey", "username", []string{"username"}},
		{"the choice of a method", "enrol-optional", "choices", []string{"method", "method", "method"}},
		{"later", "enrol-counted", "later", []string{"later"}},
		{"the device of the app", "enrol-device", "devices", []string{"os", "os", "os", "os"}},
		{"on with the app", "enrol-get-app-ios", "submit", []string{"os"}},
		{"the first code of an app, and the PIN", "enrol-app-pair", "code", []string{"code", "pin"}},
		{"a number", "enrol-phone", "phone", []string{"country", "phone", "method", "method"}},
		{"a number of unclear type", "enrol-phone-line", "phone", []string{"country", "phone", "line", "line", "method", "method"}},
		{"a number that only takes texts", "enrol-phone-only-sms", "phone", []string{"country", "phone", "method"}},
		{"a number that was understood", "enrol-phone-check", "submit", []string{"country", "phone", "line", "method", "confirmed", "change"}},
		{"a number on file", "enrol-phone-check-existing", "submit", []string{"method", "method", "confirmed", "change"}},
		{"an address", "enrol-email", "email", []string{"email"}},
		{"an address on file", "enrol-email-existing", "submit", []string{"email", "change"}},
		{"a new key", "enrol-key", "submit", []string{"name", "credential"}},
		{"a new key, with the PIN", "enrol-key-pin", "submit", []string{"name", "pin", "credential"}},
		{"a new PIN", "enrol-pin", "new-pin", []string{"new-pin"}},
		{"another PIN", "enrol-pin-change", "new-pin", []string{"pin", "new-pin"}},
		{"the codes are saved", "recovery-codes", "submit", []string{"codes", "saved"}},
		{"the codes go to a file", "recovery-codes", "download-form", []string{"codes"}},
		{"new codes", "recovery-renew-pin-wrong", "submit", []string{"pin", "renew"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := opened(t, s, sampleOf(tt.sample))

			require.Equal(t, tt.want, p.posts(tt.around))
		})
	}
}

// TestOneErrorForCodeAndPIN: a text that differs tells which half was right.
func TestOneErrorForCodeAndPIN(t *testing.T) {
	s := newTestSet(t)
	var texts []string
	for _, problem := range []string{ProblemWrongCode, ProblemMalformed} {
		p := opened(t, s, ChallengePage{CodeField: CodeField{Method: "sms", AskPIN: true, Problem: problem}})
		texts = append(texts, content(p.tags("main")[0]))

		require.Equal(t, "The code or the PIN isn’t right.", content(p.byID("code-error")))
		require.Nil(t, p.byID("pin-error"))
		for _, id := range []string{"code", "pin"} {
			require.Equal(t, "true", attr(p.byID(id), "aria-invalid"), id)
			require.Contains(t, attr(p.byID(id), "aria-describedby"), "code-error", id)
		}
	}
	require.Equal(t, texts[0], texts[1])
}

func TestProblemsFitTheMethod(t *testing.T) {
	s := newTestSet(t)
	tests := []struct {
		name  string
		field CodeField
		want  string
		asks  bool
	}{
		{"an app's code that was used", CodeField{Method: "totp", Problem: ProblemUsed}, "Wait for the next one in your app.", true},
		{"a message's code that was used", CodeField{Method: "sms", Problem: ProblemUsed}, "or send a new code", true},
		{"an app's code that is wrong", CodeField{Method: "totp", Problem: ProblemWrongCode}, "set its clock automatically", true},
		{"a wrong PIN", CodeField{Method: "pin", Problem: ProblemWrongCode, TriesLeft: 2}, "You have 2 tries left.", true},
		{"a blocked PIN", CodeField{Method: "pin", Problem: ProblemPINBlocked, LockedUntil: noon.Add(15 * time.Minute)}, "Try again after 14:47 CET.", false},
		{"a PIN that is blocked with a code", CodeField{Method: "sms", AskPIN: true, Problem: ProblemPINBlocked}, "Try again later.", false},
		{"a dead PIN", CodeField{Method: "pin", Problem: ProblemPINDead}, "A new one has to be set.", false},
		{"a key whose answer is wrong", CodeField{Method: "webauthn", Problem: ProblemWrongCode}, "Your passkey or key couldn’t be checked.", true},
		{"a key without script", CodeField{Method: "webauthn", Problem: ProblemEmpty}, "Your passkey or key couldn’t be checked.", true},
		{"a copied key", CodeField{Method: "webauthn", Problem: ProblemKeyCloned}, "We turned this key off.", false},
		{"a backup code with a slip of the pen", CodeField{Method: "recovery_codes", Problem: ProblemMalformed}, "as it stands on your sheet", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := opened(t, s, ChallengePage{Frame: house(), CodeField: tt.field, Action: "/x"})

			require.Contains(t, content(p.byID("summary")), tt.want)
			require.Equal(t, tt.asks, p.byID("submit") != nil)
		})
	}
}

func TestTheFormOfAKey(t *testing.T) {
	s := newTestSet(t)
	p := opened(t, s, ConfirmPage{
		CodeField: CodeField{Method: "webauthn", KeyOptions: keyOptions}, Action: "/x", ActionName: "payout.request",
		Slip: payoutSlip(), ChooseURL: "/choose",
	})

	form := p.form("submit")
	require.Equal(t, "get", attr(form.doc, "data-webauthn"))
	require.Equal(t, keyOptions, attr(form.doc, "data-options"), "the options arrive as they were")
	for _, name := range []string{"data-msg-waiting", "data-msg-cancelled", "data-msg-exists", "data-msg-failed"} {
		require.NotEmpty(t, attr(form.doc, name), name)
	}
	require.NotEmpty(t, form.all(func(n *html.Node) bool { return hasAttr(n, "data-webauthn-cancel") && hasAttr(n, "hidden") }))
	require.NotEmpty(t, form.all(func(n *html.Node) bool { return hasAttr(n, "data-webauthn-status") && attr(n, "role") == "status" }))
	require.Contains(t, content(form.tags("noscript")[0]), "need JavaScript")
	require.Equal(t, "/choose", attr(page{t, form.tags("noscript")[0]}.tags("a")[0], "href"), "there is a way on without script")
	require.Equal(t, "leave", attr(p.byID("cancel"), "form"))
	require.Equal(t, "Confirm 1,250.00 EUR", content(p.byID("submit")))
	require.Contains(t, content(p.tags("main")[0]), "your browser asks for your fingerprint")
	require.True(t, strings.Contains(render(t, s, ChallengePage{}), s.StaticPath("webauthn.js")))
}

func TestTheDoorOffersPasskeysInTheAutofill(t *testing.T) {
	s := newTestSet(t)
	p := opened(t, s, IdentifyPage{Action: "/x", PasskeyAction: "/passkey", PasskeyOptions: keyOptions})

	require.Equal(t, "username webauthn", attr(p.byID("username"), "autocomplete"))
	kinds := map[string]string{}
	for _, n := range p.tags("form") {
		kinds[attr(n, "data-webauthn")] = attr(n, "action")
	}
	require.Equal(t, map[string]string{"": "/x", "get": "/passkey", "conditional": "/passkey"}, kinds)

	p = opened(t, s, IdentifyPage{Action: "/x"})
	require.Nil(t, p.byID("passkey"))
}

func TestTheSecretOfAnApp(t *testing.T) {
	s := newTestSet(t)
	app := EnrolAppPage{
		CodeField: CodeField{Method: "totp"}, QR: []byte("\x89PNG"), Key: "JBSWY3DPEHPK3PXPJB", Label: "alice@example.test",
		SetupURI: "otpauth://totp/Contractor:alice?secret=JBSWY3DPEHPK3PXPJB&issuer=Contractor",
	}
	p := opened(t, s, app)

	require.Equal(t, "JBSW Y3DP EHPK 3PXP JB", content(p.byID("key")))
	require.True(t, strings.HasPrefix(attr(p.tags("img")[0], "src"), "data:image/png;base64,iVBOR"))
	require.NotEmpty(t, attr(p.tags("img")[0], "alt"))
	require.Equal(t, app.SetupURI, attr(p.byID("setup"), "href"))
	require.Contains(t, content(p.byID("by-hand")), "Time-based, 6 digits, 30 s")

	app.SetupURI = "javascript:alert(1)"
	var b strings.Builder
	require.Error(t, s.Render(&b, "en", app), "a setup link leads to an app only")
	require.Empty(t, b.String())
}

func TestABlockedChangeSaysWhy(t *testing.T) {
	s := newTestSet(t)
	p := opened(t, s, EnrolPhonePage{Problem: ProblemPhoneBlocked, Reason: BlockedIdentity, Wizard: Wizard{LeaveURL: "/settings"}})

	require.Contains(t, content(p.byID("summary")), "Your number can’t be changed now. Your identity")
	require.Nil(t, p.byID("phone"), "there is nothing to fill in")
	require.NotNil(t, p.byID("leave-page"), "and a way on")
}

func TestAMethodThatIsNotAvailableStaysWithItsReason(t *testing.T) {
	s := newTestSet(t)
	phone := phonePage()
	phone.Methods[0] = PhoneMethod{"sms", false, ReasonCountry}
	p := opened(t, s, phone)
	require.True(t, hasAttr(p.byID("method-sms"), "disabled"))
	require.Contains(t, content(p.form("method-sms").doc), "Text messages are not available in your country")

	p = opened(t, s, EnrolChoosePage{Choices: []EnrolChoice{{Method: "sms", Reason: ReasonCountry}, {Method: "totp", Available: true, Recommended: true}}})
	require.Contains(t, content(p.byID("choices")), "Text messages are not available in your country")
	require.Len(t, p.form("choices").tags("button"), 1)
}

func TestHowAnEnrolmentCanBePutOff(t *testing.T) {
	s := newTestSet(t)
	tests := []struct {
		name string
		edit func(*EnrolChoosePage)
		want string
	}{
		{"three more times", func(p *EnrolChoosePage) { p.LaterLeft = 3 }, "Later (3 left)"},
		{"until a date", func(p *EnrolChoosePage) { p.LaterUntil = noon.Add(48 * time.Hour) }, "Later"},
		{"as often as one likes", func(*EnrolChoosePage) {}, "Not now"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			choose := EnrolChoosePage{Frame: house(), Wizard: Wizard{LaterURL: "/later"}}
			tt.edit(&choose)
			p := opened(t, s, choose)

			require.Equal(t, tt.want, content(p.byID("later")))
			require.Equal(t, "/later", attr(p.form("later").doc, "action"))
		})
	}
	require.Nil(t, opened(t, s, EnrolChoosePage{Need: EnrolNow}).byID("later"), "not when it is needed now")
}

func TestTheSheetOfBackupCodes(t *testing.T) {
	s := newTestSet(t)
	codes := RecoveryCodesPage{Frame: house(), Codes: []string{"01-K7QM-2XTD", "02-M3VN-8JYK"}, MadeAt: noon, DownloadAction: "/download"}
	p := opened(t, s, codes)

	require.Len(t, page{t, p.byID("codes")}.tags("li"), 2)
	require.Equal(t, "download-form", attr(p.byID("download"), "form"))
	require.Equal(t, "01-K7QM-2XTD\n02-M3VN-8JYK", attr(p.byID("copy"), "data-copy"))
	require.True(t, hasAttr(p.byID("saved"), "required"))

	text, err := s.RecoverySheet("en", codes)
	require.NoError(t, err)
	require.Equal(t, `Contractor backup codes

For alice@example.test, made on 21 November 2026. Each code lets you in once when you can’t use your other methods.

[ ] 01-K7QM-2XTD
[ ] 02-M3VN-8JYK

Tick a box when its code is used. When three are left, make new ones in Security settings. Staff will never ask for a code.
`, text)

	codes.MadeAt, codes.Replaced = time.Time{}, true
	text, err = s.RecoverySheet("xx", codes)
	require.NoError(t, err)
	require.Contains(t, text, "For alice@example.test. Older sheets no longer work.")
}

func TestHowManyBackupCodesAreLeft(t *testing.T) {
	s := newTestSet(t)
	tests := []struct {
		name        string
		left, total int
		want        string
	}{
		{"never made", 0, 0, "Make backup codes"},
		{"used up", 0, 10, "You have no backup codes left."},
		{"the last one", 1, 10, "You have 1 backup code left."},
		{"three begin to be few", 3, 10, "You have 3 backup codes left."},
		{"four are not", 4, 10, "4 of your codes still work."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := opened(t, s, RecoveryRenewPage{Left: tt.left, Total: tt.total})

			require.Contains(t, content(p.tags("main")[0]), tt.want)
		})
	}
}
