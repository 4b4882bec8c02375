package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// lifeThreats are what is tried against operations, by number where security.md has
// one.
var lifeThreats = []promise{
	{"what is entered for a new contact, and refused", refusedEntries},
	{"T-42 a later stage cannot be answered, and nothing is counted", stageSkipped},
	{"T-43 a wrong PIN consumes no code, tells nothing, and ends blocked", pinBruteForce},
	{"a wrong PIN uses no recovery code up, and gives no used one back", pinAndUsedCode},
	{"T-62 a flag that is set under way stops the commit", flagRaced},
	{"an error of the hook undoes everything", hookUndoes},
	{"an operation is nobody else's", strangersOperation},
	{"an operation ends after its time", operationExpires},
	{"a method that the policy drops under way is not enabled", policyDropped},
	{"a stage that the policy adds under way is asked for", policyTightened},
	{"a code for one number confirms no other", numberSwapped},
	{"a proof of the old number counts no more once that has changed", oldNumberChanged},
	{"a code that was right is taken in after a crash", effectLost},
	{"a number that somebody has is refused after the right code, and can be corrected", numberTaken},
	{"a method that was locked for good can be proved anew", lockedForGood},
	{"a PIN that died is made anew with a second factor, and holds actions", pinReset},
	{"a PIN that is easily guessed is refused", weakPIN},
	{"a cancelled operation leaves no seed and no code", cancelled},
	{"what goes on cannot outgrow what the policy allows", tooManyUnderWay},
	{"T-67 of 16 switches between sms and email at once, one method is left", exclusiveSwitch},
	{"T-33 of 32 users who confirm one number at once, one wins, and nobody after a change", numberRaced},
	{"of 16 answers at once, an operation ends once", endsOnce},
}

func stageSkipped(t *testing.T, s Stores) {
	l := NewLife(t, s, systemB)
	l.Has(policy.PIN)
	l.makePIN()
	d, ctx := l.Doer(), t.Context()
	v := l.Start(start(mfa.VerbEnable, policy.Email)) // the PIN, then the code
	_, err := l.EnterContact(ctx, d, v.ID, l.Entered(policy.Email))
	require.NoError(t, err)

	_, _, err = l.AnswerProof(ctx, d, v.ID, mfa.Answer{ChallengeID: "c1", Input: "123456"})
	require.ErrorIs(t, err, mfa.ErrOrder)
	_, err = l.GivePassword(ctx, d, v.ID)
	require.ErrorIs(t, err, mfa.ErrOrder)
	_, err = l.ChooseProof(ctx, d, v.ID, policy.Email)
	require.ErrorIs(t, err, mfa.ErrOrder)
	_, err = l.Finish(ctx, d, v.ID, "")
	require.ErrorIs(t, err, mfa.ErrOrder)

	require.Zero(t, l.Compared())
	require.Zero(t, l.Hashes.Compared.Load())
	require.Empty(t, l.Mailbox.Messages())
	require.Equal(t, "pin, code_new by email", joined(l.GoOn(v.ID)))
}

func pinBruteForce(t *testing.T, s Stores) {
	l := NewLife(t, s, systemB)
	l.Has(policy.PIN)
	l.makePIN()
	l.Policy.Codes.Default.Attempts, l.Policy.Lockout.Delays = 10, nil
	v := l.Start(start(mfa.VerbEnable, policy.SMS))
	_, err := l.EnterContact(t.Context(), l.Doer(), v.ID, l.Entered(policy.SMS))
	require.NoError(t, err)
	p := l.Begun(v.ID)
	answer := func(code, pin mfa.Secret) error {
		_, _, err := l.AnswerProof(t.Context(), l.Doer(), v.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: code, PIN: pin})
		return err
	}
	wrongCode := answer(l.Wrong(*p.Challenge), l.PIN)
	for range 4 {
		err := answer(l.Code(*p.Challenge), "738291")
		require.ErrorIs(t, err, mfa.ErrMismatch)
		require.Equal(t, wrongCode.Error(), err.Error())
	}

	var locked *mfa.LockedError
	require.ErrorAs(t, answer(l.Code(*p.Challenge), l.PIN), &locked, "blocked after five")

	c, err := l.Store.Challenge(t.Context(), l.Who, p.Challenge.ID)
	require.NoError(t, err)
	require.Equal(t, mfa.ChallengeSent, c.Status, "the code is not consumed")
	require.Equal(t, 5, c.Attempts, "both were paid, and what is not compared is not")
	require.Equal(t, "pin", joined(l.Enrolled()))
}

func pinAndUsedCode(t *testing.T, s Stores) {
	l := NewLife(t, s, systemB)
	l.Has(policy.PIN)
	l.Has(policy.SMS)
	l.makePIN()
	v := l.Start(start(mfa.VerbEnable, policy.RecoveryCodes))
	l.Step(v.ID)
	made, err := l.Finish(t.Context(), l.Doer(), v.ID, "")
	require.NoError(t, err)
	ask := l.Login("i1")
	ask.Proof = policy.ProofSecondFactor
	c, err := l.Begin(t.Context(), ask, policy.RecoveryCodes)
	require.NoError(t, err)
	code := mfa.Secret(made.Codes[0].Text())
	require.NoError(t, l.Enter(ask, c, code))

	ask = l.Login("i2")
	ask.Proof = policy.ProofSecondFactor
	c, err = l.Begin(t.Context(), ask, policy.RecoveryCodes)
	require.NoError(t, err)
	_, err = l.Verify(t.Context(), mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: code, WithPIN: true, PIN: "738291"})
	require.ErrorIs(t, err, mfa.ErrMismatch)
	require.ErrorIs(t, l.Enter(ask, c, code), mfa.ErrMismatch, "it stays used")
	require.Equal(t, int64(3), l.Hashes.Compared.Load()-1-1, "one hash a try, beside the two of the PIN")

	unused := mfa.Secret(made.Codes[1].Text())
	_, err = l.Verify(t.Context(), mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: unused, WithPIN: true, PIN: "738291"})
	require.ErrorIs(t, err, mfa.ErrMismatch)
	require.NoError(t, l.Enter(ask, c, unused), "a wrong PIN does not use a code up")
}

func flagRaced(t *testing.T, s Stores) {
	l := NewLife(t, s, systemC)
	l.Has(policy.SMS)
	v := l.Start(start(mfa.VerbChange, policy.SMS))
	l.Step(v.ID)
	p := l.Begun(v.ID)
	d := l.Doer() // read before the flag was set
	l.Flags = []string{"identity_verification_pending"}

	_, _, err := l.AnswerProof(t.Context(), d, v.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Right(p)})

	var blocked *mfa.BlockedError
	require.ErrorAs(t, err, &blocked)
	require.Equal(t, "sms "+mobile2, joined(l.Enrolled()))
	_, err = l.ViewOperation(t.Context(), l.Doer(), v.ID)
	require.ErrorAs(t, err, &blocked, "and so is the next page")
}

var errHook = errors.New("the hook refuses")

func hookUndoes(t *testing.T, s Stores) {
	l := NewLife(t, s, systemD)
	l.Has(policy.SMS)
	v := l.Start(start(mfa.VerbEnable, policy.Email))
	l.Step(v.ID)
	l.Step(v.ID)
	p := l.Begun(v.ID)
	before, err := l.Store.Enrolments(t.Context(), l.Who)
	require.NoError(t, err)
	l.refuse = errHook

	_, _, err = l.AnswerProof(t.Context(), l.Doer(), v.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Right(p)})

	require.ErrorIs(t, err, errHook)
	after, err := l.Store.Enrolments(t.Context(), l.Who)
	require.NoError(t, err)
	require.Equal(t, before.Factors, after.Factors)
	require.Equal(t, before.Contacts, after.Contacts)
	o, err := l.Store.Operation(t.Context(), l.Who, v.ID)
	require.NoError(t, err)
	require.Equal(t, mfa.OperationOpen, o.Status)
	c, err := l.Store.Challenge(t.Context(), l.Who, p.Challenge.ID)
	require.NoError(t, err)
	require.Equal(t, mfa.ChallengeVerified, c.Status, "it can still be taken in")
}

func strangersOperation(t *testing.T, s Stores) {
	l := NewLife(t, s, systemA)
	v := l.Start(start(mfa.VerbSwitchOn, ""))
	p := l.Begun(v.ID)
	doers := map[string]mfa.Doer{"another browser": l.Doer(), "no browser": l.Doer()}
	for name, who := range strangers(l.Who) {
		d := l.Doer()
		d.Subject = who
		doers[name] = d
	}
	for name, d := range doers {
		switch name {
		case "another browser":
			d.Binding = []byte("other")
		case "no browser":
			d.Binding = nil
		}
		ctx := context.Background()
		_, err := l.ViewOperation(ctx, d, v.ID)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		_, err = l.Prove(ctx, d, v.ID)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		_, _, err = l.AnswerProof(ctx, d, v.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Code(*p.Challenge)})
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		_, err = l.Finish(ctx, d, v.ID, "")
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		require.ErrorIs(t, l.CancelOperation(ctx, d, v.ID), mfa.ErrNotFound, name)
	}
	require.Zero(t, l.Compared())
	require.Equal(t, "delivered_code by email", joined(l.GoOn(v.ID)))
}

func operationExpires(t *testing.T, s Stores) {
	tests := []struct {
		preset string
		given  func(*Life)
		start  mfa.Start
		life   time.Duration
	}{
		{systemA, nil, start(mfa.VerbSwitchOn, ""), mfa.OperationLife},
		{systemE, with(policy.TOTP), start(mfa.VerbEnable, policy.TOTP), 15 * time.Minute},
	}
	for _, tt := range tests {
		l := NewLife(t, s, tt.preset)
		if tt.given != nil {
			tt.given(l)
		}
		v := l.Start(tt.start)
		l.Clock.Move(tt.life - time.Millisecond)
		_, err := l.ViewOperation(t.Context(), l.Doer(), v.ID)
		require.NoError(t, err)
		l.Clock.Move(time.Millisecond)
		_, err = l.ViewOperation(t.Context(), l.Doer(), v.ID)
		require.ErrorIs(t, err, mfa.ErrNotFound)
	}
}

func policyDropped(t *testing.T, s Stores) {
	l := NewLife(t, s, systemA)
	v := l.Start(start(mfa.VerbEnable, policy.SMS))
	l.Step(v.ID)
	p := l.Begun(v.ID)
	sms := l.Policy.Methods[policy.SMS]
	sms.Enabled = false
	l.Policy.Methods[policy.SMS] = sms

	_, _, err := l.AnswerProof(t.Context(), l.Doer(), v.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Code(*p.Challenge)})

	require.ErrorIs(t, err, mfa.ErrForbidden)
	require.Empty(t, l.Enrolled())
}

func policyTightened(t *testing.T, s Stores) {
	l := NewLife(t, s, systemA)
	v := l.Start(start(mfa.VerbEnable, policy.SMS))
	l.Step(v.ID)
	l.Begun(v.ID)
	life := l.Policy.Lifecycle[policy.SMS]
	life.Enable = policy.Ceremony{Stages: policy.Stages{{policy.ProofPassword}, {policy.ProofCodeNew}}}
	l.Policy.Lifecycle[policy.SMS] = life

	require.Equal(t, "password, code_new by sms", joined(l.GoOn(v.ID)))
}
