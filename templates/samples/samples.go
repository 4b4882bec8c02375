package samples

import (
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/templates"
)

// Sample is a page in one of its states.
type Sample struct {
	Name string // of the page and the state, such as "password-wrong"; unique
	Page templates.Page
}

// noon is the clock of all samples.
var noon = time.Date(2026, 11, 21, 13, 31, 8, 0, time.UTC)

var cet = time.FixedZone("CET", 3600)

// House is the frame of someone who is signed in on the way to an app.
func House() templates.Frame {
	return templates.Frame{
		Tenant:  templates.Tenant{Name: "Contractor", Brand: "#0b5563"},
		AppName: "Demo Shop", Account: "alice@example.test", NotYou: "/t/contractor/i/1/not-you",
		CSRF: "csrf-token", RequestID: "req_7Q2M9X4TKD", HelpURL: "/help", PrivacyURL: "/privacy",
		Now: noon, Zone: cet, LangAction: "/lang",
		Langs: []templates.Lang{{Code: "en", Name: "English", Current: true}, {Code: "es", Name: "Español"}, {Code: "fr", Name: "Français"}, {Code: "de", Name: "Deutsch"}, {Code: "ar", Name: "العربية"}},
	}
}

// at is [House] with gates.
func at(gates []templates.Gate) templates.Frame {
	f := House()
	f.Gates = gates
	return f
}

// stranger is the frame of someone of whom nothing is known yet.
func stranger(gates []templates.Gate) templates.Frame {
	f := at(gates)
	f.Account, f.NotYou = "", ""
	return f
}

// EmailCode asks for a code that was sent by email.
func EmailCode() templates.CodeField {
	return templates.CodeField{
		Method: "email", Masked: "a•••@example.test", Digits: 6, Life: 5 * time.Minute,
		ExpiresAt: noon.Add(5 * time.Minute), ResendAt: noon.Add(62 * time.Second), ResendAction: "/t/contractor/i/1/resend",
	}
}

func with(c templates.CodeField, edit func(*templates.CodeField)) templates.CodeField {
	edit(&c)
	return c
}

// PayoutSlip is a payout that is to be confirmed.
func PayoutSlip() templates.Slip {
	return templates.Slip{
		Amount: "1,250.00 EUR", Payee: "ACME GmbH",
		Facts: []templates.Fact{{Label: "account", Value: "DE•• •••• 4821", Mono: true}, {Label: "reference", Value: "Invoice 2026-118", Mono: false}},
		App:   "Demo Shop", When: noon, Device: "Chrome on Linux", Same: true,
	}
}

func ways() []templates.Way {
	return []templates.Way{
		{Method: "email", Masked: "a•••@example.test", Available: true},
		{Method: "sms", Masked: "+52 ••• ••• 2399", Reason: templates.ReasonTimer, AvailableAt: noon.Add(62 * time.Second)},
		{Method: "voice", Masked: "+52 ••• ••• 2399", Reason: templates.ReasonBlocked},
		{Method: "totp", Available: true},
		{Method: "webauthn", Name: "Blue key", Reason: templates.ReasonNotYet},
		{Method: "recovery_codes", CodesLeft: 7, Available: true},
	}
}

// All is every sample: every page in each of its states. Those whose name ends in
// "-bare" are pages without data, which nobody ever sees; a page has to stand that, too.
func All() []Sample {
	all := append(signInSamples(), challengeSamples()...)
	all = append(all, actionSamples()...)
	all = append(all, endSamples()...)
	all = append(all, settingsSamples()...)
	all = append(all, accountSamples()...)
	all = append(all, enrolSamples()...)
	return append(all, demoSamples()...)
}

func signInSamples() []Sample {
	signIn := templates.SignInGates("Demo Shop")
	return []Sample{
		{"identify", templates.IdentifyPage{Frame: stranger(signIn), Action: "/t/contractor/i/1/identify", TroubleURL: "/trouble", CanCancel: true}},
		{"identify-bare", templates.IdentifyPage{}},
		{"identify-error", templates.IdentifyPage{Frame: stranger(signIn), Action: "/x", Username: "alice", Problem: templates.ProblemNoUsername}},
		{"password", templates.PasswordPage{Frame: at(signIn), Action: "/x", Username: "alice@example.test", ForgotURL: "/forgot", CanCancel: true}},
		{"password-bare", templates.PasswordPage{}},
		{"password-error", templates.PasswordPage{Frame: at(signIn), Action: "/x", Username: "alice@example.test", Problem: templates.ProblemBadSignIn, ForgotURL: "/forgot"}},
		{"password-locked", templates.PasswordPage{Frame: at(signIn), Action: "/x", Username: "alice@example.test", Problem: templates.ProblemLocked, RetryAt: noon.Add(9 * time.Minute)}},
		{"banner", templates.BannerPage{Frame: at(signIn), Action: "/x", SettingsURL: "/settings"}},
		{"banner-bare", templates.BannerPage{}},
	}
}

func challengeSamples() []Sample {
	full := templates.ChallengePage{
		Frame: at(templates.SignInGates("Demo Shop")), CodeField: EmailCode(), Action: "/x", SwitchAction: "/switch",
		Ways: ways(), NoneURL: "/recovery", TrustDevice: "P7D", CanCancel: true,
	}
	code := func(name string, edit func(*templates.CodeField)) Sample {
		p := full
		p.CodeField = with(p.CodeField, edit)
		return Sample{"challenge-" + name, p}
	}
	bound := full
	bound.Frame, bound.ActionName, bound.Slip, bound.TrustDevice = at(templates.ActionGates("payout.request", true)), "payout.request", PayoutSlip(), ""
	bound.DenyAction = "/x"
	return []Sample{
		{"challenge", full},
		{"challenge-bare", templates.ChallengePage{CodeField: templates.CodeField{Method: "email"}}},
		{"challenge-action", bound},
		code("sent", func(c *templates.CodeField) { c.Sent = true }),
		code("wrong", func(c *templates.CodeField) { c.Problem, c.TriesLeft = templates.ProblemWrongCode, 3 }),
		code("last-try", func(c *templates.CodeField) { c.Problem, c.TriesLeft = templates.ProblemWrongCode, 1 }),
		code("expired", func(c *templates.CodeField) { c.Problem, c.ResendAt = templates.ProblemExpired, noon }),
		code("used", func(c *templates.CodeField) { c.Problem, c.ResendAt = templates.ProblemUsed, noon }),
		code("too-soon", func(c *templates.CodeField) { c.Problem = templates.ProblemTooSoon }),
		code("too-many", func(c *templates.CodeField) {
			c.Problem, c.LockedUntil = templates.ProblemTooMany, noon.Add(9*time.Minute)
		}),
		code("too-many-untimed", func(c *templates.CodeField) { c.Problem = templates.ProblemTooMany }),
		code("switched", func(c *templates.CodeField) {
			c.Problem, c.Method, c.Masked, c.Sent = templates.ProblemSwitched, "sms", "+52 ••• ••• 2399", true
		}),
		code("send-failed", func(c *templates.CodeField) {
			c.Problem, c.ExpiresAt, c.ResendAt = templates.ProblemSendFailed, time.Time{}, noon
		}),
		code("eight", func(c *templates.CodeField) { c.Digits = 8 }),
		code("voice", func(c *templates.CodeField) { c.Method, c.Masked = "voice", "+49 ••• 142" }),
		code("totp", func(c *templates.CodeField) { *c = templates.CodeField{Method: "totp"} }),
		code("backup", func(c *templates.CodeField) { *c = templates.CodeField{Method: "recovery_codes", CodesLeft: 7} }),
		code("backup-wrong", func(c *templates.CodeField) {
			*c = templates.CodeField{Method: "recovery_codes", Problem: templates.ProblemWrongCode, TriesLeft: 2}
		}),
		code("unknown-problem", func(c *templates.CodeField) { c.Problem = "no such key" }),
		{"choose", templates.ChoosePage{Frame: at(templates.SignInGates("Demo Shop")), Action: "/x", SwitchAction: "/s", Ways: ways(), BackURL: "/b", NoneURL: "/n", CanCancel: true}},
		{"choose-bare", templates.ChoosePage{}},
		{"recover-codes", templates.RecoverPage{Frame: at(templates.SignInGates("Demo Shop")), CodesAction: "/x", BackURL: "/b", CancelAction: "/cancel"}},
		{"recover-ask", templates.RecoverPage{Frame: at(templates.SignInGates("Demo Shop")), BackURL: "/b", CancelAction: "/cancel"}},
		{"recover-bare", templates.RecoverPage{}},
		{"choose-error", templates.ChoosePage{Frame: at(templates.SignInGates("Demo Shop")), SwitchAction: "/s", Ways: ways(), Problem: templates.ProblemMethod}},
	}
}

func actionSamples() []Sample {
	payout := templates.ActionGates("payout.request", true)
	full := templates.ConfirmPage{
		Frame: at(payout), CodeField: EmailCode(), Action: "/x", ActionName: "payout.request",
		Slip: PayoutSlip(), ChooseURL: "/choose", DenyAction: "/deny",
	}
	wrong := full
	wrong.CodeField = with(wrong.CodeField, func(c *templates.CodeField) { c.Problem, c.TriesLeft = templates.ProblemWrongCode, 4 })
	expired := full
	expired.CodeField = with(expired.CodeField, func(c *templates.CodeField) { c.Problem, c.ResendAt = templates.ProblemExpired, noon })
	locked := full
	locked.CodeField = with(locked.CodeField, func(c *templates.CodeField) { c.Problem, c.LockedUntil = templates.ProblemTooMany, noon.Add(time.Hour) })
	// As system A asks today: the action without details.
	plain := full
	plain.Slip = templates.Slip{App: "Demo Shop", When: noon, Device: "Chrome on Linux", Same: true}
	plain.DenyAction, plain.CodeField.Sent = "", true
	// The longest of everything: it may wrap, and never scroll sideways.
	long := full
	long.Account = "maximiliana.featherstonehaugh-cholmondeley@international-department.example.test"
	long.AppName, long.Tenant.Name = strings.Repeat("Donaudampfschifffahrt", 4), "Königlich Privilegierte Handelsgesellschaft zu Übersee"
	long.Gates = templates.ConsentGates(long.AppName)
	long.Slip = templates.Slip{
		Amount: "9,999,999,999.00 EUR", Payee: strings.Repeat("Rindfleischetikettierung", 4), App: long.AppName, When: noon, Same: true,
		Device: "Some Very Long Browser Name 118.0.5993.117 on an Operating System",
		Facts:  []templates.Fact{{Label: "account", Value: strings.Repeat("DE89370400440532013000", 4), Mono: true}, {Label: strings.Repeat("label", 20), Value: "x", Mono: false}},
	}
	odd := full
	odd.Slip.Payee, odd.Slip.Odd = "АСМЕ GmbH", true // the first four letters are Cyrillic
	return []Sample{
		{"confirm-long", long},
		{"confirm", full},
		{"confirm-plain", plain},
		{"confirm-wrong", wrong},
		{"confirm-expired", expired},
		{"confirm-locked", locked},
		{"confirm-begin", templates.ConfirmPage{Frame: at(payout), Action: "/x", ActionName: "payout.request", Slip: PayoutSlip()}},
		{"confirm-other", templates.ConfirmPage{Frame: at(templates.ActionGates("prescription.sign", true)), Action: "/x", ActionName: "prescription.sign", Slip: templates.Slip{App: "Demo Shop", When: noon.Add(-30 * time.Hour)}}},
		{"confirm-details", templates.ConfirmPage{Frame: at(templates.ActionGates("payment_details.add", true)), CodeField: EmailCode(), Action: "/x", ActionName: "payment_details.add", Slip: templates.Slip{Facts: changeFacts(), App: "Demo Shop", When: noon, Device: "Chrome on Linux", Same: true}}},
		{"confirm-odd", odd},
		{"confirm-bare", templates.ConfirmPage{}},
		{"consent", templates.ConsentPage{
			Frame: at(templates.ConsentGates("Demo Shop")), Action: "/x", Scopes: []string{"openid", "profile", "email", "offline_access"},
			Email: "alice@example.test", AppHost: "shop.example.test", AppTermsURL: "https://shop.example.test/terms",
			AppPolicyURL: "https://shop.example.test/privacy", ActionsApart: true, RemoveURL: "/apps",
		}},
		{"consent-other", templates.ConsentPage{Frame: at(templates.ConsentGates("Demo Shop")), Action: "/x", Scopes: []string{"openid", "phone", "address", "invoices:read"}, Unverified: true}},
		{"consent-bare", templates.ConsentPage{}},
	}
}

func endSamples() []Sample {
	error1 := func(name string) Sample {
		return Sample{"error-" + name, templates.ErrorPage{Frame: stranger(nil), Problem: name, BackURL: "https://shop.example.test/", Details: []templates.Field{{Name: "error", Value: "invalid_request"}, {Name: "client_id", Value: "demo-shop"}, {Name: "redirect_uri", Value: "http://127.0.0.1:8081/cb"}, {Name: "time", Value: "2026-11-21T13:31:08Z"}}}}
	}
	all := []Sample{
		{"interstitial", templates.InterstitialPage{Frame: at(templates.PassedGates("Demo Shop", "")), URL: "https://shop.example.test/cb?code=a&state=b;c%20d"}},
		{"interstitial-action", templates.InterstitialPage{Frame: at(templates.PassedGates("Demo Shop", "payout.request")), URL: "https://shop.example.test/cb?code=a&state=b"}},
		{"interstitial-failed", templates.InterstitialPage{Frame: at(templates.ActionGates("payout.request", true)), URL: "com.example.app:/back?error=access_denied", Failed: true}},
		{"interstitial-bare", templates.InterstitialPage{URL: "http://127.0.0.1/cb"}},
		{"form-post", templates.FormPostPage{Frame: at(templates.PassedGates("Demo Shop", "")), URL: "https://shop.example.test/cb", Fields: []templates.Field{{Name: "code", Value: "a"}, {Name: "state", Value: `"><script>`}}}},
		{"form-post-bare", templates.FormPostPage{URL: "https://shop.example.test/cb"}},
		{"logout", templates.LogoutPage{Frame: House(), Action: "/x", Fields: []templates.Field{{Name: "state", Value: "s"}}}},
		{"logout-done", templates.LogoutPage{Frame: stranger(nil), Done: true, BackURL: "https://shop.example.test/"}},
		{"logout-done-again", templates.LogoutPage{Frame: stranger(nil), Done: true, SignInURL: "/settings"}},
		{"logout-bare", templates.LogoutPage{}},
		{"error-bare", templates.ErrorPage{}},
		{"error-limited", templates.ErrorPage{Frame: stranger(nil), Problem: "/problems/rate-limited", RetryAt: noon.Add(time.Minute)}},
	}
	for _, p := range errorPages() {
		all = append(all, error1(p))
	}
	return all
}

// changeFacts are the details of a new account for payouts.
func changeFacts() []templates.Fact {
	return []templates.Fact{
		{Label: "change", Value: "replace_payout_account", Choice: true},
		{Label: "current_account", Value: "•••• 1234", Mono: true},
		{Label: "new_account", Value: "DE•• •••• 4821", Mono: true},
		{Label: "holder", Value: "Alice Brown"},
	}
}
