package templates

import (
	"encoding/base64"
	"time"
)

// keyOptions has what could break out of an attribute.
const keyOptions = `{"challenge":"dGhlLWNoYWxsZW5nZQ","rpId":"localhost","timeout":300000,"userVerification":"preferred","allowCredentials":[{"type":"public-key","id":"QQ"}],"x":"<\"'&>"}`

// pixel is the smallest PNG, in place of a QR code.
func pixel() []byte {
	png, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=")
	if err != nil {
		panic(err)
	}
	return png
}

func wizard(step int) Wizard {
	return Wizard{Progress: Progress{step, 4}, BackURL: "/t/contractor/i/1/enrol", LeaveURL: "/t/contractor/settings"}
}

// inSettings is the frame of a page in the settings, without gates.
func inSettings() Frame {
	f := house()
	f.NotYou = ""
	return f
}

func enrolSamples() []sample {
	all := append(answerSamples(), chooseSamples()...)
	all = append(all, appSamples()...)
	all = append(all, phoneSamples()...)
	all = append(all, contactSamples()...)
	all = append(all, keySamples()...)
	all = append(all, pinSamples()...)
	return append(all, recoverySamples()...)
}

// answerSamples are the second step with a key, a PIN, or both fields at once.
func answerSamples() []sample {
	full := ChallengePage{
		Frame: at(SignInGates("Demo Shop")), Action: "/x", SwitchAction: "/switch", Ways: ways(), NoneURL: "/recovery",
		TrustDevice: "P7D", CanCancel: true,
	}
	answer := func(name string, c CodeField) sample {
		p := full
		p.CodeField = c
		return sample{"challenge-" + name, p}
	}
	key := func(problem string) CodeField {
		return CodeField{Method: "webauthn", KeyOptions: keyOptions, Problem: problem}
	}
	pair := with(emailCode(), func(c *CodeField) { c.Method, c.Masked, c.AskPIN = "sms", "+52 ••• ••• 2399", true })
	payout := ConfirmPage{
		Frame: at(ActionGates("payout.request", true)), CodeField: key(""), Action: "/x", ActionName: "payout.request",
		Slip: payoutSlip(), ChooseURL: "/choose", DenyAction: "/deny",
	}
	withdrawal := payout
	withdrawal.ActionName, withdrawal.CodeField = "withdrawal.confirm", CodeField{Method: "pin"}
	staged := ChallengePage{
		Frame: inSettings(), Progress: Progress{1, 3}, CodeField: with(emailCode(), func(c *CodeField) { c.Sent = true }),
		Action: "/x", Change: ChangeFirstEnrolment,
	}
	alone := full
	alone.CodeField, alone.Ways, alone.TrustDevice, alone.CanCancel = key(""), nil, "", false
	signIn := SignInGates("Demo Shop")
	return []sample{
		answer("key", key("")), answer("key-cancelled", key(ProblemKeyCancelled)), answer("key-failed", key(ProblemWrongCode)),
		answer("key-unknown", key(ProblemKeyUnknown)), answer("key-cloned", key(ProblemKeyCloned)),
		answer("key-unverified", key(ProblemKeyUnverified)), answer("key-too-many", key(ProblemTooMany)),
		{"challenge-key-alone", alone},
		answer("totp-used", CodeField{Method: "totp", Problem: ProblemUsed}),
		answer("totp-wrong", CodeField{Method: "totp", Problem: ProblemWrongCode, TriesLeft: 4}),
		answer("voice-sent", with(emailCode(), func(c *CodeField) { c.Method, c.Masked, c.Sent = "voice", "+49 ••• 142", true })),
		answer("backup-malformed", CodeField{Method: "recovery_codes", Problem: ProblemMalformed, CodesLeft: 7}),
		answer("pin", CodeField{Method: "pin"}), answer("pin-wrong", CodeField{Method: "pin", Problem: ProblemWrongCode, TriesLeft: 2}),
		answer("pin-empty", CodeField{Method: "pin", Problem: ProblemEmpty}),
		answer("pin-blocked", CodeField{Method: "pin", Problem: ProblemPINBlocked, LockedUntil: noon.Add(15 * time.Minute)}),
		answer("pin-dead", CodeField{Method: "pin", Problem: ProblemPINDead}),
		answer("pair", pair), answer("pair-wrong", with(pair, func(c *CodeField) { c.Problem, c.TriesLeft = ProblemWrongCode, 3 })),
		answer("pair-empty", with(pair, func(c *CodeField) { c.Problem = ProblemEmpty })),
		answer("pair-blocked", with(pair, func(c *CodeField) { c.Problem, c.LockedUntil = ProblemPINBlocked, noon.Add(15*time.Minute) })),
		{"challenge-first-enrolment", staged},
		{"challenge-change-unknown", ChallengePage{Frame: inSettings(), CodeField: CodeField{Method: "pin"}, Action: "/x", Change: "no such key"}},
		{"confirm-key", payout},
		{"confirm-pin", withdrawal},
		{"identify-passkey", IdentifyPage{
			Frame: stranger(signIn), Action: "/x", PasskeyAction: "/passkey", PasskeyOptions: keyOptions, ForgotURL: "/forgot",
			SignUpURL: "/signup", CanCancel: true,
		}},
		{"identify-passkey-unknown", IdentifyPage{Frame: stranger(signIn), Action: "/x", PasskeyAction: "/passkey", PasskeyOptions: keyOptions, Problem: ProblemPasskeyUnknown}},
		{"identify-passkey-failed", IdentifyPage{Frame: stranger(signIn), Action: "/x", PasskeyAction: "/passkey", PasskeyOptions: keyOptions, Problem: ProblemPasskeyFailed, ForgotURL: "/forgot"}},
	}
}

func chooseSamples() []sample {
	page := EnrolChoosePage{
		Frame: house(), Wizard: Wizard{Progress: Progress{1, 4}}, Action: "/x", Need: EnrolNow, CanCancel: true,
		Choices: []EnrolChoice{
			{Method: "webauthn", Strength: "strongest", Recommended: true, Available: true},
			{Method: "totp", Strength: "strong", Available: true},
			{Method: "sms", Strength: "basic", Reason: ReasonCountry},
			{Method: "voice", Strength: "basic", Masked: "+52 ••• ••• 2399", Available: true},
			{Method: "email", Strength: "basic", Reason: ReasonOn},
			{Method: "recovery_codes", Strength: "strong", Reason: ReasonFirst},
			{Method: "phone", Reason: ReasonLocked, AvailableAt: noon.Add(9 * time.Minute)},
			{Method: "pin", Reason: ReasonTimer, AvailableAt: noon.Add(time.Minute)},
		},
	}
	counted, dated, optional, instead := page, page, page, page
	counted.Need, counted.LaterURL, counted.LaterLeft, counted.Choices = EnrolBy, "/later", 3, page.Choices[:2]
	dated.Need, dated.LaterURL, dated.LaterUntil, dated.Choices = EnrolBy, "/later", noon.Add(9*24*time.Hour), page.Choices[:2]
	dated.CanCancel = false
	optional.Need, optional.LaterURL, optional.Choices, optional.LeaveURL = EnrolOptional, "/later", page.Choices[:4], "/settings"
	instead.Need, instead.Problem, instead.LeaveURL = EnrolInstead, ProblemNoChoice, "/settings"
	return []sample{
		{"enrol", page},
		{"enrol-counted", counted},
		{"enrol-dated", dated},
		{"enrol-optional", optional},
		{"enrol-instead", instead},
		{"enrol-bare", EnrolChoosePage{}},
	}
}

func appSamples() []sample {
	page := EnrolAppPage{
		Frame: house(), Wizard: wizard(2), CodeField: CodeField{Method: "totp"}, Action: "/x", QR: pixel(),
		Key: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Label: "alice@example.test",
		SetupURI: "otpauth://totp/Contractor:alice%40example.test?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Contractor",
	}
	wrong, pair, plain := page, page, page
	wrong.CodeField.Problem, wrong.CodeField.TriesLeft = ProblemWrongCode, 4
	pair.AskPIN, pair.CodeField.Problem = true, ProblemWrongCode
	plain.QR, plain.SetupURI, plain.Period, plain.Digits = nil, "", 60, 8
	blocked := pair
	blocked.CodeField.Problem, blocked.LockedUntil = ProblemPINBlocked, noon.Add(15*time.Minute)
	return []sample{
		{"enrol-device", EnrolDevicePage{Frame: house(), Wizard: wizard(2), Action: "/device"}},
		{"enrol-device-bare", EnrolDevicePage{}},
		{"enrol-get-app-ios", EnrolGetAppPage{Frame: house(), Wizard: wizard(2), Action: "/x", OS: DeviceIOS}},
		{"enrol-get-app-android", EnrolGetAppPage{Frame: house(), Wizard: wizard(2), Action: "/x", OS: DeviceAndroid}},
		{"enrol-get-app-computer", EnrolGetAppPage{Frame: house(), Wizard: wizard(2), Action: "/x", OS: DeviceComputer}},
		{"enrol-get-app-bare", EnrolGetAppPage{OS: "toaster"}},
		{"enrol-app", page},
		{"enrol-app-wrong", wrong},
		{"enrol-app-pair", pair},
		{"enrol-app-blocked", blocked},
		{"enrol-app-plain", plain},
		{"enrol-app-bare", EnrolAppPage{CodeField: CodeField{Method: "totp"}}},
	}
}

func phonePage() EnrolPhonePage {
	return EnrolPhonePage{
		Frame: house(), Wizard: wizard(2), Action: "/x", Country: "MX",
		Countries: []Country{{"DE", "Germany", "+49", "01512 3456789"}, {"MX", "Mexico", "+52", "222 123 4567"}, {"US", "United States", "+1", ""}},
		Methods:   []PhoneMethod{{"sms", true, ""}, {"voice", true, ""}}, Method: "sms",
	}
}

func phoneSamples() []sample {
	phone := func(name string, edit func(*EnrolPhonePage)) sample {
		p := phonePage()
		edit(&p)
		return sample{"enrol-phone" + name, p}
	}
	wrong := func(problem string) sample {
		return phone("-"+problem, func(p *EnrolPhonePage) {
			p.Phone, p.Problem, p.RetryAt = "644 183 2399 <b>", problem, noon.Add(time.Hour)
		})
	}
	all := []sample{
		phone("", func(*EnrolPhonePage) {}),
		phone("-nowhere", func(p *EnrolPhonePage) { p.Country, p.Method = "", "" }),
		phone("-line", func(p *EnrolPhonePage) { p.AskLine, p.Line, p.Problem = true, "fixed", ProblemPhoneLine }),
		phone("-only-call", func(p *EnrolPhonePage) { p.Methods[0] = PhoneMethod{"sms", false, ReasonCountry}; p.Method = "voice" }),
		phone("-only-sms", func(p *EnrolPhonePage) { p.Methods = p.Methods[:1] }),
		phone("-change", func(p *EnrolPhonePage) { p.Change, p.Current = true, "+49 ••• 0142" }),
		phone("-blocked", func(p *EnrolPhonePage) {
			p.Change, p.Problem, p.Reason = true, ProblemPhoneBlocked, BlockedIdentity
		}),
		phone("-blocked-plain", func(p *EnrolPhonePage) { p.Problem = ProblemPhoneBlocked }),
		{"enrol-phone-bare", EnrolPhonePage{}},
	}
	for _, problem := range []string{
		ProblemPhoneInvalid, ProblemPhoneNoCountry, ProblemPhoneExtension, ProblemPhoneLandline, ProblemPhoneInUse,
		ProblemPhoneCountry, ProblemPhoneType, ProblemPhoneLimit, ProblemPhoneSame, ProblemSendFailed,
	} {
		all = append(all, wrong(problem))
	}
	return all
}

func contactSamples() []sample {
	check := EnrolPhoneCheckPage{
		Frame: house(), Wizard: wizard(2), Action: "/x", Number: "+52 644 183 2399", Country: "Mexico", Method: "sms",
		Fields: []Field{{"country", "MX"}, {"phone", "644 183 2399"}, {"line", "mobile"}, {"method", "sms"}},
	}
	call, onFile, failed := check, check, check
	call.Method = "voice"
	onFile.Existing, onFile.CanChange, onFile.Methods, onFile.Fields = true, true, phonePage().Methods, nil
	failed.Problem = ProblemSendFailed
	email := EnrolEmailPage{Frame: house(), Wizard: wizard(2), Action: "/x", Email: "alice@example.test"}
	emails := func(name string, edit func(*EnrolEmailPage)) sample {
		p := email
		edit(&p)
		return sample{"enrol-email" + name, p}
	}
	code := EnrolCodePage{
		Frame: house(), Wizard: wizard(3), Action: "/x", ChangeURL: "/change", SwitchAction: "/switch",
		CodeField: with(emailCode(), func(c *CodeField) { c.Method, c.Masked, c.Sent = "sms", "+52 ••• ••• 2399", true }),
		Ways:      []Way{{Method: "voice", Masked: "+52 ••• ••• 2399", Reason: ReasonTimer, AvailableAt: noon.Add(62 * time.Second)}},
	}
	codes := func(name string, edit func(*EnrolCodePage)) sample {
		p := code
		edit(&p)
		return sample{"enrol-code" + name, p}
	}
	return []sample{
		{"enrol-phone-check", check},
		{"enrol-phone-check-call", call},
		{"enrol-phone-check-existing", onFile},
		{"enrol-phone-check-failed", failed},
		{"enrol-phone-check-bare", EnrolPhoneCheckPage{}},
		emails("", func(*EnrolEmailPage) {}),
		emails("-wrong", func(p *EnrolEmailPage) { p.Email, p.Problem = "alice", ProblemBadEmail }),
		emails("-change", func(p *EnrolEmailPage) {
			p.Change, p.Current, p.Email, p.Problem = true, "a•••@example.test", "", ProblemEmailSame
		}),
		emails("-in-use", func(p *EnrolEmailPage) { p.Problem = ProblemEmailInUse }),
		emails("-limit", func(p *EnrolEmailPage) { p.Problem, p.RetryAt = ProblemEmailLimit, noon.Add(time.Hour) }),
		emails("-blocked", func(p *EnrolEmailPage) { p.Problem, p.Reason = ProblemEmailBlocked, "kyc_pending" }),
		emails("-existing", func(p *EnrolEmailPage) { p.Existing, p.CanChange = true, true }),
		emails("-existing-failed", func(p *EnrolEmailPage) { p.Existing, p.Problem = true, ProblemSendFailed }),
		emails("-bare", func(p *EnrolEmailPage) { *p = EnrolEmailPage{} }),
		codes("", func(*EnrolCodePage) {}),
		codes("-pair", func(p *EnrolCodePage) { p.AskPIN, p.Sent, p.Problem, p.TriesLeft = true, false, ProblemWrongCode, 3 }),
		codes("-email", func(p *EnrolCodePage) { p.CodeField, p.Ways = emailCode(), nil }),
		codes("-failed", func(p *EnrolCodePage) { p.Problem, p.Sent, p.ResendAt = ProblemSendFailed, false, noon }),
		codes("-too-many", func(p *EnrolCodePage) { p.Problem, p.LockedUntil = ProblemTooMany, noon.Add(time.Hour) }),
		{"enrol-code-bare", EnrolCodePage{}},
	}
}

func keySamples() []sample {
	page := EnrolKeyPage{Frame: house(), Wizard: wizard(2), Action: "/x", Options: keyOptions, Name: "Chrome on Linux"}
	key := func(name string, edit func(*EnrolKeyPage)) sample {
		p := page
		edit(&p)
		return sample{"enrol-key" + name, p}
	}
	done := EnrolDonePage{Frame: house(), Wizard: Wizard{Progress: Progress{4, 4}}, Method: "totp", Emailed: true, ContinueURL: "/i/1", AnotherURL: "/more"}
	dones := func(method, masked, name string) sample {
		p := done
		p.Method, p.Masked, p.Name = method, masked, name
		return sample{"enrol-done-" + method, p}
	}
	return []sample{
		key("", func(*EnrolKeyPage) {}),
		key("-passkey", func(p *EnrolKeyPage) { p.Kind = "passkey" }),
		key("-security-key", func(p *EnrolKeyPage) { p.Kind = "security_key" }),
		key("-exists", func(p *EnrolKeyPage) { p.Problem = ProblemKeyExists }),
		key("-name", func(p *EnrolKeyPage) { p.Problem, p.Name = ProblemNoName, "" }),
		key("-policy", func(p *EnrolKeyPage) { p.Problem = ProblemKeyPolicy }),
		key("-limit", func(p *EnrolKeyPage) { p.Problem = ProblemKeyLimit }),
		key("-pin", func(p *EnrolKeyPage) { p.AskPIN, p.Problem, p.TriesLeft = true, ProblemWrongCode, 2 }),
		key("-name-first", func(p *EnrolKeyPage) { p.Options = "" }),
		{"enrol-key-bare", EnrolKeyPage{}},
		dones("totp", "", ""), dones("webauthn", "", "Chrome on Linux"), dones("sms", "+52 ••• ••• 2399", ""),
		dones("recovery_codes", "", ""), dones("pin", "", ""),
		{"enrol-done-bare", EnrolDonePage{}},
	}
}

func pinSamples() []sample {
	page := EnrolPINPage{Frame: house(), Wizard: wizard(2), Action: "/x", DigitsMin: 6, DigitsMax: 6}
	pin := func(name string, edit func(*EnrolPINPage)) sample {
		p := page
		edit(&p)
		return sample{"enrol-pin" + name, p}
	}
	all := []sample{
		pin("", func(*EnrolPINPage) {}),
		pin("-range", func(p *EnrolPINPage) { p.DigitsMin, p.DigitsMax = 4, 8 }),
		pin("-change", func(p *EnrolPINPage) { p.AskOld = true }),
		pin("-old-wrong", func(p *EnrolPINPage) { p.AskOld, p.Problem, p.TriesLeft = true, ProblemWrongCode, 2 }),
		pin("-blocked", func(p *EnrolPINPage) {
			p.AskOld, p.Problem, p.LockedUntil = true, ProblemPINBlocked, noon.Add(time.Hour)
		}),
		{"enrol-pin-bare", EnrolPINPage{}},
	}
	for _, problem := range []string{
		ProblemPINLength, ProblemPINRun, ProblemPINRepeat, ProblemPINDate, ProblemPINPhone, ProblemPINPassword,
		ProblemPINCommon, ProblemPINSame, ProblemEmpty,
	} {
		all = append(all, pin("-"+problem, func(p *EnrolPINPage) { p.Problem = problem }))
	}
	return all
}

func recoverySamples() []sample {
	sheet := RecoveryCodesPage{
		Frame: house(), Wizard: Wizard{Progress: Progress{4, 4}}, Action: "/x", MadeAt: noon, DownloadAction: "/download",
		Codes: []string{
			"01-K7QM-2XTD-9FHP-W4", "02-M3VN-8JYK-T6DX-Q2", "03-4RWC-HN7P-XJ9K-5M", "04-P2GV-C8QD-H4YB-7K", "05-8DTR-3WMJ-C5PF-V9",
			"06-Q7ZN-4KXB-2M8D-TH", "07-J5CR-W9VP-6YQF-3G", "08-D2HX-7TBN-K4WM-P8", "09-V6FJ-Q3YC-9RZG-5X", "10-B8NK-M2PD-W7TH-4Q",
		},
	}
	link, unsaved := sheet, sheet
	link.DownloadAction, link.DownloadURL, link.Replaced, link.Frame = "", "/codes.txt", true, inSettings()
	unsaved.Problem = ProblemNotSaved
	renew := func(name string, edit func(*RecoveryRenewPage)) sample {
		p := RecoveryRenewPage{Frame: inSettings(), Wizard: Wizard{LeaveURL: "/settings"}, Action: "/x", Left: 7, Total: 10, MadeAt: noon.Add(-90 * 24 * time.Hour)}
		edit(&p)
		return sample{"recovery-renew" + name, p}
	}
	return []sample{
		{"recovery-codes", sheet},
		{"recovery-codes-link", link},
		{"recovery-codes-unsaved", unsaved},
		{"recovery-codes-bare", RecoveryCodesPage{}},
		renew("", func(*RecoveryRenewPage) {}),
		renew("-low", func(p *RecoveryRenewPage) { p.Left, p.LaterURL, p.LeaveURL = 3, "/later", "" }),
		renew("-last", func(p *RecoveryRenewPage) { p.Left = 1 }),
		renew("-used-up", func(p *RecoveryRenewPage) { p.Left = 0 }),
		renew("-none", func(p *RecoveryRenewPage) { p.Left, p.Total = 0, 0 }),
		renew("-pin-wrong", func(p *RecoveryRenewPage) { p.AskPIN, p.Problem, p.TriesLeft = true, ProblemWrongCode, 2 }),
		renew("-pin-blocked", func(p *RecoveryRenewPage) {
			p.AskPIN, p.Problem, p.LockedUntil = true, ProblemPINBlocked, noon.Add(time.Hour)
		}),
		renew("-bare", func(p *RecoveryRenewPage) { *p = RecoveryRenewPage{} }),
	}
}
