package store

import (
	"context"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/provider/model"
)

// consumeConfirmation uses an approval up. All that makes it usable is in the WHERE, so
// of many at once one does. What ends its grant ends it: a session that was closed, a
// password that was changed, a code that came twice.
//
// Source: mfa.md 4.11.8.
const consumeConfirmation = `update confirmations
	set status = 'consumed', consumed_at = $5, updated_at = $5, consume_key = $6, receipt = $7
	where tenant_id = $1 and id = $2 and client_id = $3 and details_hash = $4 and status = 'approved' and consume_before > $5
		and not exists (select 1 from grants g where g.tenant_id = confirmations.tenant_id and g.confirmation_id = confirmations.id
			and g.revoked_at is not null)`

// ConsumeConfirmation implements [model.Store]. The approval, its receipt and the audit
// log change together or not at all.
func (s *Store) ConsumeConfirmation(ctx context.Context, c model.Consumption) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		n, err := affected(ctx, q, consumeConfirmation, c.TenantID, c.ID, c.ClientID, c.DetailsHash, stamp(c.Now), c.Key, c.Receipt)
		err = exactlyOne(n, err, model.ErrConflict)
		if err != nil {
			return err
		}
		return putAudit(ctx, q, c.Audit)
	})
	return fail("consume confirmation", err)
}
