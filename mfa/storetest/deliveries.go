package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Telephony is what [RunTelephony] tests: the store of costs, and the log to read.
type Telephony interface {
	mfa.TelephonyStore
	RecordDelivery(ctx context.Context, d mfa.Delivery) error
	Sendings(ctx context.Context, who mfa.Subject) ([]mfa.Sending, error)
}

// RunTelephony checks every promise of [mfa.TelephonyStore].
func RunTelephony(t *testing.T, open func(*testing.T) Telephony) {
	for _, p := range []struct {
		name  string
		check func(*testing.T, Telephony)
	}{
		{"of 200 bookings at once, no more are taken than the budget has room for", budgetAtOnce},
		{"a budget is of one tenant and one UTC day", budgetOfADay},
		{"what was not sent costs nothing and does not count", unbooked},
		{"the cost is put right by the gateway, and last by its receipt", pricedByReceipt},
		{"a receipt counts once, and only for its own delivery", receipts},
		{"a receipt that is faster than the gateway's answer is kept", fastReceipt},
		{"a country or prefix whose codes do not come back is blocked for a while", lowConversion},
		{"codes that are typed in keep it open", goodConversion},
		{"of 20 that note an alert at once, one is first", alertAtOnce},
	} {
		t.Run(p.name, func(t *testing.T) { p.check(t, open(t)) })
	}
}

// cheap is a budget that is not in the way, with a guard that is.
var cheap = policy.Budget{DailyMicros: 1_000_000_000, ConversionSends: 10, ConversionPercent: 20, ConversionBlock: 600}

func booking(who mfa.Subject, id string) mfa.Booking {
	return mfa.Booking{ID: id, Challenge: id, Subject: who, Channel: policy.SMS, Country: "MX", Prefix: "p1", Micros: 30_000, At: t0}
}

// book books b and requires that it is taken.
func book(t *testing.T, s Telephony, b mfa.Booking, l policy.Budget) mfa.Outlay {
	t.Helper()
	v, err := s.Book(t.Context(), b, l)
	require.NoError(t, err)
	require.False(t, v.Over, "%+v", v)
	require.Zero(t, v.Until, "%+v", v)
	return v
}

func spentOf(t *testing.T, s Telephony, who mfa.Subject, at time.Time) int64 {
	t.Helper()
	v, err := s.Spent(t.Context(), who.TenantID, "MX", "p1", at)
	require.NoError(t, err)
	return v.Spent
}

func onlyLine(t *testing.T, s Telephony, who mfa.Subject) mfa.Sending {
	t.Helper()
	log, err := s.Sendings(t.Context(), who)
	require.NoError(t, err)
	require.Len(t, log, 1)
	return log[0]
}

func budgetAtOnce(t *testing.T, s Telephony) {
	who := newSubject()
	l := policy.Budget{DailyMicros: 1_000_000, ConversionSends: 10_000, ConversionBlock: 600}

	taken := inParallel(200, func(i int) bool {
		v, err := s.Book(context.Background(), booking(who, fmt.Sprint("d", i)), l)
		if err != nil {
			t.Errorf("Book: %v", err)
		}
		return err == nil && !v.Over
	})

	require.Equal(t, 33, taken)
	require.EqualValues(t, 33*30_000, spentOf(t, s, who, t0))
	log, err := s.Sendings(t.Context(), who)
	require.NoError(t, err)
	require.Len(t, log, 33, "what was refused is in no log")
}

func budgetOfADay(t *testing.T, s Telephony) {
	who, other := newSubject(), newSubject()
	l := cheap
	l.DailyMicros = 30_000
	require.EqualValues(t, 30_000, book(t, s, booking(who, "d1"), l).Spent)

	v, err := s.Book(t.Context(), booking(who, "d2"), l)
	require.NoError(t, err)
	require.True(t, v.Over)
	require.EqualValues(t, 30_000, v.Spent)
	book(t, s, booking(other, "d3"), l)
	late := booking(who, "d4")
	late.At = t0.Add(9 * time.Hour) // midnight
	book(t, s, late, l)

	l.DailyMicros = 29_999
	v, err = s.Book(t.Context(), booking(newSubject(), "d5"), l)
	require.NoError(t, err)
	require.True(t, v.Over, "the first one of a day is judged too")
}

func unbooked(t *testing.T, s Telephony) {
	who := newSubject()
	for i := range 30 {
		b := booking(who, fmt.Sprint("d", i))
		book(t, s, b, cheap)
		require.NoError(t, s.Unbook(t.Context(), b))
	}
	require.Zero(t, spentOf(t, s, who, t0))
	log, err := s.Sendings(t.Context(), who)
	require.NoError(t, err)
	require.Equal(t, "failed", log[0].Status)
	require.Zero(t, log[0].CostMicros)
	for name, stranger := range strangers(who) {
		require.ErrorIs(t, s.Unbook(t.Context(), booking(stranger, "d1")), mfa.ErrNotFound, name)
	}
}

func pricedByReceipt(t *testing.T, s Telephony) {
	who := newSubject()
	b := booking(who, "d1")
	book(t, s, b, cheap)

	require.NoError(t, s.Settle(t.Context(), b, 20_000))
	require.EqualValues(t, 20_000, spentOf(t, s, who, t0))

	paid := mfa.Receipt{ID: "d1", Subject: who, Gateway: "g", CostMicros: 45_000, Priced: true, At: t0.Add(time.Minute)}
	for range 2 {
		got, first, err := s.Receive(t.Context(), paid)
		require.NoError(t, err)
		require.False(t, first)
		require.EqualValues(t, 45_000, got.CostMicros)
	}
	require.NoError(t, s.Settle(t.Context(), b, 20_000))
	require.EqualValues(t, 45_000, spentOf(t, s, who, t0), "the receipt knows better than the price list")
	require.EqualValues(t, 45_000, onlyLine(t, s, who).CostMicros)

	paid.CostMicros, paid.At = 10_000, t0.Add(24*time.Hour)
	_, _, err := s.Receive(t.Context(), paid)
	require.NoError(t, err)
	require.EqualValues(t, 10_000, spentOf(t, s, who, t0), "it counts for the day of the booking")
	require.Zero(t, spentOf(t, s, who, t0.Add(24*time.Hour)))
}

func receipts(t *testing.T, s Telephony) {
	who := newSubject()
	book(t, s, booking(who, "d1"), cheap)
	line := mfa.Delivery{
		ID: "d1", Subject: who, ChallengeID: "d1", Channel: policy.SMS, Gateway: "g", Reference: "r1", Status: "sent", At: t0,
	}
	require.NoError(t, s.RecordDelivery(t.Context(), line))
	good := mfa.Receipt{ID: "d1", Subject: who, Gateway: "g", Reference: "r1", Status: "delivered", At: t0.Add(time.Second)}

	for name, change := range map[string]func(*mfa.Receipt){
		"another tenant":    func(r *mfa.Receipt) { r.Subject.TenantID += "x" },
		"another user":      func(r *mfa.Receipt) { r.Subject.UserID = "u2" },
		"another gateway":   func(r *mfa.Receipt) { r.Gateway = "h" },
		"another reference": func(r *mfa.Receipt) { r.Reference = "r2" },
		"another delivery":  func(r *mfa.Receipt) { r.ID = "d2" },
	} {
		r := good
		change(&r)
		_, _, err := s.Receive(t.Context(), r)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
	}
	require.Equal(t, "sent", onlyLine(t, s, who).Status)

	firsts := inParallel(20, func(int) bool {
		_, first, err := s.Receive(context.Background(), good)
		if err != nil {
			t.Errorf("Receive: %v", err)
		}
		return first
	})
	require.Equal(t, 1, firsts)
	late := good
	late.Status, late.Class = "failed", mfa.FailOther
	_, first, err := s.Receive(t.Context(), late)
	require.NoError(t, err)
	require.False(t, first)

	want := mfa.Sending{Delivery: line, Country: "MX", CostMicros: 30_000, ReceiptAt: t0.Add(time.Second)}
	want.Status = "delivered"
	require.Equal(t, want, onlyLine(t, s, who))

	mail := mfa.Delivery{ID: "m1", Subject: who, ChallengeID: "m1", Channel: policy.Email, Gateway: "smtp", Status: "sent", At: t0}
	require.NoError(t, s.RecordDelivery(t.Context(), mail))
	require.ErrorIs(t, s.RecordDelivery(t.Context(), mail), mfa.ErrImmutable, "what was not booked is written once")
	require.ErrorIs(t, s.RecordDelivery(t.Context(), mfa.Delivery{ID: "d1", Subject: mfa.Subject{TenantID: who.TenantID, UserID: "u2"}, ChallengeID: "d1", At: t0, Channel: policy.SMS, Status: "sent"}), mfa.ErrImmutable)
}

func fastReceipt(t *testing.T, s Telephony) {
	for name, by := range map[string]string{"of the gateway that took it": "g", "of one that was given up": "slow"} {
		who := newSubject()
		book(t, s, booking(who, "d1"), cheap)
		_, first, err := s.Receive(t.Context(), mfa.Receipt{
			ID: "d1", Subject: who, Gateway: by, Reference: "r1", Status: "failed", Class: mfa.FailNoSMS, At: t0,
		})
		require.NoError(t, err)
		require.True(t, first)

		require.NoError(t, s.RecordDelivery(t.Context(), mfa.Delivery{
			ID: "d1", Subject: who, ChallengeID: "d1", Channel: policy.SMS, Gateway: "g", Reference: "r1", Status: "sent", At: t0,
		}))

		got := onlyLine(t, s, who)
		require.Equal(t, "g", got.Gateway)
		if by == "g" {
			require.Equal(t, []string{"failed", mfa.FailNoSMS}, []string{got.Status, got.Error}, name)
		} else {
			require.Equal(t, []string{"sent", ""}, []string{got.Status, got.Error}, name)
			require.Zero(t, got.ReceiptAt, name)
		}
	}
}

func lowConversion(t *testing.T, s Telephony) {
	for _, scope := range []string{"country", "prefix"} {
		who := newSubject()
		at := func(i int, when time.Time) mfa.Booking {
			b := booking(who, fmt.Sprint("d", i))
			b.At = when
			if scope == "country" {
				b.Prefix = fmt.Sprint("p", i)
			}
			return b
		}
		var paid int64 = 300_000
		for i := 20; scope == "prefix" && i < 30; i++ { // other numbers of the country are fine
			b := at(i, t0)
			b.Prefix = "fine"
			book(t, s, b, cheap)
			require.NoError(t, s.Verified(t.Context(), who, b.ID, t0))
			paid += b.Micros
		}
		for i := range 10 {
			book(t, s, at(i, t0), cheap)
		}
		require.NoError(t, s.Verified(t.Context(), who, "d1", t0))
		require.NoError(t, s.Verified(t.Context(), who, "d1", t0), "the same code counts once")

		tripped := inParallel(20, func(i int) bool {
			v, err := s.Book(context.Background(), at(100+i, t0.Add(time.Minute)), cheap)
			if err != nil || !v.Until.Equal(t0.Add(11*time.Minute)) {
				t.Errorf("Book = %+v, %v", v, err)
			}
			if v.Scope != scope {
				t.Errorf("Scope = %q", v.Scope)
			}
			return v.Tripped
		})
		require.Equal(t, 1, tripped, "it is told once")
		require.Equal(t, paid, spentOf(t, s, who, t0), "what is blocked costs nothing")
		v, err := s.Spent(t.Context(), who.TenantID, "MX", "p1", t0.Add(2*time.Minute))
		require.NoError(t, err)
		require.True(t, v.Until.Equal(t0.Add(11*time.Minute)))

		elsewhere := at(200, t0.Add(time.Minute))
		elsewhere.Country, elsewhere.Prefix = "US", "other"
		book(t, s, elsewhere, cheap)
		book(t, s, booking(newSubject(), "d1"), cheap)
		book(t, s, at(201, t0.Add(11*time.Minute)), cheap) // and from there it is counted anew
		book(t, s, at(202, t0.Add(11*time.Minute)), cheap)
	}
}

func goodConversion(t *testing.T, s Telephony) {
	who := newSubject()
	for i := range 40 {
		id := fmt.Sprint("d", i)
		book(t, s, booking(who, id), cheap)
		if i%4 == 0 {
			require.NoError(t, s.Verified(t.Context(), who, id, t0))
		}
	}
	require.NoError(t, s.Verified(t.Context(), who, "never booked", t0))

	slow := newSubject()
	for i := range 40 {
		b := booking(slow, fmt.Sprint("d", i))
		b.At = t0.Add(time.Duration(i) * 7 * time.Minute) // nine an hour
		book(t, s, b, cheap)
	}
}

func alertAtOnce(t *testing.T, s Telephony) {
	tenant := newSubject().TenantID
	note := func(percent int) int {
		return inParallel(20, func(int) bool {
			first, err := s.Alert(context.Background(), tenant, mfa.Day(t0), percent)
			if err != nil {
				t.Errorf("Alert: %v", err)
			}
			return first
		})
	}
	require.Equal(t, 1, note(50))
	require.Equal(t, 1, note(100))
	require.Equal(t, 0, note(80), "it was told that there is nothing left")
}
