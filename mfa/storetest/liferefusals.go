package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	number "github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// refusal is an operation that does not even begin.
type refusal struct {
	name   string
	preset string
	given  func(*Life)
	start  mfa.Start
	want   error
}

func stale(l *Life) { l.LoginAt = t0.Add(-901 * time.Second) }

func flagged(l *Life) {
	l.Has(policy.SMS)
	l.Flags = []string{"identity_verification_pending"}
}

// unconfirmed makes the account one whose address nobody has confirmed.
func unconfirmed(l *Life) {
	l.Who = newSubject()
	c := mail(l.Who)
	c.Status, c.ConfirmedAt = mfa.ContactUnverified, time.Time{}
	require.NoError(l.t, l.Store.AddContact(l.t.Context(), c))
}

func both(a, b func(*Life)) func(*Life) { return func(l *Life) { a(l); b(l) } }

var refusals = []refusal{
	{"A-01 email cannot be switched off", systemA, has(policy.Email), start(mfa.VerbDisable, policy.Email), mfa.ErrForbidden},
	{"T-32 a login of more than 900 s ago is too old", systemA, stale, start(mfa.VerbEnable, policy.SMS), mfa.ErrStaleLogin},
	{"a login that never was is too old", systemA, func(l *Life) { l.LoginAt = time.Time{} }, start(mfa.VerbSwitchOn, ""), mfa.ErrStaleLogin},
	{"a method that is on is changed, not enabled", systemD, has(policy.SMS), start(mfa.VerbEnable, policy.SMS), mfa.ErrAlready},
	{"a PIN that is on is changed, not enabled", systemB, has(policy.PIN), start(mfa.VerbEnable, policy.PIN), mfa.ErrAlready},
	{"recovery codes that are there are made anew, not enabled", systemB, has(policy.PIN, policy.RecoveryCodes), start(mfa.VerbEnable, policy.RecoveryCodes), mfa.ErrAlready},
	{"2FA that is on is not switched on", systemA, func(l *Life) { l.enabled = true }, start(mfa.VerbSwitchOn, ""), mfa.ErrAlready},
	{"2FA that is off is not switched off", systemA, nil, start(mfa.VerbSwitchOff, ""), mfa.ErrAlready},
	{"B what takes a PIN is not begun without one", systemB, nil, start(mfa.VerbEnable, policy.SMS), mfa.ErrNoPIN},
	{"B nobody switches the PIN off", systemB, has(policy.PIN), start(mfa.VerbDisable, policy.PIN), mfa.ErrForbidden},
	{"what is not there is not changed", systemB, has(policy.PIN), start(mfa.VerbChange, policy.TOTP), mfa.ErrNotFound},
	{"what is not there is not disabled", systemB, has(policy.PIN), start(mfa.VerbDisable, policy.SMS), mfa.ErrNotFound},
	{"a method that is off is not enabled", systemA, nil, start(mfa.VerbEnable, policy.Voice), mfa.ErrForbidden},
	{"C-16 T-63 the number is not removed", systemC, has(policy.SMS), start(mfa.VerbRemove, policy.SMS), mfa.ErrForbidden},
	{"C-16 T-63 nor by the other method", systemC, has(policy.SMS), start(mfa.VerbRemove, policy.Voice), mfa.ErrForbidden},
	{"C-16 T-63 nor as an address", systemC, has(policy.SMS), mfa.Start{Verb: mfa.VerbRemove, Kind: policy.Email, ContactID: "phone"}, mfa.ErrNotFound},
	{"C-16 T-63 nor switched off", systemC, has(policy.SMS), start(mfa.VerbDisable, policy.SMS), mfa.ErrForbidden},
	{"A a number that a method needs is not removed", systemA, has(policy.SMS), start(mfa.VerbRemove, policy.SMS), mfa.ErrInUse},
	{"the account's address is not removed", systemB, nil, mfa.Start{Verb: mfa.VerbRemove, Kind: policy.Email, ContactID: "mail"}, mfa.ErrForbidden},
	{"C-24 a flag blocks the change", systemC, flagged, start(mfa.VerbChange, policy.SMS), &mfa.BlockedError{Flag: "identity_verification_pending"}},
	{"E-01 nobody switches a forced method off", systemE, has(policy.SMS), start(mfa.VerbDisable, policy.SMS), mfa.ErrForbidden},
	{"E-01 nobody switches two-step sign-in off", systemE, has(policy.SMS), start(mfa.VerbSwitchOff, ""), mfa.ErrForbidden},
	{"E the last key is not removed", systemE, func(l *Life) {
		l.AtLogin = true
		variant(l, policy.WebAuthn)
		l.Do(start(mfa.VerbEnable, policy.WebAuthn))
	}, start(mfa.VerbRemove, policy.WebAuthn), mfa.ErrForbidden},
	{"E the last factor is kept where methods may be switched off", systemE, func(l *Life) {
		l.Has(policy.SMS)
		life := l.Policy.Lifecycle[policy.SMS]
		life.Disable = policy.Ceremony{Stages: policy.Stages{{policy.ProofCodeCurrent}}}
		l.Policy.Lifecycle[policy.SMS] = life
	}, start(mfa.VerbDisable, policy.SMS), mfa.ErrForbidden},
	{"T-30 E a first method, while the account's address is not confirmed", systemE, unconfirmed, start(mfa.VerbEnable, policy.SMS), mfa.ErrUnverified},
	{"no more methods than the policy allows", systemE, func(l *Life) {
		variant(l, policy.TOTP)
		l.Has(policy.SMS)
		l.Policy.Selection.UserMax = 1
	}, start(mfa.VerbEnable, policy.TOTP), mfa.ErrTooMany},
	{"a contact of somebody else", systemA, nil, mfa.Start{Verb: mfa.VerbEnable, Kind: policy.SMS, ContactID: "other"}, mfa.ErrNotFound},
	{"an address as a number", systemA, nil, mfa.Start{Verb: mfa.VerbEnable, Kind: policy.SMS, ContactID: "mail"}, mfa.ErrNotFound},
	{"a key of somebody else", systemE, both(with(policy.WebAuthn), has(policy.SMS)), mfa.Start{Verb: mfa.VerbRemove, Kind: policy.WebAuthn, FactorID: "other"}, mfa.ErrNotFound},
	{"a verb that is none", systemA, nil, mfa.Start{Verb: "steal", Kind: policy.SMS}, mfa.ErrForbidden},
	{"the account's address is only ever changed", systemA, nil, mfa.Start{Verb: mfa.VerbEnable, Kind: policy.Email, Account: true}, mfa.ErrForbidden},
}

func (r refusal) check(t *testing.T, s Stores) {
	l := NewLife(t, s, r.preset)
	if r.given != nil {
		r.given(l)
	}
	l.makePIN()
	before := l.Enrolled()

	_, err := l.StartOperation(t.Context(), l.Doer(), r.start)

	if flag, ok := r.want.(*mfa.BlockedError); ok { //nolint:errorlint // it is a value of the table
		var blocked *mfa.BlockedError
		require.ErrorAs(t, err, &blocked)
		require.Equal(t, flag.Flag, blocked.Flag)
	} else {
		require.ErrorIs(t, err, r.want)
	}
	require.Equal(t, 1, max(1, l.Log.Count(mfa.EventOperationRefused, "")))
	require.Equal(t, before, l.Enrolled())
	require.Empty(t, l.Mailbox.Messages())
}

// entries are what is entered for the new contact, and refused.
var entries = []struct {
	name   string
	preset string
	given  func(*Life)
	start  mfa.Start
	in     func(*Life) mfa.Entered
	want   error
}{
	{"D-14 T-32 the new contact cannot be typed before the old one agreed", systemD, has(policy.SMS), start(mfa.VerbChange, policy.SMS), typed(policy.SMS), mfa.ErrOrder},
	{"D-12 nor the new method", systemD, has(policy.SMS), start(mfa.VerbEnable, policy.Email), typed(policy.Email), mfa.ErrOrder},
	{"E nor before a second factor", systemE, has(policy.SMS), start(mfa.VerbChange, policy.SMS), typed(policy.SMS), mfa.ErrOrder},
	{"an app has no address", systemE, with(policy.TOTP), start(mfa.VerbEnable, policy.TOTP), typed(policy.Email), mfa.ErrOrder},
	{"C-11 T-64 no text message to a fixed line", systemC, func(l *Life) { l.Number = fixed1 }, start(mfa.VerbEnable, policy.SMS), typed(policy.SMS), number.ErrLine},
	{"D-05 no text message to a country that is not listed", systemD, func(l *Life) { l.Number = "+526441832399" }, start(mfa.VerbEnable, policy.SMS), typed(policy.SMS), number.ErrCountry},
	{"A no call where calls are off", systemA, nil, start(mfa.VerbEnable, policy.SMS), typed(policy.Voice), mfa.ErrForbidden},
	{"no number for an address", systemB, func(l *Life) { l.Has(policy.PIN); l.makePIN() }, start(mfa.VerbEnable, policy.Email), typed(policy.SMS), mfa.ErrForbidden},
	{"what is no address", systemD, func(l *Life) { l.Address = "new example" }, start(mfa.VerbEnable, policy.Email), typed(policy.Email), mfa.ErrMalformed},
	{"A-01 the code goes to the account's address and no other", systemA, nil, start(mfa.VerbEnable, policy.Email), typed(policy.Email), mfa.ErrForbidden},
	{"the number that it is already", systemA, func(l *Life) { l.Has(policy.SMS); l.Number = mobile2 }, start(mfa.VerbChange, policy.SMS), typed(policy.SMS), mfa.ErrUnchanged},
	{"C-18 a second method brings in no other number", systemC, has(policy.SMS), start(mfa.VerbEnable, policy.Voice), typed(policy.Voice), mfa.ErrInUse},
}

func typed(m mfa.Method) func(*Life) mfa.Entered {
	return func(l *Life) mfa.Entered { return l.Entered(m) }
}

func refusedEntries(t *testing.T, s Stores) {
	for _, tt := range entries {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLife(t, s, tt.preset)
			if tt.given != nil {
				tt.given(l)
			}
			v := l.Start(tt.start)

			_, err := l.EnterContact(t.Context(), l.Doer(), v.ID, tt.in(l))

			require.ErrorIs(t, err, tt.want)
			require.Empty(t, l.Mailbox.Messages())
		})
	}
}
