package gormstore

import (
	"context"
	"errors"
	"reflect"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/mfa"
)

// Judge implements [mfa.Store].
func (s *Store) Judge(ctx context.Context, who mfa.Subject, which mfa.Which, judge func(*mfa.Case)) error {
	return s.in(ctx, "judge", func(tx *gorm.DB) error {
		var key string
		err := mine(tx, who).Model(&challengeRow{}).Select("guard_key").Where("id = ?", which.ChallengeID).Take(&key).Error
		if err != nil {
			return err
		}
		was, err := s.readCase(tx, who, key, which)
		if err != nil {
			return err
		}
		k := copyOf(was)
		judge(&k)
		return s.saveCase(tx, who, was, k)
	})
}

// readCase locks guard, factor, challenge and code, always in this order. The lock
// on the guard orders all guesses at one contact or factor, in whichever
// challenge. SQLite has no row locks; there the write transaction itself does the
// ordering.
func (s *Store) readCase(tx *gorm.DB, who mfa.Subject, key string, which mfa.Which) (mfa.Case, error) {
	var k mfa.Case
	var guard guardRow
	err := mine(locked(tx), who).Where("guard_key = ?", key).Take(&guard).Error
	if err != nil {
		return k, err
	}
	k.Guard = guard.guard()
	if which.FactorID != "" {
		k.Factor, err = s.lockedFactor(tx, who, which.FactorID)
		if err != nil {
			return k, err
		}
	}
	row, err := read(locked(tx), who, which.ChallengeID)
	if err != nil {
		return k, err
	}
	k.Challenge = challengeOf(row)
	if which.Slot == "" {
		return k, nil
	}
	var code codeRow
	err = mine(locked(tx), who).Where("factor_id = ? AND slot = ?", which.FactorID, which.Slot).Take(&code).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return k, nil
	}
	c := code.code()
	k.Code = &c
	return k, err
}

func (s *Store) lockedFactor(tx *gorm.DB, who mfa.Subject, id string) (*mfa.Factor, error) {
	var row factorRow
	err := mine(locked(tx), who).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := s.openFactor(row)
	return &f, err
}

// copyOf shares no memory that a judgement writes to.
func copyOf(k mfa.Case) mfa.Case {
	if k.Factor != nil {
		f := *k.Factor
		k.Factor = &f
	}
	if k.Code != nil {
		c := *k.Code
		k.Code = &c
	}
	return k
}

// saveCase writes what a judgement has changed, and nothing where it has changed
// nothing.
func (s *Store) saveCase(tx *gorm.DB, who mfa.Subject, was, k mfa.Case) error {
	if k.Guard != was.Guard {
		err := mine(tx, who).Model(&guardRow{}).Where("guard_key = ?", was.Guard.Key).Updates(guardColumns(k.Guard)).Error
		if err != nil {
			return err
		}
	}
	err := saveChallenge(tx, who, was.Challenge, k.Challenge)
	if err != nil {
		return err
	}
	passed := k.Challenge.Status == mfa.ChallengeVerified && was.Challenge.Status != mfa.ChallengeVerified
	if k.Factor != nil {
		if passed {
			k.Factor.LastUsedAt = k.Challenge.VerifiedAt
		}
		err = s.saveJudgedFactor(tx, who, *was.Factor, *k.Factor)
		if err != nil {
			return err
		}
	}
	if k.Code == nil || k.Code.UsedAt.Equal(was.Code.UsedAt) {
		return nil
	}
	res := mine(tx, who).Model(&codeRow{}).Where("factor_id = ? AND slot = ? AND used_at IS NULL", k.Code.FactorID, k.Code.Slot).
		Updates(map[string]any{"used_at": toNull(k.Code.UsedAt)})
	return one(res, mfa.ErrSpent)
}

func saveChallenge(tx *gorm.DB, who mfa.Subject, was, c mfa.Challenge) error {
	if was.Status == c.Status && was.Attempts == c.Attempts && was.ChainAttempts == c.ChainAttempts {
		return nil
	}
	return mine(tx, who).Model(&challengeRow{}).Where("id = ?", was.ID).Updates(map[string]any{
		"status": c.Status, "attempts": c.Attempts, "chain_attempts": c.ChainAttempts,
		"verified_at": toNull(c.VerifiedAt), "answer": c.Answer,
	}).Error
}

// saveJudgedFactor keeps the step or the counter that was used up. Steps only ever
// grow, whatever was read before.
func (s *Store) saveJudgedFactor(tx *gorm.DB, who mfa.Subject, was, f mfa.Factor) error {
	if f.LastStep != was.LastStep {
		res := mine(tx, who).Model(&factorRow{}).Where("id = ? AND last_step < ?", f.ID, f.LastStep).
			Updates(map[string]any{"last_step": f.LastStep})
		err := one(res, mfa.ErrSpent)
		if err != nil {
			return err
		}
	}
	columns := map[string]any{}
	if !f.LastUsedAt.Equal(was.LastUsedAt) {
		columns["last_used_at"] = toNull(f.LastUsedAt)
	}
	if !reflect.DeepEqual(f.Credential, was.Credential) {
		row, err := s.sealFactor(f)
		if err != nil {
			return err
		}
		columns["secret_enc"] = row.SecretEnc
	}
	if len(columns) > 0 {
		err := mine(tx, who).Model(&factorRow{}).Where("id = ?", f.ID).Updates(columns).Error
		if err != nil {
			return err
		}
	}
	if f.Status == was.Status || f.Status != mfa.FactorDisabled {
		return nil
	}
	err := disableFactor(tx, who, f.ID, f.DisabledAt)
	if err != nil {
		return err
	}
	return mine(tx, who).Delete(&deviceRow{}).Error // as DisableFactor does
}
