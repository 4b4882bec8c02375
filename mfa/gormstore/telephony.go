package gormstore

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var _ mfa.TelephonyStore = (*Store)(nil)

// errRefused ends a transaction whose booking was refused.
var errRefused = errors.New("gormstore: booking refused")

// Book implements [mfa.TelephonyStore]. The budget, the country and the prefix
// take one statement each. Where one refuses, the others are rolled back; that it
// found the conversion too low is then written by itself.
func (s *Store) Book(ctx context.Context, b mfa.Booking, l policy.Budget) (mfa.Outlay, error) {
	var v mfa.Outlay
	var id string
	err := s.in(ctx, "book", func(tx *gorm.DB) error {
		var err error
		v, err = spend(tx, b, l)
		if err != nil || v.Over {
			return errors.Join(err, errRefused)
		}
		for _, scope := range []struct{ name, value string }{{"country", b.Country}, {"prefix", b.Prefix}} {
			id = scope.name + "/" + scope.value
			v.Until, v.Tripped, err = convert(tx, b, id, l)
			if err != nil || !v.Until.IsZero() {
				v.Scope = scope.name
				return errors.Join(err, errRefused)
			}
		}
		return queue(tx, b)
	})
	switch {
	case err == nil:
		return v, nil
	case v.Tripped:
		v.Tripped, err = s.block(ctx, b, id, v.Until, l)
		return v, err
	case v.Over || !v.Until.IsZero():
		return v, nil
	}
	return mfa.Outlay{}, err
}

// spend books b in the budget of its day.
func spend(tx *gorm.DB, b mfa.Booking, l policy.Budget) (mfa.Outlay, error) {
	var rows []struct {
		Micros int64
		Told   int
	}
	day := mfa.Day(b.At)
	err := tx.Raw(`INSERT INTO mfa_spend (tenant_id, id, micros, told, at)
SELECT cast(? as text), cast(? as text), cast(? as bigint), 0, ? WHERE cast(? as bigint) <= cast(? as bigint)
ON CONFLICT (tenant_id, id) DO UPDATE SET micros = mfa_spend.micros + excluded.micros
WHERE mfa_spend.micros + excluded.micros <= cast(? as bigint)
RETURNING micros, told`, b.Subject.TenantID, day, b.Micros, b.At.UTC(), b.Micros, l.DailyMicros, l.DailyMicros).Scan(&rows).Error
	if err == nil && len(rows) == 0 {
		v, err := spent(tx, b.Subject.TenantID, day)
		v.Over = true
		return v, err
	}
	if err != nil {
		return mfa.Outlay{}, err
	}
	return mfa.Outlay{Spent: rows[0].Micros, Told: rows[0].Told}, nil
}

func spent(tx *gorm.DB, tenantID, day string) (mfa.Outlay, error) {
	var v mfa.Outlay
	err := tx.Raw(`SELECT micros AS spent, told FROM mfa_spend WHERE tenant_id = ? AND id = ?`, tenantID, day).Scan(&v).Error
	return v, err
}

// conversionRow is table mfa_conversions. It never leaves this package.
type conversionRow struct {
	Sends        int
	Verified     int
	BlockedUntil *time.Time
}

// convert counts b in the window of one scope, unless it is blocked or its codes
// do not come back. until is when it would be let through, zero if it was counted.
func convert(tx *gorm.DB, b mfa.Booking, id string, l policy.Budget) (until time.Time, tripped bool, err error) {
	now, since := b.At.UTC(), mfa.ConversionSince(b.At).UTC()
	var rows []conversionRow
	// Before a window or a block has ended, a row counts on; after it, it begins anew.
	err = tx.Raw(`INSERT INTO mfa_conversions (tenant_id, id, window_start, sends, verified) VALUES (?, ?, ?, 1, 0)
ON CONFLICT (tenant_id, id) DO UPDATE SET
	window_start = CASE WHEN `+begins+` THEN excluded.window_start ELSE mfa_conversions.window_start END,
	sends = CASE WHEN `+begins+` THEN 1 ELSE mfa_conversions.sends + 1 END,
	verified = CASE WHEN `+begins+` THEN 0 ELSE mfa_conversions.verified END,
	blocked_until = NULL
WHERE (mfa_conversions.blocked_until IS NULL OR mfa_conversions.blocked_until <= ?)
	AND (`+begins+` OR mfa_conversions.sends < ? OR mfa_conversions.verified * 100 >= ? * mfa_conversions.sends)
RETURNING sends, verified, blocked_until`,
		b.Subject.TenantID, id, now, since, since, since, now, since, l.ConversionSends, l.ConversionPercent).Scan(&rows).Error
	if err != nil || len(rows) == 1 {
		return time.Time{}, false, err
	}
	err = tx.Raw(`SELECT sends, verified, blocked_until FROM mfa_conversions WHERE tenant_id = ? AND id = ?`,
		b.Subject.TenantID, id).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return time.Time{}, false, errors.Join(err, errRefused)
	}
	until = fromNull(rows[0].BlockedUntil)
	if until.After(now) {
		return until, false, nil
	}
	return now.Add(l.ConversionBlock.Duration()), true, nil
}

// begins reports whether a new window begins: the old one is over, or was blocked
// and no longer is.
const begins = `(mfa_conversions.window_start <= ? OR mfa_conversions.blocked_until IS NOT NULL)`

// block writes that scope id is blocked, and the other one of b if its codes do
// not come back either. first is true for the one caller who did.
func (s *Store) block(ctx context.Context, b mfa.Booking, id string, until time.Time, l policy.Budget) (first bool, err error) {
	res := s.db.WithContext(ctx).Exec(`UPDATE mfa_conversions SET blocked_until = ?
WHERE tenant_id = ? AND id IN (?, ?) AND (blocked_until IS NULL OR blocked_until <= ?)
	AND (id = ? OR window_start > ? AND sends >= ? AND verified * 100 < ? * sends)`,
		until.UTC(), b.Subject.TenantID, "country/"+b.Country, "prefix/"+b.Prefix, b.At.UTC(),
		id, mfa.ConversionSince(b.At).UTC(), l.ConversionSends, l.ConversionPercent)
	return res.RowsAffected > 0, s.err("block conversion", res.Error)
}

// queue writes b into the log of deliveries.
func queue(tx *gorm.DB, b mfa.Booking) error {
	at := b.At.UTC()
	return tx.Create(&deliveryRow{
		TenantID: b.Subject.TenantID, UserID: b.Subject.UserID, ID: b.ID, ChallengeID: b.Challenge,
		Channel: string(b.Channel), Status: "queued", At: at, Country: b.Country, PrefixKey: b.Prefix,
		CostMicros: b.Micros, BookedAt: &at,
	}).Error
}

// Settle implements [mfa.TelephonyStore].
func (s *Store) Settle(ctx context.Context, b mfa.Booking, costMicros int64) error {
	return s.in(ctx, "settle", func(tx *gorm.DB) error {
		row, err := booked(tx, b.Subject, b.ID)
		if err != nil || row.Priced {
			return err
		}
		return price(tx, row, costMicros, false)
	})
}

// Unbook implements [mfa.TelephonyStore]. The row stays in the log, at no cost.
func (s *Store) Unbook(ctx context.Context, b mfa.Booking) error {
	return s.in(ctx, "unbook", func(tx *gorm.DB) error {
		row, err := booked(tx, b.Subject, b.ID)
		if err != nil || row.BookedAt == nil {
			return err
		}
		err = price(tx, row, 0, true)
		if err != nil {
			return err
		}
		err = recount(tx, row, "sends = sends - 1")
		if err != nil {
			return err
		}
		return mine(tx, b.Subject).Model(&deliveryRow{}).Where("id = ? AND status = ?", b.ID, "queued").
			Updates(map[string]any{"status": "failed"}).Error
	})
}

// booked reads the row of a delivery, locked.
func booked(tx *gorm.DB, who mfa.Subject, id string) (deliveryRow, error) {
	var row deliveryRow
	err := mine(locked(tx), who).Where("id = ?", id).Take(&row).Error
	return row, err
}

// price gives row another cost, in the log and in the budget of its day.
func price(tx *gorm.DB, row deliveryRow, costMicros int64, final bool) error {
	err := tx.Model(&deliveryRow{}).Where("tenant_id = ? AND id = ?", row.TenantID, row.ID).
		Updates(map[string]any{"cost_micros": costMicros, "priced": final}).Error
	if err != nil || row.BookedAt == nil || costMicros == row.CostMicros {
		return err
	}
	return tx.Exec(`UPDATE mfa_spend SET micros = micros + ? WHERE tenant_id = ? AND id = ?`,
		costMicros-row.CostMicros, row.TenantID, mfa.Day(*row.BookedAt)).Error
}

// Verified implements [mfa.TelephonyStore]. A code counts in the window that its
// message was counted in, once.
func (s *Store) Verified(ctx context.Context, who mfa.Subject, id string, now time.Time) error {
	return s.in(ctx, "count a typed code", func(tx *gorm.DB) error {
		var row deliveryRow
		err := mine(locked(tx), who).Where("id = ?", id).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) || row.BookedAt == nil || row.VerifiedAt != nil {
			return nil
		}
		if err != nil {
			return err
		}
		err = mine(tx, who).Model(&deliveryRow{}).Where("id = ?", id).Updates(map[string]any{"verified_at": now.UTC()}).Error
		if err != nil {
			return err
		}
		return recount(tx, row, "verified = verified + 1")
	})
}

// recount changes the counts of the window that row was booked in, in the order
// of [Store.Book].
func recount(tx *gorm.DB, row deliveryRow, set string) error {
	for _, id := range []string{"country/" + row.Country, "prefix/" + row.PrefixKey} {
		err := tx.Exec(`UPDATE mfa_conversions SET `+set+` WHERE tenant_id = ? AND id = ? AND sends > 0 AND window_start <= ?`,
			row.TenantID, id, row.BookedAt.UTC()).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// Spent implements [mfa.TelephonyStore], with one statement.
func (s *Store) Spent(ctx context.Context, tenantID, country, prefix string, now time.Time) (mfa.Outlay, error) {
	var rows []struct {
		ID           string
		Spent        int64
		Told         int
		BlockedUntil *time.Time
	}
	// The first part names the types that SQLite's driver gives.
	err := s.db.WithContext(ctx).Raw(`SELECT id, 0 AS spent, 0 AS told, blocked_until FROM mfa_conversions
WHERE tenant_id = ? AND id IN (?, ?) AND blocked_until > ?
UNION ALL SELECT '', micros, told, NULL FROM mfa_spend WHERE tenant_id = ? AND id = ?`,
		tenantID, "country/"+country, "prefix/"+prefix, now.UTC(), tenantID, mfa.Day(now)).Scan(&rows).Error
	var v mfa.Outlay
	for _, r := range rows {
		if r.ID == "" {
			v.Spent, v.Told = r.Spent, r.Told
		} else if until := fromNull(r.BlockedUntil); until.After(v.Until) {
			v.Until = until
		}
	}
	return v, s.err("read the budget", err)
}

// Alert implements [mfa.TelephonyStore].
func (s *Store) Alert(ctx context.Context, tenantID, day string, percent int) (first bool, err error) {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return false, err
	}
	res := s.db.WithContext(ctx).Exec(`INSERT INTO mfa_spend (tenant_id, id, micros, told, at) VALUES (?, ?, 0, ?, ?)
ON CONFLICT (tenant_id, id) DO UPDATE SET told = excluded.told WHERE mfa_spend.told < excluded.told`,
		tenantID, day, percent, at)
	return res.RowsAffected == 1, s.err("note an alert", res.Error)
}

// Receive implements [mfa.TelephonyStore].
func (s *Store) Receive(ctx context.Context, r mfa.Receipt) (mfa.Sending, bool, error) {
	var row deliveryRow
	var first bool
	err := s.in(ctx, "receive", func(tx *gorm.DB) error {
		var err error
		row, err = booked(tx, r.Subject, r.ID)
		switch {
		case err != nil:
			return err
		case row.Gateway != "" && row.Gateway != r.Gateway, row.Reference != "" && r.Reference != "" && row.Reference != r.Reference:
			return mfa.ErrNotFound
		}
		if r.Priced && (!row.Priced || row.CostMicros != r.CostMicros) {
			err = price(tx, row, r.CostMicros, true)
			row.CostMicros, row.Priced = r.CostMicros, true
		}
		if err != nil || r.Status == "" || row.ReceiptAt != nil {
			return err
		}
		first, row.Status, row.Error, row.Gateway = true, r.Status, r.Class, r.Gateway
		row.Reference = max(row.Reference, r.Reference)
		at := r.At.UTC()
		row.ReceiptAt = &at
		return mine(tx, r.Subject).Model(&deliveryRow{}).Where("id = ?", r.ID).Updates(map[string]any{
			"status": row.Status, "error": row.Error, "gateway": row.Gateway, "reference": row.Reference, "receipt_at": at,
		}).Error
	})
	return row.sending(), first && err == nil, err
}
