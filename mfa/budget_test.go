package mfa_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// priced is a sender that quotes 100 000 and takes 60 000.
type priced struct{}

func (priced) Name() string                                      { return "priced" }
func (priced) Send(context.Context, mfa.Message) (string, error) { return "r", nil }
func (priced) Quote(mfa.Message) int64                           { return 100_000 }
func (priced) SendVia(context.Context, mfa.Message) (mfa.Handed, error) {
	return mfa.Handed{Gateway: "one of two", Reference: "r", CostMicros: 60_000}, nil
}

// plainKeys hashes nothing, so that a test can read what was hashed.
type plainKeys struct{ mfa.Peppers }

func (plainKeys) LimitKey(tenantID, value string) string { return tenantID + "/" + value }

// heard is what was observed.
type heard struct {
	mu     sync.Mutex
	events []mfa.Event
}

// Observe implements [mfa.Observer].
func (h *heard) Observe(_ context.Context, e mfa.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// results are the results of the events of one kind.
func (h *heard) results(kind string) []string {
	var found []string
	for _, e := range h.events {
		if e.Kind == kind {
			found = append(found, e.Result)
		}
	}
	return found
}

// till is a budget of one dollar a day: ten messages.
type till struct {
	*mfa.Telephony
	store *memstore.Store
	heard *heard
	ask   mfa.Ask
	now   time.Time
}

func newTill() *till {
	t := &till{store: &memstore.Store{}, heard: &heard{}, now: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)}
	t.Telephony = &mfa.Telephony{Store: t.store, Sender: priced{}, Peppers: plainKeys{}, Events: t.heard, Now: func() time.Time { return t.now }}
	p := policy.Policy{}
	p.Limits.Budget = policy.Budget{DailyMicros: 1_000_000, ConversionSends: 30, ConversionPercent: 20, ConversionBlock: 3600}
	t.ask = mfa.Ask{Subject: mfa.Subject{TenantID: "t1", UserID: "u1"}, Policy: &p}
	return t
}

var mexican = mfa.Contact{Kind: mfa.ContactPhone, Value: "+526441832399", Country: "MX"}

func (t *till) afford(id string) (*mfa.Booking, error) {
	m := mfa.Message{ID: id, Subject: t.ask.Subject, Channel: policy.SMS, To: mexican.Value}
	return t.Afford(context.Background(), t.ask, m, mexican)
}

func TestABudgetIsNeverExceeded(t *testing.T) {
	till := newTill()
	till.ask.Policy.Limits.ConversionSends = 1000
	var all sync.WaitGroup
	var mu sync.Mutex
	var taken int
	for i := range 200 {
		all.Go(func() {
			_, err := till.afford(strconv.Itoa(i))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken++
			} else if !errors.Is(err, mfa.ErrBudget) {
				t.Errorf("Afford: %v", err)
			}
		})
	}
	all.Wait()

	require.Equal(t, 10, taken)
	require.Len(t, till.heard.results(mfa.EventBudget), len(distinct(till.heard.results(mfa.EventBudget))), "each alert once")
	require.Contains(t, till.heard.results(mfa.EventBudget), "100")
	reason, err := till.Closed(t.Context(), till.ask, policy.SMS, mexican)
	require.NoError(t, err)
	require.Equal(t, "budget", reason)
}

func distinct(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

func TestAlertsOfABudget(t *testing.T) {
	till := newTill()
	var told [][]string
	for i := range 12 {
		_, err := till.afford(strconv.Itoa(i))
		require.Equal(t, i >= 10, errors.Is(err, mfa.ErrBudget), "%d: %v", i, err)
		told = append(told, till.heard.results(mfa.EventBudget))
	}
	require.Empty(t, told[3])
	require.Equal(t, []string{"50"}, told[4])
	require.Equal(t, []string{"50", "80"}, told[7])
	require.Equal(t, []string{"50", "80", "100"}, told[9])
	require.Equal(t, []string{"50", "80", "100"}, told[11], "once a day")
	require.Equal(t, mfa.Subject{TenantID: "t1"}, till.heard.events[0].Subject)
	require.Equal(t, map[string]string{"day": "2026-01-02", "spent_usd_micros": "500000", "budget_usd_micros": "1000000"}, till.heard.events[0].Data)

	till.now = till.now.Add(24 * time.Hour)
	_, err := till.afford("tomorrow")
	require.NoError(t, err)
}

func TestWhatIsPaidIsWhatTheGatewayTakes(t *testing.T) {
	till := newTill()
	for i := range 16 { // at 60 000 each; by quotes it would be ten
		b, err := till.afford(strconv.Itoa(i))
		require.NoError(t, err)
		by, err := mfa.Hand(t.Context(), till.Sender, mfa.Message{})
		require.NoError(t, err)
		require.NoError(t, till.Sent(t.Context(), b, by))
	}
	_, err := till.afford("one more")
	require.ErrorIs(t, err, mfa.ErrBudget)

	reason, err := till.Closed(t.Context(), till.ask, policy.SMS, mexican)
	require.NoError(t, err)
	require.Equal(t, "budget", reason, "what is left is less than a message")
}

func TestWhatWasNotSentIsNotPaid(t *testing.T) {
	till := newTill()
	for i := range 40 {
		b, err := till.afford(strconv.Itoa(i))
		require.NoError(t, err)
		require.NoError(t, till.NotSent(t.Context(), b))
	}
	reason, err := till.Closed(t.Context(), till.ask, policy.SMS, mexican)
	require.NoError(t, err)
	require.Empty(t, reason)
}

// TestPumping is T-35 for the guard: whoever does not type codes in is stopped,
// and whoever does is not.
func TestPumping(t *testing.T) {
	till := newTill()
	till.ask.Policy.Limits.DailyMicros = 1_000_000_000
	left := 0
	for i := range 1000 {
		_, err := till.afford(fmt.Sprint("pump", i))
		if err == nil {
			left++
			continue
		}
		wait, ok := errors.AsType[*ratelimit.WaitError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, ratelimit.WaitError{What: "send.conversion", After: time.Hour}, *wait)
	}
	require.Equal(t, 30, left)
	require.Equal(t, []string{"country"}, till.heard.results(mfa.EventConversion), "it is told once")
	require.NotContains(t, fmt.Sprint(till.heard.events), "52644183")
	reason, err := till.Closed(t.Context(), till.ask, policy.SMS, mexican)
	require.NoError(t, err)
	require.Equal(t, "conversion", reason)

	till = newTill()
	till.ask.Policy.Limits.DailyMicros = 1_000_000_000
	for i := range 200 {
		id := fmt.Sprint("people", i)
		_, err := till.afford(id)
		require.NoError(t, err)
		if i%2 == 0 {
			require.NoError(t, till.Converted(t.Context(), till.ask.Subject, id))
		}
	}
}

func TestWhatCostsNothingIsNotBooked(t *testing.T) {
	till := newTill()
	address := mfa.Contact{Kind: mfa.ContactEmail, Value: "a@b.example"}
	b, err := till.Afford(t.Context(), till.ask, mfa.Message{Channel: policy.Email}, address)
	require.NoError(t, err)
	require.Nil(t, b)
	require.NoError(t, till.Sent(t.Context(), nil, mfa.Handed{}))
	require.NoError(t, till.NotSent(t.Context(), nil))

	for _, off := range []*mfa.Telephony{nil, {}} {
		b, err := off.Afford(t.Context(), till.ask, mfa.Message{}, mexican)
		require.NoError(t, err)
		require.Nil(t, b)
		require.NoError(t, off.Converted(t.Context(), till.ask.Subject, "x"))
		reason, err := off.Closed(t.Context(), till.ask, policy.SMS, mexican)
		require.NoError(t, err)
		require.Empty(t, reason)
	}
	log, err := till.store.Sendings(t.Context(), till.ask.Subject)
	require.NoError(t, err)
	require.Empty(t, log)
}
