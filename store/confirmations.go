package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
)

// confirmationRow is table confirmations. The details may name people and their
// accounts, so they are sealed.
type confirmationRow struct {
	consent.Confirmation
	details   string // sealed
	evidence  string // sealed
	updatedAt time.Time
}

func (r *confirmationRow) fields() []field {
	c := &r.Confirmation
	return []field{
		col("tenant_id", &c.TenantID), col("id", &c.ID), col("user_id", &c.UserID), col("client_id", &c.ClientID),
		col("interaction_id", &c.InteractionID), col("action", &c.Action), col("txn_id", &c.TxnID),
		col("details_enc", &r.details), col("details_hash", &c.DetailsHash), col("status", &c.Status),
		col("stage_index", &c.StageIndex), col("policy_version", &c.PolicyVersion), col("acr", &c.ACR), wordsCol("amr", &c.AMR),
		timeCol("created_at", &c.CreatedAt), timeCol("updated_at", &r.updatedAt), timeCol("expires_at", &c.ExpiresAt),
		timeCol("approved_at", &c.ApprovedAt), timeCol("consume_before", &c.ConsumeBefore), timeCol("consumed_at", &c.ConsumedAt),
		col("evidence_enc", &r.evidence), col("consume_key", &c.ConsumeKey), col("receipt", &c.Receipt),
	}
}

func (r *confirmationRow) place(column string) seal.AD {
	return place("confirmations", column, r.TenantID, r.UserID, r.ID)
}

var (
	insertConfirmation = insertInto("confirmations", (&confirmationRow{}).fields())
	selectConfirmation = "select " + names("", (&confirmationRow{}).fields()) + " from confirmations where tenant_id = $1 and id = $2"
	selectByTxn        = "select " + names("", (&confirmationRow{}).fields()) + ` from confirmations
		where tenant_id = $1 and client_id = $2 and action = $3 and txn_id = $4`

	selectOpen = "select " + names("", (&confirmationRow{}).fields()) + ` from confirmations
		where tenant_id = $1 and user_id = $2 and action = $3 and status in ('requested', 'challenged')`

	moveConfirmation = `update confirmations set status = $3, updated_at = $4
		where tenant_id = $1 and id = $2 and status in ('requested', 'challenged')`

	// What is approved must be what was asked for, of whom and by whom.
	approveConfirmation = `update confirmations set status = 'approved', acr = $6, amr = $7, approved_at = $8, updated_at = $8, consume_before = $9, evidence_enc = $10
		where tenant_id = $1 and id = $2 and user_id = $3 and client_id = $4 and details_hash = $5
			and status in ('requested', 'challenged') and expires_at > $8`
)

// CreateConfirmation implements [consent.Store].
//
// Errors: [consent.ErrTxnUsed], [consent.ErrOneOpen].
func (s *Store) CreateConfirmation(ctx context.Context, c consent.Confirmation) error {
	row := confirmationRow{Confirmation: c, updatedAt: c.CreatedAt}
	var err error
	row.details, err = s.hide(row.place("details_enc"), c.Details)
	if err != nil {
		return err
	}
	args, err := from(row.fields())
	if err != nil {
		return err
	}
	_, err = s.DB.SQL.ExecContext(ctx, insertConfirmation, args...)
	if errors.Is(duplicate(err), ErrExists) {
		_, err = s.ConfirmationOf(ctx, c.TenantID, c.ClientID, c.Action, c.TxnID)
		switch {
		case err == nil:
			err = consent.ErrTxnUsed
		case errors.Is(err, consent.ErrNotFound):
			err = consent.ErrOneOpen
		}
	}
	return fail("create confirmation", err)
}

// cancelConfirmations ends what a user was asked and has not answered to the end: with
// what it rests on, such as a password, it is over.
func cancelConfirmations(ctx context.Context, q querier, tenantID, userID string, now time.Time) error {
	_, err := q.ExecContext(ctx, `update confirmations set status = 'cancelled', updated_at = $3
		where tenant_id = $1 and user_id = $2 and status in ('requested', 'challenged')`, tenantID, userID, stamp(now))
	return err
}

// Confirmation implements [consent.Store].
func (s *Store) Confirmation(ctx context.Context, tenantID, id string) (consent.Confirmation, error) {
	return s.confirmation(ctx, selectConfirmation, tenantID, id)
}

// ConfirmationOf implements [consent.Store].
func (s *Store) ConfirmationOf(ctx context.Context, tenantID, clientID, action, txnID string) (consent.Confirmation, error) {
	if txnID == "" {
		return consent.Confirmation{}, fmt.Errorf("read confirmation: %w", consent.ErrNotFound)
	}
	return s.confirmation(ctx, selectByTxn, tenantID, clientID, action, txnID)
}

// OpenConfirmation implements [consent.Store].
func (s *Store) OpenConfirmation(ctx context.Context, tenantID, userID, action string) (consent.Confirmation, error) {
	return s.confirmation(ctx, selectOpen, tenantID, userID, action)
}

func (s *Store) confirmation(ctx context.Context, query string, args ...any) (consent.Confirmation, error) {
	var row confirmationRow
	err := s.DB.SQL.QueryRowContext(ctx, query, args...).Scan(into(row.fields())...)
	if err != nil {
		return consent.Confirmation{}, notFound("read confirmation", err, consent.ErrNotFound)
	}
	row.Details, err = s.reveal(row.place("details_enc"), row.details)
	if err == nil {
		row.Evidence, err = s.reveal(row.place("evidence_enc"), row.evidence)
	}
	if err != nil {
		return consent.Confirmation{}, err
	}
	return row.Confirmation, nil
}

// moves are the states that MoveConfirmation may lead to. Approved and consumed
// come from the effect they stand for, and from nothing else.
var moves = []consent.ConfirmationStatus{
	consent.ConfirmationChallenged, consent.ConfirmationDenied, consent.ConfirmationExpired,
	consent.ConfirmationFailed, consent.ConfirmationCancelled,
}

// MoveConfirmation implements [consent.Store]. One that is final already is
// [consent.ErrOver].
func (s *Store) MoveConfirmation(ctx context.Context, tenantID, id string, status consent.ConfirmationStatus, now time.Time, notices ...identity.Notice) error {
	if !slices.Contains(moves, status) {
		return fmt.Errorf("store: a confirmation cannot be moved to %q", status)
	}
	moved := int64(0)
	move := func(q querier) error {
		var err error
		moved, err = affected(ctx, q, moveConfirmation, tenantID, id, status, stamp(now))
		if err != nil || moved == 0 {
			return err
		}
		for _, n := range notices {
			err = s.queueNotice(ctx, q, n)
			if err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	if len(notices) == 0 {
		err = move(s.DB.SQL)
	} else {
		err = s.inTx(ctx, func(tx *gorm.DB) error { return move(raw(tx)) })
	}
	if err != nil || moved > 0 {
		return fail("move confirmation", err)
	}
	_, err = s.Confirmation(ctx, tenantID, id)
	if err != nil {
		return err
	}
	return consent.ErrOver
}
