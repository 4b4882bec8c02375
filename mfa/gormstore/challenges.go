package gormstore

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/sallyport-id/sallyport/mfa"
)

var openStatus = []mfa.ChallengeStatus{mfa.ChallengeCreated, mfa.ChallengeSent}

// CreateChallenge implements [mfa.Store].
func (s *Store) CreateChallenge(ctx context.Context, c mfa.Challenge) error {
	return s.in(ctx, "create challenge", func(tx *gorm.DB) error {
		err := ensureGuard(tx, c)
		if err != nil {
			return err
		}
		return insert(tx, c, mfa.ErrOpen)
	})
}

// ensureGuard makes the guard of c where there is none yet. Everything that needs
// a guard and a challenge takes them in this order.
func ensureGuard(tx *gorm.DB, c mfa.Challenge) error {
	guard := guardRow{TenantID: c.Subject.TenantID, UserID: c.Subject.UserID, GuardKey: c.GuardKey}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&guard).Error
}

// insert adds c. busy is the error where the owner has an open challenge already.
func insert(tx *gorm.DB, c mfa.Challenge, busy error) error {
	row := rowOf(c)
	err := tx.Create(&row).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return busy
	}
	return err
}

// Challenge implements [mfa.Store].
func (s *Store) Challenge(ctx context.Context, who mfa.Subject, id string) (mfa.Challenge, error) {
	row, err := read(s.db.WithContext(ctx), who, id)
	return challengeOf(row), s.err("read challenge", err)
}

func read(db *gorm.DB, who mfa.Subject, id string) (challengeRow, error) {
	var row challengeRow
	err := mine(db, who).Where("id = ?", id).Take(&row).Error
	return row, err
}

// OpenChallenge implements [mfa.Store].
func (s *Store) OpenChallenge(ctx context.Context, who mfa.Subject, owner string) (mfa.Challenge, error) {
	var row challengeRow
	err := mine(s.db.WithContext(ctx), who).Where("owner_id = ? AND status IN ?", owner, openStatus).Take(&row).Error
	return challengeOf(row), s.err("read open challenge", err)
}

// Accepted implements [mfa.Store].
func (s *Store) Accepted(ctx context.Context, who mfa.Subject, id string, sent mfa.Challenge) error {
	return s.leaveCreated(ctx, who, id, map[string]any{
		"status": mfa.ChallengeSent, "sent_at": toNull(sent.SentAt),
		"resend_at": toNull(sent.ResendAt), "expires_at": toNull(sent.ExpiresAt),
	})
}

// Refused implements [mfa.Store].
func (s *Store) Refused(ctx context.Context, who mfa.Subject, id string) error {
	return s.leaveCreated(ctx, who, id, map[string]any{"status": mfa.ChallengeFailed, "resend_at": nil})
}

func (s *Store) leaveCreated(ctx context.Context, who mfa.Subject, id string, columns map[string]any) error {
	db := s.db.WithContext(ctx)
	res := mine(db, who).Model(&challengeRow{}).Where("id = ? AND status = ?", id, mfa.ChallengeCreated).Updates(columns)
	if res.Error != nil || res.RowsAffected > 0 {
		return s.err("end delivery", res.Error)
	}
	_, err := read(db, who, id)
	if err != nil {
		return s.err("end delivery", err)
	}
	return mfa.ErrSuperseded
}

// Supersede implements [mfa.Store].
func (s *Store) Supersede(ctx context.Context, who mfa.Subject, id string, due time.Time, next mfa.Challenge) error {
	return s.in(ctx, "supersede challenge", func(tx *gorm.DB) error {
		err := ensureGuard(tx, next)
		if err != nil {
			return err
		}
		row, err := read(locked(tx), who, id)
		if err != nil {
			return err
		}
		err = challengeOf(row).Renewable(due, next.Method)
		if err != nil {
			return err
		}
		err = mine(tx, who).Model(&challengeRow{}).Where("id = ?", id).
			Updates(map[string]any{"status": mfa.ChallengeSuperseded}).Error
		if err != nil {
			return err
		}
		next.ChainAttempts = row.ChainAttempts
		return insert(tx, next, mfa.ErrSuperseded)
	})
}

// Use implements [mfa.Store].
func (s *Store) Use(ctx context.Context, who mfa.Subject, id, owner string) (first bool, err error) {
	db := s.db.WithContext(ctx)
	res := mine(db, who).Model(&challengeRow{}).
		Where("id = ? AND owner_id = ? AND status = ?", id, owner, mfa.ChallengeVerified).
		Updates(map[string]any{"status": mfa.ChallengeUsed})
	if res.Error != nil || res.RowsAffected > 0 {
		return res.Error == nil, s.err("use challenge", res.Error)
	}
	row, err := read(db, who, id)
	if err == nil && row.OwnerID != owner {
		err = mfa.ErrNotFound
	}
	return false, s.err("use challenge", err)
}

// CancelChain implements [mfa.Store].
func (s *Store) CancelChain(ctx context.Context, who mfa.Subject, chainID string) error {
	err := mine(s.db.WithContext(ctx), who).Model(&challengeRow{}).
		Where("chain_id = ? AND status IN ?", chainID, openStatus).
		Updates(map[string]any{"status": mfa.ChallengeCancelled}).Error
	return s.err("cancel chain", err)
}
