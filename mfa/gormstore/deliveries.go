package gormstore

import (
	"context"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// deliveryRow is table mfa_deliveries. It never leaves this package.
type deliveryRow struct {
	TenantID    string `gorm:"primaryKey"`
	UserID      string
	ID          string `gorm:"primaryKey"`
	ChallengeID string
	Channel     string
	Gateway     string
	Reference   string
	Status      string
	Error       string
	At          time.Time
	Country     string
	PrefixKey   string
	CostMicros  int64
	Priced      bool
	BookedAt    *time.Time
	ReceiptAt   *time.Time
	VerifiedAt  *time.Time
}

func (deliveryRow) TableName() string { return "mfa_deliveries" }

func (r deliveryRow) sending() mfa.Sending {
	return mfa.Sending{
		Delivery: mfa.Delivery{
			ID: r.ID, Subject: mfa.Subject{TenantID: r.TenantID, UserID: r.UserID}, ChallengeID: r.ChallengeID,
			Channel: mfa.Method(r.Channel), Gateway: r.Gateway, Reference: r.Reference, Status: r.Status, Error: r.Error,
			At: r.At.UTC(),
		},
		Country: r.Country, CostMicros: r.CostMicros, ReceiptAt: fromNull(r.ReceiptAt),
	}
}

// RecordDelivery implements [mfa.Store]. A row that was booked is filled in; if a
// receipt of the same gateway was faster, what it told stays.
func (s *Store) RecordDelivery(ctx context.Context, d mfa.Delivery) error {
	res := s.db.WithContext(ctx).Exec(`INSERT INTO mfa_deliveries
	(tenant_id, user_id, id, challenge_id, channel, gateway, reference, status, error, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, id) DO UPDATE SET
	channel = excluded.channel, reference = excluded.reference, at = excluded.at, gateway = excluded.gateway,
	status = CASE WHEN `+fromReceipt+` THEN mfa_deliveries.status ELSE excluded.status END,
	error = CASE WHEN `+fromReceipt+` THEN mfa_deliveries.error ELSE excluded.error END,
	receipt_at = CASE WHEN `+fromReceipt+` THEN mfa_deliveries.receipt_at END
WHERE mfa_deliveries.user_id = excluded.user_id AND mfa_deliveries.challenge_id = excluded.challenge_id
	AND mfa_deliveries.booked_at IS NOT NULL`,
		d.Subject.TenantID, d.Subject.UserID, d.ID, d.ChallengeID, string(d.Channel), d.Gateway, d.Reference, d.Status, d.Error,
		d.At.UTC())
	return s.err("record delivery", one(res, mfa.ErrImmutable))
}

// fromReceipt reports whether a receipt of the gateway that took the message has
// settled the row already.
const fromReceipt = `mfa_deliveries.receipt_at IS NOT NULL AND mfa_deliveries.gateway = excluded.gateway
		AND mfa_deliveries.reference IN ('', excluded.reference)`

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
func (s *Store) Sendings(ctx context.Context, who mfa.Subject) ([]mfa.Sending, error) {
	var rows []deliveryRow
	err := mine(s.db.WithContext(ctx), who).Order("at, id").Find(&rows).Error
	if err != nil {
		return nil, s.err("read deliveries", err)
	}
	var log []mfa.Sending
	for _, r := range rows {
		log = append(log, r.sending())
	}
	return log, nil
}

// SMSIncapable marks the number that the code of challenge went to as one that
// takes no text messages, where its line could be a fixed one. Other numbers stay
// as they are, which is no error.
func (s *Store) SMSIncapable(ctx context.Context, who mfa.Subject, challenge string) error {
	err := s.db.WithContext(ctx).Exec(`UPDATE mfa_contacts SET sms_incapable = true
WHERE tenant_id = ? AND user_id = ? AND kind = 'phone' AND line_type = 'ambiguous'
	AND id = (SELECT contact_id FROM mfa_challenges WHERE tenant_id = ? AND user_id = ? AND id = ?)`,
		who.TenantID, who.UserID, who.TenantID, who.UserID, challenge).Error
	return s.err("mark contact", err)
}
