package mfa_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var (
	t0    = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	alice = mfa.Subject{TenantID: "t1", UserID: "alice"}
)

// world is the facts that Options decides on. Each case starts from a good one
// and changes one thing.
type world struct {
	ask   mfa.Ask
	p     *policy.Policy
	e     mfa.Enrolments
	chain *mfa.Challenge
	now   time.Time
}

func (w *world) contact(id string) *mfa.Contact {
	for i := range w.e.Contacts {
		if w.e.Contacts[i].ID == id {
			return &w.e.Contacts[i]
		}
	}
	panic("no contact " + id)
}

// contractor is system A at a payout: a registered address and a confirmed phone.
func contractor(t *testing.T) *world {
	t.Helper()
	w := preset(t, "contractor-email-first")
	w.ask.Purpose, w.ask.Action = mfa.PurposeAction, "payout.request"
	w.ask.Proof = policy.ProofDeliveredCode
	return w
}

func preset(t *testing.T, name string) *world {
	t.Helper()
	p, err := policy.Preset(name)
	require.NoError(t, err)
	return &world{
		p:   &p,
		now: t0,
		ask: mfa.Ask{
			Subject: alice, Policy: &p, Purpose: mfa.PurposeLogin, Action: policy.ActionLogin, Proof: policy.ProofSecondFactor,
		},
		e: mfa.Enrolments{Contacts: []mfa.Contact{
			{ID: "mail", Subject: alice, Kind: mfa.ContactEmail, Status: mfa.ContactConfirmed, Registered: true, Masked: "a•••@e•••"},
			{ID: "phone", Subject: alice, Kind: mfa.ContactPhone, Status: mfa.ContactConfirmed, Country: "MX", LineType: "mobile", Masked: "+52 •• 99"},
		}},
	}
}

// emailSent is the chain that a code by email has begun at t0.
func emailSent() *mfa.Challenge {
	return &mfa.Challenge{
		Method: policy.Email, ContactID: "mail", Status: mfa.ChallengeSent, Sends: 1, MaxSends: 5,
		ResendAt: t0.Add(time.Minute), ExpiresAt: t0.Add(time.Minute),
	}
}

// shown is an option in short: "email", "sms after_timer".
func shown(options []mfa.Option) []string {
	var words []string
	for _, o := range options {
		word := string(o.Method)
		if o.Reason != "" {
			word += " " + o.Reason
		}
		words = append(words, word)
	}
	return words
}

func TestOptionsOfSystemA(t *testing.T) {
	tests := []struct {
		name string
		edit func(*world)
		want []string
	}{
		{"A-23 a code goes to email, also when a phone is confirmed", func(*world) {}, []string{"email", "sms after_timer"}},
		{"A-17 a login is no other", func(w *world) { w.ask.Purpose, w.ask.Action = mfa.PurposeLogin, policy.ActionLogin }, []string{"email", "sms after_timer"}},
		{"A-25 before the timer neither resend nor SMS", func(w *world) { w.chain, w.now = emailSent(), t0.Add(59_999*time.Millisecond) }, []string{"email after_timer", "sms after_timer"}},
		{"A-26 after the timer both", func(w *world) { w.chain, w.now = emailSent(), t0.Add(time.Minute) }, []string{"email", "sms"}},
		{"A-26 without a confirmed phone there is no SMS", func(w *world) { w.chain, w.now = emailSent(), t0.Add(time.Minute); w.e.Contacts = w.e.Contacts[:1] }, []string{"email"}},
		{"T-61 a legacy number that was never verified gets no code", func(w *world) {
			w.chain, w.now = emailSent(), t0.Add(time.Minute)
			w.contact("phone").Status, w.contact("phone").Source = mfa.ContactUnverified, mfa.SourceLegacy
		}, []string{"email"}},
		{"a pending number gets none", func(w *world) { w.contact("phone").Status = mfa.ContactPending }, []string{"email"}},
		{"a revoked number gets none", func(w *world) { w.contact("phone").Status = mfa.ContactRevoked }, []string{"email"}},
		{"an address that is not confirmed gets none, and SMS moves up", func(w *world) { w.contact("mail").Status = mfa.ContactPending }, []string{"sms"}},
		{"an address that is not the registered one gets none", func(w *world) { w.contact("mail").Registered = false }, []string{"sms"}},
		{"nor where factors may have other addresses", func(w *world) {
			w.p.Contacts.Email.FactorAddress, w.contact("mail").Registered = "any_verified", false
		}, []string{"sms"}},
		{"a delivered code goes by no method that delivery does not name", func(w *world) {
			sms := w.p.Methods[policy.SMS]
			sms.Role = policy.RoleAny
			w.p.Methods[policy.SMS], w.p.Delivery.FallbackTo = sms, nil
			w.contact("mail").Status = mfa.ContactPending
		}, nil},
		{"a contact of somebody else gets none", func(w *world) { w.contact("phone").Subject.UserID = "bob" }, []string{"email"}},
		{"fallback never", func(w *world) { w.p.Delivery.FallbackUnlock = policy.UnlockNever }, []string{"email"}},
		{"fallback at once", func(w *world) { w.p.Delivery.FallbackUnlock = policy.UnlockAtOnce }, []string{"email", "sms"}},
		{"fallback at once, in a chain", func(w *world) { w.p.Delivery.FallbackUnlock, w.chain = policy.UnlockAtOnce, emailSent() }, []string{"email after_timer", "sms"}},
		{"fallback to nothing", func(w *world) { w.p.Delivery.FallbackTo = nil }, []string{"email"}},
		{"after a switch to SMS the timer holds for both", func(w *world) {
			w.chain = emailSent()
			w.chain.Method, w.chain.ContactID = policy.SMS, "phone"
		}, []string{"email after_timer", "sms after_timer"}},
		{"the gateway refused: all at once", func(w *world) {
			w.chain = emailSent()
			w.chain.Status, w.chain.ResendAt = mfa.ChallengeFailed, time.Time{}
		}, []string{"email", "sms"}},
		{"no deliveries left", func(w *world) { w.chain, w.now = emailSent(), t0.Add(time.Hour); w.chain.Sends = 5 }, []string{"email no_sends", "sms no_sends"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkOptions(t, tt.edit, tt.want) })
	}
}

// checkOptions changes one thing about system A at a payout and compares what is
// offered then.
func checkOptions(t *testing.T, edit func(*world), want []string) {
	t.Helper()
	w := contractor(t)
	edit(w)

	got := mfa.Options(w.ask, w.e, w.chain, w.now)

	require.Equal(t, want, shown(got))
	for i, o := range got {
		require.Equal(t, i == 0, o.Primary, "the first is presented first")
		require.Equal(t, o.Reason == "", o.Available(w.now))
	}
}

func TestOptionsAreRestricted(t *testing.T) {
	tests := []struct {
		name string
		edit func(*world)
		want []string
	}{
		{"a restriction of the caller", func(w *world) { w.ask.Allowed = []mfa.Method{policy.Email} }, []string{"email"}},
		{"a restriction to SMS makes it the first", func(w *world) { w.ask.Allowed = []mfa.Method{policy.SMS} }, []string{"sms"}},
		{"a restriction to nothing", func(w *world) { w.ask.Allowed = []mfa.Method{} }, nil},
		{"a method that is off", func(w *world) { w.p.Methods[policy.SMS] = policy.Method{Role: policy.RoleBackup} }, []string{"email"}},
		{"a method without the use", func(w *world) {
			w.p.Methods[policy.SMS] = policy.Method{Enabled: true, Role: policy.RoleBackup, Uses: policy.List[policy.Use]{policy.UseLogin}}
		}, []string{"email"}},
		{"a companion is never alone", func(w *world) {
			w.p.Methods[policy.SMS] = policy.Method{Enabled: true, Role: policy.RoleCompanion, Uses: policy.List[policy.Use]{policy.UseAction}}
		}, []string{"email"}},
		{"a method that the action leaves out", func(w *world) {
			a := w.p.Actions["payout.request"]
			a.Methods = policy.List[policy.Kind]{policy.Email}
			w.p.Actions["payout.request"] = a
		}, []string{"email"}},
		{"an action that is not there", func(w *world) { w.ask.Action = "payout.other" }, nil},
		{"an action under the purpose of a login", func(w *world) { w.ask.Purpose = mfa.PurposeLogin }, nil},
		{"a login under the purpose of an action", func(w *world) { w.ask.Action = policy.ActionLogin }, nil},
		{"a proof that no delivered code is", func(w *world) { w.ask.Proof = policy.ProofPIN }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkOptions(t, tt.edit, tt.want) })
	}
}

func TestOptionsTellWhatThePageNeeds(t *testing.T) {
	w := contractor(t)
	w.chain, w.now = emailSent(), t0.Add(time.Second)
	w.e.Factors = []mfa.Factor{{ID: "f1", Subject: alice, Kind: policy.SMS, ContactID: "phone", Status: mfa.FactorActive}}

	got := mfa.Options(w.ask, w.e, w.chain, w.now)

	require.Empty(t, cmp.Diff([]mfa.Option{
		{Method: policy.Email, ContactID: "mail", Masked: "a•••@e•••", AvailableAt: t0.Add(time.Minute), Reason: mfa.ReasonTimer, Primary: true},
		{Method: policy.SMS, FactorID: "f1", ContactID: "phone", Masked: "+52 •• 99", AvailableAt: t0.Add(time.Minute), Reason: mfa.ReasonTimer},
	}, got))
}

func TestOptionsByLineAndCountry(t *testing.T) {
	tests := []struct {
		name string
		edit func(*world)
		want []string
	}{
		{"mobile", func(*world) {}, []string{"email", "sms after_timer"}},
		{"ambiguous", func(w *world) { w.contact("phone").LineType = "ambiguous" }, []string{"email", "sms after_timer"}},
		{"voip", func(w *world) { w.contact("phone").LineType = "voip" }, []string{"email"}},
		{"unknown type", func(w *world) { w.contact("phone").LineType = "" }, []string{"email"}},
		{"fixed, also if the policy said so", func(w *world) {
			w.contact("phone").LineType = "fixed"
			w.p.Contacts.Phone.LineTypes = policy.List[policy.LineType]{policy.LineFixed}
			w.p.Contacts.Phone.SMSTo = policy.List[policy.LineType]{policy.LineFixed}
		}, []string{"email"}},
		{"a listed country", func(w *world) { w.p.Contacts.Phone.CountriesSMS = policy.Countries{List: policy.List[string]{"MX"}} }, []string{"email", "sms after_timer"}},
		{"a country that is not listed", func(w *world) { w.p.Contacts.Phone.CountriesSMS = policy.Countries{List: policy.List[string]{"DE"}} }, []string{"email"}},
		{"a number of no country, with a list", func(w *world) {
			w.contact("phone").Country = ""
			w.p.Contacts.Phone.CountriesSMS = policy.Countries{List: policy.List[string]{"MX"}}
		}, []string{"email"}},
		{"a fixed line by voice", func(w *world) {
			w.contact("phone").LineType = "fixed"
			voice(w)
			w.p.Contacts.Phone.LineTypes = policy.List[policy.LineType]{policy.LineFixed}
			w.p.Contacts.Phone.VoiceTo = policy.List[policy.LineType]{policy.LineFixed}
		}, []string{"email", "voice after_timer"}},
		{"voice in a country where only SMS is served", func(w *world) {
			voice(w)
			w.p.Contacts.Phone.CountriesVoice = policy.Countries{List: policy.List[string]{"DE"}}
		}, []string{"email", "sms after_timer"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := contractor(t)
			tt.edit(w)

			require.Equal(t, tt.want, shown(mfa.Options(w.ask, w.e, w.chain, w.now)))
		})
	}
}

// voice switches calls on everywhere.
func voice(w *world) {
	w.p.Methods[policy.Voice] = policy.Method{Enabled: true, Role: policy.RoleBackup, Uses: policy.List[policy.Use]{policy.UseAction}}
	w.p.Delivery.FallbackTo = policy.List[policy.Kind]{policy.SMS, policy.Voice}
	w.p.Contacts.Phone.CountriesVoice = policy.Countries{All: true}
	a := w.p.Actions["payout.request"]
	a.Methods = nil
	w.p.Actions["payout.request"] = a
}

func TestOptionsAndGuards(t *testing.T) {
	until := t0.Add(30 * time.Second)
	mail := func(g mfa.Guard) func(*world) {
		g.Subject, g.Key = alice, "contact:mail"
		return func(w *world) { w.e.Guards = []mfa.Guard{g} }
	}
	tests := []struct {
		name string
		edit func(*world)
		now  time.Time
		want []string
	}{
		{"locked for a time: listed, and nothing moves up", mail(mfa.Guard{LockedUntil: until}), until.Add(-time.Millisecond), []string{"email locked", "sms after_timer"}},
		{"the end of the delay", mail(mfa.Guard{LockedUntil: until}), until, []string{"email", "sms after_timer"}},
		{"dead: listed, and the other one moves up", mail(mfa.Guard{Dead: true}), t0, []string{"sms", "email disabled"}},
		{"both dead", func(w *world) {
			w.e.Guards = []mfa.Guard{{Key: "contact:mail", Dead: true}, {Key: "contact:phone", Dead: true}}
		}, t0, []string{"email disabled", "sms disabled"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := contractor(t)
			tt.edit(w)

			require.Equal(t, tt.want, shown(mfa.Options(w.ask, w.e, nil, tt.now)))
		})
	}
}

// served lists the country of the phone.
func served(w *world) { w.p.Contacts.Phone.CountriesSMS = policy.Countries{All: true} }

func active(id string, m mfa.Method, contact string, used time.Time) mfa.Factor {
	return mfa.Factor{ID: id, Subject: alice, Kind: m, ContactID: contact, Status: mfa.FactorActive, LastUsedAt: used}
}

func TestOptionsOfSecondFactors(t *testing.T) {
	both := []mfa.Factor{active("fm", policy.Email, "mail", time.Time{}), active("fp", policy.SMS, "phone", t0.Add(-time.Hour))}
	tests := []struct {
		name   string
		preset string
		edit   func(*world)
		want   []string
	}{
		{"D: a confirmed contact alone is no factor", "contract-exclusive-method", func(*world) {}, nil},
		{"D: the one active factor", "contract-exclusive-method", func(w *world) { w.e.Factors = both[:1] }, []string{"email"}},
		{"a factor that is not active yet", "contract-exclusive-method", func(w *world) {
			f := both[0]
			f.Status = mfa.FactorPending
			w.e.Factors = []mfa.Factor{f}
		}, nil},
		{"a factor whose contact is not confirmed any more", "contract-exclusive-method", func(w *world) {
			w.e.Factors = both[1:]
			w.contact("phone").Status = mfa.ContactRevoked
		}, nil},
		{"D-07 the factor's address may be another one", "contract-exclusive-method", func(w *world) { w.contact("mail").Registered, w.e.Factors = false, both[:1] }, []string{"email"}},
		{"not so where the policy wants the registered one", "contract-exclusive-method", func(w *world) {
			w.p.Contacts.Email.FactorAddress = "registered"
			w.contact("mail").Registered, w.e.Factors = false, both[:1]
		}, nil},
		{"the user chooses between two", "contract-exclusive-method", func(w *world) { served(w); w.e.Factors = both }, []string{"sms", "email"}},
		{"D-04 but not within the chain", "contract-exclusive-method", func(w *world) {
			served(w)
			w.e.Factors, w.chain = both, emailSent()
			w.chain.FactorID = "fm"
		}, []string{"email after_timer"}},
		{"B-10 and what was used last is first", "broker-security-identities", func(w *world) {
			w.e.Factors = []mfa.Factor{active("fm", policy.Email, "mail", t0), both[1]}
		}, []string{"email", "sms"}},
		{"B-10 the user picks", "broker-security-identities", func(w *world) { w.e.Factors = both }, []string{"sms", "email"}},
		{"any_factor is met by the same", "broker-security-identities", func(w *world) { w.e.Factors, w.ask.Proof = both, policy.ProofAnyFactor }, []string{"sms", "email"}},
		{"E: the tenant's primary", "account-admin-sms-default", func(w *world) { w.e.Factors = both }, []string{"sms"}},
		{"E: sms as backup of an app that this user has not", "account-admin-sms-default", func(w *world) {
			m := w.p.Methods[policy.SMS]
			m.Role = policy.RoleBackup
			w.p.Methods[policy.SMS], w.e.Factors = m, both
		}, []string{"sms"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := preset(t, tt.preset)
			tt.edit(w)

			require.Equal(t, tt.want, shown(mfa.Options(w.ask, w.e, w.chain, w.now)))
		})
	}
}

func TestOptionsOfANumberSetByAnAdmin(t *testing.T) {
	tests := []struct {
		name string
		edit func(*world)
		want []string
	}{
		{"gets the first login code", func(*world) {}, []string{"sms"}},
		{"not where the user must enrol", func(w *world) { w.p.Contacts.Phone.AdminAssigned = policy.AdminAssignedMustEnrol }, nil},
		{"not if the user typed it", func(w *world) { w.contact("phone").Source = mfa.SourceSelf }, nil},
		{"not if it is a legacy number", func(w *world) { w.contact("phone").Source = mfa.SourceLegacy }, nil},
		{"not if it came by import", func(w *world) { w.contact("phone").Source = mfa.SourceImport }, nil},
		{"not once it was revoked", func(w *world) { w.contact("phone").Status = mfa.ContactRevoked }, nil},
		{"not for an action", func(w *world) { w.ask.Purpose, w.ask.Action = mfa.PurposeAction, "payout.request"; withPayout(w) }, nil},
		{"not in a country that is not served", func(w *world) { w.p.Contacts.Phone.CountriesSMS = policy.Countries{} }, nil},
		{"not beside a factor that the user has", func(w *world) { w.e.Factors = []mfa.Factor{active("app", policy.TOTP, "", t0)} }, nil},
		{"also with a factor on this very number", func(w *world) { w.e.Factors = []mfa.Factor{active("fp", policy.SMS, "phone", t0)} }, []string{"sms"}},
		{"not beside a number that is confirmed", func(w *world) {
			w.e.Contacts = append(w.e.Contacts, mfa.Contact{ID: "own", Subject: alice, Kind: mfa.ContactPhone, Status: mfa.ContactConfirmed, LineType: "mobile"})
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := preset(t, "account-admin-sms-default")
			w.contact("phone").Status, w.contact("phone").Source = mfa.ContactUnverified, mfa.SourceAdmin
			tt.edit(w)

			require.Equal(t, tt.want, shown(mfa.Options(w.ask, w.e, nil, w.now)))
		})
	}
}

func withPayout(w *world) {
	w.p.Actions["payout.request"] = policy.Action{Stages: policy.Stages{{policy.ProofSecondFactor}}}
}

func TestOptionsByDeliveryFirst(t *testing.T) {
	tests := []struct {
		first policy.First
		want  []string
	}{
		{"email", []string{"email", "sms after_timer"}},
		{"sms", []string{"sms"}},
		{policy.FirstUserChoice, []string{"email", "sms after_timer"}},
		{policy.FirstLastUsed, []string{"email", "sms after_timer"}},
		{policy.FirstTenantPrimary, []string{"email", "sms after_timer"}},
	}
	for _, tt := range tests {
		t.Run(string(tt.first), func(t *testing.T) {
			w := contractor(t)
			w.p.Delivery.First = tt.first

			require.Equal(t, tt.want, shown(mfa.Options(w.ask, w.e, nil, w.now)))
		})
	}
}
