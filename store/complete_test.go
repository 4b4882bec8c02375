package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func TestCompleteWritesEverything(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		old := startSession(t, f)
		earlier := sampleGrant()
		earlier.SessionID = old.ID
		must(t, s.CreateGrant(ctx, earlier))
		in, c := sampleInteraction(), sampleConfirmation()
		must(t, s.CreateInteraction(ctx, in))
		must(t, s.CreateConfirmation(ctx, c))
		session, g := sampleSession(), sampleGrant()
		c.ACR, c.AMR, c.ConsumeBefore = "urn:sallyport:action:payout.request", []string{"pwd", "otp"}, start.Add(2*time.Minute)

		must(t, s.Complete(ctx, model.Completion{
			TenantID: tenant, Now: start, InteractionID: in.ID, NewSession: &session, EndSession: old.ID,
			Agreement:    &consent.Agreement{TenantID: tenant, UserID: storetest.AliceID, ClientID: storetest.Confidential, Scopes: []string{"openid"}},
			Confirmation: &c, Grant: &g, Audit: []model.AuditEvent{sampleEvent(), sampleEvent()},
		}))

		finished, err := s.Interaction(ctx, tenant, in.ID)
		must(t, err)
		require.Equal(t, start, finished.FinishedAt)
		approved, err := s.Confirmation(ctx, tenant, c.ID)
		must(t, err)
		c.Status, c.ApprovedAt = consent.ConfirmationApproved, start
		require.Empty(t, cmp.Diff(c, approved))
		gone, err := s.SessionByID(ctx, tenant, old.ID)
		must(t, err)
		require.Nil(t, gone)
		signedIn, err := s.SignedIn(ctx, tenant, session.TokenHash, storetest.Confidential)
		must(t, err)
		require.NotNil(t, signedIn.Session)
		require.Equal(t, []string{"openid"}, signedIn.Agreement.Scopes)
		moved, _, err := s.Grant(ctx, tenant, earlier.ID, start)
		must(t, err)
		require.Equal(t, session.ID, moved.SessionID, "signing out must end it still")
		_, _, err = s.Grant(ctx, tenant, g.ID, start)
		must(t, err)
		require.Equal(t, []string{"2"}, column(t, f.DB, "select count(*) from audit_events"))
	})
}

func TestCompleteRotatesTheSession(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		want := startSession(t, f)
		old := want.TokenHash
		want.TokenHash, want.LastSeen = hashOf("next"), start.Add(time.Minute)
		want.Events = append(want.Events, identity.AuthEvent{Method: "sms", At: start})

		must(t, f.Store.Complete(t.Context(), model.Completion{TenantID: tenant, Now: start.Add(time.Minute), RotateSession: &want}))

		in, err := f.Store.SignedIn(t.Context(), tenant, old, "")
		must(t, err)
		require.Nil(t, in.Session, "the old cookie is worth nothing")
		in, err = f.Store.SignedIn(t.Context(), tenant, want.TokenHash, "")
		must(t, err)
		require.Empty(t, cmp.Diff(&want, in.Session))
	})
}

func TestAgreementKeepsItsBeginning(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for i, scopes := range [][]string{{"openid"}, {"openid", "email"}} {
			a := consent.Agreement{TenantID: tenant, UserID: storetest.AliceID, ClientID: storetest.Public, Scopes: scopes}
			must(t, f.Store.Complete(t.Context(), model.Completion{TenantID: tenant, Now: start.Add(time.Duration(i) * time.Hour), Agreement: &a}))
		}

		got, err := f.Store.Agreement(t.Context(), tenant, storetest.AliceID, storetest.Public)

		must(t, err)
		require.Equal(t, []string{"openid", "email"}, got.Scopes)
		require.Equal(t, start, got.CreatedAt)
		require.Equal(t, start.Add(time.Hour), got.UpdatedAt)
	})
}

// Every case would write something, and writes nothing.
func TestCompleteIsAllOrNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		bob := f.AddUser(t, tenant, id("user"), "bob@example.com")
		disabled := f.AddUser(t, tenant, id("user"), "carol@example.com")
		disabled.Status = identity.UserDisabled
		must1(s.PutUser(ctx, disabled))
		session := startSession(t, f)
		finished := sampleInteraction()
		must(t, s.CreateInteraction(ctx, finished))
		must(t, s.Complete(ctx, model.Completion{TenantID: tenant, Now: start, InteractionID: finished.ID}))
		open, confirmation, denied := sampleInteraction(), sampleConfirmation(), sampleConfirmation()
		denied.Action = "payment_details.add"
		must(t, s.CreateInteraction(ctx, open))
		must(t, s.CreateConfirmation(ctx, confirmation))
		must(t, s.CreateConfirmation(ctx, denied))
		must(t, s.MoveConfirmation(ctx, tenant, denied.ID, consent.ConfirmationDenied, start))
		grant := sampleGrant()
		must(t, s.CreateGrant(ctx, grant))

		tests := []struct {
			name   string
			change func(*model.Completion)
			want   error // nil for any
		}{
			{"the interaction was answered before", func(c *model.Completion) { c.InteractionID = finished.ID }, model.ErrFinished},
			{"the interaction is unknown", func(c *model.Completion) { c.InteractionID = "none" }, model.ErrFinished},
			{"the interaction has expired", func(c *model.Completion) { c.Now = open.ExpiresAt }, model.ErrFinished},
			{"the confirmation was denied", func(c *model.Completion) { c.Confirmation = &denied }, model.ErrFinished},
			{"the confirmation has expired", func(c *model.Completion) {
				c.Confirmation, c.Now = &confirmation, confirmation.ExpiresAt
			}, model.ErrFinished},
			{"the confirmation is about other details", func(c *model.Completion) {
				v := confirmation
				v.DetailsHash = "other"
				c.Confirmation = &v
			}, model.ErrFinished},
			{"the confirmation is another app's", func(c *model.Completion) {
				v := confirmation
				v.ClientID = storetest.Public
				c.Confirmation = &v
			}, model.ErrFinished},
			{"the confirmation is another user's", func(c *model.Completion) {
				v := confirmation
				v.UserID = bob.ID
				c.Confirmation, c.Grant, c.NewSession = &v, nil, nil
			}, model.ErrFinished},
			{"the session to rotate is another user's", func(c *model.Completion) {
				v := session
				v.UserID = bob.ID
				c.RotateSession, c.Grant, c.NewSession = &v, nil, nil
			}, identity.ErrNotFound},
			{"the session to rotate is gone", func(c *model.Completion) {
				v := session
				v.ID = "none"
				c.RotateSession = &v
			}, identity.ErrNotFound},
			{"the parts are about two users", func(c *model.Completion) { c.Grant.UserID = bob.ID }, nil},
			{"a part is of another tenant", func(c *model.Completion) { c.Grant.TenantID = other }, nil},
			{"an audit event is of another tenant", func(c *model.Completion) {
				e := sampleEvent()
				e.TenantID = other
				c.Audit = append(c.Audit, e)
			}, nil},
			{"the user is disabled", func(c *model.Completion) {
				c.Grant.UserID, c.NewSession.UserID = disabled.ID, disabled.ID
			}, identity.ErrNotFound},
			{"the last row cannot be written", func(c *model.Completion) { c.Audit = append(c.Audit, c.Audit[0]) }, nil},
			{"the grant is there already", func(c *model.Completion) { c.Grant.ID = grant.ID }, nil},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				session, g := sampleSession(), sampleGrant()
				c := model.Completion{
					TenantID: tenant, Now: start, InteractionID: open.ID, NewSession: &session, Grant: &g,
					Audit: []model.AuditEvent{sampleEvent()},
				}
				tt.change(&c)
				before := dump(t, f.DB)

				err := s.Complete(ctx, c)

				require.Error(t, err)
				if tt.want != nil {
					require.ErrorIs(t, err, tt.want)
				}
				var temporary interface{ Temporary() bool }
				require.False(t, errors.As(err, &temporary), "%v", err)
				require.Equal(t, before, dump(t, f.DB))
			})
		}
		t.Run("another user who signs in at the same browser ends the session", func(t *testing.T) {
			v := sampleSession()
			v.UserID = bob.ID
			must(t, s.Complete(ctx, model.Completion{TenantID: tenant, Now: start, NewSession: &v, EndSession: session.ID}))
			gone, err := s.SessionByID(ctx, tenant, session.ID)
			must(t, err)
			require.Nil(t, gone)
		})
	})
}

func TestInteractionIsChangedOnlyInItsState(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		want := sampleInteraction()
		must(t, s.CreateInteraction(ctx, want))

		after, err := s.UpdateInteraction(ctx, tenant, want.ID, func(in *consent.Interaction) error {
			in.State.UserID = storetest.AliceID
			in.Request.ClientID, in.Request.Form["state"], in.BrowserHash = "evil", []string{"evil"}, nil
			in.ExpiresAt, in.FinishedAt, in.SessionID = start.Add(time.Hour*99), start, "evil"
			return nil
		})

		must(t, err)
		want.State.UserID = storetest.AliceID
		want.Request = sampleInteraction().Request
		require.Empty(t, cmp.Diff(want, must1(s.Interaction(ctx, tenant, want.ID))))
		require.Empty(t, cmp.Diff(want, after))

		refused := errors.New("refused")
		_, err = s.UpdateInteraction(ctx, tenant, want.ID, func(in *consent.Interaction) error {
			in.State.Allowed = true
			return refused
		})
		require.Equal(t, refused, err, "as it is")
		require.Empty(t, cmp.Diff(want, must1(s.Interaction(ctx, tenant, want.ID))))

		must(t, s.Complete(ctx, model.Completion{TenantID: tenant, Now: start, InteractionID: want.ID}))
		_, err = s.UpdateInteraction(ctx, tenant, want.ID, func(*consent.Interaction) error { return nil })
		require.ErrorIs(t, err, consent.ErrOver)
	})
}

func TestConfirmationEndsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		c := sampleConfirmation()
		must(t, s.CreateConfirmation(ctx, c))

		for _, status := range []consent.ConfirmationStatus{consent.ConfirmationApproved, consent.ConfirmationConsumed, consent.ConfirmationRequested, "odd"} {
			require.Error(t, s.MoveConfirmation(ctx, tenant, c.ID, status, start), status)
		}
		must(t, s.MoveConfirmation(ctx, tenant, c.ID, consent.ConfirmationChallenged, start))
		must(t, s.MoveConfirmation(ctx, tenant, c.ID, consent.ConfirmationFailed, start))
		require.ErrorIs(t, s.MoveConfirmation(ctx, tenant, c.ID, consent.ConfirmationCancelled, start), consent.ErrOver)
		require.Equal(t, consent.ConfirmationFailed, must1(s.Confirmation(ctx, tenant, c.ID)).Status)
	})
}
