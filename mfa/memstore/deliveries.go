package memstore

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var _ mfa.TelephonyStore = (*Store)(nil)

// delivery is a line of the log of deliveries.
type delivery struct {
	mfa.Sending
	prefix   string
	booked   time.Time // zero where nothing was booked
	priced   bool
	verified bool
}

// spending is what a tenant spends in one day.
type spending struct {
	micros int64
	told   int
}

// conversion counts codes sent and typed in.
type conversion struct {
	start           time.Time
	sends, verified int
	blocked         time.Time
}

// RecordDelivery implements [mfa.Store]. A line that was booked is filled in; if
// a receipt of the same gateway was faster, what it told stays.
func (s *Store) RecordDelivery(_ context.Context, d mfa.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.delivery(mfa.Subject{TenantID: d.Subject.TenantID}, d.ID)
	if old == nil {
		s.deliveries = append(s.deliveries, &delivery{Sending: mfa.Sending{Delivery: d}})
		return nil
	}
	if old.Subject != d.Subject || old.ChallengeID != d.ChallengeID || old.booked.IsZero() {
		return mfa.ErrImmutable
	}
	if !old.ReceiptAt.IsZero() && old.Gateway == d.Gateway && (old.Reference == "" || old.Reference == d.Reference) {
		d.Status, d.Error = old.Status, old.Error
	} else {
		old.ReceiptAt = time.Time{}
	}
	old.Delivery = d
	return nil
}

// delivery finds a line of who; a subject without a user stands for all of the
// tenant.
func (s *Store) delivery(who mfa.Subject, id string) *delivery {
	for _, d := range s.deliveries {
		if d.ID == id && d.Subject.TenantID == who.TenantID && (who.UserID == "" || d.Subject == who) {
			return d
		}
	}
	return nil
}

// Deliveries returns the log of deliveries to who, oldest first.
func (s *Store) Deliveries(ctx context.Context, who mfa.Subject) ([]mfa.Delivery, error) {
	sendings, err := s.Sendings(ctx, who)
	var log []mfa.Delivery
	for _, one := range sendings {
		log = append(log, one.Delivery)
	}
	return log, err
}

// Sendings is [Store.Deliveries] with costs and receipts.
func (s *Store) Sendings(_ context.Context, who mfa.Subject) ([]mfa.Sending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var log []mfa.Sending
	for _, d := range s.deliveries {
		if d.Subject == who {
			log = append(log, d.Sending)
		}
	}
	slices.SortStableFunc(log, func(a, b mfa.Sending) int { return a.At.Compare(b.At) })
	return log, nil
}

// Book implements [mfa.TelephonyStore].
func (s *Store) Book(_ context.Context, b mfa.Booking, l policy.Budget) (mfa.Outlay, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	day := s.day(b.Subject.TenantID, mfa.Day(b.At))
	v := mfa.Outlay{Spent: day.micros, Told: day.told}
	if day.micros+b.Micros > l.DailyMicros {
		v.Over = true
		return v, nil
	}
	scopes := s.scopes(b.Subject.TenantID, b.Country, b.Prefix)
	names := []string{"country", "prefix"}
	for i, c := range scopes {
		if c.blocked.After(b.At) {
			v.Until, v.Scope = c.blocked, names[i]
			return v, nil
		}
	}
	for i, c := range scopes {
		if !c.begins(b.At) && mfa.LowConversion(c.sends, c.verified, l) {
			c.blocked = b.At.Add(l.ConversionBlock.Duration())
			if !v.Tripped {
				v.Until, v.Scope, v.Tripped = c.blocked, names[i], true
			}
		}
	}
	if v.Tripped {
		return v, nil
	}
	for _, c := range scopes {
		if c.begins(b.At) {
			*c = conversion{start: b.At}
		}
		c.sends++
	}
	day.micros += b.Micros
	v.Spent = day.micros
	s.deliveries = append(s.deliveries, &delivery{
		Sending: mfa.Sending{
			Delivery: mfa.Delivery{
				ID: b.ID, Subject: b.Subject, ChallengeID: b.Challenge, Channel: b.Channel, Status: "queued", At: b.At,
			},
			Country: b.Country, CostMicros: b.Micros,
		},
		prefix: b.Prefix, booked: b.At,
	})
	return v, nil
}

// begins reports whether a new window begins at now.
func (c *conversion) begins(now time.Time) bool {
	return !c.start.After(mfa.ConversionSince(now)) || !c.blocked.IsZero()
}

// day is what a tenant spends on a day.
func (s *Store) day(tenantID, day string) *spending {
	if s.spending == nil {
		s.spending = map[string]*spending{}
	}
	key := tenantID + "/" + day
	if s.spending[key] == nil {
		s.spending[key] = &spending{}
	}
	return s.spending[key]
}

// scopes are the counts of a country and of a prefix.
func (s *Store) scopes(tenantID, country, prefix string) []*conversion {
	if s.converted == nil {
		s.converted = map[string]*conversion{}
	}
	var found []*conversion
	for _, id := range []string{"country/" + country, "prefix/" + prefix} {
		key := tenantID + "/" + id
		if s.converted[key] == nil {
			s.converted[key] = &conversion{}
		}
		found = append(found, s.converted[key])
	}
	return found
}

// Settle implements [mfa.TelephonyStore].
func (s *Store) Settle(_ context.Context, b mfa.Booking, costMicros int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delivery(b.Subject, b.ID)
	if d == nil {
		return mfa.ErrNotFound
	}
	if !d.priced {
		s.price(d, costMicros)
	}
	return nil
}

// price gives d another cost, in the log and in the budget of its day.
func (s *Store) price(d *delivery, costMicros int64) {
	if !d.booked.IsZero() {
		s.day(d.Subject.TenantID, mfa.Day(d.booked)).micros += costMicros - d.CostMicros
	}
	d.CostMicros = costMicros
}

// Unbook implements [mfa.TelephonyStore]. The line stays in the log, at no cost.
func (s *Store) Unbook(_ context.Context, b mfa.Booking) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delivery(b.Subject, b.ID)
	if d == nil {
		return mfa.ErrNotFound
	}
	if d.booked.IsZero() {
		return nil
	}
	s.price(d, 0)
	d.priced = true
	s.recount(d, func(c *conversion) { c.sends-- })
	if d.Status == "queued" {
		d.Status = "failed"
	}
	return nil
}

// recount changes the counts of the window that d was booked in.
func (s *Store) recount(d *delivery, change func(*conversion)) {
	for _, c := range s.scopes(d.Subject.TenantID, d.Country, d.prefix) {
		if c.sends > 0 && !c.start.After(d.booked) {
			change(c)
		}
	}
}

// Verified implements [mfa.TelephonyStore].
func (s *Store) Verified(_ context.Context, who mfa.Subject, id string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delivery(who, id)
	if d == nil || d.booked.IsZero() || d.verified {
		return nil
	}
	d.verified = true
	s.recount(d, func(c *conversion) { c.verified++ })
	return nil
}

// Spent implements [mfa.TelephonyStore].
func (s *Store) Spent(_ context.Context, tenantID, country, prefix string, now time.Time) (mfa.Outlay, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	day := s.day(tenantID, mfa.Day(now))
	v := mfa.Outlay{Spent: day.micros, Told: day.told}
	for _, c := range s.scopes(tenantID, country, prefix) {
		if c.blocked.After(now) && c.blocked.After(v.Until) {
			v.Until = c.blocked
		}
	}
	return v, nil
}

// Alert implements [mfa.TelephonyStore].
func (s *Store) Alert(_ context.Context, tenantID, day string, percent int) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.day(tenantID, day)
	if d.told >= percent {
		return false, nil
	}
	d.told = percent
	return true, nil
}

// Receive implements [mfa.TelephonyStore].
func (s *Store) Receive(_ context.Context, r mfa.Receipt) (mfa.Sending, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delivery(r.Subject, r.ID)
	if d == nil || d.Gateway != "" && d.Gateway != r.Gateway || d.Reference != "" && r.Reference != "" && d.Reference != r.Reference {
		return mfa.Sending{}, false, mfa.ErrNotFound
	}
	if r.Priced {
		s.price(d, r.CostMicros)
		d.priced = true
	}
	if r.Status == "" || !d.ReceiptAt.IsZero() {
		return d.Sending, false, nil
	}
	d.Status, d.Error, d.Gateway, d.Reference, d.ReceiptAt = r.Status, r.Class, r.Gateway, max(d.Reference, r.Reference), r.At
	return d.Sending, true, nil
}
