package consent

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Service judges requests and takes the steps of an interaction. Every step
// first finds out where the request stands, does one thing, and leaves it to
// the dispatcher to ask again.
type Service struct {
	People People
	Store  Store
	MFA    *mfa.Service
	Now    func() time.Time
}

// Browser is what is known about the browser of a request, for limits, messages
// and the record; nothing is decided by IP, UserAgent or Lang.
type Browser struct {
	Hash      []byte // of the secret in its cookie; binds the interaction
	IP        netip.Addr
	UserAgent string
	Lang      string
}

// Resolve judges req for the browser described by who; in is nil when there is
// no interaction yet. It makes no statement while a live session satisfies the
// request.
func (s *Service) Resolve(ctx context.Context, realm *identity.Realm, client *identity.Client, req Request, who SignedIn, in *Interaction) (Decision, error) {
	st, err := s.judge(ctx, realm, client, req, who, in)
	if err != nil {
		return Decision{}, err
	}
	return st.Decision, nil
}

// Start makes the interaction for a request that needs a page. The user is
// pinned at once when a live session is to be stepped up; a login may still be
// anybody's. Where the policy says that an action begins on arrival, its first
// code is on the way when Start returns.
func (s *Service) Start(ctx context.Context, realm *identity.Realm, client *identity.Client, req Request, who SignedIn, d Decision, b Browser) (Interaction, error) {
	now := s.Now()
	in := Interaction{
		ID: newID(), TenantID: realm.Tenant.ID, BrowserHash: b.Hash, Request: req,
		CreatedAt: now, ExpiresAt: now.Add(InteractionLife),
	}
	in.meet(who, d, now)
	err := s.Store.CreateInteraction(ctx, in)
	if err != nil {
		return Interaction{}, err
	}
	return in, s.arriveWith(ctx, realm, client, who, d, b, &in)
}

// Enter is [Service.Start] for a pushed request, which has its interaction already:
// the first page is about to be shown in it.
func (s *Service) Enter(ctx context.Context, realm *identity.Realm, client *identity.Client, in Interaction, who SignedIn, d Decision, b Browser) (Interaction, error) {
	if in.State.Paged {
		return in, nil // the same browser came again
	}
	now := s.Now()
	in, err := s.Store.UpdateInteraction(ctx, in.TenantID, in.ID, func(in *Interaction) error {
		if !in.State.Paged {
			in.meet(who, d, now)
		}
		return nil
	})
	if err != nil {
		return Interaction{}, err
	}
	return in, s.arriveWith(ctx, realm, client, who, d, b, &in)
}

// meet notes who is at the browser when the first page is shown.
func (in *Interaction) meet(who SignedIn, d Decision, now time.Time) {
	in.State.Paged = true
	if in.Request.Vouched != nil {
		in.State.UserID = in.Request.Subject // whoever is signed in at this browser
		return
	}
	if !who.Session.Live(who.User, now) {
		return
	}
	in.SessionID = who.Session.ID
	_, action := WantsAction(in.Request.ACRValues)
	if d.Step != StepLogin || action || in.Request.Subject == who.User.ID {
		in.State.UserID = who.User.ID
	}
}

// arriveWith begins the first proof of an action that begins on arrival. A code that
// cannot be sent now is no reason to lose the request: the page says so and offers
// another try.
func (s *Service) arriveWith(ctx context.Context, realm *identity.Realm, client *identity.Client, who SignedIn, d Decision, b Browser, in *Interaction) error {
	if d.Step != StepConfirm {
		return nil
	}
	st, err := s.judge(ctx, realm, client, in.Request, who, in)
	if err != nil {
		return err
	}
	_, _ = s.Arrive(ctx, st, b)
	return nil
}

// StartAccount makes the interaction for a login that no app has asked for. With a
// live session it is a login of that user, and of nobody else.
func (s *Service) StartAccount(ctx context.Context, realm *identity.Realm, who SignedIn, r AccountRequest, b Browser) (Interaction, error) {
	now := s.Now()
	in := Interaction{
		ID: newID(), TenantID: realm.Tenant.ID, BrowserHash: b.Hash, CreatedAt: now, ExpiresAt: now.Add(InteractionLife),
		Request: Request{ClientID: identity.AccountApp, ReturnTo: r.ReturnTo, Login: r.Login, RequestedAt: now},
	}
	in.State.Paged = true
	if who.Session.Live(who.User, now) {
		in.SessionID, in.State.UserID, in.Request.Subject = who.Session.ID, who.User.ID, who.User.ID
	}
	return in, s.Store.CreateInteraction(ctx, in)
}

// clientOf is the app that a request comes from; nil if there is none of that name.
func clientOf(realm *identity.Realm, req Request) *identity.Client {
	if req.ReturnTo != "" {
		return realm.Tenant.Account()
	}
	return realm.Client(req.ClientID)
}

// WantsAction is the first action among acr values.
func WantsAction(values []string) (name string, ok bool) {
	for _, v := range values {
		name, ok = ParseAction(v)
		if ok {
			return name, true
		}
	}
	return "", false
}

// conclude fills in what a finished decision rests on, and the words of a
// refusal.
func (s *Service) conclude(st *Standing, f Facts) {
	if st.Step == StepRefuse {
		st.Description = descriptions[st.Reason]
		_, action := WantsAction(st.Request.ACRValues)
		if st.Reason == "acr" && action {
			st.Description = descriptions["no_action"] // it is about no user
		}
		ended := st.state()
		if ended.Ended != "" {
			st.OAuthError, st.Description = ended.Ended, descriptions[ended.Reason]
		} else if f.NoAnswer {
			st.Description = descriptions["confirmation_expired"] // nobody ended it
		}
	}
	if st.Step != StepDone {
		return
	}
	state := st.state()
	o := Outcome{
		User: st.User, Events: latest(st.events), Scopes: st.Request.Scopes, Action: st.Goal.Action,
		NewSession: st.loggedIn() && st.Request.Vouched == nil, AMR: AMR(st.events, st.Realm.Policy.ACR), AuthTime: f.AuthTime,
	}
	o.Vouched = st.vouching()
	o.Rotate = !o.NewSession && o.Vouched == nil && (len(state.Here) > 0 || len(state.Proofs) > 0)
	if o.Action == "" {
		o.ACR = st.Goal.Value
		if o.ACR == "" {
			o.ACR = f.Class.ACR()
		}
		o.AuthTime = st.authTime(st.Goal.Class)
	} else {
		st.concludeAction(&o)
	}
	if state.Allowed {
		o.Agreement = st.newAgreement()
	}
	st.Outcome = o
}

// concludeAction reports what was proven for the action, here and now, and
// nothing that the session held before.
func (st *Standing) concludeAction(o *Outcome) {
	state := st.state()
	o.ACR = ActionACR(o.Action)
	o.ConfirmationID = state.ConfirmationID
	o.DetailsHash = st.detailsHash()
	o.ConsumeWithin = st.Action.ConsumeWithin.Duration()
	o.Proofs = evidence(state.Proofs)
	if len(state.Proofs) == 0 {
		return // until_met: a precondition was checked, nothing new was proven
	}
	here := append([]identity.AuthEvent(nil), state.Here...)
	for _, p := range state.Proofs {
		here = append(here, p.Event)
	}
	o.AMR = AMR(here, st.Realm.Policy.ACR)
	o.AuthTime = identity.LastActive(here).Truncate(time.Second)
}

// authTime is the latest active verification that counts for class: for a
// single factor the first factor alone, else every one.
func (st *Standing) authTime(class Class) time.Time {
	events := st.events
	if class == Class1FA {
		events = nil
		for _, e := range st.events {
			if e.Method == identity.MethodPassword || e.Method == string(policy.WebAuthn) {
				events = append(events, e)
			}
		}
	}
	return identity.LastActive(events).Truncate(time.Second)
}

// latest keeps the newest verification of each kind and factor: a session that is
// stepped up every day must not grow by a line each time.
func latest(events []identity.AuthEvent) []identity.AuthEvent {
	var kept []identity.AuthEvent
	for i, e := range events {
		newer := slices.ContainsFunc(events[i+1:], func(o identity.AuthEvent) bool {
			return o.Method == e.Method && o.FactorID == e.FactorID && !o.At.Before(e.At)
		})
		if !newer {
			kept = append(kept, e)
		}
	}
	return kept
}

// newAgreement is what was agreed to before and now together.
func (st *Standing) newAgreement() *Agreement {
	a := &Agreement{
		TenantID: st.Realm.Tenant.ID, UserID: st.User.ID, ClientID: st.Client.ID,
		CreatedAt: st.now, UpdatedAt: st.now,
	}
	if st.agreement != nil {
		a.Scopes = append(a.Scopes, st.agreement.Scopes...)
		a.CreatedAt = st.agreement.CreatedAt
	}
	for _, scope := range st.state().Agreed {
		if !identity.Allows(a.Scopes, scope) {
			a.Scopes = append(a.Scopes, scope)
		}
	}
	return a
}

// Outcome is what an answered request rests on.
type Outcome struct {
	User     *identity.User
	ACR      string // never ""
	AMR      []string
	AuthTime time.Time
	Events   []identity.AuthEvent // evidence of the session from now on
	Scopes   []string

	Action         string
	ConfirmationID string
	DetailsHash    string
	ConsumeWithin  time.Duration
	Proofs         []EvidentProof // of the stages of Action

	// NewSession: a login was made in this interaction; the browser's old
	// session ends and a new one begins with Events. Rotate: the live session
	// was stepped up; it gets a new secret and Events. Neither: it stays as it is.
	NewSession bool
	Rotate     bool
	Vouched    *Vouching  // who vouched for the user; then no session is there, or begins
	Agreement  *Agreement // to write; nil when nothing new was agreed
}

// descriptions are the words of a refusal, for the app's developer.
var descriptions = map[string]string{
	"acr":                  "None of the authentication requirements asked for can be met for this user",
	"no_action":            "The action asked for is not open to this client, or needs its authorization_details pushed",
	"no_method":            "The user has no enrolled method that meets the authentication requirements",
	"precondition":         "A precondition of the action does not hold for this user",
	"held":                 "The account may not confirm this action at the moment",
	"vouched":              "The request needs more than a vouched subject can prove here",
	"no_stage":             "The policy has no stage for this action, so no details can be confirmed with it",
	"subject":              "Another user signed in than the request named",
	"ended":                "The user did not complete the request",
	"cancelled":            "The user cancelled the request",
	ReasonDisowned:         "The user did not start this",
	"declined":             "The user declined to share data with the app",
	"locked":               "The request ended after too many wrong codes",
	"txn_used":             "The id of the transaction was used before",
	"details_changed":      "The app has replaced the transaction by another one",
	"signed_out":           "The user has signed out everywhere meanwhile",
	"replaced":             "The user has begun another confirmation of the same action",
	"open_elsewhere":       "Another confirmation of the same action is open for this user, in another browser",
	"open_elsewhere_other": "The user cannot confirm this at the moment. Try again later",
	"too_many":             "The app has asked this user for too many confirmations. Try again later",
	"confirmation_expired": "The confirmation was not given in time",
	"policy_changed":       "The rules changed while the request was open. Start again",
}

// newID makes an identifier of 16 random bytes.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
