package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

func TestWhatTheButtonsSend(t *testing.T) {
	f := account(t, "contractor-email-first", number(mfa.ContactUnverified, "MX", "ambiguous"))
	fields := func(actions []templates.RowAction, label string) string {
		for _, a := range actions {
			if a.Label != label {
				continue
			}
			var parts []string
			for _, x := range a.Fields {
				parts = append(parts, x.Name+"="+x.Value)
			}
			return a.URL + " " + strings.Join(parts, " ")
		}
		return ""
	}
	p := view(f)

	phone := p.Contacts[1].Actions
	require.Equal(t, "/s/start kind=sms verb=enable contact=phone", fields(phone, templates.DoConfirm), "A-06: as it is")
	require.Equal(t, "/s/start kind=sms verb=enable", fields(phone, templates.DoEdit), "A-07: typed anew, the old one is not asked")
	require.Equal(t, "/s/confirm?contact=phone&kind=sms&verb=remove ", fields(phone, templates.DoRemove), "a question first")
	require.Equal(t, "/s/start kind=email verb=change account=1", fields(p.Contacts[0].Actions, templates.DoChange))
	require.Equal(t, "/s/start kind=email verb=change account=1", fields(p.Rows[0].Actions, templates.DoChange), "codes go to the account's address alone")

	p = view(account(t, "broker-security-identities", with(policy.PIN, policy.Email), switchedOn))
	require.Equal(t, "/s/start kind=email verb=change", fields(p.Rows[0].Actions, templates.DoChange), "codes may go elsewhere")
	require.Equal(t, "/s/confirm?kind=email&verb=disable ", fields(p.Rows[0].Actions, templates.DoTurnOff))

	p = view(account(t, "marketplace-phone-verification", number(mfa.ContactUnverified, "DE", "fixed")))
	require.Equal(t, "/s/start kind=voice verb=enable contact=phone", fields(p.Contacts[1].Actions, templates.DoConfirm), "a landline is called")

	p = view(account(t, "account-admin-sms-default", enable(policy.WebAuthn), with(policy.WebAuthn, policy.WebAuthn), switchedOn))
	require.Equal(t, "/s/confirm?factor=f-webauthn-0&kind=webauthn&verb=remove ", fields(p.Passkeys[0].Actions, templates.DoRemove))
}

func TestTasksFollowFromTheState(t *testing.T) {
	legacy := number(mfa.ContactUnverified, "MX", "ambiguous")
	confirmed := number(mfa.ContactConfirmed, "MX", "ambiguous")
	noPhone := rule(func(p *policy.Policy) { p.Methods[policy.SMS] = policy.Method{} })
	open, done := []Task{{"confirm_phone", "open"}}, []Task{{"confirm_phone", "done"}}
	tests := []struct {
		name, preset string
		edits        []func(*facts)
		want         []Task
	}{
		{"A-02: no number", "contractor-email-first", nil, open},
		{"A-02: a number that is not confirmed is the same task", "contractor-email-first", []func(*facts){legacy}, open},
		{"a number that waits for its code", "contractor-email-first", []func(*facts){number(mfa.ContactPending, "MX", "mobile")}, open},
		{"A-03: a confirmed number", "contractor-email-first", []func(*facts){confirmed}, done},
		{"where no method needs a number", "contractor-email-first", []func(*facts){noPhone}, nil},
		{"where the policy shows no checklist", "broker-security-identities", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := account(t, tt.preset, tt.edits...)

			require.Equal(t, tt.want, Tasks(f.Policy, f.Have))
		})
	}
}

func TestTheStatusIsWhatTheHubShows(t *testing.T) {
	f := account(t, "marketplace-phone-verification", number(mfa.ContactConfirmed, "MX", "ambiguous"), with(policy.SMS), flagSet("identity_verification_pending"))

	got := StatusOf(f.Policy, f.User, f.Have, f.Now)

	require.Equal(t, Status{Contacts: []ContactStatus{
		{Kind: "email", Status: "confirmed", Masked: "a•••@example.test", Blocked: map[string]string{"remove": "registered"}},
		{Kind: "phone", Status: "confirmed", Masked: "+52 ••• 2399", Since: hubNoon.Add(-time.Hour), Blocked: map[string]string{"change": "identity_verification_pending"}},
	}}, got)

	f = account(t, "broker-security-identities", with(policy.PIN, policy.TOTP, policy.RecoveryCodes), switchedOn)
	got = StatusOf(f.Policy, f.User, f.Have, f.Now)
	require.True(t, got.TwoStep)
	states := map[string]string{}
	for _, x := range got.Factors {
		states[x.Kind] = x.State
	}
	require.Equal(t, map[string]string{"email": "off", "sms": "off", "totp": "on", "recovery_codes": "on", "pin": "required"}, states, "B-11")
}

func TestNewsIsBelievedIfTheAccountBearsItOut(t *testing.T) {
	changed := func(ago time.Duration) func(*facts) {
		return func(f *facts) { f.User.UpdatedAt = hubNoon.Add(-ago) }
	}
	fresh := func(f *facts) { f.Have.Factors[0].CreatedAt = hubNoon.Add(-time.Minute) }
	confirmedAt := func(ago time.Duration) func(*facts) {
		return func(f *facts) { f.Have.Contacts[0].ConfirmedAt = hubNoon.Add(-ago) }
	}
	edits := func(list ...func(*facts)) []func(*facts) { return list }
	tests := []struct {
		name, done, method string
		edits              []func(*facts)
		want               bool
	}{
		{"turned on, and it is on", templates.DoneMFAEnabled, "", edits(changed(time.Minute), switchedOn), true},
		{"turned on, and it is off", templates.DoneMFAEnabled, "", edits(changed(time.Minute)), false},
		{"turned off, and it is on", templates.DoneMFADisabled, "", edits(changed(time.Minute), switchedOn), false},
		{"turned off, and it is off", templates.DoneMFADisabled, "", edits(changed(time.Minute)), true},
		{"turned off long ago", templates.DoneMFADisabled, "", edits(changed(11 * time.Minute)), false},
		{"added just now", templates.DoneFactorAdded, "totp", edits(changed(time.Minute), with(policy.TOTP), fresh), true},
		{"added long ago", templates.DoneFactorAdded, "totp", edits(changed(time.Minute), with(policy.TOTP)), false},
		{"another one was added", templates.DoneFactorAdded, "sms", edits(changed(time.Minute), with(policy.TOTP), fresh), false},
		{"removed, and it is gone", templates.DoneFactorRemoved, "totp", edits(changed(time.Minute)), true},
		{"removed, and it is there", templates.DoneFactorRemoved, "totp", edits(changed(time.Minute), with(policy.TOTP)), false},
		{"codes that are there", templates.DoneCodesMade, "", edits(changed(time.Minute), with(policy.RecoveryCodes), fresh), true},
		{"codes that are not there", templates.DoneCodesMade, "", edits(changed(time.Minute)), false},
		{"a PIN that is old", templates.DonePINChanged, "", edits(changed(time.Minute), with(policy.PIN)), false},
		{"an address confirmed just now", templates.DoneContactConfirmed, "", edits(changed(time.Minute), confirmedAt(time.Minute)), true},
		{"an address confirmed long ago", templates.DoneContactConfirmed, "", edits(changed(time.Minute), confirmedAt(time.Hour)), false},
		{"a new password", templates.DonePasswordChanged, "", edits(changed(time.Minute)), true},
		{"cancelled says nothing that could be wrong", templates.DoneCancelled, "", edits(changed(time.Hour)), true},
		{"what a list has to say", templates.DoneDevicesRevoked, "", edits(changed(time.Minute)), false},
		{"no news at all", "nonsense", "", edits(changed(time.Minute)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := account(t, "contractor-email-first", tt.edits...)

			got := f.believed(templates.News{Done: tt.done, DoneMethod: tt.method})

			require.Equal(t, tt.want, got.Done != "")
		})
	}
}

func TestARefusalIsToldIfItIsOne(t *testing.T) {
	f := account(t, "marketplace-phone-verification", flagSet("kyc_review_open"))

	for said, want := range map[string]string{
		"last_method": "last_method", "kyc_review_open": "kyc_review_open", "identity_verification_pending": "", "call 555 0100": "", "": "",
	} {
		require.Equal(t, want, refusedReason(said, f), said)
	}
}

func TestDevicesThatAreVoidAreNotShown(t *testing.T) {
	present := mfa.Epochs{Policy: 1, MFA: 2, Password: 3}
	device := func(id string, edit func(*mfa.Device)) mfa.Device {
		d := mfa.Device{ID: id, Selector: []byte(id), Epochs: present, CreatedAt: hubNoon.Add(-24 * time.Hour), ExpiresAt: hubNoon.Add(6 * 24 * time.Hour)}
		edit(&d)
		return d
	}
	all := []mfa.Device{
		device("newer", func(d *mfa.Device) { d.CreatedAt = hubNoon.Add(-time.Hour) }),
		device("this", func(*mfa.Device) {}),
		device("policy changed", func(d *mfa.Device) { d.Epochs.Policy-- }),
		device("factors changed", func(d *mfa.Device) { d.Epochs.MFA-- }),
		device("password changed", func(d *mfa.Device) { d.Epochs.Password-- }),
		device("over", func(d *mfa.Device) { d.ExpiresAt = hubNoon }),
		device("too old for a policy that became shorter", func(d *mfa.Device) { d.CreatedAt = hubNoon.Add(-7 * 24 * time.Hour) }),
	}

	got := inTrust(all, present, 7*24*time.Hour, []byte("this"), hubNoon)

	require.Len(t, got, 2)
	require.Equal(t, "this", got[0].ID)
	require.True(t, got[0].This)
	require.Equal(t, "newer", got[1].ID)
	require.False(t, got[1].This)
	require.Equal(t, hubNoon.Add(6*24*time.Hour), got[0].Until)
	require.False(t, inTrust(all, present, 7*24*time.Hour, nil, hubNoon)[0].This, "without a cookie it is none of them")
}

func TestNamesOfDevices(t *testing.T) {
	for typed, want := range map[string]struct{ name, problem string }{
		"Work laptop":              {"Work laptop", ""},
		"  Küche \t 2 ":            {"Küche 2", ""},
		"":                         {"", templates.ProblemNoName},
		"\u202e\u200b\x00":         {"", templates.ProblemNoName},
		"a\u202eb":                 {"a b", ""},
		strings.Repeat("ü", 60):    {strings.Repeat("ü", 60), ""},
		strings.Repeat("ü", 61):    {strings.Repeat("ü", 61), templates.ProblemNameTooLong},
		"\xff\xfe":                 {"", templates.ProblemNoName},
		"<script>alert()</script>": {"<script>alert()</script>", ""}, // it is text
	} {
		name, problem := readName(typed)
		require.Equal(t, want.name, name, "%q", typed)
		require.Equal(t, want.problem, problem, "%q", typed)
	}
}

func TestACursorComesBackAsItWent(t *testing.T) {
	at := hubNoon.Add(123456 * time.Microsecond)

	got, id, ok := readCursor(cursor(identity.Activity{ID: "e.1", At: at}))

	require.True(t, ok)
	require.Equal(t, at, got)
	require.Equal(t, "e.1", id)
	for _, bad := range []string{"1.\x00", "1.\xff", "1.a b", "1.ü"} {
		_, _, ok = readCursor(bad)
		require.False(t, ok, "%q", bad)
	}
}
