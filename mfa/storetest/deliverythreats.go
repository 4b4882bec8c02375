package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var deliveryThreats = []promise{
	{"T-27 a weaker method is refused and observed", downgrade},
	{"T-36 of 20 resends at once one message goes out", doubleClick},
	{"T-37 a gateway that is down costs no attempt and lets nobody in", gatewayDown},
	{"a page opened 20 times at once sends one code", openedAtOnce},
	{"a method that the policy drops ends the challenge", policyDrops},
	{"T-61 a number set by an admin is confirmed by the first login", adminAssigned},
}

func downgrade(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	tests := []struct {
		name  string
		edit  func(*policy.Policy, *mfa.Ask)
		after time.Duration
		want  error
	}{
		{"before the timer", nil, 59_999 * time.Millisecond, mfa.ErrTooSoon},
		{"a method that is off", func(p *policy.Policy, _ *mfa.Ask) { p.Methods[policy.SMS] = policy.Method{} }, time.Minute, mfa.ErrNotOffered},
		{"a method that is no fallback", func(p *policy.Policy, _ *mfa.Ask) { p.Delivery.FallbackTo = nil }, time.Minute, mfa.ErrNotOffered},
		{"a method below the acr asked for", func(_ *policy.Policy, a *mfa.Ask) { a.Allowed = []mfa.Method{policy.Email} }, time.Minute, mfa.ErrNotOffered},
		{"a country that is not served", func(p *policy.Policy, _ *mfa.Ask) { p.Contacts.Phone.CountriesSMS = policy.Countries{} }, time.Minute, mfa.ErrNotOffered},
		{"at its time", nil, time.Minute, nil},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := policy.Preset("contractor-email-first")
			require.NoError(t, err)
			lab.Policy = &p
			lab.NoLimits()
			ask := lab.Login(fmt.Sprint("i", i))
			if tt.edit != nil {
				tt.edit(&p, &ask)
			}
			c := lab.Started(t, ask)
			lab.Clock.Move(tt.after)
			before := lab.Log.Count(mfa.EventDowngrade, "")

			next, err := lab.Switch(t.Context(), ask, c.ID, policy.SMS)

			require.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				require.Equal(t, before, lab.Log.Count(mfa.EventDowngrade, ""))
				require.Equal(t, policy.SMS, next.Method)
				require.ErrorIs(t, lab.Enter(ask, c, lab.Code(c)), mfa.ErrSuperseded)
				return
			}
			require.Equal(t, before+1, lab.Log.Count(mfa.EventDowngrade, ""))
			got, err := lab.Current(t.Context(), ask, c.ID)
			require.NoError(t, err)
			require.Equal(t, mfa.ChallengeSent, got.Status, "the old code stays")
		})
	}
}

func doubleClick(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	lab.Clock.Move(time.Minute)

	sent := inParallel(20, func(int) bool {
		_, err := lab.Resend(context.Background(), ask, c.ID)
		if err != nil && !errors.Is(err, mfa.ErrSuperseded) {
			t.Errorf("Resend: %v", err)
		}
		return err == nil
	})

	require.Equal(t, 1, sent)
	require.Len(t, lab.Mailbox.Messages(), 2)
	next, err := s.OpenChallenge(t.Context(), lab.Who, "i1")
	require.NoError(t, err)
	for range 3 { // five in ten minutes are allowed, and two went out
		lab.Clock.Move(time.Minute)
		next, err = lab.Resend(t.Context(), ask, next.ID)
		require.NoError(t, err, "the clicks that sent nothing were charged")
	}
}

func gatewayDown(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.Mailbox.Broken = map[mfa.Method]bool{policy.Email: true}
	ask := lab.Login("i1")

	c, err := lab.Begin(t.Context(), ask, "")

	require.ErrorIs(t, err, mfa.ErrDelivery)
	require.NotContains(t, err.Error(), "example.test", "a gateway's complaint may quote the address")
	require.Equal(t, mfa.ChallengeFailed, c.Status)
	require.ErrorIs(t, lab.Enter(ask, c, "000000"), mfa.ErrDelivery)
	got, err := lab.Current(t.Context(), ask, c.ID)
	require.NoError(t, err)
	require.Equal(t, 0, got.Attempts)
	options, err := lab.Options(t.Context(), ask, &got)
	require.NoError(t, err)
	require.True(t, options[1].Available(lab.Clock.Now()), "the other method is offered at once")

	next, err := lab.Switch(t.Context(), ask, c.ID, policy.SMS)
	require.NoError(t, err)
	require.NoError(t, lab.Enter(ask, next, lab.Code(next)))
	log, err := s.Deliveries(t.Context(), lab.Who)
	require.NoError(t, err)
	require.Len(t, log, 2)
	for _, line := range log {
		require.NotContains(t, line.Error, "example.test")
		require.Equal(t, line.Channel == policy.Email, line.Status == "failed")
	}
}

func openedAtOnce(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.NoLimits()

	inParallel(20, func(int) bool {
		_, err := lab.Begin(context.Background(), lab.Login("i1"), "")
		if err != nil {
			t.Errorf("Begin: %v", err)
		}
		return err == nil
	})

	require.Len(t, lab.Mailbox.Messages(), 1)
}

func policyDrops(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	newer, err := policy.Preset("contractor-email-first")
	require.NoError(t, err)
	newer.Methods[policy.Email] = policy.Method{}
	ask.Policy, ask.PolicyVersion = &newer, 2

	require.ErrorIs(t, lab.Enter(ask, c, lab.Code(c)), mfa.ErrPolicyChanged)

	require.Equal(t, 0, lab.Compared())
	ask.Policy = lab.Policy
	require.ErrorIs(t, lab.Enter(ask, c, lab.Code(c)), mfa.ErrSuperseded, "it is over")
}

func adminAssigned(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	p, err := policy.Preset("account-admin-sms-default")
	require.NoError(t, err)
	lab.Policy = &p
	lab.Who = newSubject()
	number := phone(lab.Who, "phone", "+526441832399")
	number.Source = mfa.SourceAdmin
	require.NoError(t, s.AddContact(t.Context(), number))
	ask := lab.Login("i1")
	ask.Proof = policy.ProofSecondFactor

	c := lab.Started(t, ask)
	require.Equal(t, policy.SMS, c.Method)
	require.NoError(t, lab.Enter(ask, c, lab.Code(c)))

	e, err := s.Enrolments(t.Context(), lab.Who)
	require.NoError(t, err)
	require.Equal(t, mfa.ContactConfirmed, e.Contacts[0].Status)
	require.Equal(t, 1, lab.Log.Count(mfa.EventContactConfirmed, "ok"))
	require.Len(t, e.Factors, 1, "the next login finds a factor")
	require.Equal(t, policy.SMS, e.Factors[0].Kind)
}
