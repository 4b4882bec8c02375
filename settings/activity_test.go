package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/storetest"
	"github.com/sallyport-id/sallyport/templates"
)

func TestEveryEventOfTheOwnerHasWordsOfItsOwn(t *testing.T) {
	realm := &identity.Realm{Clients: map[string]*identity.Client{}}
	results := map[string][]string{"action.refused": {"cancelled", "disowned", "locked", "expired"}}
	for _, kind := range append(identity.ActivityTypes[:len(identity.ActivityTypes):len(identity.ActivityTypes)], identity.ActivityFailures...) {
		for _, result := range append(results[kind], "ok", "wrong", "mismatch")[:max(1, len(results[kind]))] {
			require.NotEqual(t, "activity.other", eventOf(identity.Activity{Type: kind, Result: result}, realm).Key(), "%s %s", kind, result)
		}
	}
}

func TestTheActivityTells(t *testing.T) {
	realm := &identity.Realm{Clients: map[string]*identity.Client{"shop": {Name: "Demo Shop"}}}
	data := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	tests := []struct {
		name string
		in   identity.Activity
		key  string
		want templates.ActivityEvent // of what is compared
	}{
		{
			"with which method somebody signed in",
			identity.Activity{Type: "login.completed", Result: "ok", ClientID: "shop", Data: data("method", "sms")},
			"activity.login.completed.sms",
			templates.ActivityEvent{App: "Demo Shop"},
		},
		{
			"a sign-in of which the log has no method",
			identity.Activity{Type: "login.completed", Result: "ok"},
			"activity.login.completed",
			templates.ActivityEvent{},
		},
		{
			"which action was confirmed",
			identity.Activity{Type: "action.approved", Result: "ok", ClientID: "shop", Data: data("action", "payout.request", "method", "email")},
			"activity.confirmation.approved",
			templates.ActivityEvent{App: "Demo Shop", Action: "payout.request"},
		},
		{
			"which action was declined",
			identity.Activity{Type: "action.refused", Result: "cancelled", Data: data("action", "payout.request")},
			"activity.confirmation.declined",
			templates.ActivityEvent{Action: "payout.request"},
		},
		{
			"a wrong code",
			identity.Activity{Type: "challenge.tried", Result: "mismatch", Data: data("method", "totp", "contact", "+52 ••• 2399")},
			"activity.challenge.tried.wrong",
			templates.ActivityEvent{},
		},
		{
			"a wrong old password is no new one",
			identity.Activity{Type: identity.EventPasswordChanged, Result: "refused"},
			"activity.password.changed.refused",
			templates.ActivityEvent{},
		},
		{
			"which method was removed",
			identity.Activity{Type: "factor.removed", Result: "ok", Data: data("method", "sms")},
			"notice.factor_removed.sms.subject",
			templates.ActivityEvent{},
		},
		{
			"which number was confirmed",
			identity.Activity{Type: "contact.confirmed", Result: "ok", Data: data("method", "sms", "contact", "+52 ••• 2399")},
			"notice.contact_confirmed.phone.subject",
			templates.ActivityEvent{Masked: "+52 ••• 2399"},
		},
		{
			"no address in full",
			identity.Activity{Type: "contact.changed", Result: "ok", Data: data("method", "email", "contact", "alice@example.test")},
			"notice.contact_changed.email.subject",
			templates.ActivityEvent{},
		},
		{
			"the address that a link confirmed",
			identity.Activity{Type: identity.EventEmailVerified, Result: "ok"},
			"notice.contact_confirmed.email.subject",
			templates.ActivityEvent{},
		},
		{
			"which other browser was signed out",
			identity.Activity{Type: identity.EventSessionEnded, Result: "ok", Data: data("name", "Safari on iPhone")},
			"activity.session.ended_there",
			templates.ActivityEvent{Name: "Safari on iPhone"},
		},
		{"that this one was", identity.Activity{Type: identity.EventSessionEnded, Result: "ok"}, "activity.session.ended", templates.ActivityEvent{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := eventOf(tt.in, realm)

			require.Equal(t, tt.key, e.Key())
			require.Equal(t, tt.want, templates.ActivityEvent{App: e.App, Action: e.Action, Name: e.Name, Masked: e.Masked})
		})
	}
}

func TestTheActivityShowsFailuresAndNotWhatFollowsFromAnother(t *testing.T) {
	d := hubOnSQLite(t, trusting)
	b := d.browser(t, "one")
	for i, e := range []struct{ kind, result, action, method string }{
		{"challenge.tried", "ok", "", "sms"},
		{"challenge.tried", "mismatch", "", "sms"},
		{"password.tried", "wrong", "", ""},
		{"password.tried", "ok", "", ""},
		{"stepup.completed", "ok", "payout.request", "sms"},
		{"action.approved", "ok", "payout.request", "sms"},
		{"stepup.completed", "ok", "", "totp"},
		{"consent.given", "ok", "", ""},
		{"recovery_codes.replaced", "ok", "", "recovery_codes"},
	} {
		data := map[string]string{"action": e.action, "method": e.method}
		require.NoError(t, d.f.Store.AppendAudit(t.Context(), model.AuditEvent{
			ID: "e" + string(rune('0'+i)), TenantID: storetest.TenantID, Subject: storetest.AliceID, Type: e.kind, Result: e.result,
			At: storetest.Start.Add(time.Duration(i) * time.Second), Data: data,
		}))
	}

	page := b.get("/activity").Body.String()

	for _, says := range []string{
		"Wrong code entered", "Wrong password entered", "Action confirmed: Payout", "Confirmed again that it’s you",
		"App allowed to use your account", "Backup codes replaced", `href="` + hubBase + `/sessions/end-all"`,
	} {
		require.Contains(t, page, says)
	}
	require.NotContains(t, page, "Code confirmed")
	require.NotContains(t, page, "Password entered")
	require.Equal(t, 1, strings.Count(page, "Confirmed again that it’s you"), "the proof for an action is told with the action")
	require.Contains(t, b.get("/sessions/end-all").Body.String(), "Your session in this browser")
}

func TestAMethodIsUsedWhenItWasUsedAfterItWasSetUp(t *testing.T) {
	made := hubNoon.Add(-time.Hour)
	tests := []struct {
		name   string
		kind   policy.Kind
		used   time.Time
		unused bool
		last   time.Time
	}{
		{"the code that set it up is no use of it", policy.SMS, made, true, time.Time{}},
		{"a code of the next sign-in is", policy.SMS, made.Add(time.Second), false, made.Add(time.Second)},
		{"an app waits for its first code while its key is shown", policy.TOTP, made.Add(3 * time.Minute), false, time.Time{}},
		{"an app that was used later", policy.TOTP, made.Add(30 * time.Minute), false, made.Add(30 * time.Minute)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := account(t, "account-admin-sms-default", enable(policy.TOTP), with(tt.kind), func(f *facts) {
				f.Have.Factors[0].CreatedAt, f.Have.Factors[0].LastUsedAt = made, tt.used
			})

			r := f.row(tt.kind)

			require.Equal(t, tt.last, r.LastUsed)
			require.Equal(t, tt.unused, r.Unused)
		})
	}
}

// TestTheDonePageSaysWhatTheAccountIsNow: two-step sign-in that is on, if it was off
// before, and the ways as the hub counts them.
func TestTheDonePageSaysWhatTheAccountIsNow(t *testing.T) {
	d := newLifeDesk(t, "account-admin-sms-default")
	d.policy().Enforcement.Mode = policy.ModeOptIn
	login, _ := d.policy().Action(policy.ActionLogin)
	login.Applies = policy.AppliesWhenMFAEnabled
	d.policy().Actions[policy.ActionLogin] = login
	d.number("bob-phone", "+4915123456789", mfa.ContactConfirmed)
	d.factor(mfa.Factor{ID: "bob-sms", Kind: policy.SMS, ContactID: "bob-phone"})
	const says = "Two-step sign-in is now on"

	require.NotContains(t, d.get("/done?method=sms&was=off").Body.String(), says, "it is not, whatever the path says")
	d.seat.User.MFAEnabled = true
	d.get("/done?method=sms&was=off").says(says)
	d.get("/done?method=sms&was=off").says("Protected by 1 method.")
	require.NotContains(t, d.get("/done?method=sms").Body.String(), says, "it was on before")
	d.lab.Clock.Move(newsLife + time.Second)
	require.NotContains(t, d.get("/done?method=sms&was=off").Body.String(), says, "it is no news any more")
}

func TestWhatAChangeSwitches(t *testing.T) {
	p, err := policy.Preset("broker-security-identities")
	require.NoError(t, err)
	tests := []struct {
		name    string
		mode    policy.Mode
		enabled bool
		verb    mfa.Verb
		kind    policy.Kind
		want    string
	}{
		{"the first method", policy.ModeOptIn, false, mfa.VerbEnable, policy.Email, "off"},
		{"one more", policy.ModeOptIn, true, mfa.VerbEnable, policy.Email, ""},
		{"the last one goes", policy.ModeOptIn, true, mfa.VerbDisable, policy.Email, "on"},
		{"a number goes", policy.ModeOptIn, true, mfa.VerbRemove, policy.SMS, "on"},
		{"a PIN switches nothing", policy.ModeOptIn, false, mfa.VerbEnable, policy.PIN, ""},
		{"where everybody has two steps", policy.ModeRequired, false, mfa.VerbEnable, policy.Email, ""},
		{"where nobody has", policy.ModeDisabled, false, mfa.VerbEnable, policy.SMS, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := p
			rules.Enforcement.Mode = tt.mode
			seat := &web.Seat{Realm: &identity.Realm{Policy: &rules}, User: identity.User{MFAEnabled: tt.enabled}}

			require.Equal(t, tt.want, stateBefore(mfa.Operation{Kind: tt.kind, Verb: tt.verb}, seat))
		})
	}
	on := facts{Policy: &p, User: identity.User{MFAEnabled: true}}
	require.Equal(t, "on", on.switched("off"))
	require.Empty(t, on.switched("on"))
	require.Empty(t, on.switched(""))
	require.Equal(t, "off", facts{Policy: &p}.switched("on"))
}
