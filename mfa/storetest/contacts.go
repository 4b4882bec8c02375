package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var contactPromises = []promise{
	{"a factor gets another label and stays what it is", renameFactor},
	{"contacts and factors come back as they were put in", roundTrip},
	{"replaced contacts and disabled factors are not listed", notListed},
	{"a stranger finds no contact and no factor, and changes none", strangersContact},
	{"an update changes the row and never the value", updateContact},
	{"only an open contact is confirmed", confirmContact},
	{"a unique number is confirmed for one of 8 accounts at once", uniquePhone},
	{"a number that need not be unique is confirmed for all", sharedPhone},
	{"an account has one registered address", oneRegistered},
	{"a contact has one active factor of a kind", oneFactor},
	{"a disabled factor stays disabled", disabledStays},
	{"the log of deliveries keeps every line of its user", deliveryLog},
}

func phone(who mfa.Subject, id, number string) mfa.Contact {
	return mfa.Contact{
		ID: id, Subject: who, Kind: mfa.ContactPhone, Value: mfa.Secret(number), Masked: "+52 ••• ••• 2399",
		Country: "MX", LineType: "ambiguous", Status: mfa.ContactUnverified, Source: mfa.SourceLegacy, CreatedAt: t0,
	}
}

func mail(who mfa.Subject) mfa.Contact {
	return mfa.Contact{
		ID: "mail", Subject: who, Kind: mfa.ContactEmail, Value: mfa.Secret(who.UserID + "@example.test"),
		Masked: "a•••@e•••", Status: mfa.ContactConfirmed, Source: mfa.SourceSelf, Registered: true,
		ConfirmedAt: t0.Add(-time.Hour), CreatedAt: t0.Add(-time.Hour),
	}
}

func smsFactor(who mfa.Subject) mfa.Factor {
	return mfa.Factor{
		ID: "f1", Subject: who, Kind: policy.SMS, ContactID: "phone", Label: "mine", Status: mfa.FactorActive,
		CreatedAt: t0, LastUsedAt: t0.Add(time.Millisecond),
	}
}

func roundTrip(t *testing.T, s Stores) {
	who := newSubject()
	want := mfa.Enrolments{
		Contacts: []mfa.Contact{mail(who), phone(who, "phone", "+526441832399")},
		Factors:  []mfa.Factor{smsFactor(who)},
	}
	for _, c := range want.Contacts {
		require.NoError(t, s.AddContact(t.Context(), c))
	}
	require.NoError(t, s.AddFactor(t.Context(), want.Factors[0]))

	got, err := s.Enrolments(t.Context(), who)

	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))
}

func notListed(t *testing.T, s Stores) {
	who := newSubject()
	for i, status := range []mfa.ContactStatus{mfa.ContactReplaced, mfa.ContactRemoved} {
		c := phone(who, fmt.Sprint("gone", i), "+526441832399")
		c.Status = status
		require.NoError(t, s.AddContact(t.Context(), c))
	}
	require.NoError(t, s.AddFactor(t.Context(), smsFactor(who)))
	require.NoError(t, s.DisableFactor(t.Context(), who, "f1", t0))

	got, err := s.Enrolments(t.Context(), who)

	require.NoError(t, err)
	require.Empty(t, got)
}

func strangersContact(t *testing.T, s Stores) {
	who := newSubject()
	require.NoError(t, s.AddContact(t.Context(), phone(who, "phone", "+526441832399")))
	require.NoError(t, s.AddFactor(t.Context(), smsFactor(who)))
	before, err := s.Enrolments(t.Context(), who)
	require.NoError(t, err)

	for name, stranger := range strangers(who) {
		got, err := s.Enrolments(t.Context(), stranger)
		require.NoError(t, err, name)
		require.Empty(t, got, name)
		require.ErrorIs(t, s.ConfirmContact(t.Context(), stranger, "phone", false, t0), mfa.ErrNotFound, name)
		require.ErrorIs(t, s.DisableFactor(t.Context(), stranger, "f1", t0), mfa.ErrNotFound, name)
	}
	other := mfa.Subject{TenantID: who.TenantID, UserID: "u2"}
	require.ErrorIs(t, s.AddContact(t.Context(), phone(other, "phone", "+526441832399")), mfa.ErrNotFound)
	require.ErrorIs(t, s.AddFactor(t.Context(), smsFactor(other)), mfa.ErrNotFound)

	after, err := s.Enrolments(t.Context(), who)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(before, after))
}

func updateContact(t *testing.T, s Stores) {
	who := newSubject()
	c := phone(who, "phone", "+526441832399")
	require.NoError(t, s.AddContact(t.Context(), c))
	c.Status, c.LineType, c.ConfirmedAt = mfa.ContactConfirmed, "mobile", t0
	other := c
	other.Value = "+526441832398"

	require.NoError(t, s.AddContact(t.Context(), c))
	require.ErrorIs(t, s.AddContact(t.Context(), other), mfa.ErrImmutable)

	got, err := s.Enrolments(t.Context(), who)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]mfa.Contact{c}, got.Contacts))
}

func confirmContact(t *testing.T, s Stores) {
	tests := []struct {
		status mfa.ContactStatus
		want   error
	}{
		{mfa.ContactUnverified, nil},
		{mfa.ContactPending, nil},
		{mfa.ContactConfirmed, nil},
		{mfa.ContactReplaced, mfa.ErrNotFound},
		{mfa.ContactRemoved, mfa.ErrNotFound},
		{mfa.ContactRevoked, mfa.ErrNotFound},
	}
	for _, tt := range tests {
		t.Run(string(tt.status), func(t *testing.T) {
			who := newSubject()
			c := phone(who, "phone", "+526441832399")
			c.Status = tt.status
			require.NoError(t, s.AddContact(t.Context(), c))

			err := s.ConfirmContact(t.Context(), who, "phone", false, t0.Add(time.Second))

			require.ErrorIs(t, err, tt.want)
			got, err := s.Enrolments(t.Context(), who)
			require.NoError(t, err)
			if tt.want == nil {
				require.Equal(t, mfa.ContactConfirmed, got.Contacts[0].Status)
			}
			if tt.status == mfa.ContactPending {
				require.Equal(t, t0.Add(time.Second), got.Contacts[0].ConfirmedAt)
			}
		})
	}
}

// confirmAll lets 8 accounts of one tenant confirm one number at once, and counts
// those who succeed.
func confirmAll(t *testing.T, s Stores, unique bool) int {
	tenant := newSubject().TenantID
	for i := range 8 {
		who := mfa.Subject{TenantID: tenant, UserID: fmt.Sprint("u", i)}
		require.NoError(t, s.AddContact(t.Context(), phone(who, fmt.Sprint("phone", i), "+526441832399")))
	}
	return inParallel(8, func(i int) bool {
		who := mfa.Subject{TenantID: tenant, UserID: fmt.Sprint("u", i)}
		err := s.ConfirmContact(t.Context(), who, fmt.Sprint("phone", i), unique, t0)
		if err != nil {
			require.ErrorIs(t, err, mfa.ErrContactInUse)
		}
		return err == nil
	})
}

func uniquePhone(t *testing.T, s Stores) { require.Equal(t, 1, confirmAll(t, s, true)) }
func sharedPhone(t *testing.T, s Stores) { require.Equal(t, 8, confirmAll(t, s, false)) }

func oneRegistered(t *testing.T, s Stores) {
	who := newSubject()
	require.NoError(t, s.AddContact(t.Context(), mail(who)))
	second := mail(who)
	second.ID, second.Value = "mail2", "other@example.test"

	require.ErrorIs(t, s.AddContact(t.Context(), second), mfa.ErrContactInUse)

	second.Registered = false
	require.NoError(t, s.AddContact(t.Context(), second))
}

func oneFactor(t *testing.T, s Stores) {
	who := newSubject()
	require.NoError(t, s.AddFactor(t.Context(), smsFactor(who)))
	second := smsFactor(who)
	second.ID = "f2"

	require.ErrorIs(t, s.AddFactor(t.Context(), second), mfa.ErrFactorExists)

	second.Kind = policy.Voice
	require.NoError(t, s.AddFactor(t.Context(), second))
}

func disabledStays(t *testing.T, s Stores) {
	who := newSubject()
	require.NoError(t, s.AddFactor(t.Context(), smsFactor(who)))
	require.NoError(t, s.DisableFactor(t.Context(), who, "f1", t0))

	require.ErrorIs(t, s.AddFactor(t.Context(), smsFactor(who)), mfa.ErrImmutable)

	again := smsFactor(who)
	again.ID = "f2"
	require.NoError(t, s.AddFactor(t.Context(), again))
}

func deliveryLog(t *testing.T, s Stores) {
	who := newSubject()
	line := mfa.Delivery{
		ID: "d1", Subject: who, ChallengeID: "c1", Channel: policy.SMS, Gateway: "test", Reference: "ref",
		Status: "sent", At: t0,
	}
	require.NoError(t, s.RecordDelivery(t.Context(), line))

	got, err := s.Deliveries(t.Context(), who)
	require.NoError(t, err)
	require.Equal(t, []mfa.Delivery{line}, got)
	for name, stranger := range strangers(who) {
		got, err := s.Deliveries(t.Context(), stranger)
		require.NoError(t, err)
		require.Empty(t, got, name)
	}
}

func renameFactor(t *testing.T, s Stores) {
	who := newSubject()
	f := mfa.Factor{ID: "k", Subject: who, Kind: policy.WebAuthn, Label: "old", Status: mfa.FactorActive, CreatedAt: t0, Credential: &mfa.Credential{ID: []byte(who.TenantID), SignCount: 3}}
	require.NoError(t, s.AddFactor(t.Context(), f))
	for name, x := range strangers(who) {
		require.ErrorIs(t, s.RenameFactor(t.Context(), x, "k", "theirs"), mfa.ErrNotFound, name)
	}
	require.NoError(t, s.RenameFactor(t.Context(), who, "k", "new"))
	e, err := s.Enrolments(t.Context(), who)
	require.NoError(t, err)
	f.Label = "new"
	require.Equal(t, []mfa.Factor{f}, e.Factors)
	require.NoError(t, s.DisableFactor(t.Context(), who, "k", t0))
	require.ErrorIs(t, s.RenameFactor(t.Context(), who, "k", "gone"), mfa.ErrNotFound)
}
