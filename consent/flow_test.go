package consent_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
	mfatest "github.com/sallyport-id/sallyport/mfa/storetest"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/storetest"
)

const payout = "urn:sallyport:action:payout.request"

// flow is the service over a real database, with a gateway that keeps what it is
// given. Alice has a registered address and a confirmed phone; bob has only the
// address.
type flow struct {
	*consent.Service
	t       *testing.T
	f       *storetest.Fixture
	lab     *mfatest.Lab
	realm   *identity.Realm
	browser consent.Browser
	crash   *crashing
	bob     identity.User
}

// longAgo is when people confirmed what they have: no hold keeps it from an action.
var longAgo = storetest.Start.Add(-30 * 24 * time.Hour)

func newFlow(t *testing.T, preset string, edits ...func(*policy.Policy)) *flow {
	t.Helper()
	f := storetest.New(t, testdb.SQLite(t))
	second := &memstore.Store{}
	lab := mfatest.NewLab(t, second)
	lab.Service.Now = f.Clock.Now
	fl := &flow{t: t, f: f, lab: lab, crash: &crashing{Store: f.Store}, bob: f.AddUser(t, storetest.TenantID, "user-bob", "bob@example.com")}
	fl.Service = &consent.Service{People: f.Store, Store: fl.crash, MFA: lab.Service, Now: f.Clock.Now}
	hash := sha256.Sum256([]byte("browser"))
	fl.browser = consent.Browser{Hash: hash[:], IP: netip.MustParseAddr("192.0.2.1"), Lang: "en"}
	for _, u := range []identity.User{f.Alice, fl.bob} {
		require.NoError(t, second.AddContact(t.Context(), mfa.Contact{
			ID: "mail-" + u.ID, Subject: u.Subject(), Kind: mfa.ContactEmail, Value: mfa.Secret(u.Username), Status: mfa.ContactConfirmed,
			Source: mfa.SourceSelf, Registered: true, ConfirmedAt: longAgo, CreatedAt: longAgo,
		}))
	}
	require.NoError(t, second.AddContact(t.Context(), mfa.Contact{
		ID: "phone", Subject: f.Alice.Subject(), Kind: mfa.ContactPhone, Value: "+526441832399", Country: "MX", LineType: "ambiguous",
		Status: mfa.ContactConfirmed, Source: mfa.SourceSelf, ConfirmedAt: longAgo, CreatedAt: longAgo,
	}))
	realm, err := f.Catalog.BySlug(t.Context(), storetest.Slug)
	require.NoError(t, err)
	own := *realm
	p, err := policy.Preset(preset)
	require.NoError(t, err)
	for _, edit := range edits {
		edit(&p)
	}
	own.Policy = &p
	fl.realm = &own
	return fl
}

// action changes one action of a policy.
func action(name string, edit func(*policy.Action)) func(*policy.Policy) {
	return func(p *policy.Policy) {
		a := p.Actions[name]
		edit(&a)
		p.Actions[name] = a
	}
}

// crashing loses the updates of interactions while it is told to, as a process
// does that dies.
type crashing struct {
	consent.Store
	mu   sync.Mutex
	dead bool
	meet *sync.WaitGroup // whoever updates waits for the others; nil for nobody
}

var errCrash = errors.New("the process died")

func (c *crashing) set(dead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = dead
}

// UpdateInteraction implements [consent.Store].
func (c *crashing) UpdateInteraction(ctx context.Context, tenantID, id string, change func(*consent.Interaction) error) (consent.Interaction, error) {
	c.mu.Lock()
	dead := c.dead
	c.mu.Unlock()
	if dead {
		return consent.Interaction{}, errCrash
	}
	if c.meet != nil {
		c.meet.Done()
		c.meet.Wait()
	}
	return c.Store.UpdateInteraction(ctx, tenantID, id, change)
}

func (fl *flow) app() *identity.Client { return fl.realm.Client(storetest.Confidential) }

// ask is a request of the app for the scope openid, which alice and bob have
// agreed to.
func (fl *flow) ask(edit func(*consent.Request)) consent.Request {
	req := consent.Request{
		ClientID: storetest.Confidential, RequestedAt: fl.f.Clock.Now(), Scopes: []string{"openid"}, Required: true,
		Form: map[string][]string{"state": {"s"}},
	}
	if edit != nil {
		edit(&req)
	}
	return req
}

// forAction asks for an action by its acr value.
func (fl *flow) forAction(acr string) consent.Request {
	return fl.ask(func(r *consent.Request) { r.ACRValues = []string{acr} })
}

// agreed writes that u has agreed to the scope openid.
func (fl *flow) agreed(u identity.User) {
	fl.t.Helper()
	require.NoError(fl.t, fl.f.Store.Complete(fl.t.Context(), model.Completion{
		TenantID: u.TenantID, Now: fl.f.Clock.Now(),
		Agreement: &consent.Agreement{TenantID: u.TenantID, UserID: u.ID, ClientID: storetest.Confidential, Scopes: []string{"openid"}, CreatedAt: fl.f.Clock.Now()},
	}))
}

// signIn gives u a live session that rests on methods, and returns what the
// browser sends for it.
func (fl *flow) signIn(u identity.User, methods ...string) (token []byte) {
	fl.t.Helper()
	hash := sha256.Sum256([]byte(u.ID))
	now := fl.f.Clock.Now()
	s := identity.Session{
		ID: "session-" + u.ID, TenantID: u.TenantID, UserID: u.ID, TokenHash: hash[:], PasswordEpoch: u.PasswordEpoch,
		CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(24 * time.Hour), IdleFor: 12 * time.Hour,
	}
	for _, m := range append([]string{identity.MethodPassword}, methods...) {
		s.Events = append(s.Events, identity.AuthEvent{Method: m, At: now})
	}
	require.NoError(fl.t, fl.f.Store.Complete(fl.t.Context(), model.Completion{TenantID: u.TenantID, Now: now, NewSession: &s}))
	return hash[:]
}

func (fl *flow) who(token []byte) consent.SignedIn {
	fl.t.Helper()
	if token == nil {
		return consent.SignedIn{}
	}
	who, err := fl.f.Store.SignedIn(fl.t.Context(), storetest.TenantID, token, storetest.Confidential)
	require.NoError(fl.t, err)
	return who
}

func (fl *flow) resolve(req consent.Request, token []byte) consent.Decision {
	fl.t.Helper()
	d, err := fl.Resolve(fl.t.Context(), fl.realm, fl.app(), req, fl.who(token), nil)
	require.NoError(fl.t, err)
	return d
}

// start begins an interaction and opens it.
func (fl *flow) start(req consent.Request, token []byte) *consent.Standing {
	fl.t.Helper()
	in, err := fl.Start(fl.t.Context(), fl.realm, fl.app(), req, fl.who(token), fl.resolve(req, token), fl.browser)
	require.NoError(fl.t, err)
	return fl.open(in.ID, token)
}

func (fl *flow) open(id string, token []byte) *consent.Standing {
	fl.t.Helper()
	st, err := fl.Open(fl.t.Context(), fl.realm, id, fl.browser.Hash, token)
	require.NoError(fl.t, err)
	return st
}

// logIn gives the first factor of u.
func (fl *flow) logIn(st *consent.Standing, u identity.User) *consent.Standing {
	fl.t.Helper()
	st, err := fl.LogIn(fl.t.Context(), st, u, nil)
	require.NoError(fl.t, err)
	return st
}

func (fl *flow) arrive(st *consent.Standing) mfa.Challenge {
	fl.t.Helper()
	c, err := fl.Arrive(fl.t.Context(), st, fl.browser)
	require.NoError(fl.t, err)
	require.NotNil(fl.t, c)
	return *c
}

// pass begins the present step and enters its code.
func (fl *flow) pass(st *consent.Standing) *consent.Standing {
	fl.t.Helper()
	c := fl.arrive(st)
	st, _, err := fl.Answer(fl.t.Context(), fl.open(st.In.ID, nil), consent.Given{ChallengeID: c.ID, Input: fl.lab.Code(c).Reveal()}, fl.browser)
	require.NoError(fl.t, err)
	return st
}

func (fl *flow) interaction(id string) consent.Interaction {
	fl.t.Helper()
	in, err := fl.f.Store.Interaction(fl.t.Context(), storetest.TenantID, id)
	require.NoError(fl.t, err)
	return in
}

func (fl *flow) confirmation(st *consent.Standing) consent.Confirmation {
	fl.t.Helper()
	id := fl.interaction(st.In.ID).State.ConfirmationID
	require.NotEmpty(fl.t, id)
	c, err := fl.f.Store.Confirmation(fl.t.Context(), storetest.TenantID, id)
	require.NoError(fl.t, err)
	return c
}

func (fl *flow) enable(u identity.User) identity.User {
	fl.t.Helper()
	u, err := fl.f.Store.UpdateUser(fl.t.Context(), u.TenantID, u.ID, func(u *identity.User) error { u.MFAEnabled = true; return nil })
	require.NoError(fl.t, err)
	return u
}

func requireStep(t *testing.T, st *consent.Standing, step consent.Step, reason string) {
	t.Helper()
	require.Equal(t, step, st.Step, st.Reason)
	require.Equal(t, reason, st.Reason)
}

// asJSON is a state as it is stored, to be compared.
func asJSON(t *testing.T, s consent.State) string {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	return string(text)
}
