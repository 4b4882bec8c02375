package mfa

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// ErrBudget refuses a text message or call that the tenant's budget of the day
// has no room for.
var ErrBudget = errors.New("mfa: the budget for text messages and calls is used up")

// Kinds of [Event] about what telephony costs. They are about a tenant: Subject
// has no user.
const (
	EventBudget     = "budget.alert"       // Result is 50, 80 or 100: percent of the day's budget
	EventConversion = "conversion.blocked" // Result is country or prefix
)

// conversionWindow is how long sends and typed codes are counted together.
const conversionWindow = time.Hour

// ConversionSince is the begin of the window that ends at now. Stores count in it.
func ConversionSince(now time.Time) time.Time { return now.Add(-conversionWindow) }

// LowConversion reports whether so few codes were typed in that the sends look
// like those of a pump: real people type the code.
func LowConversion(sends, verified int, l policy.Budget) bool {
	return sends >= l.ConversionSends && verified*100 < l.ConversionPercent*sends
}

// Telephony watches over what text messages and calls cost. Its zero value with
// a nil Store lets everything pass, for a server without a gateway that costs.
type Telephony struct {
	Store   TelephonyStore
	Sender  Sender // quotes, if it is a [Routed]
	Peppers Peppers
	Events  Observer
	Now     func() time.Time
}

// Afford books m before it is sent to contact. Emails are free. Call it last,
// after the limits that cost nothing, and give the booking to [Telephony.Sent] or
// [Telephony.NotSent] afterwards; it is nil where nothing was booked.
//
// Errors: [ErrBudget]; [*ratelimit.WaitError] named send.conversion where the
// country or the prefix of the number is blocked.
//
// Source: mfa.md 4.9 (tenant, country and prefix).
func (t *Telephony) Afford(ctx context.Context, ask Ask, m Message, contact Contact) (*Booking, error) {
	if t == nil || t.Store == nil || contact.Kind != ContactPhone {
		return nil, nil //nolint:nilnil // nothing to book is no error
	}
	b := Booking{
		ID: m.ID, Challenge: m.ID, Subject: m.Subject, Channel: m.Channel, Country: contact.Country,
		Prefix: t.prefix(m.Subject.TenantID, contact), Micros: t.quote(m), At: t.now(),
	}
	limits := ask.Policy.Limits.Budget
	v, err := t.Store.Book(ctx, b, limits)
	if err != nil {
		return nil, fmt.Errorf("mfa: book: %w", err)
	}
	if v.Tripped {
		t.tell(ctx, b, EventConversion, v.Scope, map[string]string{"country": b.Country, "until": v.Until.Format(time.RFC3339)})
	}
	if !v.Until.IsZero() {
		return nil, &ratelimit.WaitError{What: "send.conversion", After: v.Until.Sub(b.At)}
	}
	err = t.alert(ctx, b, v, limits)
	if v.Over {
		return nil, errors.Join(ErrBudget, err)
	}
	if err != nil {
		// It is booked, and will not be sent.
		return nil, errors.Join(fmt.Errorf("mfa: budget alert: %w", err), t.Store.Unbook(ctx, b))
	}
	return &b, nil
}

// Sent puts the cost right once the gateway is known. b may be nil.
func (t *Telephony) Sent(ctx context.Context, b *Booking, by Handed) error {
	if b == nil || by.CostMicros == b.Micros {
		return nil
	}
	err := t.Store.Settle(ctx, *b, by.CostMicros)
	if err != nil {
		return fmt.Errorf("mfa: settle cost: %w", err)
	}
	return nil
}

// NotSent takes a booking back whose message no gateway took. b may be nil.
func (t *Telephony) NotSent(ctx context.Context, b *Booking) error {
	if b == nil {
		return nil
	}
	err := t.Store.Unbook(ctx, *b)
	if err != nil {
		return fmt.Errorf("mfa: unbook: %w", err)
	}
	return nil
}

// Converted counts the code of challenge id as typed in. Call it once for every
// challenge that becomes verified; it does nothing for one that was not paid for.
func (t *Telephony) Converted(ctx context.Context, who Subject, id string) error {
	if t == nil || t.Store == nil {
		return nil
	}
	err := t.Store.Verified(ctx, who, id, t.now())
	if err != nil {
		return fmt.Errorf("mfa: count a typed code: %w", err)
	}
	return nil
}

// Closed reports why nothing can be sent to contact by channel now: "budget",
// "conversion", or "" if it can. It only reads, for the list of options; what it
// found may have changed when the message is sent.
func (t *Telephony) Closed(ctx context.Context, ask Ask, channel Method, contact Contact) (reason string, err error) {
	if t == nil || t.Store == nil || contact.Kind != ContactPhone {
		return "", nil
	}
	tenant := ask.Subject.TenantID
	v, err := t.Store.Spent(ctx, tenant, contact.Country, t.prefix(tenant, contact), t.now())
	switch {
	case err != nil:
		return "", fmt.Errorf("mfa: read the budget: %w", err)
	case !v.Until.IsZero():
		return "conversion", nil
	case v.Spent+t.quote(Message{Channel: channel, To: contact.Value}) > ask.Policy.Limits.DailyMicros:
		return "budget", nil
	}
	return "", nil
}

// quote is what m may cost; a sender that does not say costs nothing.
func (t *Telephony) quote(m Message) int64 {
	routed, ok := t.Sender.(Routed)
	if !ok {
		return 0
	}
	return routed.Quote(m)
}

// alerts are the percentages of a day's budget that somebody is told of.
var alerts = []int{100, 80, 50}

// due is the alert that spent calls for: the highest percentage that is reached,
// 0 for none.
func due(spent, limit int64, over bool) int {
	if over {
		return 100
	}
	for _, percent := range alerts {
		if spent > 0 && spent*100 >= limit*int64(percent) {
			return percent
		}
	}
	return 0
}

// alert tells of the highest alert that is due, once a day.
func (t *Telephony) alert(ctx context.Context, b Booking, v Outlay, l policy.Budget) error {
	percent := due(v.Spent, l.DailyMicros, v.Over)
	if percent <= v.Told {
		return nil
	}
	first, err := t.Store.Alert(ctx, b.Subject.TenantID, Day(b.At), percent)
	if err != nil || !first {
		return err
	}
	t.tell(ctx, b, EventBudget, strconv.Itoa(percent), map[string]string{
		"day": Day(b.At), "spent_usd_micros": strconv.FormatInt(v.Spent, 10), "budget_usd_micros": strconv.FormatInt(l.DailyMicros, 10),
	})
	return nil
}

func (t *Telephony) tell(ctx context.Context, b Booking, kind, result string, data map[string]string) {
	t.Events.Observe(ctx, Event{
		Kind: kind, Subject: Subject{TenantID: b.Subject.TenantID}, Result: result, Method: b.Channel, At: b.At, Data: data,
	})
}

// prefix is the keyed hash of a number without its last four digits: pumps use
// ranges of numbers.
func (t *Telephony) prefix(tenantID string, contact Contact) string {
	to := contact.Value.Reveal()
	return t.Peppers.LimitKey(tenantID, to[:max(0, len(to)-4)])
}

// now is the clock in the precision that every store keeps.
func (t *Telephony) now() time.Time { return t.Now().UTC().Truncate(time.Millisecond) }
