package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// lifePromises are those of a store for factors that keep a secret, and for
// operations.
var lifePromises = []promise{
	{"seeds and keys come back as they were put in, and are wiped with the factor", secretsWiped},
	{"a step only ever grows, whoever writes the factor", stepGrows},
	{"of 16 that advance an operation at once, one carries it out", advanceOnce},
	{"an operation comes back as it was put in, to its owner alone", operationRoundTrip},
	{"a step that refuses changes nothing", stepRefuses},
	{"a PIN is counted for also when its change is refused", pinCounted},
	{"a handle is made once, of 16 at once, and finds its owner", handleOnce},
	{"a key is one account's in a tenant", keyOnce},
	{"a tombstone bars others until its time", tombstoneUntil},
	{"an exclusive factor leaves no room for another", exclusiveFactor},
}

func operation(who mfa.Subject, id string) mfa.Operation {
	return mfa.Operation{
		ID: id, Subject: who, Binding: []byte("browser"), Kind: policy.SMS, Verb: mfa.VerbEnable, Status: mfa.OperationOpen,
		PolicyVersion: 3, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour), State: mfa.OperationState{
			ContactID: "phone", Wants: mfa.Wanted{Stage: 1, Proof: policy.ProofCodeNew}, ChallengeID: "c1",
			Given: []mfa.Given{{Wanted: mfa.Wanted{Proof: policy.ProofPIN}, Method: policy.PIN, At: t0}},
		},
	}
}

func secretsWiped(t *testing.T, s Stores) {
	who := newSubject()
	app := mfa.Factor{ID: "app", Subject: who, Kind: policy.TOTP, Status: mfa.FactorPending, Secret: "12345678901234567890", LastStep: -1, CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
	key := mfa.Factor{
		ID: "key", Subject: who, Kind: policy.WebAuthn, Status: mfa.FactorActive, CreatedAt: t0.Add(time.Second), Label: "blue", EnrolledIP: "192.0.2.1",
		Credential: &mfa.Credential{ID: []byte("cred-" + who.TenantID), PublicKey: []byte("public"), SignCount: 7, Transports: []string{"usb"}},
	}
	require.NoError(t, s.AddFactor(t.Context(), app))
	require.NoError(t, s.AddFactor(t.Context(), key))
	e, err := s.Enrolments(t.Context(), who)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]mfa.Factor{app, key}, e.Factors))

	for _, id := range []string{"app", "key"} {
		require.NoError(t, s.DisableFactor(t.Context(), who, id, t0))
	}

	add(t, s, sent(who, "c1"))
	for _, id := range []string{"app", "key"} {
		err := s.Judge(t.Context(), who, mfa.Which{ChallengeID: "c1", FactorID: id}, func(k *mfa.Case) {
			require.Equal(t, mfa.FactorDisabled, k.Factor.Status)
			require.Equal(t, t0, k.Factor.DisabledAt)
			require.Empty(t, k.Factor.Secret)
			require.Nil(t, k.Factor.Credential)
		})
		require.NoError(t, err)
	}
}

func stepGrows(t *testing.T, s Stores) {
	who := newSubject()
	app := mfa.Factor{ID: "app", Subject: who, Kind: policy.TOTP, Status: mfa.FactorActive, Secret: "12345678901234567890", LastStep: 5, CreatedAt: t0}
	require.NoError(t, s.AddFactor(t.Context(), app))
	app.LastStep = 3
	require.NoError(t, s.AddFactor(t.Context(), app))

	e, err := s.Enrolments(t.Context(), who)

	require.NoError(t, err)
	require.Equal(t, int64(5), e.Factors[0].LastStep)
}

func advanceOnce(t *testing.T, s Stores) {
	who := newSubject()
	require.NoError(t, s.CreateOperation(t.Context(), operation(who, "o1")))

	won := inParallel(16, func(i int) bool {
		first := false
		_, err := s.Advance(context.Background(), who, "o1", func(o *mfa.Operation, e mfa.Enrolments) (mfa.Effect, error) {
			first = o.Status == mfa.OperationOpen
			if !first {
				return mfa.Effect{}, nil
			}
			o.Status = mfa.OperationDone
			f := smsFactor(who)
			f.ID = fmt.Sprint("f", i)
			return mfa.Effect{At: t0, Activate: []mfa.Factor{f}}, nil
		})
		if err != nil {
			t.Errorf("Advance: %v", err)
		}
		return first
	})

	require.Equal(t, 1, won)
	e, err := s.Enrolments(t.Context(), who)
	require.NoError(t, err)
	require.Len(t, e.Factors, 1)
}

func operationRoundTrip(t *testing.T, s Stores) {
	who := newSubject()
	want := operation(who, "o1")
	require.NoError(t, s.CreateOperation(t.Context(), want))
	got, err := s.Operation(t.Context(), who, "o1")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))
	for name, stranger := range strangers(who) {
		_, err := s.Operation(t.Context(), stranger, "o1")
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		_, err = s.Advance(t.Context(), stranger, "o1", func(*mfa.Operation, mfa.Enrolments) (mfa.Effect, error) { return mfa.Effect{}, nil })
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
	}
}

var errStep = errors.New("the step refuses")

func stepRefuses(t *testing.T, s Stores) {
	who := newSubject()
	want := operation(who, "o1")
	require.NoError(t, s.CreateOperation(t.Context(), want))
	_, err := s.Advance(t.Context(), who, "o1", func(o *mfa.Operation, _ mfa.Enrolments) (mfa.Effect, error) {
		o.Status = mfa.OperationDone
		return mfa.Effect{PIN: "hash"}, errStep
	})
	require.ErrorIs(t, err, errStep)
	got, err := s.Operation(t.Context(), who, "o1")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))
	require.ErrorIs(t, s.UpdatePIN(t.Context(), who, func(*mfa.PIN) error { return nil }), mfa.ErrNotFound)

	_, err = s.Advance(t.Context(), who, "o1", func(o *mfa.Operation, _ mfa.Enrolments) (mfa.Effect, error) {
		o.Status = mfa.OperationDone
		return mfa.Effect{PIN: "hash", Retire: []mfa.Retired{{ContactID: "none", Status: mfa.ContactReplaced}}}, nil
	})
	require.ErrorIs(t, err, mfa.ErrNotFound, "half an effect is none")
	got, err = s.Operation(t.Context(), who, "o1")
	require.NoError(t, err)
	require.Equal(t, mfa.OperationOpen, got.Status)
}

func pinCounted(t *testing.T, s Stores) {
	who := newSubject()
	require.NoError(t, s.CreateOperation(t.Context(), operation(who, "o1")))
	_, err := s.Advance(t.Context(), who, "o1", func(*mfa.Operation, mfa.Enrolments) (mfa.Effect, error) {
		return mfa.Effect{At: t0, PIN: "hash"}, nil
	})
	require.NoError(t, err)
	inParallel(16, func(int) bool {
		return s.UpdatePIN(context.Background(), who, func(p *mfa.PIN) error { p.Fails++; return errStep }) == nil
	})
	require.NoError(t, s.UpdatePIN(t.Context(), who, func(p *mfa.PIN) error {
		require.Equal(t, mfa.PIN{Hash: "hash", Fails: 16, ChangedAt: t0}, *p)
		return nil
	}))
}

func handleOnce(t *testing.T, s Stores) {
	who := newSubject()
	var handles [16][]byte
	inParallel(16, func(i int) bool {
		var err error
		handles[i], err = s.Handle(context.Background(), who, []byte(fmt.Sprintf("%s-%d", who.TenantID, i)))
		if err != nil {
			t.Errorf("Handle: %v", err)
		}
		return true
	})
	for _, h := range handles {
		require.Equal(t, handles[0], h)
	}
	owner, err := s.HandleOwner(t.Context(), who.TenantID, handles[0])
	require.NoError(t, err)
	require.Equal(t, who, owner)
	_, err = s.HandleOwner(t.Context(), who.TenantID+"x", handles[0])
	require.ErrorIs(t, err, mfa.ErrNotFound)
}

func keyOnce(t *testing.T, s Stores) {
	who := newSubject()
	key := func(user, id string) mfa.Factor {
		return mfa.Factor{
			ID: id, Subject: mfa.Subject{TenantID: who.TenantID, UserID: user}, Kind: policy.WebAuthn, Status: mfa.FactorActive, CreatedAt: t0,
			Credential: &mfa.Credential{ID: []byte("cred"), PublicKey: []byte("public")},
		}
	}
	require.NoError(t, s.AddFactor(t.Context(), key("u1", "k1")))
	require.ErrorIs(t, s.AddFactor(t.Context(), key("u2", "k2")), mfa.ErrKeyExists)
	require.NoError(t, s.DisableFactor(t.Context(), who, "k1", t0))
	require.NoError(t, s.AddFactor(t.Context(), key("u2", "k2")))
}

func tombstoneUntil(t *testing.T, s Stores) {
	who := newSubject()
	other := mfa.Subject{TenantID: who.TenantID, UserID: "u2"}
	require.NoError(t, s.AddContact(t.Context(), phone(who, "mine", mobile1)))
	require.NoError(t, s.AddContact(t.Context(), phone(other, "theirs", mobile1)))
	require.NoError(t, s.ConfirmContact(t.Context(), who, "mine", true, t0))
	require.NoError(t, s.CreateOperation(t.Context(), operation(who, "o1")))
	_, err := s.Advance(t.Context(), who, "o1", func(*mfa.Operation, mfa.Enrolments) (mfa.Effect, error) {
		r := mfa.Retired{ContactID: "mine", Status: mfa.ContactRemoved, Tombstone: true, Until: t0.Add(time.Hour)}
		return mfa.Effect{At: t0, Retire: []mfa.Retired{r}}, nil
	})
	require.NoError(t, err)

	require.ErrorIs(t, s.ConfirmContact(t.Context(), other, "theirs", true, t0.Add(time.Hour-time.Millisecond)), mfa.ErrContactInUse)
	added := phone(other, "added", mobile1)
	added.Status, added.Unique, added.ConfirmedAt = mfa.ContactConfirmed, true, t0
	require.ErrorIs(t, s.AddContact(t.Context(), added), mfa.ErrContactInUse, "T-63 nor by an import")
	require.NoError(t, s.ConfirmContact(t.Context(), other, "theirs", true, t0.Add(time.Hour)))
}

func exclusiveFactor(t *testing.T, s Stores) {
	who := newSubject()
	one, two := smsFactor(who), smsFactor(who)
	one.Exclusive, two.Exclusive = true, true
	two.ID, two.Kind, two.ContactID = "f2", policy.Email, "mail"
	require.NoError(t, s.AddFactor(t.Context(), one))
	require.ErrorIs(t, s.AddFactor(t.Context(), two), mfa.ErrFactorExists)
	require.NoError(t, s.DisableFactor(t.Context(), who, "f1", t0))
	require.NoError(t, s.AddFactor(t.Context(), two))
}
