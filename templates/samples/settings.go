package samples

import (
	"time"

	"github.com/sallyport-id/sallyport/templates"
)

// Inside is what surrounds a page of the settings.
func Inside() templates.Inside {
	f := House()
	f.AppName, f.NotYou = "", ""
	return templates.Inside{
		Frame: f, SettingsURL: "/settings", DevicesURL: "/settings/devices", AppsURL: "/settings/apps",
		ActivityURL: "/settings/activity", SignOutURL: "/logout",
	}
}

// task is the frame of one change in the settings; url is where help is.
func task(url string) templates.Frame {
	f := Inside().Frame
	f.HelpURL = url
	return f
}

func to(label, url string) templates.RowAction { return templates.RowAction{Label: label, URL: url} }

func post(label, url string) templates.RowAction {
	return templates.RowAction{Label: label, URL: url, Post: true, Fields: []templates.Field{{Name: "id", Value: "7"}}}
}

func factorRows() []templates.FactorRow {
	return []templates.FactorRow{
		{Kind: "email", State: templates.StateRequired, Masked: "alice@example.test", First: true, Since: noon.Add(-300 * day), LastUsed: noon.Add(-time.Hour)},
		{Kind: "totp", State: templates.StateOn, Name: "iPhone", Since: noon, Actions: []templates.RowAction{to(templates.DoChange, "/totp"), to(templates.DoTurnOff, "/totp/off")}},
		{Kind: "sms", State: templates.StateUnverified, Masked: "+52 ••• ••• 2399", Actions: []templates.RowAction{post(templates.DoConfirm, "/sms/confirm"), to(templates.DoEdit, "/sms")}},
		{Kind: "voice", State: templates.StateBlocked, Reason: templates.BlockedForbidden},
		{Kind: "webauthn", State: templates.StateOn, Since: noon.Add(-40 * day), Actions: []templates.RowAction{to(templates.DoAddPasskey, "/passkey"), to(templates.DoAddKey, "/key")}},
		{Kind: "recovery_codes", CodesLeft: 7, CodesTotal: 10, Since: noon.Add(-2 * day), Actions: []templates.RowAction{to(templates.DoMakeNew, "/codes")}},
	}
}

const day = 24 * time.Hour

func fullSettings() templates.SettingsPage {
	return templates.SettingsPage{
		Inside: Inside(), News: templates.News{Done: templates.DoneFactorAdded, DoneMethod: "totp", Mailed: true},
		Methods: 3, Rows: factorRows(),
		TwoStep:  templates.TwoStep{State: templates.StateOn, Since: noon.Add(-300 * day), Action: "/mfa"},
		Passkeys: []templates.KeyRow{{Name: "Chrome on Linux", Synced: true, Since: noon.Add(-40 * day), LastUsed: noon.Add(-day), Actions: []templates.RowAction{to(templates.DoRename, "/k/1/name"), to(templates.DoRemove, "/k/1/remove")}}},
		Keys:     []templates.KeyRow{{Name: "Blue key", Since: noon, Actions: []templates.RowAction{to(templates.DoRename, "/k/2/name"), post(templates.DoRemove, "/k/2/remove")}}},
		First:    &templates.MethodChoice{Action: "/first", Options: []templates.MethodOption{{Method: "email", Masked: "alice@example.test", Current: true}, {Method: "totp"}, {Method: "sms", Masked: "+52 ••• ••• 2399", Reason: templates.ReasonUnverified}}},
		Contacts: []templates.ContactRow{
			{Kind: "email", Masked: "alice@example.test", Status: "confirmed", Registered: true, Since: noon.Add(-300 * day), Blocked: []templates.Block{{Label: templates.DoRemove, Reason: templates.BlockedRegistered}}},
			{Kind: "phone", Masked: "+52 ••• ••• 2399", Status: "unverified", Actions: []templates.RowAction{post(templates.DoConfirm, "/phone/confirm"), to(templates.DoEdit, "/phone")}},
		},
		SignIn:     []templates.FactorRow{{Kind: "password", Since: noon.Add(-90 * day), Actions: []templates.RowAction{to(templates.DoChange, "/password")}}, {Kind: "pin", State: templates.StateOff, Actions: []templates.RowAction{to(templates.DoSet, "/pin")}}},
		HasDevices: true, Devices: 2, Sessions: 3, Apps: 1,
		Recent: activity()[:3],
	}
}

func activity() []templates.ActivityEvent {
	from := func(e templates.ActivityEvent) templates.ActivityEvent {
		e.Device, e.Address = "Chrome on Linux", "203.0.113.7"
		return e
	}
	return []templates.ActivityEvent{
		from(templates.ActivityEvent{Type: "login.completed", Result: "ok", Method: "email", At: noon.Add(-time.Hour), App: "Demo Shop"}),
		from(templates.ActivityEvent{Type: "challenge.tried", Result: "mismatch", Method: "email", At: noon.Add(-61 * time.Minute)}),
		from(templates.ActivityEvent{Type: "factor.added", Method: "totp", At: noon.Add(-2 * day)}),
		from(templates.ActivityEvent{Type: "password.tried", Result: "wrong", At: noon.Add(-3 * day)}),
		from(templates.ActivityEvent{Type: "confirmation.approved", Action: "payout.request", Method: "sms", App: "Demo Shop", At: noon.Add(-4 * day)}),
	}
}

// strangeActivity is what no present server writes: an event that a page knows no
// words for, and one with nothing in it.
func strangeActivity() []templates.ActivityEvent {
	return []templates.ActivityEvent{{Type: "something.new", Result: "odd", At: noon.Add(-5 * day)}, {}}
}

// smsOnly is the row of somebody who has text messages and nothing else.
func smsOnly() []templates.FactorRow {
	return []templates.FactorRow{{Kind: "sms", State: templates.StateOn, Masked: "+52 ••• ••• 2399", First: true, Since: noon.Add(-9 * day), Actions: []templates.RowAction{to(templates.DoChange, "/sms")}}}
}

// lastWay leaves one way to confirm it is you, which cannot be turned off.
func lastWay(p *templates.SettingsPage) {
	p.TwoStep = templates.TwoStep{State: templates.StateRequired, Since: noon.Add(-300 * day)}
	p.Methods, p.Advice, p.Rows = 1, templates.AdviceSecondMethod, append(smsOnly(), templates.FactorRow{Kind: "totp", State: templates.StateOff, Actions: []templates.RowAction{to(templates.DoAdd, "/totp")}})
	p.Rows[0].Blocked = []templates.Block{{Label: templates.DoTurnOff, Reason: templates.BlockedLast}}
	p.Passkeys, p.Keys, p.First = nil, nil, nil
	p.Contacts[1].Status, p.Contacts[1].Actions = "confirmed", []templates.RowAction{to(templates.DoChange, "/phone")}
}

// advised is the page of somebody to whom advice applies.
func advised(p *templates.SettingsPage, advice string) {
	switch advice {
	case templates.AdviceTurnOn:
		p.TwoStep, p.Methods = templates.TwoStep{State: templates.StateOff, Action: "/mfa"}, 0
	case templates.AdviceStart:
		lastWay(p)
		p.Methods, p.Rows = 0, []templates.FactorRow{{Kind: "sms", State: templates.StateOff, Actions: []templates.RowAction{to(templates.DoAdd, "/sms")}}, p.Rows[1]}
	case templates.AdviceCodes:
		p.Rows[5] = templates.FactorRow{Kind: "recovery_codes", State: templates.StateOff, Actions: []templates.RowAction{to(templates.DoMakeNew, "/codes")}}
	case templates.AdviceSecondKey:
		p.Methods, p.Rows, p.Passkeys, p.First = 1, p.Rows[4:5], nil, nil
		p.Rows[0].Actions = []templates.RowAction{to(templates.DoAddPasskey, "/passkey"), to(templates.DoAddKey, "/key")}
	case templates.AdviceSecondOther:
		lastWay(p)
		p.Rows[0] = templates.FactorRow{Kind: "email", State: templates.StateRequired, Masked: "alice@example.test", First: true, Since: noon.Add(-300 * day)}
	default:
		lastWay(p)
	}
	p.Advice = advice
}

func settingsSamples() []Sample {
	all := append(hubSamples(), placeSamples()...)
	return append(all, changeSamples()...)
}

func hubSamples() []Sample {
	edit := func(name string, change func(*templates.SettingsPage)) Sample {
		p := fullSettings()
		p.News = templates.News{}
		change(&p)
		return Sample{"settings-" + name, p}
	}
	all := []Sample{
		{"settings", fullSettings()},
		{"settings-bare", templates.SettingsPage{}},
		edit("new", func(p *templates.SettingsPage) {
			*p = templates.SettingsPage{Inside: Inside(), TwoStep: templates.TwoStep{State: templates.StateOff, Action: "/mfa"}, Advice: templates.AdviceStart, Sessions: 1, HasDevices: true, Tasks: []templates.Task{{Name: templates.TaskConfirmPhone, URL: "/phone", Done: false}, {Name: templates.TaskTwoStep, URL: "/mfa", Done: false}, {Name: templates.TaskCodes, URL: "/codes", Done: true}}, Rows: []templates.FactorRow{{Kind: "sms", State: templates.StateOff, Actions: []templates.RowAction{to(templates.DoAdd, "/sms")}}, {Kind: "totp", State: templates.StateOff, Actions: []templates.RowAction{to(templates.DoEnable, "/totp")}}, {Kind: "recovery_codes", State: templates.StateOff, Blocked: []templates.Block{{Label: templates.DoAdd, Reason: templates.BlockedPIN}}}, {Kind: "pin", State: templates.StateOff}}, Contacts: []templates.ContactRow{{Kind: "phone", Actions: []templates.RowAction{to(templates.DoAdd, "/phone")}}}}
		}),
		edit("required", func(p *templates.SettingsPage) {
			p.TwoStep = templates.TwoStep{State: templates.StateRequired, Since: noon.Add(-day)}
		}),
		edit("staff", func(p *templates.SettingsPage) { p.TwoStep.Action, p.TwoStep.Blocked = "", templates.BlockedStaff }),
		edit("exclusive", func(p *templates.SettingsPage) {
			*p = templates.SettingsPage{Inside: Inside(), Methods: 1, Sessions: 1, Apps: 1, Choice: &templates.MethodChoice{Action: "/choice", Since: noon.Add(-9 * day), Options: []templates.MethodOption{{Method: "sms", Masked: "+52 ••• ••• 2399", Current: true}, {Method: "email", Masked: "alice@example.test"}, {Method: "off"}}}, Rows: smsOnly()}
		}),
		edit("exclusive-country", func(p *templates.SettingsPage) {
			*p = templates.SettingsPage{Inside: Inside(), Sessions: 1, Apps: 1, Choice: &templates.MethodChoice{Action: "/choice", Options: []templates.MethodOption{{Method: "sms", Reason: templates.BlockedCountry}, {Method: "email", Masked: "alice@example.test"}, {Method: "off", Current: true}}}}
		}),
		edit("pending-identity", func(p *templates.SettingsPage) {
			p.Contacts[1] = templates.ContactRow{Kind: "phone", Masked: "+52 ••• ••• 2399", Status: "confirmed", Blocked: []templates.Block{{Label: templates.DoChange, Reason: templates.BlockedIdentity}, {Label: templates.DoRemove, Reason: templates.BlockedNeverGoes}}}
			p.Rows[2].Blocked = []templates.Block{{Label: templates.DoChange, Reason: "kyc_review_open"}}
		}),
		edit("needs-pin", func(p *templates.SettingsPage) { p.NeedsPIN = new(post(templates.DoSet, "/pin")) }),
		edit("apart", func(p *templates.SettingsPage) {
			p.Rows[0].First, p.Rows[0].Apart, p.TwoStep.State = false, true, templates.StateOff
		}),
		edit("one-way", func(p *templates.SettingsPage) {
			p.TwoStep = templates.TwoStep{State: templates.StateRequired, OneWay: true}
		}),
		edit("refused", func(p *templates.SettingsPage) { lastWay(p); p.Refused = templates.BlockedLast }),
		edit("last-way", lastWay),
		edit("refused-flag", func(p *templates.SettingsPage) { p.Refused = "kyc_review_open" }),
		edit("codes-low", func(p *templates.SettingsPage) { p.Rows[5].CodesLeft, p.Advice = 1, templates.AdviceCodes }),
		edit("codes-none", func(p *templates.SettingsPage) { p.Rows[5].CodesLeft, p.Advice = 0, templates.AdviceCodes }),
		edit("frequent", func(p *templates.SettingsPage) { p.Prompts = 4 }),
		edit("frequent-once", func(p *templates.SettingsPage) { p.Prompts, p.HelpURL, p.Devices, p.Apps = 1, "", 0, 0 }),
		edit("pending-contact", func(p *templates.SettingsPage) {
			p.Contacts[1].Status, p.Rows[2].State = "pending", templates.StatePending
		}),
	}
	for _, done := range doneNews() {
		all = append(all, edit("done-"+done, func(p *templates.SettingsPage) { p.News = templates.News{Done: done, DoneMethod: "sms"} }))
	}
	for _, a := range advices() {
		all = append(all, edit("advice-"+a, func(p *templates.SettingsPage) { advised(p, a) }))
	}
	return all
}

func placeSamples() []Sample {
	devices := []templates.DeviceRow{
		{Name: "Work laptop", Device: "Chrome on Linux", Address: "203.0.113.7", Since: noon.Add(-5 * day), LastUsed: noon, Until: noon.Add(2 * day), This: true, Actions: []templates.RowAction{to(templates.DoRename, "/d/1/name"), to(templates.DoRemove, "/d/1/remove")}},
		{Device: "Safari on iPhone", Address: "2001:db8::7", Since: noon.Add(-4 * day), LastUsed: noon.Add(-day), Until: noon.Add(3 * time.Hour), Actions: []templates.RowAction{to(templates.DoRename, "/d/2/name"), post(templates.DoRemove, "/d/2/remove")}},
	}
	sessions := []templates.DeviceRow{
		{Device: "Chrome on Linux", Address: "203.0.113.7", Since: noon, LastUsed: noon, Until: noon.Add(14 * day), This: true},
		{Device: "Safari on iPhone", Address: "198.51.100.4", Since: noon.Add(-2 * day), LastUsed: noon.Add(-day), Actions: []templates.RowAction{to(templates.DoSignOut, "/s/2/end")}},
		{Since: noon.Add(-9 * day), Actions: []templates.RowAction{post(templates.DoSignOut, "/s/3/end")}},
	}
	return []Sample{
		{"devices", templates.DevicesPage{Inside: Inside(), News: templates.News{Done: templates.DoneSessionEnded}, HasDevices: true, Devices: devices, Sessions: sessions, DevicesActions: []templates.RowAction{to(templates.DoRemoveAll, "/d/remove")}, SessionsActions: []templates.RowAction{to(templates.DoSignOutAll, "/s/end")}}},
		{"devices-empty", templates.DevicesPage{Inside: Inside(), HasDevices: true, Sessions: sessions[:1]}},
		{"devices-one-sign-in", templates.DevicesPage{Inside: Inside(), OneSignIn: true, Sessions: sessions[:1]}},
		{"devices-no-trust", templates.DevicesPage{Inside: Inside(), Sessions: sessions[:1]}},
		{"devices-bare", templates.DevicesPage{}},
		{"activity", templates.ActivityPage{Inside: Inside(), Events: activity(), NewerURL: "/settings/activity?before=9", OlderURL: "/settings/activity?after=3", PasswordURL: "/password", EverywhereURL: "/settings/sessions/end-all"}},
		{"activity-empty", templates.ActivityPage{Inside: Inside()}},
		{"activity-strange-bare", templates.ActivityPage{Inside: Inside(), Events: strangeActivity()}},
		{"activity-bare", templates.ActivityPage{}},
		{"apps", templates.AppsPage{Inside: Inside(), News: templates.News{Done: templates.DoneAppRemoved}, Apps: []templates.AppRow{
			{Name: "Demo Shop", AppHost: "shop.example.test", Scopes: []string{"openid", "email", "invoices:read"}, Since: noon.Add(-30 * day), LastUsed: noon, Actions: []templates.RowAction{to(templates.DoRemoveApp, "/a/1/remove")}},
			{Name: "Reports", Since: noon.Add(-day), Actions: []templates.RowAction{post(templates.DoRemoveApp, "/a/2/remove")}},
		}}},
		{"apps-empty", templates.AppsPage{Inside: Inside()}},
		{"apps-bare", templates.AppsPage{}},
		{"rename", templates.RenamePage{Frame: task("/help"), Action: "/x", Kind: "key", Name: "Blue key", BackURL: "/settings"}},
		{"rename-error", templates.RenamePage{Frame: task("/help"), Action: "/x", Kind: "device", Problem: templates.ProblemNoName, BackURL: "/settings"}},
		{"rename-bare", templates.RenamePage{}},
	}
}

func changeSamples() []Sample {
	off := templates.ConfirmChangePage{
		Frame: task("/help"), Action: "/x", Change: templates.ChangeTurnOff2FA, BackURL: "/settings", Next: true, Fields: []templates.Field{{Name: "mfa", Value: "off"}},
		Losses: []templates.Loss{{What: templates.LossMethods, N: 2}, {What: templates.LossCodes, N: 7}, {What: templates.LossDevices, N: 1}, {What: templates.LossActions, Stays: true}, {What: templates.LossThis, Stays: true}},
	}
	refused := off
	refused.Refused = templates.BlockedRequired
	all := []Sample{
		{"confirm-change", off},
		{"confirm-change-refused", refused},
		{"confirm-change-key", templates.ConfirmChangePage{Frame: task(""), Action: "/x", Change: templates.ChangeRemoveKey, Name: "Blue key", BackURL: "/settings"}},
		{"confirm-change-phone", templates.ConfirmChangePage{Frame: task(""), Action: "/x", Change: templates.ChangeRemovePhone, Masked: "+52 ••• ••• 2399", BackURL: "/settings", Losses: []templates.Loss{{What: templates.LossSessions, N: 2}, {What: templates.LossPasskeys, N: 1}, {What: templates.LossPIN}, {What: templates.LossApp}, {What: templates.LossContact, Stays: true}, {What: templates.LossAppData, Stays: true}}}},
		{"confirm-change-bare", templates.ConfirmChangePage{}},
		{"password-for-change", templates.PasswordPage{Frame: task(""), Action: "/x", Username: "alice@example.test", Change: templates.ChangeEndSession, CanCancel: true}},
		{"password-for-other", templates.PasswordPage{Frame: task(""), Action: "/x", Username: "alice@example.test", Change: "something.new", CanCancel: true}},
		{"password-for-pin", templates.PasswordPage{Frame: task(""), Action: "/x", Username: "alice@example.test", Change: "pin.enable", Progress: templates.Progress{Step: 1, Steps: 2}, CanCancel: true}},
		{"choose-for-change", templates.ChoosePage{Frame: task(""), Action: "/x", SwitchAction: "/s", Ways: ways(), Change: templates.ChangeTurnOn2FA, CanCancel: true}},
		{"challenge-for-change", templates.ChallengePage{Frame: task(""), CodeField: EmailCode(), Action: "/x", SwitchAction: "/s", Ways: ways(), Change: templates.ChangeRemoveKey, CanCancel: true}},
	}
	for _, change := range questions() {
		all = append(all, Sample{"confirm-change-" + change, templates.ConfirmChangePage{Frame: task(""), Action: "/x", Change: change, BackURL: "/settings"}})
	}
	return all
}
