package storetest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/hotp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	number "github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// Hooked is a store whose hook a test may set.
type Hooked interface {
	OnChange(hook func(mfa.Change) error)
}

// Memory is a store in memory with its hook.
type Memory struct{ *memstore.Store }

// OverMemory returns an empty store in memory.
func OverMemory() Memory { return Memory{&memstore.Store{}} }

// OnChange implements [Hooked].
func (m Memory) OnChange(hook func(mfa.Change) error) { m.Hook = hook }

// Life is a lab in which a user goes through operations of the life cycle under one
// preset. It keeps what the hook of the store was told, as an account would.
type Life struct {
	*Lab
	t       *testing.T
	Flags   []string
	LoginAt time.Time
	AtLogin bool   // in the middle of a login that has given what comes before an enrolment
	Spared  bool   // a trusted device stood in for the second step of the login
	Number  string // that is entered when a new one is wanted
	Address string
	PIN     mfa.Secret
	By      mfa.Method // how the new number is reached; "" is the kind of the operation

	mu      sync.Mutex
	enabled bool
	changes []mfa.Change
	refuse  error
	keys    []virtualwebauthn.Credential
}

// The contacts of these tests: two mobile numbers and a fixed line.
const (
	mobile1 = "+4915112345678"
	mobile2 = "+4915112345679"
	fixed1  = "+493012345678"
)

// NewLife returns a user with a registered address in a tenant of its own.
func NewLife(t *testing.T, s Stores, preset string) *Life {
	t.Helper()
	p, err := policy.Preset(preset)
	require.NoError(t, err)
	who := newSubject()
	lab := &Lab{Who: who, Policy: &p, Clock: &Clock{at: t0}, Mailbox: &Mailbox{}, Log: &Log{}, Hashes: &Hashes{}}
	lab.Service = newService(s, lab, &ratelimit.Memory{})
	lab.NoLimits()
	l := &Life{Lab: lab, t: t, LoginAt: t0, Number: mobile1, Address: "new@example.test", PIN: "482915"}
	require.NoError(t, s.AddContact(t.Context(), mail(who)))
	hooked, ok := s.(Hooked)
	require.True(t, ok, "the store has no hook")
	hooked.OnChange(l.changed)
	t.Cleanup(func() { hooked.OnChange(nil) })
	return l
}

// changed is the hook: it judges flags and keeps the account's switch.
func (l *Life) changed(c mfa.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, flag := range c.BlockedBy {
		if slices.Contains(l.Flags, flag) {
			return &mfa.BlockedError{Flag: flag}
		}
	}
	if l.refuse != nil {
		return l.refuse
	}
	if c.SwitchTo != nil {
		l.enabled = *c.SwitchTo
	}
	l.changes = append(l.changes, c)
	return nil
}

// Doer is the user in the browser of these tests.
func (l *Life) Doer() mfa.Doer {
	l.mu.Lock()
	defer l.mu.Unlock()
	second := l.LoginAt
	if l.Spared {
		second = time.Time{}
	}
	return mfa.Doer{
		Subject: l.Who, Policy: l.Policy, PolicyVersion: 1, Flags: l.Flags, MFAEnabled: l.enabled, LoginAt: l.LoginAt, SecondAt: second, Enrolling: l.AtLogin,
		Binding: []byte("browser"),
		IP:      netip.MustParseAddr("192.0.2.1"), About: mfa.About{TenantName: "Acme", Lang: "en"}, UserName: "alice",
		RP: mfa.RelyingParty{ID: "login.example", Name: "Acme", Origins: []string{"https://login.example"}},
	}
}

// Has gives the user an active factor of kind m, on a confirmed number for a phone.
func (l *Life) Has(m mfa.Method) {
	l.t.Helper()
	f := mfa.Factor{
		ID: "f-" + string(m), Subject: l.Who, Kind: m, Status: mfa.FactorActive, CreatedAt: t0.Add(-time.Hour),
		Exclusive: l.Policy.Selection.UserMax == 1,
	}
	switch m {
	case policy.Email:
		f.ContactID = "mail"
	case policy.SMS, policy.Voice:
		l.Phone("phone", mobile2, mfa.ContactConfirmed)
		f.ContactID = "phone"
	}
	require.NoError(l.t, l.Store.AddFactor(l.t.Context(), f))
	l.enabled = true
}

// Phone gives the user a number.
func (l *Life) Phone(id, e164 string, status mfa.ContactStatus) {
	l.t.Helper()
	n, err := number.Parse(e164, "")
	require.NoError(l.t, err)
	c := mfa.Contact{
		ID: id, Subject: l.Who, Kind: mfa.ContactPhone, Value: mfa.Secret(e164), Masked: n.Masked, Country: n.Region,
		LineType: n.Line, Status: status, Source: mfa.SourceLegacy, CreatedAt: t0.Add(-time.Hour),
	}
	if status == mfa.ContactConfirmed {
		c.ConfirmedAt, c.Unique = t0.Add(-time.Hour), l.Policy.Contacts.Phone.Unique == policy.UniqueConfirmedInTenant
	}
	require.NoError(l.t, l.Store.AddContact(l.t.Context(), c))
}

// Start begins an operation that must be allowed.
func (l *Life) Start(st mfa.Start) mfa.View {
	l.t.Helper()
	v, err := l.StartOperation(l.t.Context(), l.Doer(), st)
	require.NoError(l.t, err)
	return v
}

// Entered is what is entered for method m.
func (l *Life) Entered(m mfa.Method) mfa.Entered {
	if m == policy.Email {
		return mfa.Entered{Method: m, Address: l.Address}
	}
	n, err := number.Parse(l.Number, "")
	require.NoError(l.t, err)
	return mfa.Entered{Method: m, Number: n}
}

// Do takes an operation to its end, and returns what was asked for on the way, such
// as "enter", "code_current by sms + pin", "finish".
func (l *Life) Do(st mfa.Start) []string {
	l.t.Helper()
	return l.GoOn(l.Start(st).ID)
}

// GoOn does what is asked next until the operation is done.
func (l *Life) GoOn(id string) []string {
	l.t.Helper()
	var asked []string
	for range 10 {
		step, done := l.Step(id)
		asked = append(asked, step)
		if done {
			return asked
		}
	}
	l.t.Fatalf("the operation does not end: %v", asked)
	return nil
}

// Step does the one thing that is asked next.
func (l *Life) Step(id string) (asked string, done bool) {
	l.t.Helper()
	ctx, d := l.t.Context(), l.Doer()
	v, err := l.ViewOperation(ctx, d, id)
	require.NoError(l.t, err)
	var o mfa.Operation
	switch {
	case v.NeedsContact:
		m := v.Kind
		if l.By != "" {
			m = l.By
		}
		_, err = l.EnterContact(ctx, d, id, l.Entered(m))
		asked = "enter"
	case v.Password:
		o, err = l.GivePassword(ctx, d, id)
		asked = "password"
	case v.Proof != "":
		p := l.Begun(id)
		asked = string(v.Proof) + " by " + string(p.Challenge.Method)
		a := mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Right(p)}
		if p.PIN {
			asked, a.PIN = asked+" + pin", l.PIN
		}
		o, _, err = l.AnswerProof(ctx, d, id, a)
	case v.PIN:
		o, _, err = l.AnswerProof(ctx, d, id, mfa.Answer{PIN: l.PIN})
		asked = "pin"
	default:
		var f mfa.Finished
		f, err = l.Finish(ctx, d, id, l.PIN)
		o, asked = f.Operation, "finish"
	}
	require.NoError(l.t, err, asked)
	return asked, o.Status == mfa.OperationDone
}

// Begun is the operation with the challenge of its open stage; where the user has to
// choose, the first way is taken.
func (l *Life) Begun(id string) mfa.Proving {
	l.t.Helper()
	p, err := l.Prove(l.t.Context(), l.Doer(), id)
	require.NoError(l.t, err)
	if p.Challenge == nil && len(p.Options) > 0 {
		p, err = l.ChooseProof(l.t.Context(), l.Doer(), id, p.Options[0].Method)
		require.NoError(l.t, err)
	}
	require.NotNil(l.t, p.Challenge, "nothing can give the proof %s", p.Proof)
	return p
}

// Right is the right answer to the challenge of p.
func (l *Life) Right(p mfa.Proving) mfa.Secret {
	l.t.Helper()
	switch p.Challenge.Method {
	case policy.TOTP:
		l.Clock.Move(30 * time.Second)
		i := slices.IndexFunc(p.Enrolments.Factors, func(f mfa.Factor) bool { return f.ID == p.Challenge.FactorID })
		require.GreaterOrEqual(l.t, i, 0)
		return AppCode(p.Enrolments.Factors[i].Secret, l.Clock.Now())
	case policy.WebAuthn:
		if p.Proof == policy.ProofCodeNew {
			return l.Register(p.Challenge.Ceremony.Options)
		}
		return l.Sign(p.Challenge.Ceremony.Options, len(l.keys)-1)
	}
	return l.Code(*p.Challenge)
}

// AppCode is what an app with seed shows at now.
func AppCode(seed mfa.Secret, now time.Time) mfa.Secret {
	code, err := hotp.GenerateCode(base32Of(seed), uint64(now.Unix()/30))
	if err != nil {
		panic(err)
	}
	return mfa.Secret(code)
}

// tab is a page of the tenant in a browser.
var tab = virtualwebauthn.RelyingParty{ID: "login.example", Name: "Acme", Origin: "https://login.example"}

// Register plugs in a new key and answers a registration.
func (l *Life) Register(options string) mfa.Secret {
	l.t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(options)
	require.NoError(l.t, err)
	c := NewKey()
	l.keys = append(l.keys, c)
	return mfa.Secret(virtualwebauthn.CreateAttestationResponse(tab, virtualwebauthn.NewAuthenticator(), c, *o))
}

// coseKey is how long a public key on P-256 is, in bytes.
const coseKey = 77

// NewKey is a fresh key. The library leaves out the leading zeros of a coordinate,
// which one key in 128 has; no server can read those.
func NewKey() virtualwebauthn.Credential {
	for {
		c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		if len(c.Key.AttestationData()) == coseKey {
			return c
		}
	}
}

// Sign answers an authentication with the i-th key, whose counter grows by one.
func (l *Life) Sign(options string, i int) mfa.Secret {
	l.t.Helper()
	l.keys[i].Counter++
	return l.SignAs(options, l.keys[i], tab, true)
}

// SignAs answers an authentication with a key as it is, at a page of the test.
func (l *Life) SignAs(options string, key virtualwebauthn.Credential, page virtualwebauthn.RelyingParty, verified bool) mfa.Secret {
	l.t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(options)
	require.NoError(l.t, err)
	a := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserNotVerified: !verified})
	return mfa.Secret(virtualwebauthn.CreateAssertionResponse(page, a, key, *o))
}

// Enrolled is what is active, such as "sms +4915112345678".
func (l *Life) Enrolled() []string {
	l.t.Helper()
	e, err := l.Store.Enrolments(l.t.Context(), l.Who)
	require.NoError(l.t, err)
	var all []string
	for _, f := range e.Factors {
		if f.Status != mfa.FactorActive {
			continue
		}
		text := string(f.Kind)
		for _, c := range e.Contacts {
			if c.ID == f.ContactID {
				text += " " + c.Value.Reveal()
			}
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// Told is what the latest change tells, such as "factor_added", or
// "contact_changed to +4915112345679".
func (l *Life) Told() []string {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.changes) == 0 {
		return nil
	}
	var all []string
	c := l.changes[len(l.changes)-1]
	for _, n := range c.Notices {
		text := n.Kind
		if n.ContactID != "" {
			to, err := l.Store.Contact(l.t.Context(), l.Who, n.ContactID)
			require.NoError(l.t, err)
			text += " to " + to.Value.Reveal()
		}
		all = append(all, text)
	}
	for _, s := range c.Signals {
		all = append(all, "signal "+s.Event)
	}
	if c.SwitchTo != nil {
		all = append(all, fmt.Sprintf("switch %v", *c.SwitchTo))
	}
	return all
}

func joined(list []string) string { return strings.Join(list, ", ") }
