package settings

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// viewOf is an operation with stages, of which so many are done.
func viewOf(k mfa.Method, verb mfa.Verb, done int, stages ...[]policy.Proof) mfa.View {
	v := mfa.View{Operation: mfa.Operation{Kind: k, Verb: verb}, Stages: stages, Stage: done, Complete: done == len(stages)}
	if !v.Complete {
		v.Missing = stages[done]
		v.Proof, v.PIN = mfa.Challenged(v.Missing)
		for _, p := range v.Missing {
			v.Password = v.Password || p == policy.ProofPassword
		}
	}
	return v
}

func TestEachStandingOfAnOperationHasOnePage(t *testing.T) {
	needs := func(v mfa.View) mfa.View { v.NeedsContact, v.Complete = true, false; return v }
	pin, code, login := []policy.Proof{policy.ProofPIN}, []policy.Proof{policy.ProofCodeNew}, []policy.Proof{policy.ProofFreshLogin}
	both, word := []policy.Proof{policy.ProofCodeNew, policy.ProofPIN}, []policy.Proof{policy.ProofPassword}
	tests := []struct {
		name string
		v    mfa.View
		want lifeStep
	}{
		{"a number is typed", needs(viewOf(policy.SMS, mfa.VerbEnable, 0, code)), stepNumber},
		{"an address is typed before the PIN", needs(viewOf(policy.Email, mfa.VerbEnable, 0, pin, code)), stepAddress},
		{"then the PIN alone", viewOf(policy.Email, mfa.VerbEnable, 0, pin, code), stepPIN},
		{"a code and the PIN on one form", viewOf(policy.SMS, mfa.VerbEnable, 0, both), stepProof},
		{"the password goes before a code of its stage", viewOf(policy.SMS, mfa.VerbDisable, 0, append(word, code...)), stepPassword},
		{"the password before a PIN is chosen", viewOf(policy.PIN, mfa.VerbEnable, 0, word), stepPassword},
		{"a PIN is chosen", viewOf(policy.PIN, mfa.VerbEnable, 1, word), stepNewPIN},
		{"the old PIN stands beside the new one", viewOf(policy.PIN, mfa.VerbChange, 1, word, pin), stepNewPIN},
		{"but not while more is asked", viewOf(policy.PIN, mfa.VerbChange, 0, pin, word), stepPIN},
		{"the PIN stands beside the button that makes codes", viewOf(policy.RecoveryCodes, mfa.VerbEnable, 0, pin), stepMakeCodes},
		{"codes are made", viewOf(policy.RecoveryCodes, mfa.VerbChange, 1, code), stepMakeCodes},
		{"to disable codes shows none", viewOf(policy.RecoveryCodes, mfa.VerbDisable, 0, pin), stepPIN},
		{"nothing is missing", viewOf(policy.TOTP, mfa.VerbDisable, 1, login), stepFinish},
		{"only a fresh login is missing", viewOf("", mfa.VerbSwitchOn, 0, login), stepLogin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, stepOf(tt.v)) })
	}
}

func TestProgressCountsForms(t *testing.T) {
	pin, code, old := []policy.Proof{policy.ProofPIN}, []policy.Proof{policy.ProofCodeNew}, []policy.Proof{policy.ProofCodeCurrent}
	with := func(v mfa.View) mfa.View { v.State.ContactID = "c"; return v }
	filed := func(v mfa.View) mfa.View {
		v.Enrolments.Contacts = []mfa.Contact{
			{ID: "c", Kind: mfa.ContactPhone, Status: mfa.ContactUnverified}, {ID: "m", Kind: mfa.ContactEmail, Status: mfa.ContactConfirmed, Registered: true},
		}
		return v
	}
	tests := []struct {
		name string
		v    mfa.View
		want templates.Progress
	}{
		{"one form is not counted", viewOf(policy.TOTP, mfa.VerbEnable, 0, code), templates.Progress{}},
		{"a number, then its code", viewOf(policy.SMS, mfa.VerbEnable, 0, code), templates.Progress{Step: 1, Steps: 2}},
		{"its code", with(viewOf(policy.SMS, mfa.VerbEnable, 0, code)), templates.Progress{Step: 2, Steps: 2}},
		{"the old one first", viewOf(policy.SMS, mfa.VerbChange, 0, old, code), templates.Progress{Step: 1, Steps: 3}},
		{"then the new one", viewOf(policy.SMS, mfa.VerbChange, 1, old, code), templates.Progress{Step: 2, Steps: 3}},
		{"an address, the PIN, a code", with(viewOf(policy.Email, mfa.VerbEnable, 0, pin, code)), templates.Progress{Step: 2, Steps: 3}},
		{"a number on file may need no form, and is not counted", filed(viewOf(policy.SMS, mfa.VerbEnable, 0, code)), templates.Progress{}},
		{"nor is its code", filed(with(viewOf(policy.SMS, mfa.VerbEnable, 0, code))), templates.Progress{}},
		{"nor the account's own address", filed(viewOf(policy.Email, mfa.VerbEnable, 0, pin, code)), templates.Progress{}},
		{"a change always has a form", filed(viewOf(policy.SMS, mfa.VerbChange, 1, old, code)), templates.Progress{Step: 2, Steps: 3}},
		{"the password, then a PIN", viewOf(policy.PIN, mfa.VerbEnable, 0, []policy.Proof{policy.ProofPassword}), templates.Progress{Step: 1, Steps: 2}},
		{"a proof, then the codes", viewOf(policy.RecoveryCodes, mfa.VerbEnable, 0, old), templates.Progress{Step: 1, Steps: 2}},
		{"the PIN is on the form of the codes", viewOf(policy.RecoveryCodes, mfa.VerbEnable, 0, pin), templates.Progress{}},
		{"a fresh login is no form", viewOf("", mfa.VerbSwitchOff, 1, []policy.Proof{policy.ProofFreshLogin}, old), templates.Progress{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, progressOf(tt.v, &policy.Policy{})) })
	}
}

func TestWhatIsSaidOfAFailedTry(t *testing.T) {
	until := time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC)
	tests := []struct {
		name    string
		err     error
		problem string
		status  int
	}{
		{"nothing typed", errEmpty, templates.ProblemEmpty, 422},
		{"no code at all", mfa.ErrMalformed, templates.ProblemMalformed, 422},
		{"a wrong code", fmt.Errorf("x: %w", mfa.ErrMismatch), templates.ProblemWrongCode, 422},
		{"a code that was used", errors.Join(mfa.ErrMismatch, mfa.ErrReplayed), templates.ProblemUsed, 422},
		{"a copied key", errors.Join(mfa.ErrMismatch, mfa.ErrCloned), templates.ProblemKeyCloned, 422},
		{"a stranger's key", mfa.ErrUnknownKey, templates.ProblemKeyUnknown, 422},
		{"a key that is there", mfa.ErrKeyExists, templates.ProblemKeyExists, 409},
		{"an old code", mfa.ErrExpired, templates.ProblemExpired, 422},
		{"too many tries", mfa.ErrExhausted, templates.ProblemTooMany, 429},
		{"a locked guard", &mfa.LockedError{Until: until}, templates.ProblemTooMany, 429},
		{"too soon", &mfa.TooSoonError{At: until}, templates.ProblemTooSoon, 429},
		{"too many messages", &ratelimit.WaitError{After: time.Minute}, templates.ProblemSendLimit, 429},
		{"a gateway that fails", mfa.ErrDelivery, templates.ProblemSendFailed, 503},
		{"no money left", mfa.ErrBudget, templates.ProblemSendFailed, 503},
		{"another method", mfa.ErrNotOffered, templates.ProblemMethod, 400},
		{"a fault of the server", errors.New("disk full"), "", 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			problem, _ := proofProblem(tt.err)
			require.Equal(t, tt.problem, problem)
			require.Equal(t, tt.problem != "", tellable(tt.err))
			require.Equal(t, tt.status, web.ProofStatus(tt.err))
		})
	}
	now := until.Add(-time.Hour)
	require.Equal(t, until, web.RetryAt(&mfa.LockedError{Until: until}, time.Time{}, now))
	require.Equal(t, now.Add(time.Minute), web.RetryAt(&ratelimit.WaitError{After: time.Minute}, until, now))
	require.Equal(t, until, web.RetryAt(mfa.ErrMismatch, until, now))
	require.Zero(t, web.RetryAt(mfa.ErrMismatch, time.Time{}, now))
}

func TestWhyAChangeIsNotMade(t *testing.T) {
	for reason, err := range map[string]error{
		"kyc.pending":              fmt.Errorf("x: %w", &mfa.BlockedError{Flag: "kyc.pending"}),
		templates.BlockedForbidden: fmt.Errorf("x: %w", mfa.ErrForbidden),
		templates.ReasonLimit:      mfa.ErrTooMany,
		templates.ReasonOn:         mfa.ErrAlready,
		templates.BlockedPIN:       mfa.ErrNoPIN,
		templates.BlockedInUse:     mfa.ErrInUse,
		templates.BlockedLast:      &refusal{Reason: templates.BlockedLast, Err: mfa.ErrForbidden},
		"":                         mfa.ErrMismatch,
	} {
		require.Equal(t, reason, refusalReason(err))
	}
	require.Equal(t, templates.ReasonLimit, refusalReason(mfa.ErrFactorExists))
}

func TestAPINThatIsWrongIsNotToldFromALockOfTheCode(t *testing.T) {
	problem, _ := pinProblemOf(&mfa.LockedError{})
	require.Equal(t, templates.ProblemPINDead, problem)
	problem, until := pinProblemOf(&mfa.LockedError{Until: time.Unix(9, 0)})
	require.Equal(t, templates.ProblemPINBlocked, problem)
	require.Equal(t, time.Unix(9, 0), until)
	require.True(t, ofPIN(mfa.Verdict{TriesLeft: 5}))
	require.False(t, ofPIN(mfa.Verdict{TriesLeft: 5, LockedUntil: until}))
	require.False(t, ofPIN(mfa.Verdict{}))
}

func TestTheNameOfAKeyIsOneLine(t *testing.T) {
	for typed, want := range map[string]string{
		"  my\n key ": "my key", "a\u202eb\u0000c": "abc", strings.Repeat("é", 50): strings.Repeat("é", 40), "": "",
	} {
		require.Equal(t, want, keyName(typed))
	}
}

func TestACountryIsGuessedAsThePolicySays(t *testing.T) {
	tests := []struct{ name, how, own, locale, accept, want string }{
		{"the number on file", "tenant", "MX", "de-DE", "fr-FR", "MX"},
		{"the tenant's language", "tenant", "", "de-AT", "fr-FR", "AT"},
		{"a language of no country", "tenant", "", "de", "fr-FR", ""},
		{"the browser's language, as no address is looked up", "ip", "MX", "de-DE", "en, fr-CA;q=0.8", "CA"},
		{"a browser that names no country, and a tenant that does", "ip", "MX", "de-DE", "en", "DE"},
		{"nobody names one", "ip", "MX", "de", "en", ""},
		{"nonsense", "ip", "", "de-DE", ";;;", ""},
		{"not at all", "none", "MX", "de-DE", "fr-FR", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, guessCountry(tt.how, tt.own, tt.locale, tt.accept)) })
	}
}

func TestWhatTheUserSaysOfALineOnlyTakesAway(t *testing.T) {
	wide := policy.PhoneContacts{
		LineTypes: policy.List[policy.LineType]{policy.LineMobile, policy.LineFixed}, CountriesSMS: policy.Countries{All: true},
		SMSTo: policy.List[policy.LineType]{policy.LineMobile, policy.LineAmbiguous},
	}
	f := numberForm{Country: "MX", Phone: "644 183 2399", Line: phone.Mobile, Method: policy.SMS}

	_, err := f.read(wide)
	require.ErrorIs(t, err, phone.ErrType, "a plan that cannot tell is not accepted, whatever is said")

	wide.LineTypes = append(wide.LineTypes, policy.LineAmbiguous)
	n, err := f.read(wide)
	require.NoError(t, err)
	require.Equal(t, phone.Ambiguous, n.Line, "and is not made a mobile one")
	f.Line = phone.Fixed
	_, err = f.read(wide)
	require.ErrorIs(t, err, phone.ErrLine)
	f.Line = ""
	_, err = f.read(wide)
	require.ErrorIs(t, err, errNoLine)
}

func TestMethodsThatMayBeEnabled(t *testing.T) {
	preset := func(name string) *policy.Policy {
		p, err := policy.Preset(name)
		require.NoError(t, err)
		return &p
	}
	on := func(kinds ...mfa.Method) mfa.Enrolments {
		var e mfa.Enrolments
		for _, k := range kinds {
			e.Factors = append(e.Factors, mfa.Factor{ID: string(k), Kind: k, Status: mfa.FactorActive})
		}
		return e
	}
	tests := []struct {
		name   string
		policy string
		have   mfa.Enrolments
		only   []mfa.Method
		want   string
	}{
		{"the strongest first", "broker-security-identities", on(policy.PIN), nil, "totp! sms email recovery_codes:first pin:on"},
		{"without the PIN that they take", "broker-security-identities", on(), nil, "totp:pin sms:pin email:pin recovery_codes:pin pin"},
		{"a text and a call are one choice, and one thing is not recommended", "marketplace-phone-verification", on(), nil, "phone"},
		{"until one of them is on", "marketplace-phone-verification", on(policy.SMS), nil, "sms:on voice"},
		{"several that are alike", "contract-exclusive-method", on(), nil, "sms email"},
		{"one gives way to another", "contract-exclusive-method", on(policy.SMS), nil, "sms:on email"},
		{"what a login takes", "broker-security-identities", on(policy.PIN), []mfa.Method{policy.SMS}, "sms"},
		{"a login that takes nothing", "broker-security-identities", on(policy.PIN), []mfa.Method{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			labels := false
			for _, c := range choices(preset(tt.policy), tt.have, tt.only, true) {
				word := c.Method
				if c.Recommended {
					word += "!"
				}
				labels = labels || c.Strength != ""
				if !c.Available {
					word += ":" + c.Reason
				}
				got = append(got, word)
			}
			require.Equal(t, tt.want, strings.Join(got, " "))
			require.Equal(t, strings.Contains(tt.want, "!"), labels, "strengths are told where they differ")
		})
	}
}

func TestWhatIsLost(t *testing.T) {
	p, err := policy.Preset("broker-security-identities")
	require.NoError(t, err)
	e := mfa.Enrolments{
		Contacts: []mfa.Contact{{ID: "c", Kind: mfa.ContactPhone, Masked: "+49 ••• 89", Status: mfa.ContactConfirmed}},
		Factors: []mfa.Factor{
			{ID: "s", Kind: policy.SMS, ContactID: "c", Status: mfa.FactorActive},
			{ID: "t", Kind: policy.TOTP, Status: mfa.FactorActive},
			{ID: "r", Kind: policy.RecoveryCodes, CodesLeft: 7, Status: mfa.FactorActive},
		},
	}
	tests := []struct {
		name string
		st   mfa.Start
		want string
	}{
		{"the switch", mfa.Start{Verb: mfa.VerbSwitchOff}, "methods:2+ recovery_codes:7+ devices:3 actions:0+"},
		{"an app, and the codes that were made for it", mfa.Start{Kind: policy.TOTP, Verb: mfa.VerbDisable}, "recovery_codes:7 devices:3"},
		{"a method on a number that stays", mfa.Start{Kind: policy.SMS, Verb: mfa.VerbDisable}, "contact:0+ devices:3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := confirmPage(tt.st, &p, e, 3)
			var got []string
			for _, l := range page.Losses {
				word := fmt.Sprintf("%s:%d", l.What, l.N)
				if l.Stays {
					word += "+"
				}
				got = append(got, word)
			}
			require.Empty(t, page.Refused)
			require.True(t, page.Next)
			require.Equal(t, tt.want, strings.Join(got, " "))
		})
	}
	require.Equal(t, templates.BlockedInUse, confirmPage(mfa.Start{Kind: policy.SMS, Verb: mfa.VerbRemove}, &p, e, 0).Refused)
	require.Equal(t, templates.BlockedForbidden, confirmPage(mfa.Start{Kind: policy.PIN, Verb: mfa.VerbDisable}, &p, e, 0).Refused)
}

func TestWhatHasBeenDone(t *testing.T) {
	contact, err := policy.Preset("marketplace-phone-verification")
	require.NoError(t, err)
	second, err := policy.Preset("broker-security-identities")
	require.NoError(t, err)
	tests := []struct {
		kind mfa.Method
		verb mfa.Verb
		p    *policy.Policy
		want string
	}{
		{"", mfa.VerbSwitchOn, &second, templates.DoneMFAEnabled},
		{"", mfa.VerbSwitchOff, &second, templates.DoneMFADisabled},
		{policy.SMS, mfa.VerbEnable, &second, templates.DoneFactorAdded},
		{policy.SMS, mfa.VerbEnable, &contact, templates.DoneContactConfirmed},
		{policy.SMS, mfa.VerbChange, &contact, templates.DoneContactChanged},
		{policy.SMS, mfa.VerbRemove, &second, templates.DoneContactRemoved},
		{policy.WebAuthn, mfa.VerbRemove, &second, templates.DoneFactorRemoved},
		{policy.TOTP, mfa.VerbChange, &second, templates.DoneFactorChanged},
		{policy.TOTP, mfa.VerbDisable, &second, templates.DoneFactorRemoved},
		{policy.PIN, mfa.VerbEnable, &second, templates.DoneFactorAdded},
		{policy.PIN, mfa.VerbChange, &second, templates.DonePINChanged},
		{policy.RecoveryCodes, mfa.VerbEnable, &second, templates.DoneCodesMade},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind)+" "+string(tt.verb), func(t *testing.T) {
			require.Equal(t, tt.want, newsOf(mfa.Operation{Kind: tt.kind, Verb: tt.verb}, tt.p))
		})
	}
}

func TestOnlyOperationsAreBegun(t *testing.T) {
	p, err := policy.Preset("contract-exclusive-method")
	require.NoError(t, err)
	e := mfa.Enrolments{Factors: []mfa.Factor{{ID: "f", Kind: policy.SMS, Status: mfa.FactorActive}}}
	read := func(pairs ...string) (mfa.Start, error) {
		form := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			form[pairs[i]] = pairs[i+1]
		}
		return readStart(func(name string) string { return form[name] }, &p, e)
	}
	for _, bad := range [][]string{
		{},
		{"kind", "sms"},
		{"verb", "enable"},
		{"kind", "sms", "verb", "explode"},
		{"kind", "rune", "verb", "enable"},
		{"kind", "sms", "verb", "switch_off"},
		{"method", "rune"},
	} {
		_, err := read(bad...)
		require.ErrorIs(t, err, mfa.ErrForbidden, bad)
	}
	off, err := read("method", "off")
	require.NoError(t, err)
	require.Equal(t, mfa.Start{Verb: mfa.VerbSwitchOff}, off)
	delete(p.Actions, policy.ActionMFADisable)
	off, err = read("method", "off")
	require.NoError(t, err)
	require.Equal(t, mfa.Start{Kind: policy.SMS, Verb: mfa.VerbDisable}, off)
}

func TestAPageIsForAPersonAndAProblemForAProgram(t *testing.T) {
	for accept, want := range map[string]bool{
		"application/json": true, "application/problem+json": true, "": false, "*/*": false,
		"text/html,application/xhtml+xml,application/json;q=0.9": false,
	} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
		c.Request.Header.Set("Accept", accept)
		require.Equal(t, want, wantsJSON(c), accept)
	}
}
