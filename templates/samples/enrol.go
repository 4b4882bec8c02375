package samples

import (
	_ "embed"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/templates"
)

// keyOptions are what a browser is given to ask for a key. It has what could break out of an attribute.
const keyOptions = `{"challenge":"dGhlLWNoYWxsZW5nZQ","rpId":"localhost","timeout":300000,"userVerification":"preferred","allowCredentials":[{"type":"public-key","id":"QQ"}],"x":"<\"'&>"}`

//go:embed qr.png
var qr []byte

// forgotPIN is said to somebody who is asked for the PIN and has forgotten it.
func forgotPIN() templates.PINHelp {
	return templates.PINHelp{Tries: 10, ResetURL: "/t/contractor/settings#row-pin", Holds: true, Leaves: true}
}

func wizard(step int) templates.Wizard {
	return templates.Wizard{Progress: templates.Progress{Step: step, Steps: 4}, BackURL: "/t/contractor/i/1/enrol", LeaveURL: "/t/contractor/settings"}
}

// inSettings is the frame of a page in the settings, without gates.
func inSettings() templates.Frame {
	f := House()
	f.NotYou = ""
	return f
}

func enrolSamples() []Sample {
	all := slices.Concat(answerSamples(), keyPages(), chooseSamples())
	all = append(all, appSamples()...)
	all = append(all, phoneSamples()...)
	all = slices.Concat(all, contactSamples(), codeSamples())
	all = append(all, keySamples()...)
	all = append(all, pinSamples()...)
	return append(all, recoverySamples()...)
}

// answerSamples are the second step with a key, a PIN, or both fields at once.
func answerSamples() []Sample {
	full := templates.ChallengePage{
		Frame: at(templates.SignInGates("Demo Shop")), Action: "/x", SwitchAction: "/switch", Ways: ways(), NoneURL: "/recovery",
		TrustDevice: "P7D", CanCancel: true,
	}
	answer := func(name string, c templates.CodeField) Sample {
		p := full
		p.CodeField = c
		if c.Method == "pin" || c.AskPIN {
			p.PINHelp = forgotPIN()
		}
		return Sample{"challenge-" + name, p}
	}
	key := func(problem string) templates.CodeField {
		return templates.CodeField{Method: "webauthn", KeyOptions: keyOptions, Problem: problem}
	}
	pair := with(EmailCode(), func(c *templates.CodeField) {
		c.Method, c.Masked, c.AskPIN = "sms", "+52 ••• ••• 2399", true
	})
	alone := full
	alone.CodeField, alone.Ways, alone.TrustDevice, alone.CanCancel = key(""), nil, "", false
	return []Sample{
		answer("key", key("")), answer("key-cancelled", key(templates.ProblemKeyCancelled)), answer("key-failed", key(templates.ProblemWrongCode)),
		answer("key-unknown", key(templates.ProblemKeyUnknown)), answer("key-cloned", key(templates.ProblemKeyCloned)),
		answer("key-unverified", key(templates.ProblemKeyUnverified)), answer("key-too-many", key(templates.ProblemTooMany)),
		{"challenge-key-alone", alone},
		answer("totp-used", templates.CodeField{Method: "totp", Problem: templates.ProblemUsed}),
		answer("totp-wrong", templates.CodeField{Method: "totp", Problem: templates.ProblemWrongCode, TriesLeft: 4}),
		answer("voice-sent", with(EmailCode(), func(c *templates.CodeField) { c.Method, c.Masked, c.Sent = "voice", "+49 ••• 142", true })),
		answer("backup-malformed", templates.CodeField{Method: "recovery_codes", Problem: templates.ProblemMalformed, CodesLeft: 7}),
		answer("pin", templates.CodeField{Method: "pin"}), answer("pin-wrong", templates.CodeField{Method: "pin", Problem: templates.ProblemWrongCode, TriesLeft: 2}),
		answer("pin-forgot", templates.CodeField{Method: "pin", PINHelp: templates.PINHelp{Tries: 10, ResetURL: "/settings#row-pin", Holds: true, Leaves: true}}),
		answer("pin-gone", templates.CodeField{Method: "pin", Problem: templates.ProblemPINDead, PINHelp: templates.PINHelp{Tries: 10, ResetURL: "/settings#row-pin", Holds: true}}),
		answer("pin-empty", templates.CodeField{Method: "pin", Problem: templates.ProblemEmpty}),
		answer("pin-blocked", templates.CodeField{Method: "pin", Problem: templates.ProblemPINBlocked, LockedUntil: noon.Add(15 * time.Minute)}),
		answer("pin-dead", templates.CodeField{Method: "pin", Problem: templates.ProblemPINDead}),
		answer("pair", pair), answer("pair-wrong", with(pair, func(c *templates.CodeField) { c.Problem, c.TriesLeft = templates.ProblemWrongCode, 3 })),
		answer("pair-empty", with(pair, func(c *templates.CodeField) { c.Problem = templates.ProblemEmpty })),
		answer("pair-blocked", with(pair, func(c *templates.CodeField) {
			c.Problem, c.LockedUntil = templates.ProblemPINBlocked, noon.Add(15*time.Minute)
		})),
	}
}

// keyPages are the pages around a key or a PIN that are no second step of a login.
func keyPages() []Sample {
	payout := templates.ConfirmPage{
		Frame: at(templates.ActionGates("payout.request", true)), CodeField: templates.CodeField{Method: "webauthn", KeyOptions: keyOptions}, Action: "/x",
		ActionName: "payout.request", Slip: PayoutSlip(), ChooseURL: "/choose", DenyAction: "/deny",
	}
	withdrawal := payout
	withdrawal.Frame = at(templates.ActionGates("withdrawal.confirm", true))
	withdrawal.ActionName, withdrawal.CodeField = "withdrawal.confirm", templates.CodeField{Method: "pin", PINHelp: forgotPIN()}
	staged := templates.ChallengePage{
		Frame: inSettings(), Progress: templates.Progress{Step: 1, Steps: 3}, CodeField: with(EmailCode(), func(c *templates.CodeField) { c.Sent = true }),
		Action: "/x", Change: templates.ChangeFirstEnrolment,
	}
	signIn := templates.SignInGates("Demo Shop")
	return []Sample{
		{"challenge-first-enrolment", staged},
		{"challenge-change-unknown", templates.ChallengePage{Frame: inSettings(), CodeField: templates.CodeField{Method: "pin"}, Action: "/x", Change: "no such key"}},
		{"confirm-key", payout},
		{"confirm-pin", withdrawal},
		{"denied", templates.DeniedPage{Frame: at(nil), BackURL: "/resume", EndAllURL: "/settings/sessions/end-all", PasswordURL: "/settings/password"}},
		{"identify-passkey", templates.IdentifyPage{
			Frame: stranger(signIn), Action: "/x", PasskeyAction: "/passkey", PasskeyOptions: keyOptions, ForgotURL: "/forgot",
			SignUpURL: "/signup", CanCancel: true,
		}},
		{"identify-passkey-unknown", templates.IdentifyPage{Frame: stranger(signIn), Action: "/x", PasskeyAction: "/passkey", PasskeyOptions: keyOptions, Problem: templates.ProblemPasskeyUnknown}},
		{"identify-passkey-failed", templates.IdentifyPage{Frame: stranger(signIn), Action: "/x", PasskeyAction: "/passkey", PasskeyOptions: keyOptions, Problem: templates.ProblemPasskeyFailed, ForgotURL: "/forgot"}},
	}
}

func chooseSamples() []Sample {
	page := templates.EnrolChoosePage{
		Frame: House(), Wizard: templates.Wizard{Progress: templates.Progress{Step: 1, Steps: 4}}, Action: "/x", Need: templates.EnrolNow, CanCancel: true,
		Choices: []templates.EnrolChoice{
			{Method: "webauthn", Strength: "strongest", Recommended: true, Available: true},
			{Method: "totp", Strength: "strong", Available: true},
			{Method: "sms", Strength: "basic", Reason: templates.ReasonCountry},
			{Method: "voice", Strength: "basic", Masked: "+52 ••• ••• 2399", Available: true},
			{Method: "email", Strength: "basic", Reason: templates.ReasonOn},
			{Method: "recovery_codes", Strength: "strong", Reason: templates.ReasonFirst},
		},
	}
	counted, dated, optional, instead, waiting := page, page, page, page, page
	waiting.Choices = []templates.EnrolChoice{
		page.Choices[1],
		{Method: "sms", Strength: "basic", Reason: templates.ReasonLocked, AvailableAt: noon.Add(9 * time.Minute)},
		{Method: "voice", Strength: "basic", Reason: templates.ReasonTimer, AvailableAt: noon.Add(time.Minute)},
	}
	counted.Need, counted.LaterURL, counted.LaterLeft, counted.Choices = templates.EnrolBy, "/later", 3, page.Choices[:2]
	dated.Need, dated.LaterURL, dated.LaterUntil, dated.Choices = templates.EnrolBy, "/later", noon.Add(9*24*time.Hour), page.Choices[:2]
	dated.CanCancel, optional.CanCancel, instead.CanCancel = false, false, false
	optional.Need, optional.LaterURL, optional.Choices, optional.LeaveURL = templates.EnrolOptional, "/later", page.Choices[:4], "/settings"
	one := page
	one.Choices = []templates.EnrolChoice{{Method: "sms", Available: true}}
	instead.Need, instead.Problem, instead.LeaveURL = templates.EnrolInstead, templates.ProblemNoChoice, "/settings"
	return []Sample{
		{"enrol", page},
		{"enrol-counted", counted},
		{"enrol-waiting", waiting},
		{"enrol-dated", dated},
		{"enrol-optional", optional},
		{"enrol-instead", instead},
		{"enrol-one", one},
		{"enrol-bare", templates.EnrolChoosePage{}},
	}
}

func appSamples() []Sample {
	page := templates.EnrolAppPage{
		Frame: House(), Wizard: wizard(2), CodeField: templates.CodeField{Method: "totp"}, Action: "/x", QR: qr,
		Key: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Label: "alice@example.test",
		SetupURI: "otpauth://totp/Contractor:alice%40example.test?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Contractor",
	}
	wrong, pair, plain := page, page, page
	wrong.CodeField.Problem, wrong.CodeField.TriesLeft = templates.ProblemWrongCode, 4
	pair.AskPIN, pair.CodeField.Problem = true, templates.ProblemWrongCode
	plain.QR, plain.SetupURI, plain.Period, plain.Digits = nil, "", 60, 8
	blocked := pair
	blocked.CodeField.Problem, blocked.LockedUntil = templates.ProblemPINBlocked, noon.Add(15*time.Minute)
	return []Sample{
		{"enrol-device", templates.EnrolDevicePage{Frame: House(), Wizard: wizard(2), Action: "/device"}},
		{"enrol-device-bare", templates.EnrolDevicePage{}},
		{"enrol-get-app-ios", templates.EnrolGetAppPage{Frame: House(), Wizard: wizard(2), Action: "/x", OS: templates.DeviceIOS}},
		{"enrol-get-app-android", templates.EnrolGetAppPage{Frame: House(), Wizard: wizard(2), Action: "/x", OS: templates.DeviceAndroid}},
		{"enrol-get-app-computer", templates.EnrolGetAppPage{Frame: House(), Wizard: wizard(2), Action: "/x", OS: templates.DeviceComputer}},
		{"enrol-get-app-bare", templates.EnrolGetAppPage{OS: "toaster"}},
		{"enrol-app", page},
		{"enrol-app-wrong", wrong},
		{"enrol-app-pair", pair},
		{"enrol-app-blocked", blocked},
		{"enrol-app-plain", plain},
		{"enrol-app-bare", templates.EnrolAppPage{CodeField: templates.CodeField{Method: "totp"}}},
	}
}

// PhonePage asks for a number, with nothing typed yet.
func PhonePage() templates.EnrolPhonePage {
	return templates.EnrolPhonePage{
		Frame: House(), Wizard: wizard(2), Action: "/x", Country: "MX",
		Countries: []templates.Country{{Code: "DE", Name: "Germany", Calling: "+49", Example: "01512 3456789"}, {Code: "MX", Name: "Mexico", Calling: "+52", Example: "222 123 4567"}, {Code: "US", Name: "United States", Calling: "+1", Example: ""}},
		Methods:   []templates.PhoneMethod{{Method: "sms", Available: true, Reason: ""}, {Method: "voice", Available: true, Reason: ""}}, Method: "sms",
	}
}

func phoneSamples() []Sample {
	phone := func(name string, edit func(*templates.EnrolPhonePage)) Sample {
		p := PhonePage()
		edit(&p)
		return Sample{"enrol-phone" + name, p}
	}
	wrong := func(problem string) Sample {
		return phone("-"+problem, func(p *templates.EnrolPhonePage) {
			p.Phone, p.Problem, p.RetryAt = "644 183 2399", problem, noon.Add(time.Hour)
		})
	}
	all := []Sample{
		phone("", func(*templates.EnrolPhonePage) {}),
		phone("-nowhere", func(p *templates.EnrolPhonePage) { p.Country, p.Method = "", "" }),
		phone("-line", func(p *templates.EnrolPhonePage) {
			p.AskLine, p.Line, p.Problem = true, "fixed", templates.ProblemPhoneLine
		}),
		phone("-only-call", func(p *templates.EnrolPhonePage) {
			p.Methods[0] = templates.PhoneMethod{Method: "sms", Available: false, Reason: templates.ReasonCountry}
			p.Method = "voice"
		}),
		phone("-only-sms", func(p *templates.EnrolPhonePage) { p.Methods = p.Methods[:1] }),
		phone("-change", func(p *templates.EnrolPhonePage) {
			p.Change, p.Current, p.Told = true, "+49 ••• 0142", templates.TellBoth
		}),
		phone("-blocked", func(p *templates.EnrolPhonePage) {
			p.Change, p.Problem, p.Reason = true, templates.ProblemPhoneBlocked, templates.BlockedIdentity
		}),
		phone("-blocked-plain", func(p *templates.EnrolPhonePage) { p.Problem = templates.ProblemPhoneBlocked }),
		{"enrol-phone-hostile-bare", templates.EnrolPhonePage{Phone: "644 183 2399 <b>", Problem: templates.ProblemPhoneInvalid}},
		{"enrol-phone-bare", templates.EnrolPhonePage{}},
	}
	for _, problem := range []string{
		templates.ProblemPhoneInvalid, templates.ProblemPhoneNoCountry, templates.ProblemPhoneExtension, templates.ProblemPhoneLandline, templates.ProblemPhoneInUse,
		templates.ProblemPhoneCountry, templates.ProblemPhoneType, templates.ProblemPhoneLimit, templates.ProblemPhoneSame, templates.ProblemSendFailed,
	} {
		all = append(all, wrong(problem))
	}
	return all
}

func contactSamples() []Sample {
	check := templates.EnrolPhoneCheckPage{
		Frame: House(), Wizard: wizard(2), Action: "/x", Number: "+52 644 183 2399", Country: "Mexico", Method: "sms",
		Fields: []templates.Field{{Name: "country", Value: "MX"}, {Name: "phone", Value: "644 183 2399"}, {Name: "line", Value: "mobile"}, {Name: "method", Value: "sms"}},
	}
	call, onFile, failed := check, check, check
	call.Method = "voice"
	onFile.Existing, onFile.CanChange, onFile.Methods, onFile.Fields = true, true, PhonePage().Methods, nil
	failed.Problem = templates.ProblemSendFailed
	email := templates.EnrolEmailPage{Frame: House(), Wizard: wizard(2), Action: "/x", Email: "alice@example.test"}
	emails := func(name string, edit func(*templates.EnrolEmailPage)) Sample {
		p := email
		edit(&p)
		return Sample{"enrol-email" + name, p}
	}
	return []Sample{
		{"enrol-phone-check", check},
		{"enrol-phone-check-call", call},
		{"enrol-phone-check-existing", onFile},
		{"enrol-phone-check-failed", failed},
		{"enrol-phone-check-bare", templates.EnrolPhoneCheckPage{}},
		emails("", func(*templates.EnrolEmailPage) {}),
		emails("-wrong", func(p *templates.EnrolEmailPage) { p.Email, p.Problem = "alice", templates.ProblemBadEmail }),
		emails("-change", func(p *templates.EnrolEmailPage) {
			p.Change, p.Current, p.Email, p.Problem = true, "a•••@example.test", "", templates.ProblemEmailSame
		}),
		emails("-in-use", func(p *templates.EnrolEmailPage) { p.Problem = templates.ProblemEmailInUse }),
		emails("-limit", func(p *templates.EnrolEmailPage) {
			p.Problem, p.RetryAt = templates.ProblemEmailLimit, noon.Add(time.Hour)
		}),
		emails("-blocked", func(p *templates.EnrolEmailPage) { p.Problem, p.Reason = templates.ProblemEmailBlocked, "kyc_pending" }),
		emails("-existing", func(p *templates.EnrolEmailPage) { p.Existing, p.CanChange = true, true }),
		emails("-confirmed", func(p *templates.EnrolEmailPage) { p.Existing, p.CanChange, p.Confirmed = true, true, true }),
		emails("-existing-failed", func(p *templates.EnrolEmailPage) { p.Existing, p.Problem = true, templates.ProblemSendFailed }),
		emails("-bare", func(p *templates.EnrolEmailPage) { *p = templates.EnrolEmailPage{} }),
	}
}

// codeSamples are the page that takes the code of a new address or number.
func codeSamples() []Sample {
	code := templates.EnrolCodePage{
		Frame: House(), Wizard: wizard(3), Action: "/x", ChangeURL: "/change", SwitchAction: "/switch",
		CodeField: with(EmailCode(), func(c *templates.CodeField) { c.Method, c.Masked, c.Sent = "sms", "+52 ••• ••• 2399", true }),
		Ways:      []templates.Way{{Method: "voice", Masked: "+52 ••• ••• 2399", Reason: templates.ReasonTimer, AvailableAt: noon.Add(62 * time.Second)}},
	}
	codes := func(name string, edit func(*templates.EnrolCodePage)) Sample {
		p := code
		edit(&p)
		return Sample{"enrol-code" + name, p}
	}
	return []Sample{
		codes("", func(*templates.EnrolCodePage) {}),
		codes("-pair", func(p *templates.EnrolCodePage) {
			p.AskPIN, p.Sent, p.Problem, p.TriesLeft = true, false, templates.ProblemWrongCode, 3
		}),
		codes("-email", func(p *templates.EnrolCodePage) { p.CodeField, p.Ways = EmailCode(), nil }),
		codes("-long", func(p *templates.EnrolCodePage) {
			p.ExpiresAt, p.ResendAt, p.Life = noon.Add(15*time.Minute), noon.Add(15*time.Minute), 15*time.Minute
		}),
		codes("-failed", func(p *templates.EnrolCodePage) {
			p.Problem, p.Sent, p.ResendAt = templates.ProblemSendFailed, false, noon
		}),
		codes("-too-many", func(p *templates.EnrolCodePage) {
			p.Problem, p.LockedUntil = templates.ProblemTooMany, noon.Add(time.Hour)
		}),
		{"enrol-code-bare", templates.EnrolCodePage{}},
	}
}

func keySamples() []Sample {
	page := templates.EnrolKeyPage{Frame: House(), Wizard: wizard(2), Action: "/x", Options: keyOptions, Name: "Chrome on Linux"}
	key := func(name string, edit func(*templates.EnrolKeyPage)) Sample {
		p := page
		edit(&p)
		return Sample{"enrol-key" + name, p}
	}
	done := templates.EnrolDonePage{Frame: House(), Wizard: templates.Wizard{Progress: templates.Progress{Step: 4, Steps: 4}}, Method: "totp", Emailed: true, ContinueURL: "/i/1", AnotherURL: "/more", Methods: 2, Advice: templates.AdviceCodes}
	dones := func(method, masked, name string) Sample {
		p := done
		p.Method, p.Masked, p.Name, p.TwoStepOn = method, masked, name, method == "sms"
		return Sample{"enrol-done-" + method, p}
	}
	return []Sample{
		key("", func(*templates.EnrolKeyPage) {}),
		key("-passkey", func(p *templates.EnrolKeyPage) { p.Kind = "passkey" }),
		key("-security-key", func(p *templates.EnrolKeyPage) { p.Kind = "security_key" }),
		key("-exists", func(p *templates.EnrolKeyPage) { p.Problem = templates.ProblemKeyExists }),
		key("-name", func(p *templates.EnrolKeyPage) { p.Problem, p.Name = templates.ProblemNoName, "" }),
		key("-policy", func(p *templates.EnrolKeyPage) { p.Problem = templates.ProblemKeyPolicy }),
		key("-limit", func(p *templates.EnrolKeyPage) { p.Problem = templates.ProblemKeyLimit }),
		key("-pin", func(p *templates.EnrolKeyPage) {
			p.AskPIN, p.Problem, p.TriesLeft = true, templates.ProblemWrongCode, 2
		}),
		key("-name-first", func(p *templates.EnrolKeyPage) { p.Options = "" }),
		{"enrol-key-bare", templates.EnrolKeyPage{}},
		dones("totp", "", ""), dones("webauthn", "", "Chrome on Linux"), dones("sms", "+52 ••• ••• 2399", ""),
		dones("recovery_codes", "", ""), dones("pin", "", ""),
		{"enrol-done-bare", templates.EnrolDonePage{}},
	}
}

func pinSamples() []Sample {
	page := templates.EnrolPINPage{Frame: House(), Wizard: wizard(2), Action: "/x", DigitsMin: 6, DigitsMax: 6, PINHelp: forgotPIN()}
	pin := func(name string, edit func(*templates.EnrolPINPage)) Sample {
		p := page
		edit(&p)
		return Sample{"enrol-pin" + name, p}
	}
	all := []Sample{
		pin("", func(*templates.EnrolPINPage) {}),
		pin("-range", func(p *templates.EnrolPINPage) { p.DigitsMin, p.DigitsMax = 4, 8 }),
		pin("-change", func(p *templates.EnrolPINPage) { p.AskOld = true }),
		pin("-old-wrong", func(p *templates.EnrolPINPage) {
			p.AskOld, p.Problem, p.TriesLeft = true, templates.ProblemWrongCode, 2
		}),
		pin("-blocked", func(p *templates.EnrolPINPage) {
			p.AskOld, p.Problem, p.LockedUntil = true, templates.ProblemPINBlocked, noon.Add(time.Hour)
		}),
		{"enrol-pin-bare", templates.EnrolPINPage{}},
	}
	for _, problem := range []string{
		templates.ProblemPINLength, templates.ProblemPINRun, templates.ProblemPINRepeat, templates.ProblemPINDate, templates.ProblemPINPhone, templates.ProblemPINPassword,
		templates.ProblemPINCommon, templates.ProblemPINSame, templates.ProblemEmpty,
	} {
		all = append(all, pin("-"+problem, func(p *templates.EnrolPINPage) { p.Problem = problem }))
	}
	return all
}

func recoverySamples() []Sample {
	sheet := templates.RecoveryCodesPage{
		Frame: House(), Wizard: templates.Wizard{Progress: templates.Progress{Step: 4, Steps: 4}}, Action: "/x", MadeAt: noon, DownloadAction: "/download",
		Codes: []string{
			"01-K7QM-2XTD-9FHP-W4", "02-M3VN-8JYK-T6DX-Q2", "03-4RWC-HN7P-XJ9K-5M", "04-P2GV-C8QD-H4YB-7K", "05-8DTR-3WMJ-C5PF-V9",
			"06-Q7ZN-4KXB-2M8D-TH", "07-J5CR-W9VP-6YQF-3G", "08-D2HX-7TBN-K4WM-P8", "09-V6FJ-Q3YC-9RZG-5X", "10-B8NK-M2PD-W7TH-4Q",
		},
	}
	link, unsaved := sheet, sheet
	link.DownloadAction, link.DownloadURL, link.Replaced, link.Frame = "", "/codes.txt", true, inSettings()
	unsaved.Problem = templates.ProblemNotSaved
	renew := func(name string, edit func(*templates.RecoveryRenewPage)) Sample {
		p := templates.RecoveryRenewPage{Frame: inSettings(), Wizard: templates.Wizard{LeaveURL: "/settings"}, Action: "/x", Left: 7, Total: 10, MadeAt: noon.Add(-90 * 24 * time.Hour)}
		edit(&p)
		return Sample{"recovery-renew" + name, p}
	}
	return []Sample{
		{"recovery-codes", sheet},
		{"recovery-codes-link", link},
		{"recovery-codes-unsaved", unsaved},
		{"recovery-codes-bare", templates.RecoveryCodesPage{}},
		renew("", func(*templates.RecoveryRenewPage) {}),
		renew("-low", func(p *templates.RecoveryRenewPage) { p.Left, p.LaterURL, p.LeaveURL = 3, "/later", "" }),
		renew("-last", func(p *templates.RecoveryRenewPage) { p.Left = 1 }),
		renew("-used-up", func(p *templates.RecoveryRenewPage) { p.Left = 0 }),
		renew("-none", func(p *templates.RecoveryRenewPage) { p.Left, p.Total = 0, 0 }),
		renew("-pin-wrong", func(p *templates.RecoveryRenewPage) {
			p.AskPIN, p.Problem, p.TriesLeft = true, templates.ProblemWrongCode, 2
		}),
		renew("-pin-blocked", func(p *templates.RecoveryRenewPage) {
			p.AskPIN, p.Problem, p.LockedUntil = true, templates.ProblemPINBlocked, noon.Add(time.Hour)
		}),
		renew("-bare", func(p *templates.RecoveryRenewPage) { *p = templates.RecoveryRenewPage{} }),
	}
}
