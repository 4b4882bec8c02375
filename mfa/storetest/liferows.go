package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// The presets of the five systems.
const (
	systemA = "contractor-email-first"
	systemB = "broker-security-identities"
	systemC = "marketplace-phone-verification"
	systemD = "contract-exclusive-method"
	systemE = "account-admin-sms-default"
)

// lifeRow is one operation under one preset, from its start to its end.
type lifeRow struct {
	name   string
	preset string
	given  func(*Life) // beside the registered address; nil: nothing
	start  mfa.Start
	asked  string // what the user is asked for, in order
	told   string // notices, signals and the switch
	active string // what is on afterwards
}

func has(kinds ...mfa.Method) func(*Life) {
	return func(l *Life) {
		for _, k := range kinds {
			l.Has(k)
		}
	}
}

func legacy(l *Life) { l.Phone("phone", mobile2, mfa.ContactUnverified) }

func atLogin(l *Life) { l.AtLogin = true }

func start(v mfa.Verb, k mfa.Method) mfa.Start { return mfa.Start{Verb: v, Kind: k} }

func with(m mfa.Method) func(*Life) { return func(l *Life) { variant(l, m) } }

// variant is the preset with m switched on beside what it has.
func variant(l *Life, m mfa.Method) {
	set := l.Policy.Methods[m]
	set.Enabled = true
	l.Policy.Methods[m] = set
}

const registered = "u1@example.test"

var lifeRows = []lifeRow{
	// A: the code goes to the new number; all else is confirmed by email first.
	{
		"A-04 a number is added and confirmed", systemA, nil, start(mfa.VerbEnable, policy.SMS),
		"enter, code_new by sms", "factor_added", "sms " + mobile1,
	},
	{
		"A-06 a legacy number is confirmed as it is", systemA, legacy,
		mfa.Start{Verb: mfa.VerbEnable, Kind: policy.SMS, ContactID: "phone"},
		"code_new by sms", "factor_added", "sms " + mobile2,
	},
	{
		"A-07 a legacy number is corrected without a proof of it", systemA, legacy, start(mfa.VerbChange, policy.SMS),
		"enter, code_new by sms", "contact_changed", "sms " + mobile1,
	},
	{
		"A-11 a confirmed number is replaced", systemA, has(policy.SMS), start(mfa.VerbChange, policy.SMS),
		"enter, code_new by sms", "contact_changed, contact_changed to " + mobile2, "sms " + mobile1,
	},
	{
		"A-11 a number is replaced after a login that a device spared the second step", systemA, func(l *Life) {
			l.Has(policy.SMS)
			l.Spared = true
		}, start(mfa.VerbChange, policy.SMS),
		"second_factor by sms, enter, code_new by sms", "contact_changed, contact_changed to " + mobile2, "sms " + mobile1,
	},
	{
		"A sms is switched off with a code to email", systemA, has(policy.SMS), start(mfa.VerbDisable, policy.SMS),
		"delivered_code by email", "factor_removed", "",
	},
	{
		"A email is the account's address, and changes with it", systemA, nil, start(mfa.VerbChange, policy.Email),
		"code_current by email, enter, code_new by email", "contact_changed, contact_changed to " + registered, "",
	},
	{
		"A recovery codes are made although 2FA is off", systemA, nil, start(mfa.VerbEnable, policy.RecoveryCodes),
		"delivered_code by email, finish", "recovery_codes_made", "recovery_codes",
	},
	{
		"A recovery codes are made anew", systemA, has(policy.RecoveryCodes), start(mfa.VerbChange, policy.RecoveryCodes),
		"delivered_code by email, finish", "recovery_codes_replaced", "recovery_codes",
	},
	{
		"A-18 2FA is switched on with a code", systemA, nil, start(mfa.VerbSwitchOn, ""),
		"delivered_code by email", "mfa_enabled, switch true", "",
	},
	{
		"A-18 2FA is switched off with a code", systemA, func(l *Life) { l.enabled = true }, start(mfa.VerbSwitchOff, ""),
		"delivered_code by email", "mfa_disabled, switch false", "",
	},

	// B: every identity with the PIN.
	{
		"B-05 sms is enabled with code and PIN on one form", systemB, has(policy.PIN), start(mfa.VerbEnable, policy.SMS),
		"enter, code_new by sms + pin", "factor_added, signal account.grade", "pin, sms " + mobile1,
	},
	{
		"B-08 sms is disabled with a code to it, and no PIN", systemB, has(policy.PIN, policy.SMS), start(mfa.VerbDisable, policy.SMS),
		"code_current by sms", "factor_removed, mfa_disabled, switch false", "pin",
	},
	{
		"B sms changes with the old number, then the new one and the PIN", systemB, has(policy.PIN, policy.SMS), start(mfa.VerbChange, policy.SMS),
		"code_current by sms, enter, code_new by sms + pin", "contact_changed, contact_changed to " + mobile2 + ", signal account.grade", "pin, sms " + mobile1,
	},
	{
		"B-12 email is enabled with the PIN first, then the code", systemB, has(policy.PIN), start(mfa.VerbEnable, policy.Email),
		"enter, pin, code_new by email", "factor_added", "email new@example.test, pin",
	},
	{
		"B email changes", systemB, has(policy.PIN, policy.Email),
		mfa.Start{Verb: mfa.VerbChange, Kind: policy.Email},
		"code_current by email, enter, pin, code_new by email", "contact_changed", "email new@example.test, pin",
	},
	{
		"B-13 an app is enabled with its code and the PIN", systemB, has(policy.PIN), start(mfa.VerbEnable, policy.TOTP),
		"code_new by totp + pin", "factor_added", "pin, totp",
	},
	{
		"B-14 backup codes are made with the PIN", systemB, has(policy.PIN), start(mfa.VerbEnable, policy.RecoveryCodes),
		"pin, finish", "recovery_codes_made", "pin, recovery_codes",
	},
	{
		"B backup codes are given up with the PIN", systemB, has(policy.PIN, policy.RecoveryCodes), start(mfa.VerbDisable, policy.RecoveryCodes),
		"pin", "factor_removed", "pin",
	},
	{
		"B a PIN is chosen after the password", systemB, nil, start(mfa.VerbEnable, policy.PIN),
		"password, finish", "pin_set", "pin",
	},
	{
		"B a PIN changes with password and PIN", systemB, has(policy.PIN), start(mfa.VerbChange, policy.PIN),
		"password, pin, finish", "pin_changed", "pin",
	},
	{
		"B two-step sign-in is switched off with a second factor, which stays", systemB, has(policy.SMS), start(mfa.VerbSwitchOff, ""),
		"second_factor by sms", "mfa_disabled, switch false", "sms " + mobile2,
	},

	// C: a contact first.
	{
		"C-13 a number is verified by text message", systemC, nil, start(mfa.VerbEnable, policy.SMS),
		"enter, code_new by sms", "contact_confirmed, signal reward.phone_verified", "sms " + mobile1,
	},
	{
		"C-10 a fixed line is verified by a call", systemC, func(l *Life) { l.Number, l.By = fixed1, policy.Voice }, start(mfa.VerbEnable, policy.SMS),
		"enter, code_new by voice", "contact_confirmed, signal reward.phone_verified", "voice " + fixed1,
	},
	{
		"C-18 it changes to another number of the user", systemC, has(policy.SMS), start(mfa.VerbChange, policy.SMS),
		"enter, code_new by sms", "contact_changed, contact_changed to " + mobile2 + ", signal reward.phone_verified", "sms " + mobile1,
	},
	{
		"C it changes to a fixed line, which gets calls from then on", systemC, func(l *Life) {
			l.Has(policy.SMS)
			l.Number, l.By = fixed1, policy.Voice
		}, start(mfa.VerbChange, policy.SMS),
		"enter, code_new by voice", "contact_changed, contact_changed to " + mobile2 + ", signal reward.phone_verified", "voice " + fixed1,
	},

	// D: one method at a time.
	{
		"D-08 the first method switches two-step sign-in on", systemD, nil, start(mfa.VerbEnable, policy.SMS),
		"enter, code_new by sms", "factor_added, mfa_enabled, switch true", "sms " + mobile1,
	},
	{
		"D-04 email takes the place of sms, whose number agrees first", systemD, has(policy.SMS), start(mfa.VerbEnable, policy.Email),
		"code_current by sms, enter, code_new by email", "factor_added, factor_removed to " + mobile2, "email new@example.test",
	},
	{
		"D-13 D-15 a change takes a code to the old number, then to the new one", systemD, has(policy.SMS), start(mfa.VerbChange, policy.SMS),
		"code_current by sms, enter, code_new by sms", "contact_changed, contact_changed to " + mobile2, "sms " + mobile1,
	},
	{
		"D-17 off takes a code to the current contact", systemD, has(policy.SMS), start(mfa.VerbSwitchOff, ""),
		"second_factor by sms", "mfa_disabled, switch false", "",
	},
	{
		"D-17 off by the method itself is the same", systemD, has(policy.SMS), start(mfa.VerbDisable, policy.SMS),
		"code_current by sms", "factor_removed, mfa_disabled, switch false", "",
	},

	// E: the tenant decides.
	{
		"E-06 a number is enrolled", systemE, atLogin, start(mfa.VerbEnable, policy.SMS),
		"enter, code_new by sms", "factor_added, mfa_enabled, switch true", "sms " + mobile1,
	},
	{
		"E-07 an app is enrolled", systemE, both(atLogin, with(policy.TOTP)), start(mfa.VerbEnable, policy.TOTP),
		"code_new by totp", "factor_added, mfa_enabled, switch true", "totp",
	},
	{
		"E-08 a key is enrolled", systemE, both(atLogin, with(policy.WebAuthn)), start(mfa.VerbEnable, policy.WebAuthn),
		"code_new by webauthn", "factor_added, mfa_enabled, switch true", "webauthn",
	},
	{
		"T-30 E a number is enrolled after the set-up was put off", systemE, nil, start(mfa.VerbEnable, policy.SMS),
		"email_code by email, enter, code_new by sms", "factor_added, mfa_enabled, switch true", "sms " + mobile1,
	},
	{
		"T-30 E so is an app", systemE, with(policy.TOTP), start(mfa.VerbEnable, policy.TOTP),
		"email_code by email, code_new by totp", "factor_added, mfa_enabled, switch true", "totp",
	},
	{
		"E the account's own address is the proof that it is", systemE, func(l *Life) {
			variant(l, policy.Email)
			l.Policy.Lifecycle[policy.Email] = l.Policy.Lifecycle[policy.SMS]
		}, start(mfa.VerbEnable, policy.Email),
		"code_new by email", "factor_added, mfa_enabled, switch true", "email " + registered,
	},
	{
		"C the account's address gives way to another one with a code to it", systemC, nil,
		mfa.Start{Verb: mfa.VerbChange, Kind: policy.Email, Account: true},
		"email_code by email, enter, code_new by email", "contact_changed, contact_changed to " + registered, "",
	},
	{
		"E or with a second factor", systemE, has(policy.SMS),
		mfa.Start{Verb: mfa.VerbChange, Kind: policy.Email, Account: true},
		"second_factor by sms, enter, code_new by email", "contact_changed, contact_changed to " + registered, "sms " + mobile2,
	},
	{
		"E a number changes with a second factor", systemE, has(policy.SMS), start(mfa.VerbChange, policy.SMS),
		"second_factor by sms, enter, code_new by sms", "contact_changed, contact_changed to " + mobile2, "sms " + mobile1,
	},
	{
		"E an app changes with a second factor, and ends the recovery codes", systemE, func(l *Life) {
			variant(l, policy.TOTP)
			l.Do(start(mfa.VerbEnable, policy.TOTP))
			l.Has(policy.RecoveryCodes)
		}, start(mfa.VerbChange, policy.TOTP),
		"second_factor by totp, code_new by totp", "factor_changed", "totp",
	},
	{
		"E a key changes with a second factor", systemE, func(l *Life) {
			variant(l, policy.WebAuthn)
			l.Do(start(mfa.VerbEnable, policy.WebAuthn))
		}, start(mfa.VerbChange, policy.WebAuthn),
		"second_factor by webauthn, code_new by webauthn", "factor_changed", "webauthn",
	},
	{
		"E one of two keys is removed with a second factor", systemE, func(l *Life) {
			variant(l, policy.WebAuthn)
			l.Do(start(mfa.VerbEnable, policy.WebAuthn))
			l.Do(start(mfa.VerbEnable, policy.WebAuthn))
		}, start(mfa.VerbRemove, policy.WebAuthn),
		"second_factor by webauthn", "factor_removed", "webauthn",
	},
	{
		"E recovery codes are made with a second factor", systemE, has(policy.SMS), start(mfa.VerbEnable, policy.RecoveryCodes),
		"second_factor by sms, finish", "recovery_codes_made", "recovery_codes, sms " + mobile2,
	},
}

// check takes the row's operation to its end.
func (r lifeRow) check(t *testing.T, s Stores) {
	l := NewLife(t, s, r.preset)
	if r.given != nil {
		r.given(l)
	}
	l.makePIN()

	asked := l.Do(r.start)

	require.Equal(t, r.asked, joined(asked))
	require.Equal(t, r.told, joined(l.Told()))
	require.Equal(t, r.active, joined(l.Enrolled()))
}

// makePIN gives the PIN factor of a row, if it has one, the digits that are typed.
func (l *Life) makePIN() {
	l.t.Helper()
	e, err := l.Store.Enrolments(l.t.Context(), l.Who)
	require.NoError(l.t, err)
	if !e.HasPIN() {
		return
	}
	hash, err := l.Hasher.Hash(l.t.Context(), pepper{}.KeyedSecret(mfa.LabelPIN, l.Who.TenantID, l.Who.UserID, l.PIN))
	require.NoError(l.t, err)
	o := mfa.Operation{ID: "pin-" + l.Who.TenantID, Subject: l.Who, Kind: policy.PIN, Verb: mfa.VerbEnable, Status: mfa.OperationOpen}
	require.NoError(l.t, l.Store.CreateOperation(l.t.Context(), o))
	_, err = l.Store.Advance(l.t.Context(), l.Who, o.ID, func(*mfa.Operation, mfa.Enrolments) (mfa.Effect, error) {
		return mfa.Effect{At: t0, PIN: hash}, nil
	})
	require.NoError(l.t, err)
}
