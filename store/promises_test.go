package store_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

const other = "tenant-other"

// wholeServer are the methods that work on no one tenant, or only insert what is
// the given tenant's by what it says itself.
var wholeServer = map[string]bool{
	"CreateTenant": true, "Tenant": true, "TenantBySlug": true, "Tenants": true, "UpdateTenant": true, "RemoveTenant": true,
	"CreateInteraction": true, "CreateConfirmation": true, "PutUser": true, "PutClient": true, "AddKey": true, "SavePolicy": true,
	"AppendAudit": true, "QueueNotices": true, "PutLink": true, "DueNotices": true, "RememberKeys": true, "KeyFingerprints": true, "Sweep": true, "FirstUse": true,
}

// planted is one of everything, of the tenant that is not asked.
type planted struct {
	session      identity.Session
	interaction  consent.Interaction
	pushed       consent.Interaction
	confirmation consent.Confirmation
	grant        model.Grant
	used         model.Grant // its code was redeemed
	link         identity.Link
	note         string
}

func plant(t *testing.T, f *storetest.Fixture) (p planted) {
	t.Helper()
	ctx := t.Context()
	p = planted{sampleSession(), sampleInteraction(), samplePushed(), sampleConfirmation(), sampleGrant(), sampleGrant(), sampleLink(identity.LinkPasswordReset), ""}
	agreed := consent.Agreement{TenantID: tenant, UserID: storetest.AliceID, ClientID: storetest.Confidential, Scopes: []string{"openid"}}
	must(t, f.Store.Complete(ctx, model.Completion{
		TenantID: tenant, Now: start, NewSession: &p.session, Agreement: &agreed,
		Audit: []model.AuditEvent{sampleEvent()},
	}))
	must(t, f.Store.CreateInteraction(ctx, p.interaction))
	must(t, f.Store.CreateInteraction(ctx, p.pushed))
	must(t, f.Store.CreateConfirmation(ctx, p.confirmation))
	p.grant.SessionID, p.used.RTGen, p.used.RTExpiresAt = p.session.ID, 1, start.Add(time.Hour)
	must(t, f.Store.CreateGrant(ctx, p.grant))
	p.used.CodeConsumedAt = start
	must(t, f.Store.CreateGrant(ctx, p.used))
	must(t, f.Store.QueueNotices(ctx, identity.Notice{TenantID: tenant, UserID: storetest.AliceID, Kind: "k", At: start}))
	must(t, f.Store.PutLink(ctx, p.link))
	p.note = column(t, f.DB, "select id from notifications")[0]
	return p
}

// asked is one method, asked in the name of the other tenant for what is not its
// own. It returns what it found, the zero value for nothing.
type asked struct {
	method string
	ask    func(ctx context.Context, s *store.Store, p planted) (found any, err error)
	want   error
}

func without[T any](v T, err error) (any, error) { return v, err }

var foreign = []asked{
	{"Interaction", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return without(s.Interaction(ctx, other, p.interaction.ID))
	}, consent.ErrNotFound},
	{"UpdateInteraction", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return without(s.UpdateInteraction(ctx, other, p.interaction.ID, func(in *consent.Interaction) error {
			in.State.Allowed = true
			return nil
		}))
	}, consent.ErrNotFound},
	{"ClaimPushed", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return without(s.ClaimPushed(ctx, other, p.pushed.RequestURIHash, hashOf("browser"), start, start.Add(time.Hour)))
	}, consent.ErrNotFound},
	{"PushAgain", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.PushAgain(ctx, other, p.pushed.ID, hashOf("new name"), &p.pushed.Request, start)
	}, consent.ErrNotFound},
	{"OpenConfirmation", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return without(s.OpenConfirmation(ctx, other, p.confirmation.UserID, p.confirmation.Action))
	}, consent.ErrNotFound},
	{"ConfirmationOf", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return without(s.ConfirmationOf(ctx, other, p.confirmation.ClientID, p.confirmation.Action, p.confirmation.TxnID))
	}, consent.ErrNotFound},
	{"ConsumeConfirmation", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		v := p.confirmation
		return nil, s.ConsumeConfirmation(ctx, model.Consumption{TenantID: other, ClientID: v.ClientID, ID: v.ID, DetailsHash: v.DetailsHash, Now: start})
	}, model.ErrConflict},
	{"EveryKey", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		list, err := s.EveryKey(ctx, other)
		for _, k := range list {
			if k.TenantID != other {
				return k, err
			}
		}
		return nil, err
	}, nil},
	{"Confirmation", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return without(s.Confirmation(ctx, other, p.confirmation.ID))
	}, consent.ErrNotFound},
	{"MoveConfirmation", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.MoveConfirmation(ctx, other, p.confirmation.ID, consent.ConfirmationDenied, start)
	}, consent.ErrNotFound},
	{"SignedIn", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		in, err := s.SignedIn(ctx, other, p.session.TokenHash, storetest.Confidential)
		in.RealmVersion = 0 // that one is its own
		return in, err
	}, nil},
	{"User", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.User(ctx, other, storetest.AliceID))
	}, identity.ErrNotFound},
	{"UserByName", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.UserByName(ctx, other, storetest.AliceName))
	}, identity.ErrNotFound},
	{"UsersOf", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.UsersOf(ctx, other, "", 10))
	}, nil},
	{"Agreement", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.Agreement(ctx, other, storetest.AliceID, storetest.Confidential))
	}, nil},
	{"SessionByID", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return without(s.SessionByID(ctx, other, p.session.ID))
	}, nil},
	{"SessionsOf", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.SessionsOf(ctx, other, storetest.AliceID, start))
	}, nil},
	{"TouchSession", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.TouchSession(ctx, other, p.session.ID, start.Add(time.Hour))
	}, nil},
	{"EndSession", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.EndSession(ctx, other, p.session.ID, start)
	}, identity.ErrNotFound},
	{"EndSessionsOf", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.EndSessionsOf(ctx, other, storetest.AliceID, "", start))
	}, nil},
	{"UpdateUser", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.UpdateUser(ctx, other, storetest.AliceID, func(u *identity.User) error {
			u.Admin = true
			return nil
		}))
	}, identity.ErrNotFound},
	{"BumpMFAEpoch", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return nil, s.BumpMFAEpoch(ctx, other, storetest.AliceID)
	}, identity.ErrNotFound},
	{"BumpPasswordEpoch", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return nil, s.BumpPasswordEpoch(ctx, other, storetest.AliceID)
	}, identity.ErrNotFound},
	{"CreateGrant", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		g := sampleGrant()
		g.TenantID = other
		return nil, s.CreateGrant(ctx, g)
	}, identity.ErrNotFound},
	{"RedeemCode", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		g, _, err := s.RedeemCode(ctx, redeem(p.grant, other))
		return g, err
	}, model.ErrNotFound},
	{"RedeemCode", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		g, _, err := s.RedeemCode(ctx, redeem(p.used, other))
		return g, err
	}, model.ErrNotFound},
	{"Grant", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		g, _, err := s.Grant(ctx, other, p.grant.ID, start)
		return g, err
	}, model.ErrNotFound},
	{"GrantAndUser", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		g, _, _, err := s.GrantAndUser(ctx, other, p.grant.ID, start)
		return g, err
	}, model.ErrNotFound},
	{"Standing", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		g, _, err := s.Standing(ctx, other, p.grant.ID, start)
		return g, err
	}, model.ErrNotFound},
	{"RevokeOf", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return without(s.RevokeOf(ctx, other, p.grant.ClientID, p.grant.ID, "test", start))
	}, model.ErrNotFound},
	{"Rotate", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.Rotate(ctx, other, p.used.ID, 1, start, start.Add(time.Hour))
	}, model.ErrConflict},
	{"Revoke", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.Revoke(ctx, other, p.grant.ID, "test", start)
	}, nil},
	{"Complete", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.Complete(ctx, model.Completion{TenantID: other, Now: start, InteractionID: p.interaction.ID})
	}, model.ErrFinished},
	{"Complete", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		c := p.confirmation
		c.TenantID = other
		return nil, s.Complete(ctx, model.Completion{TenantID: other, Now: start, Confirmation: &c})
	}, model.ErrFinished},
	{"Complete", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		v := p.session
		v.TenantID = other
		return nil, s.Complete(ctx, model.Completion{TenantID: other, Now: start, RotateSession: &v})
	}, identity.ErrNotFound},
	{"Complete", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.Complete(ctx, model.Completion{TenantID: other, Now: start, EndSession: p.session.ID})
	}, nil},
	{"Keys", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		list, err := s.Keys(ctx, other)
		for _, k := range list {
			if k.TenantID != other {
				return k, err
			}
		}
		return nil, err
	}, nil},
	{"SetState", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return nil, s.SetState(ctx, other, "key-of-acme", keys.Retired, start)
	}, identity.ErrNotFound},
	{"Client", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.Client(ctx, other, "app-of-acme"))
	}, identity.ErrNotFound},
	{"Clients", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		list, err := s.Clients(ctx, other)
		for _, c := range list {
			if c.TenantID != other || c.ID == "app-of-acme" {
				return c, err
			}
		}
		return nil, err
	}, nil},
	{"Policy", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.Policy(ctx, other, 2))
	}, identity.ErrNotFound},
	{"Audit", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.Audit(ctx, other, store.AuditPage{Limit: 10}))
	}, nil},
	{"EndNotice", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.EndNotice(ctx, identity.Notice{ID: p.note, TenantID: other}, true)
	}, nil},
}

func redeem(g model.Grant, tenantID string) model.Redeem {
	return model.Redeem{
		TenantID: tenantID, ClientID: g.ClientID, CodeHash: g.CodeHash, Now: start,
		RTExpiresAt: start.Add(time.Hour), RTSalt: []byte("salt"),
	}
}

// T-45: what belongs to another tenant is not found, by any method, and nothing
// of it changes.
func TestT45AnotherTenantsObjectIsNotFound(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		f.AddTenant(t, other, "other", "contractor-email-first")
		private := must1(f.Store.Keys(t.Context(), tenant))[0]
		private.ID = "key-of-acme"
		must(t, f.Store.AddKey(t.Context(), private))
		app := must1(f.Store.Client(t.Context(), tenant, storetest.Public))
		app.ID = "app-of-acme"
		must1(f.Store.PutClient(t.Context(), app))
		must1(f.Store.SavePolicy(t.Context(), tenant, must1(f.Store.Policy(t.Context(), tenant, 0)).Document, "test", "", nil, false))
		p := plant(t, f)
		before := dump(t, f.DB)

		for _, tt := range slices.Concat(foreign, foreignAccounts) {
			t.Run(tt.method, func(t *testing.T) {
				found, err := tt.ask(t.Context(), f.Store, p)

				require.ErrorIs(t, err, tt.want)
				temporary, ok := errors.AsType[*store.UnavailableError](err)
				require.False(t, ok, "%v", temporary)
				if found != nil {
					require.True(t, reflect.ValueOf(found).IsZero(), "found %+v", found)
				}
				require.Equal(t, before, dump(t, f.DB))
			})
		}
	})
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestEveryMethodIsAskedForAnotherTenantsObject(t *testing.T) {
	covered := map[string]bool{}
	for _, tt := range slices.Concat(foreign, foreignAccounts) {
		covered[tt.method] = true
	}
	for m := range reflect.TypeFor[*store.Store]().Methods() {
		require.True(t, covered[m.Name] != wholeServer[m.Name],
			"%s must be in the table foreign, or in wholeServer, which says why not", m.Name)
	}
}

// together runs do n times at once and counts what it returns.
func together(n int, do func(i int) error) map[error]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[error]int{}
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			err := do(i)
			for _, known := range []error{model.ErrFinished, model.ErrReplayed, model.ErrNotFound, model.ErrConflict, consent.ErrOver, identity.ErrLinkUsed, identity.ErrCredentials} {
				if errors.Is(err, known) {
					err = known
				}
			}
			mu.Lock()
			defer mu.Unlock()
			got[err]++
		})
	}
	close(begin)
	wg.Wait()
	return got
}

func TestOneOfTwentyCompletionsSucceeds(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		in, c := sampleInteraction(), sampleConfirmation()
		must(t, f.Store.CreateInteraction(t.Context(), in))
		must(t, f.Store.CreateConfirmation(t.Context(), c))

		got := together(20, func(int) error {
			session, g := sampleSession(), sampleGrant()
			return f.Store.Complete(t.Context(), model.Completion{
				TenantID: tenant, Now: start, InteractionID: in.ID,
				NewSession: &session, Confirmation: &c, Grant: &g, Audit: []model.AuditEvent{sampleEvent()},
			})
		})

		require.Equal(t, map[error]int{nil: 1, model.ErrFinished: 19}, got)
		for _, table := range []string{"sessions", "grants", "audit_events"} {
			require.Equal(t, []string{"1"}, column(t, f.DB, "select count(*) from "+table), table)
		}
	})
}

func TestOneConfirmationIsApprovedOnceByTwentyInteractions(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		c := sampleConfirmation()
		must(t, f.Store.CreateConfirmation(t.Context(), c))

		got := together(20, func(int) error {
			g := sampleGrant()
			return f.Store.Complete(t.Context(), model.Completion{TenantID: tenant, Now: start, Confirmation: &c, Grant: &g})
		})

		require.Equal(t, map[error]int{nil: 1, model.ErrFinished: 19}, got)
		require.Equal(t, []string{"1"}, column(t, f.DB, "select count(*) from grants"))
	})
}

func TestOneOfSixtyFourRedeemsAndTheGrantIsRevoked(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		g := sampleGrant()
		must(t, f.Store.CreateGrant(t.Context(), g))

		got := together(64, func(int) error {
			_, _, err := f.Store.RedeemCode(t.Context(), redeem(g, tenant))
			return err
		})

		require.Equal(t, map[error]int{nil: 1, model.ErrReplayed: 63}, got)
		_, _, err := f.Store.Grant(t.Context(), tenant, g.ID, start)
		require.ErrorIs(t, err, model.ErrNotFound)
		require.Equal(t, []string{"code_replayed"}, column(t, f.DB, "select revoke_reason from grants"))
		require.NotEqual(t, []string{"salt"}, column(t, f.DB, "select rt_salt from grants"), "the family is dead")
	})
}

func TestOneOfTwentyRotatesTheSameGeneration(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		g := sampleGrant()
		g.RTGen, g.RTExpiresAt = 7, start.Add(time.Hour)
		must(t, f.Store.CreateGrant(t.Context(), g))

		got := together(20, func(int) error {
			return f.Store.Rotate(t.Context(), tenant, g.ID, 7, start.Add(time.Second), start.Add(2*time.Hour))
		})

		require.Equal(t, map[error]int{nil: 1, model.ErrConflict: 19}, got)
		after, _, err := f.Store.Grant(t.Context(), tenant, g.ID, start)
		must(t, err)
		require.Equal(t, 8, after.RTGen)
		require.Equal(t, start.Add(time.Second), after.RTRotatedAt)
		require.Equal(t, start.Add(2*time.Hour), after.RTExpiresAt)
	})
}

func TestNoUpdateOfAnInteractionIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		in := sampleInteraction()
		must(t, f.Store.CreateInteraction(t.Context(), in))

		got := together(20, func(int) error {
			_, err := f.Store.UpdateInteraction(t.Context(), tenant, in.ID, func(in *consent.Interaction) error {
				in.State.Agreed = append(in.State.Agreed, id("scope"))
				return nil
			})
			return err
		})

		require.Equal(t, map[error]int{nil: 20}, got)
		after, err := f.Store.Interaction(t.Context(), tenant, in.ID)
		must(t, err)
		require.Len(t, after.State.Agreed, 20)
	})
}
