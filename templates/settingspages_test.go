package templates

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func drawnPage(t *testing.T, p Page) page {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(render(t, newTestSet(t), p)))
	require.NoError(t, err)
	return page{t, doc}
}

// within are the elements below n that carry the attribute.
func within(n *html.Node, name string) []string {
	var out []string
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && hasAttr(d, name) {
			out = append(out, attr(d, name))
		}
	}
	return out
}

func TestABlockedChangeIsNotOfferedAndSaysWhy(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		want   string
	}{
		{"a flag with words of its own", BlockedIdentity, "Your identity is being verified. Finish or cancel that first"},
		{"a flag of the app's own is named", "kyc_review_open", "This is paused for your account: kyc review open."},
		{"a number that is never removed", BlockedNeverGoes, "It can’t be removed."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := drawnPage(t, SettingsPage{Inside: inside(), Contacts: []ContactRow{
				{Kind: "phone", Masked: "+52 ••• ••• 2399", Status: "confirmed", Blocked: []Block{{DoChange, tt.reason}}},
			}})

			row := p.byID("contact-phone")
			require.Empty(t, within(row, "data-do"), "no way to the change")
			require.Equal(t, []string{DoChange}, within(row, "data-blocked"))
			require.Contains(t, content(row), tt.want)
			require.Contains(t, content(row), "Confirmed")
		})
	}
}

func TestTheSwitch(t *testing.T) {
	tests := []struct {
		name string
		step TwoStep
		want string // the value of its button; "" for no form
		says string
	}{
		{"off", TwoStep{State: StateOff, Action: "/mfa"}, "on", "Off"},
		{"on", TwoStep{State: StateOn, Action: "/mfa", Since: noon.Add(-day)}, "off", "since yesterday"},
		{"the organization requires it", TwoStep{State: StateRequired, Action: "/mfa", Since: noon.Add(-30 * day)}, "", "Required by your organization"},
		{"and says since when", TwoStep{State: StateRequired, Since: noon.Add(-30 * day)}, "", "since 22 October 2026"},
		{"only staff may", TwoStep{State: StateOn, Blocked: BlockedStaff}, "", "Only your organization’s contact person"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := drawnPage(t, SettingsPage{Inside: inside(), TwoStep: tt.step})

			form := p.byID("mfa")
			require.Equal(t, tt.want != "", form != nil)
			if form != nil {
				require.Equal(t, "/mfa", attr(form, "action"))
				require.Contains(t, within(form, "value"), tt.want)
			}
			require.Contains(t, content(p.tags("main")[0]), tt.says)
		})
	}
}

func TestAChoiceOfOneMethodIsARadioGroup(t *testing.T) {
	p := drawnPage(t, SettingsPage{Inside: inside(), Choice: &MethodChoice{Action: "/choice", Options: []MethodOption{
		{Method: "sms", Reason: BlockedCountry}, {Method: "email", Masked: "alice@example.test", Current: true}, {Method: "off"},
	}}})

	form := p.byID("choice")
	require.Equal(t, "/choice", attr(form, "action"))
	var values []string
	for _, id := range []string{"choice-sms", "choice-email", "choice-off"} {
		radio := p.byID(id)
		require.Equal(t, "method", attr(radio, "name"))
		values = append(values, attr(radio, "value"))
		require.Equal(t, id == "choice-email", hasAttr(radio, "checked"))
		require.Equal(t, id == "choice-sms", hasAttr(radio, "disabled"))
	}
	require.Equal(t, []string{"sms", "email", "off"}, values)
	require.Contains(t, content(form), "We can’t send text messages to the country of your number.")
	require.Contains(t, content(form), "Do not activate")
}

func TestTheHubWarnsOfFewBackupCodes(t *testing.T) {
	for left, want := range map[int]bool{0: true, 2: true, 3: false} {
		p := drawnPage(t, SettingsPage{Inside: inside(), Rows: []FactorRow{{Kind: "recovery_codes", CodesLeft: left, CodesTotal: 10}}})

		row := content(p.byID("row-recovery_codes"))
		require.Equal(t, want, strings.Contains(row, "Make new ones soon"), "%d left", left)
	}
}

func TestThisDeviceIsMarked(t *testing.T) {
	p := drawnPage(t, DevicesPage{Inside: inside(), HasDevices: true, Devices: []DeviceRow{
		{Device: "Chrome on Linux", This: true}, {Device: "Safari on iPhone"},
	}})

	marked := p.all(func(n *html.Node) bool { return hasAttr(n, "data-this") })
	require.Len(t, marked, 1)
	require.Contains(t, content(marked[0]), "Chrome on Linux")
	require.Contains(t, content(marked[0]), "This device")
}

func TestConfirmChangePostsOnceMore(t *testing.T) {
	page := ConfirmChangePage{
		Frame: task(""), Action: "/mfa", Fields: []Field{{"mfa", "off"}}, Change: ChangeTurnOff2FA, BackURL: "/settings",
		Losses: []Loss{{What: LossCodes, N: 1}, {What: LossActions, Stays: true}},
	}
	p := drawnPage(t, page)
	submit := p.byID("submit")
	require.Equal(t, "confirm", attr(submit, "name"))
	require.Equal(t, "1", attr(submit, "value"))
	require.Equal(t, "1 backup code", content(p.byID("lost")))
	require.Contains(t, content(p.byID("kept")), "still ask for a code")
	require.Contains(t, within(submit.Parent, "name"), "mfa")

	page.Refused = BlockedRequired
	require.Nil(t, drawnPage(t, page).byID("submit"), "what cannot be done has no button")
}

// TestADeviceOfTodayHasATime: "until today" would leave the reader with no time at all.
func TestADeviceOfTodayHasATime(t *testing.T) {
	tests := []struct {
		name  string
		until time.Time
		want  string
	}{
		{"later today", noon.Add(time.Hour), "trusted until 15:31 CET today"},
		{"after midnight in the zone of the page", time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC), "trusted until 22 November 2026"},
		{"next week", noon.Add(7 * day), "trusted until 28 November 2026"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := drawnPage(t, DevicesPage{Inside: inside(), HasDevices: true, Devices: []DeviceRow{{Device: "Chrome on Linux", Since: noon, Until: tt.until}}})

			require.Contains(t, content(p.byID("devices")), tt.want)
		})
	}
}

// TestALinkOfTomorrowSaysTheDay: the clock alone would name the minute in which the
// page is read.
func TestALinkOfTomorrowSaysTheDay(t *testing.T) {
	page := SignUpPage{Frame: house(), Action: "/x", Username: "alice@example.test", Sent: true, ExpiresAt: noon.Add(24 * time.Hour)}
	require.Contains(t, content(drawnPage(t, page).byID("sent")), "It works once, until 22 November 2026, 14:31 CET.")
	page.ExpiresAt = noon.Add(30 * time.Minute)
	require.Contains(t, content(drawnPage(t, page).byID("sent")), "It works once, until 15:01 CET.")
}

// TestWhatEndsReadsWell asks with one browser and with many, with devices and without.
func TestWhatEndsReadsWell(t *testing.T) {
	tests := []struct {
		losses []Loss
		want   string
	}{
		{[]Loss{{What: LossSessions, N: 1}}, "Your session in this browser"},
		{[]Loss{{What: LossSessions, N: 3}, {What: LossDevices, N: 1}}, "3 sessions, the one in this browser among them1 trusted device"},
	}
	for _, tt := range tests {
		p := drawnPage(t, ConfirmChangePage{Frame: task(""), Action: "/x", Change: ChangeEndSessions, Losses: tt.losses})
		require.Equal(t, tt.want, content(p.byID("lost")))
		require.Contains(t, content(p.byID("main")), "What ends")
		require.NotContains(t, content(p.byID("main")), "You would lose")
	}
	p := drawnPage(t, ConfirmChangePage{Frame: task(""), Action: "/x", Change: ChangeEndSessions})
	require.Nil(t, p.byID("lost"), "nothing ends, and nothing is said of it")
}

func TestTheDonePageSaysThatTwoStepSignInIsOn(t *testing.T) {
	page := EnrolDonePage{Frame: task(""), Method: "totp", TwoStepOn: true, Methods: 2, Advice: AdviceCodes}
	p := drawnPage(t, page)
	require.Contains(t, content(p.byID("two-step-on")), "Two-step sign-in is now on")
	require.Contains(t, content(p.byID("status")), "2 methods")
	require.Contains(t, content(p.byID("status")), "backup codes")

	page.TwoStepOn = false
	require.Nil(t, drawnPage(t, page).byID("two-step-on"))
}

func TestActivityKey(t *testing.T) {
	tests := []struct{ kind, result, want string }{
		{"login.completed", "ok", "activity.login.completed"},
		{"challenge.tried", "mismatch", "activity.challenge.tried.wrong"},
		{"challenge.tried", "", "activity.challenge.tried.ok"},
		{"password.tried", "wrong", "activity.password.tried.wrong"},
		{"factor.added", "anything", "activity.factor.added"},
		{"challenge.tried", "replayed", "activity.challenge.tried.wrong"},
		{"password.changed", "refused", "activity.password.changed.refused"},
		{"mfa.disable", "ok", "activity.mfa.disabled"},
		{"other", "", "activity.other"},
		{"made.up", "ok", "activity.other"},
		{"", "", "activity.other"},
	}
	for _, tt := range tests {
		t.Run(tt.kind+" "+tt.result, func(t *testing.T) {
			require.Equal(t, tt.want, ActivityEvent{Type: tt.kind, Result: tt.result}.Key())
		})
	}
}

func TestDay(t *testing.T) {
	c := newTestSet(t).catalogs["en"]
	late := time.Date(2026, 11, 20, 23, 30, 0, 0, time.UTC) // already the 21st in CET
	tests := []struct {
		name, form string
		at         time.Time
		want       string
	}{
		{"today", "on", noon, "today"},
		{"today in the zone of the page", "on", late, "today"},
		{"yesterday", "on", noon.Add(-day), "yesterday"},
		{"tomorrow is a date", "plain", noon.Add(day), "22 November 2026"},
		{"a date in a sentence", "on", noon.Add(-9 * day), "on 12 November 2026"},
		{"a date after a word", "plain", noon.Add(-9 * day), "12 November 2026"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.day(tt.form, Frame{Now: noon, Zone: cet}, tt.at)

			require.NoError(t, err)
			require.Contains(t, string(got), ">"+tt.want+"<")
		})
	}
}

func TestLanguageSwitcher(t *testing.T) {
	two := []Lang{{"en", "English", false}, {"de", "Deutsch", true}}
	tests := []struct {
		name   string
		langs  []Lang
		action string
		want   bool
	}{
		{"two languages", two, "/language", true},
		{"one language needs no switch", two[:1], "/language", false},
		{"nobody takes it", two, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := house()
			f.Langs, f.LangAction = tt.langs, tt.action
			p := drawnPage(t, ForgotPage{Frame: f, Action: "/x"})

			field := p.byID("lang")
			require.Equal(t, tt.want, field != nil)
			if field == nil {
				return
			}
			require.Equal(t, "lang", attr(field, "name"))
			chosen := p.all(func(n *html.Node) bool { return n.Data == "option" && hasAttr(n, "selected") })
			require.Len(t, chosen, 1)
			require.Equal(t, "de", attr(chosen[0], "value"))
		})
	}
}

func TestFieldNamesOfPasswords(t *testing.T) {
	who := "alice@example.test"
	tests := []struct {
		name string
		page Page
		want []string // the names of the fields, in order
	}{
		{"change", PasswordChangePage{Username: who}, []string{"username", "password", "new-password"}},
		{"first", PasswordChangePage{Username: who, First: true}, []string{"username", "new-password"}},
		{"reset", ResetPage{Username: who, State: LinkOpen}, []string{"username", "new-password"}},
		{"finish", SignUpFinishPage{Username: who, State: LinkOpen}, []string{"username", "name", "new-password"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := drawnPage(t, tt.page)

			var names []string
			for _, n := range p.tags("input") {
				if attr(n, "name") == "csrf" {
					continue
				}
				names = append(names, attr(n, "name"))
				if attr(n, "name") == "username" {
					require.Equal(t, who, attr(n, "value"))
					require.Equal(t, "username", attr(n, "autocomplete"), "so that managers store the pair")
				}
			}
			require.Equal(t, tt.want, names)
			require.Equal(t, "new-password", attr(p.byID("new-password"), "autocomplete"))
		})
	}
}

// TestTheAnswerToAnAddressIsNeutral: it must not tell whether there is an
// account.
func TestTheAnswerToAnAddressIsNeutral(t *testing.T) {
	for _, p := range []Page{
		ForgotPage{Frame: stranger(nil), Username: "nobody@example.test", Sent: true},
		SignUpPage{Frame: stranger(nil), Username: "nobody@example.test", Sent: true},
	} {
		said := content(drawnPage(t, p).byID("sent"))

		require.Contains(t, said, "nobody@example.test")
		require.NotRegexp(t, `(?i)already|unknown|welcome|new account|your account`, said)
	}
}
