package templates

import "time"

func inside() Inside {
	f := house()
	f.AppName, f.NotYou = "", ""
	f.Langs = []Lang{{"en", "English", true}, {"de", "Deutsch", false}, {"ar", "العربية", false}}
	f.LangAction = "/language"
	return Inside{
		Frame: f, SettingsURL: "/settings", DevicesURL: "/settings/devices", AppsURL: "/settings/apps",
		ActivityURL: "/settings/activity", SignOutURL: "/logout",
	}
}

func task(url string) Frame {
	f := inside().Frame
	f.HelpURL = url
	return f
}

func to(label, url string) RowAction { return RowAction{Label: label, URL: url} }

func post(label, url string) RowAction {
	return RowAction{Label: label, URL: url, Post: true, Fields: []Field{{"id", "7"}}}
}

func factorRows() []FactorRow {
	return []FactorRow{
		{Kind: "email", State: StateRequired, Masked: "alice@example.test", First: true, Since: noon.Add(-300 * day), LastUsed: noon.Add(-time.Hour)},
		{Kind: "totp", State: StateOn, Name: "iPhone", Since: noon, Actions: []RowAction{to(DoChange, "/totp"), to(DoTurnOff, "/totp/off")}},
		{Kind: "sms", State: StateUnverified, Masked: "+52 ••• ••• 2399", Actions: []RowAction{post(DoConfirm, "/sms/confirm"), to(DoEdit, "/sms")}},
		{Kind: "voice", State: StateBlocked, Reason: BlockedForbidden},
		{Kind: "webauthn", State: StateOn, Since: noon.Add(-40 * day), Actions: []RowAction{to(DoAddPasskey, "/passkey"), to(DoAddKey, "/key")}},
		{Kind: "recovery_codes", CodesLeft: 7, CodesTotal: 10, Since: noon.Add(-2 * day), Actions: []RowAction{to(DoMakeNew, "/codes")}},
	}
}

const day = 24 * time.Hour

func fullSettings() SettingsPage {
	return SettingsPage{
		Inside: inside(), News: News{Done: DoneFactorAdded, DoneMethod: "totp", Mailed: true},
		Methods: 3, Advice: AdviceSecondKey, Rows: factorRows(),
		TwoStep:  TwoStep{State: StateOn, Since: noon.Add(-300 * day), Action: "/mfa"},
		Passkeys: []KeyRow{{Name: "Chrome on Linux", Synced: true, Since: noon.Add(-40 * day), LastUsed: noon.Add(-day), Actions: []RowAction{to(DoRename, "/k/1/name"), to(DoRemove, "/k/1/remove")}}},
		Keys:     []KeyRow{{Name: "Blue key", Since: noon, Actions: []RowAction{to(DoRename, "/k/2/name"), post(DoRemove, "/k/2/remove")}, Blocked: []Block{{DoRemove, BlockedLast}}}},
		First:    &MethodChoice{Action: "/first", Options: []MethodOption{{Method: "email", Masked: "alice@example.test", Current: true}, {Method: "totp"}, {Method: "sms", Masked: "+52 ••• ••• 2399", Reason: ReasonUnverified}}},
		Contacts: []ContactRow{
			{Kind: "email", Masked: "alice@example.test", Status: "confirmed", Registered: true, Since: noon.Add(-300 * day), Blocked: []Block{{DoRemove, BlockedRegistered}}},
			{Kind: "phone", Masked: "+52 ••• ••• 2399", Status: "unverified", Actions: []RowAction{post(DoConfirm, "/phone/confirm"), to(DoEdit, "/phone")}},
		},
		SignIn:     []FactorRow{{Kind: "password", Since: noon.Add(-90 * day), Actions: []RowAction{to(DoChange, "/password")}}, {Kind: "pin", State: StateOff, Actions: []RowAction{to(DoSet, "/pin")}}},
		HasDevices: true, Devices: 2, Sessions: 3, Apps: 1,
		Recent: activity()[:3],
	}
}

func activity() []ActivityEvent {
	from := func(e ActivityEvent) ActivityEvent {
		e.Device, e.Address = "Chrome on Linux", "203.0.113.7"
		return e
	}
	return []ActivityEvent{
		from(ActivityEvent{Type: "login.completed", Result: "ok", Method: "email", At: noon.Add(-time.Hour), App: "Demo Shop"}),
		from(ActivityEvent{Type: "challenge.tried", Result: "mismatch", Method: "email", At: noon.Add(-61 * time.Minute)}),
		from(ActivityEvent{Type: "factor.added", Method: "totp", At: noon.Add(-2 * day)}),
		from(ActivityEvent{Type: "password.tried", Result: "wrong", At: noon.Add(-3 * day)}),
		from(ActivityEvent{Type: "confirmation.approved", App: "Demo Shop", At: noon.Add(-4 * day)}),
		{Type: "something.new", Result: "odd", At: noon.Add(-5 * day)},
		{},
	}
}

func settingsSamples() []sample {
	all := append(hubSamples(), placeSamples()...)
	return append(all, changeSamples()...)
}

func hubSamples() []sample {
	edit := func(name string, change func(*SettingsPage)) sample {
		p := fullSettings()
		p.News = News{}
		change(&p)
		return sample{"settings-" + name, p}
	}
	all := []sample{
		{"settings", fullSettings()},
		{"settings-bare", SettingsPage{}},
		edit("new", func(p *SettingsPage) {
			*p = SettingsPage{Inside: inside(), TwoStep: TwoStep{State: StateOff, Action: "/mfa"}, Advice: AdviceStart, Sessions: 1, HasDevices: true, Tasks: []Task{{TaskConfirmPhone, "/phone", false}, {TaskTwoStep, "/mfa", false}, {TaskCodes, "/codes", true}}, Rows: []FactorRow{{Kind: "sms", State: StateOff, Actions: []RowAction{to(DoAdd, "/sms")}}, {Kind: "totp", State: StateOff, Actions: []RowAction{to(DoEnable, "/totp")}}, {Kind: "recovery_codes", State: StateOff, Blocked: []Block{{DoAdd, BlockedPIN}}}, {Kind: "pin", State: StateOff}}, Contacts: []ContactRow{{Kind: "phone", Actions: []RowAction{to(DoAdd, "/phone")}}}}
		}),
		edit("required", func(p *SettingsPage) { p.TwoStep = TwoStep{State: StateRequired, Since: noon.Add(-day)} }),
		edit("staff", func(p *SettingsPage) { p.TwoStep.Action, p.TwoStep.Blocked = "", BlockedStaff }),
		edit("exclusive", func(p *SettingsPage) {
			*p = SettingsPage{Inside: inside(), Methods: 1, Choice: &MethodChoice{Action: "/choice", Since: noon.Add(-9 * day), Options: []MethodOption{{Method: "sms", Masked: "+52 ••• ••• 2399", Current: true}, {Method: "email", Masked: "alice@example.test"}, {Method: "off"}}}, Rows: factorRows()[2:3]}
		}),
		edit("exclusive-country", func(p *SettingsPage) {
			*p = SettingsPage{Inside: inside(), Choice: &MethodChoice{Action: "/choice", Options: []MethodOption{{Method: "sms", Reason: BlockedCountry}, {Method: "email", Masked: "alice@example.test"}, {Method: "off", Current: true}}}}
		}),
		edit("pending-identity", func(p *SettingsPage) {
			p.Contacts[1] = ContactRow{Kind: "phone", Masked: "+52 ••• ••• 2399", Status: "confirmed", Blocked: []Block{{DoChange, BlockedIdentity}, {DoRemove, BlockedNeverGoes}}}
			p.Rows[2].Blocked = []Block{{DoChange, "kyc_review_open"}}
		}),
		edit("refused", func(p *SettingsPage) { p.Refused = BlockedLast }),
		edit("refused-flag", func(p *SettingsPage) { p.Refused = "kyc_review_open" }),
		edit("codes-low", func(p *SettingsPage) { p.Rows[5].CodesLeft, p.Advice = 1, AdviceCodes }),
		edit("codes-none", func(p *SettingsPage) { p.Rows[5].CodesLeft = 0 }),
		edit("frequent", func(p *SettingsPage) { p.Prompts, p.Methods = 4, 1 }),
		edit("frequent-once", func(p *SettingsPage) { p.Prompts, p.HelpURL, p.Devices, p.Apps = 1, "", 0, 0 }),
		edit("pending-contact", func(p *SettingsPage) { p.Contacts[1].Status, p.Rows[2].State = "pending", StatePending }),
	}
	for _, done := range doneNews {
		all = append(all, edit("done-"+done, func(p *SettingsPage) { p.News = News{Done: done, DoneMethod: "sms"} }))
	}
	for _, a := range advices {
		all = append(all, edit("advice-"+a, func(p *SettingsPage) { p.Advice = a }))
	}
	return all
}

func placeSamples() []sample {
	devices := []DeviceRow{
		{Name: "Work laptop", Device: "Chrome on Linux", Address: "203.0.113.7", Since: noon.Add(-5 * day), LastUsed: noon, Until: noon.Add(2 * day), This: true, Actions: []RowAction{to(DoRename, "/d/1/name"), to(DoRemove, "/d/1/remove")}},
		{Device: "Safari on iPhone", Address: "2001:db8::7", Since: noon.Add(-4 * day), LastUsed: noon.Add(-day), Until: noon.Add(3 * day), Actions: []RowAction{to(DoRename, "/d/2/name"), post(DoRemove, "/d/2/remove")}},
	}
	sessions := []DeviceRow{
		{Device: "Chrome on Linux", Address: "203.0.113.7", Since: noon, LastUsed: noon, Until: noon.Add(14 * day), This: true},
		{Device: "Safari on iPhone", Address: "198.51.100.4", Since: noon.Add(-2 * day), LastUsed: noon.Add(-day), Actions: []RowAction{to(DoSignOut, "/s/2/end")}},
		{Since: noon.Add(-9 * day), Actions: []RowAction{post(DoSignOut, "/s/3/end")}},
	}
	return []sample{
		{"devices", DevicesPage{Inside: inside(), News: News{Done: DoneSessionEnded}, HasDevices: true, Devices: devices, Sessions: sessions, DevicesActions: []RowAction{to(DoRemoveAll, "/d/remove")}, SessionsActions: []RowAction{to(DoSignOutAll, "/s/end")}}},
		{"devices-empty", DevicesPage{Inside: inside(), HasDevices: true}},
		{"devices-no-trust", DevicesPage{Inside: inside(), Sessions: sessions[:1]}},
		{"devices-bare", DevicesPage{}},
		{"activity", ActivityPage{Inside: inside(), Events: activity(), NewerURL: "/settings/activity?before=9", OlderURL: "/settings/activity?after=3", PasswordURL: "/password"}},
		{"activity-empty", ActivityPage{Inside: inside()}},
		{"activity-bare", ActivityPage{}},
		{"apps", AppsPage{Inside: inside(), News: News{Done: DoneAppRemoved}, Apps: []AppRow{
			{Name: "Demo Shop", AppHost: "shop.example.test", Scopes: []string{"openid", "email", "invoices:read"}, Since: noon.Add(-30 * day), LastUsed: noon, Actions: []RowAction{to(DoRemoveApp, "/a/1/remove")}},
			{Name: "Reports", Since: noon.Add(-day), Actions: []RowAction{post(DoRemoveApp, "/a/2/remove")}},
		}}},
		{"apps-empty", AppsPage{Inside: inside()}},
		{"apps-bare", AppsPage{}},
		{"rename", RenamePage{Frame: task("/help"), Action: "/x", Kind: "key", Name: "Blue key", BackURL: "/settings"}},
		{"rename-error", RenamePage{Frame: task("/help"), Action: "/x", Kind: "device", Problem: ProblemNoName, BackURL: "/settings"}},
		{"rename-bare", RenamePage{}},
	}
}

func changeSamples() []sample {
	off := ConfirmChangePage{
		Frame: task("/help"), Action: "/x", Change: ChangeTurnOff2FA, BackURL: "/settings", Next: true, Fields: []Field{{"mfa", "off"}},
		Losses: []Loss{{What: LossMethods, N: 2}, {What: LossCodes, N: 7}, {What: LossDevices, N: 1}, {What: LossActions, Stays: true}, {What: LossThis, Stays: true}},
	}
	refused := off
	refused.Refused = BlockedRequired
	all := []sample{
		{"confirm-change", off},
		{"confirm-change-refused", refused},
		{"confirm-change-key", ConfirmChangePage{Frame: task(""), Action: "/x", Change: ChangeRemoveKey, Name: "Blue key", BackURL: "/settings"}},
		{"confirm-change-phone", ConfirmChangePage{Frame: task(""), Action: "/x", Change: ChangeRemovePhone, Masked: "+52 ••• ••• 2399", BackURL: "/settings", Losses: []Loss{{What: LossSessions, N: 2}, {What: LossPasskeys, N: 1}, {What: LossPIN}, {What: LossApp}, {What: LossContact, Stays: true}, {What: LossAppData, Stays: true}}}},
		{"confirm-change-bare", ConfirmChangePage{}},
		{"password-for-change", PasswordPage{Frame: task(""), Action: "/x", Username: "alice@example.test", Change: ChangeEndSession, CanCancel: true}},
		{"password-for-other", PasswordPage{Frame: task(""), Action: "/x", Username: "alice@example.test", Change: "something.new", CanCancel: true}},
		{"choose-for-change", ChoosePage{Frame: task(""), Action: "/x", SwitchAction: "/s", Ways: ways(), Change: ChangeTurnOn2FA, CanCancel: true}},
		{"challenge-for-change", ChallengePage{Frame: task(""), CodeField: emailCode(), Action: "/x", SwitchAction: "/s", Ways: ways(), Change: ChangeRemoveKey, CanCancel: true}},
	}
	for _, change := range questions {
		all = append(all, sample{"confirm-change-" + change, ConfirmChangePage{Frame: task(""), Action: "/x", Change: change, BackURL: "/settings"}})
	}
	return all
}
