package templates

import (
	"strings"
	"time"
)

// sample is a page in one of its states.
type sample struct {
	name string
	page Page
}

// noon is the clock of all samples.
var noon = time.Date(2026, 11, 21, 13, 31, 8, 0, time.UTC)

var cet = time.FixedZone("CET", 3600)

func house() Frame {
	return Frame{
		Tenant:  Tenant{Name: "Contractor", Brand: "#0b5563"},
		AppName: "Demo Shop", Account: "alice@example.test", NotYou: "/t/contractor/i/1/not-you",
		CSRF: "csrf-token", RequestID: "req_7Q2M9X4TKD", HelpURL: "/help", PrivacyURL: "/privacy",
		Now: noon, Zone: cet,
	}
}

func at(gates []Gate) Frame {
	f := house()
	f.Gates = gates
	return f
}

func stranger(gates []Gate) Frame {
	f := at(gates)
	f.Account, f.NotYou = "", ""
	return f
}

func emailCode() CodeField {
	return CodeField{
		Method: "email", Masked: "a•••@example.test", Digits: 6,
		ExpiresAt: noon.Add(5 * time.Minute), ResendAt: noon.Add(62 * time.Second), ResendAction: "/t/contractor/i/1/resend",
	}
}

func with(c CodeField, edit func(*CodeField)) CodeField {
	edit(&c)
	return c
}

func payoutSlip() Slip {
	return Slip{
		Amount: "1,250.00 EUR", Payee: "ACME GmbH",
		Facts: []Fact{{"account", "DE•• •••• 4821", true}, {"reference", "Invoice 2026-118", false}},
		App:   "Demo Shop", When: noon, Device: "Chrome on Linux", Same: true,
	}
}

func ways() []Way {
	return []Way{
		{Method: "email", Masked: "a•••@example.test", Available: true},
		{Method: "sms", Masked: "+52 ••• ••• 2399", Reason: ReasonTimer, AvailableAt: noon.Add(62 * time.Second)},
		{Method: "voice", Masked: "+52 ••• ••• 2399", Reason: ReasonBlocked},
		{Method: "totp", Available: true},
		{Method: "webauthn", Name: "Blue key", Reason: ReasonNotYet},
		{Method: "recovery_codes", CodesLeft: 7, Available: true},
	}
}

func samples() []sample {
	all := append(signInSamples(), challengeSamples()...)
	all = append(all, actionSamples()...)
	all = append(all, endSamples()...)
	all = append(all, settingsSamples()...)
	all = append(all, accountSamples()...)
	all = append(all, enrolSamples()...)
	return append(all, demoSamples()...)
}

func signInSamples() []sample {
	signIn := SignInGates("Demo Shop")
	return []sample{
		{"identify", IdentifyPage{Frame: stranger(signIn), Action: "/t/contractor/i/1/identify", TroubleURL: "/trouble", CanCancel: true}},
		{"identify-bare", IdentifyPage{}},
		{"identify-error", IdentifyPage{Frame: stranger(signIn), Action: "/x", Username: "alice", Problem: ProblemNoUsername}},
		{"password", PasswordPage{Frame: at(signIn), Action: "/x", Username: "alice@example.test", ForgotURL: "/forgot", CanCancel: true}},
		{"password-bare", PasswordPage{}},
		{"password-error", PasswordPage{Frame: at(signIn), Action: "/x", Username: "alice@example.test", Problem: ProblemBadSignIn, ForgotURL: "/forgot"}},
		{"password-locked", PasswordPage{Frame: at(signIn), Action: "/x", Username: "alice@example.test", Problem: ProblemLocked, RetryAt: noon.Add(9 * time.Minute)}},
		{"banner", BannerPage{Frame: at(signIn), Action: "/x", SettingsURL: "/settings"}},
		{"banner-bare", BannerPage{}},
	}
}

func challengeSamples() []sample {
	full := ChallengePage{
		Frame: at(SignInGates("Demo Shop")), CodeField: emailCode(), Action: "/x", SwitchAction: "/switch",
		Ways: ways(), NoneURL: "/recovery", TrustDevice: "P7D", CanCancel: true,
	}
	code := func(name string, edit func(*CodeField)) sample {
		p := full
		p.CodeField = with(p.CodeField, edit)
		return sample{"challenge-" + name, p}
	}
	bound := full
	bound.Frame, bound.ActionName, bound.Slip, bound.TrustDevice = at(ActionGates("payout.request", true)), "payout.request", payoutSlip(), ""
	return []sample{
		{"challenge", full},
		{"challenge-bare", ChallengePage{CodeField: CodeField{Method: "email"}}},
		{"challenge-action", bound},
		code("sent", func(c *CodeField) { c.Sent = true }),
		code("wrong", func(c *CodeField) { c.Problem, c.TriesLeft = ProblemWrongCode, 3 }),
		code("last-try", func(c *CodeField) { c.Problem, c.TriesLeft = ProblemWrongCode, 1 }),
		code("expired", func(c *CodeField) { c.Problem, c.ResendAt = ProblemExpired, noon }),
		code("too-soon", func(c *CodeField) { c.Problem = ProblemTooSoon }),
		code("too-many", func(c *CodeField) { c.Problem, c.LockedUntil = ProblemTooMany, noon.Add(9*time.Minute) }),
		code("too-many-untimed", func(c *CodeField) { c.Problem = ProblemTooMany }),
		code("switched", func(c *CodeField) {
			c.Problem, c.Method, c.Masked, c.Sent = ProblemSwitched, "sms", "+52 ••• ••• 2399", true
		}),
		code("send-failed", func(c *CodeField) { c.Problem, c.ExpiresAt, c.ResendAt = ProblemSendFailed, time.Time{}, noon }),
		code("eight", func(c *CodeField) { c.Digits = 8 }),
		code("voice", func(c *CodeField) { c.Method, c.Masked = "voice", "+49 ••• 142" }),
		code("totp", func(c *CodeField) { *c = CodeField{Method: "totp"} }),
		code("backup", func(c *CodeField) { *c = CodeField{Method: "recovery_codes", CodesLeft: 7} }),
		code("backup-wrong", func(c *CodeField) { *c = CodeField{Method: "recovery_codes", Problem: ProblemWrongCode, TriesLeft: 2} }),
		code("unknown-problem", func(c *CodeField) { c.Problem = "no such key" }),
		{"choose", ChoosePage{Frame: at(SignInGates("Demo Shop")), Action: "/x", SwitchAction: "/s", Ways: ways(), BackURL: "/b", NoneURL: "/n", CanCancel: true}},
		{"choose-bare", ChoosePage{}},
		{"choose-error", ChoosePage{Frame: at(SignInGates("Demo Shop")), SwitchAction: "/s", Ways: ways(), Problem: ProblemMethod}},
	}
}

func actionSamples() []sample {
	payout := ActionGates("payout.request", true)
	full := ConfirmPage{
		Frame: at(payout), CodeField: emailCode(), Action: "/x", ActionName: "payout.request",
		Slip: payoutSlip(), ChooseURL: "/choose", DenyAction: "/deny",
	}
	wrong := full
	wrong.CodeField = with(wrong.CodeField, func(c *CodeField) { c.Problem, c.TriesLeft = ProblemWrongCode, 4 })
	locked := full
	locked.CodeField = with(locked.CodeField, func(c *CodeField) { c.Problem, c.LockedUntil = ProblemTooMany, noon.Add(time.Hour) })
	// As system A asks today: the action without details.
	plain := full
	plain.Slip = Slip{App: "Demo Shop", When: noon, Device: "Chrome on Linux", Same: true}
	plain.DenyAction, plain.CodeField.Sent = "", true
	// The longest of everything: it may wrap, and never scroll sideways.
	long := full
	long.Account = "maximiliana.featherstonehaugh-cholmondeley@international-department.example.test"
	long.AppName, long.Tenant.Name = strings.Repeat("Donaudampfschifffahrt", 4), "Königlich Privilegierte Handelsgesellschaft zu Übersee"
	long.Gates = ConsentGates(long.AppName)
	long.Slip = Slip{
		Amount: "9,999,999,999.00 EUR", Payee: strings.Repeat("Rindfleischetikettierung", 4), App: long.AppName, When: noon, Same: true,
		Device: "Some Very Long Browser Name 118.0.5993.117 on an Operating System",
		Facts:  []Fact{{"account", strings.Repeat("DE89370400440532013000", 4), true}, {strings.Repeat("label", 20), "x", false}},
	}
	return []sample{
		{"confirm-long", long},
		{"confirm", full},
		{"confirm-plain", plain},
		{"confirm-wrong", wrong},
		{"confirm-locked", locked},
		{"confirm-begin", ConfirmPage{Frame: at(payout), Action: "/x", ActionName: "payout.request", Slip: payoutSlip()}},
		{"confirm-other", ConfirmPage{Frame: at(ActionGates("prescription.sign", true)), Action: "/x", ActionName: "prescription.sign", Slip: Slip{App: "Demo Shop", When: noon.Add(-30 * time.Hour)}}},
		{"confirm-details", ConfirmPage{Frame: at(ActionGates("payment_details.add", true)), CodeField: emailCode(), Action: "/x", ActionName: "payment_details.add", Slip: Slip{Facts: []Fact{{"new", "DE•• •••• 4821", true}, {"Colour", "red", false}}}}},
		{"confirm-bare", ConfirmPage{}},
		{"consent", ConsentPage{
			Frame: at(ConsentGates("Demo Shop")), Action: "/x", Scopes: []string{"openid", "profile", "email", "offline_access"},
			Email: "alice@example.test", AppHost: "shop.example.test", AppTermsURL: "https://shop.example.test/terms",
			AppPolicyURL: "https://shop.example.test/privacy", ActionsApart: true, RemoveURL: "/apps",
		}},
		{"consent-other", ConsentPage{Frame: at(ConsentGates("Demo Shop")), Action: "/x", Scopes: []string{"openid", "phone", "address", "invoices:read"}, Unverified: true}},
		{"consent-bare", ConsentPage{}},
	}
}

func endSamples() []sample {
	error1 := func(name string) sample {
		return sample{"error-" + name, ErrorPage{Frame: stranger(nil), Problem: name, BackURL: "https://shop.example.test/", Details: []Field{{"error", "invalid_request"}, {"client_id", "demo-shop"}, {"redirect_uri", "http://127.0.0.1:8081/cb"}, {"time", "2026-11-21T13:31:08Z"}}}}
	}
	all := []sample{
		{"interstitial", InterstitialPage{Frame: at(PassedGates("Demo Shop", "")), URL: "https://shop.example.test/cb?code=a&state=b;c%20d"}},
		{"interstitial-failed", InterstitialPage{Frame: at(ActionGates("payout.request", true)), URL: "com.example.app:/back?error=access_denied", Failed: true}},
		{"interstitial-bare", InterstitialPage{URL: "http://127.0.0.1/cb"}},
		{"form-post", FormPostPage{Frame: at(PassedGates("Demo Shop", "")), URL: "https://shop.example.test/cb", Fields: []Field{{"code", "a"}, {"state", `"><script>`}}}},
		{"form-post-bare", FormPostPage{URL: "https://shop.example.test/cb"}},
		{"logout", LogoutPage{Frame: house(), Action: "/x", Fields: []Field{{"state", "s"}}}},
		{"logout-done", LogoutPage{Frame: stranger(nil), Done: true, BackURL: "https://shop.example.test/"}},
		{"logout-bare", LogoutPage{}},
		{"error-bare", ErrorPage{}},
		{"error-limited", ErrorPage{Frame: stranger(nil), Problem: "/problems/rate-limited", RetryAt: noon.Add(time.Minute)}},
	}
	for _, p := range errorPages {
		all = append(all, error1(p))
	}
	return all
}

func demo() Demo {
	f := stranger(nil)
	f.Tenant = Tenant{Name: "Sallyport demo"}
	return Demo{Frame: f, StartURL: "/", ShopURL: "http://127.0.0.1:8081/", MailboxURL: "/_mailbox", ConsoleURL: "/console"}
}

func demoSamples() []sample {
	user := &ShopUser{Name: "Alice", Email: "alice@example.test", Tenant: "Contractor", ACR: "urn:sallyport:acr:mfa", AMR: []string{"pwd", "otp"}, AuthTime: noon.Add(-2 * time.Minute)}
	shop := ShopPage{
		Demo: demo(), ShopName: "Demo Shop", User: user, ActionAction: "/action", ACRAction: "/acr", ACR: "urn:sallyport:acr:mfa",
		RefreshAction: "/refresh", SignOutAction: "/signout", ClaimsURL: "/claims", Balance: "1,250.00 EUR",
	}
	shop.Tenant.Brand = "#7a3b12"
	done, denied := shop, shop
	done.Result = &ShopResult{Action: "payout.request", OK: true}
	denied.Result = &ShopResult{Action: "payout.request", Error: "access_denied", Description: "The user cancelled."}
	out := ShopPage{Demo: demo(), ShopName: "Demo Shop", SignInAction: "/signin", Doors: []ShopDoor{{"contractor", "Contractor", true}, {"broker", "Broker", false}}}
	out.Tenant.Brand = "#7a3b12"
	return []sample{
		{"demo-start", DemoStartPage{Demo: demo(), Tenants: []DemoTenant{demoTenant("contractor", "Contractor"), demoTenant("broker", "Broker")}}},
		{"demo-start-bare", DemoStartPage{}},
		{"mailbox", MailboxPage{Demo: demo(), Messages: demoMessages(), Recipients: []string{"alice@example.test", "bob@example.test"}, To: "bob@example.test", Action: "/_mailbox", DeleteAction: "/_mailbox/delete", PollURL: "/_mailbox/messages?limit=1"}},
		{"mailbox-empty", MailboxPage{Demo: demo(), Action: "/_mailbox", To: "bob@example.test"}},
		{"mailbox-bare", MailboxPage{}},
		{"shop", shop},
		{"shop-done", done},
		{"shop-denied", denied},
		{"shop-out", out},
		{"shop-bare", ShopPage{}},
		{"shop-user-bare", ShopPage{User: &ShopUser{}, Result: &ShopResult{}}},
		{"shop-claims", ShopClaimsPage{
			Demo: demo(), ShopName: "Demo Shop", User: *user, ClaimsURL: "/claims", BackURL: "/",
			Claims:   []Field{{"iss", "http://localhost:8080/t/contractor"}, {"sub", "5b1f9e0c"}, {"auth_time", "1795267868"}},
			Userinfo: []Field{{"email", "alice@example.test"}},
			Tokens:   []ShopToken{{"access_token", "eyJhbGciOi…kT3w", noon.Add(10 * time.Minute)}, {"refresh_token", "rt_9f…2c", time.Time{}}},
		}},
		{"shop-claims-bare", ShopClaimsPage{}},
	}
}

func demoTenant(slug, name string) DemoTenant {
	return DemoTenant{
		Slug: slug, Name: name, Preset: slug + "-email-first", Note: "A code by email first; a text message once the timer has run.",
		Issuer: "http://localhost:8080/t/" + slug, ShopURL: "http://127.0.0.1:8081/?tenant=" + slug, NotYet: []string{"totp", "webauthn", "pin", "action:withdrawal.confirm"},
		Users: []DemoUser{
			{"alice@example.test", "correct horse", "+52 55 1234 2399", "confirmed", true, ""},
			{"bob@example.test", "battery staple", "+49 30 5550 142", "unverified", false, "Number from before texts"},
			{"carol@example.test", "tr0ub4dor", "", "", false, "No phone"},
		},
		Clients: []DemoClient{
			{"demo-shop", "p0e9f8j2l4k1m3n5", []string{"http://127.0.0.1:8081/callback"}, "client_secret_basic", ""},
			{"demo-cli", "q8w7e6r5t4y3u2i1", []string{"http://127.0.0.1:9999/callback"}, "client_secret_basic", "For scripts"},
		},
	}
}

func demoMessages() []Message {
	return []Message{
		{"m3", noon, "contractor", "email", "alice@example.test", "Code to pay out 1,250.00 EUR to ACME GmbH", "It works once, for this payout only, until 14:36 CET.\n\nDidn’t ask for this?", "481206"},
		{"m2", noon.Add(-6 * time.Minute), "contractor", "sms", "+52 55 1234 2399", "", "739214 is your Contractor code. Don't share it. It expires at 14:30 CET.\n@localhost #739214", "739214"},
		{"m1", noon.Add(-10 * time.Minute), "broker", "voice", "+49 30 5550 142", "", "This is Broker, with your code to sign in. The code is: five, zero, three.", "503918"},
		{"m0", noon.Add(-12 * time.Minute), "contractor", "email", "alice@example.test", "Your password was changed", "The new password works from now on.", ""},
	}
}
