package mfa

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// planned is what an operation of verb and kind tells somebody with contacts and
// factors.
func planned(t *testing.T, preset string, o Operation, e Enrolments, enabled bool, edit func(*policy.Policy)) *Change {
	t.Helper()
	p, err := policy.Preset(preset)
	require.NoError(t, err)
	if edit != nil {
		edit(&p)
	}
	n := 0
	ids := func() string { n++; return fmt.Sprint("new-", n) }
	return plan(o, Doer{Policy: &p, MFAEnabled: enabled}, e, time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC), ids).Change
}

func on(kind Method, contact string) Factor {
	return Factor{ID: "f-" + string(kind), Kind: kind, ContactID: contact, Status: FactorActive}
}

func TestTheFirstTimeIsToldAsTheFirst(t *testing.T) {
	legacy := Contact{ID: "phone", Kind: ContactPhone, Status: ContactUnverified, Source: SourceLegacy, LineType: "mobile"}
	old := Contact{ID: "old", Kind: ContactPhone, Status: ContactConfirmed, LineType: "mobile"}
	fresh := Contact{ID: "phone", Kind: ContactPhone, Status: ContactPending, Source: SourceSelf, LineType: "mobile"}
	number := OperationState{ContactID: "phone"}
	tests := []struct {
		name, preset string
		o            Operation
		have         Enrolments
		want         string
	}{
		{"a number from before is confirmed", "marketplace-phone-verification", Operation{Kind: policy.SMS, Verb: VerbEnable, State: number}, Enrolments{Contacts: []Contact{legacy}}, NoticeContactConfirmed},
		{"the first number is confirmed", "marketplace-phone-verification", Operation{Kind: policy.SMS, Verb: VerbEnable, State: number}, Enrolments{Contacts: []Contact{fresh}}, NoticeContactConfirmed},
		{"another number takes its place", "marketplace-phone-verification", Operation{Kind: policy.SMS, Verb: VerbEnable, State: number}, Enrolments{Contacts: []Contact{old, fresh}}, "contact_changed"},
		{"a number goes", "contractor-email-first", Operation{Kind: policy.SMS, Verb: VerbRemove, State: OperationState{OldContactID: "old"}}, Enrolments{Contacts: []Contact{old}}, NoticeContactRemoved},
		{"the first codes", "account-admin-sms-default", Operation{Kind: policy.RecoveryCodes, Verb: VerbEnable}, Enrolments{}, "recovery_codes_made"},
		{"codes again", "account-admin-sms-default", Operation{Kind: policy.RecoveryCodes, Verb: VerbChange}, Enrolments{Factors: []Factor{on(policy.RecoveryCodes, "")}}, NoticeCodesReplaced},
		{"the first PIN", "broker-security-identities", Operation{Kind: policy.PIN, Verb: VerbEnable}, Enrolments{}, NoticePINSet},
		{"another PIN", "broker-security-identities", Operation{Kind: policy.PIN, Verb: VerbChange}, Enrolments{Factors: []Factor{on(policy.PIN, "")}}, "pin_changed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := planned(t, tt.preset, tt.o, tt.have, false, nil)

			require.NotEmpty(t, c.Notices)
			require.Equal(t, tt.want, c.Notices[0].Kind)
			require.Equal(t, tt.want, c.Happened[0].Kind)
		})
	}
}

func TestWhatEndsWithAChangeIsTold(t *testing.T) {
	number := Contact{ID: "old", Kind: ContactPhone, Status: ContactConfirmed, LineType: "mobile"}
	both := Enrolments{Contacts: []Contact{number}, Factors: []Factor{on(policy.SMS, "old"), on(policy.Voice, "old")}}
	removal := Operation{Kind: policy.SMS, Verb: VerbRemove, State: OperationState{OldContactID: "old"}}
	optional := func(p *policy.Policy) {
		p.Enforcement.Mode = policy.ModeOptIn
		p.Actions = map[string]policy.Action{}
	}

	c := planned(t, "account-admin-sms-default", removal, both, true, optional)

	require.Equal(t, Notice{Kind: NoticeContactRemoved, Method: policy.SMS, Also: []Method{policy.SMS, policy.Voice}, TwoStep: "off"}, c.Notices[0])
	var happened []string
	for _, n := range c.Happened {
		happened = append(happened, n.Kind+" "+string(n.Method))
	}
	require.Equal(t, []string{"contact_removed sms", "mfa_disabled sms", "factor_removed sms", "factor_removed voice"}, happened)
	for _, n := range c.Notices {
		if n.ContactID != "" || n.Kind == "mfa_disabled" {
			require.Empty(t, n.TwoStep, "%s to %q says it itself, or is not told of the account", n.Kind, n.ContactID)
			require.Empty(t, n.Also)
		}
	}

	c = planned(t, "account-admin-sms-default", Operation{Kind: policy.TOTP, Verb: VerbDisable}, Enrolments{Factors: []Factor{
		on(policy.TOTP, ""), on(policy.RecoveryCodes, ""), on(policy.Email, "mail"),
	}}, true, optional)
	require.Equal(t, []Method{policy.RecoveryCodes}, c.Notices[0].Also, "codes that were made for the app end with it")
	require.Empty(t, c.Notices[0].TwoStep, "email is left")
}

// TestTheLogIsToldWhatThePolicyMailsToNobody: what the owner reads in the activity does
// not depend on what is mailed.
func TestTheLogIsToldWhatThePolicyMailsToNobody(t *testing.T) {
	c := planned(t, "broker-security-identities", Operation{Kind: policy.PIN, Verb: VerbEnable}, Enrolments{}, false, func(p *policy.Policy) {
		p.Notify.EmailEvents = nil
	})

	require.Empty(t, c.Notices)
	require.Equal(t, []Notice{{Kind: NoticePINSet, Method: policy.PIN}}, c.Happened)
}
