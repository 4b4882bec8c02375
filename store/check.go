package store

import (
	"context"
	"time"

	"github.com/sallyport-id/sallyport/ratelimit"
)

// Check tells whether Spend would refuse charges, and counts nothing.
//
// Errors: [*ratelimit.WaitError], [*UnavailableError].
func (b Buckets) Check(ctx context.Context, now time.Time, charges ...ratelimit.Charge) error {
	if len(charges) == 0 {
		return nil
	}
	keys := make([]string, len(charges))
	for i, c := range charges {
		keys[i] = c.Key
	}
	var rows []struct {
		K   string
		Tat int64
	}
	err := b.DB.WithContext(ctx).Raw(`SELECT k, tat FROM buckets WHERE k IN ?`, keys).Scan(&rows).Error
	if err != nil {
		return Fail("check limits", err)
	}
	var refused *ratelimit.WaitError
	for _, c := range charges {
		for _, r := range rows {
			if r.K != c.Key {
				continue
			}
			_, wait := c.Limit.Spend(time.UnixMicro(r.Tat), now)
			if wait > 0 {
				refused = ratelimit.Longer(refused, c, wait)
			}
		}
	}
	if refused != nil {
		return refused
	}
	return nil
}
