package store

import (
	"context"
	"time"

	"gorm.io/gorm/clause"
)

// keyringRow is table keyring. It holds fingerprints, from which no key follows.
type keyringRow struct {
	Name        string
	Fingerprint string
	CreatedAt   time.Time
}

// TableName implements gorm's Tabler.
func (keyringRow) TableName() string { return "keyring" }

// RememberKeys notes with which keys of the key ring this database is written
// ([seal.Ring.Fingerprints]). What was noted before under a name stands. Check
// [Store.KeyFingerprints] first: a wrong key must not be noted beside the right
// one.
func (s *Store) RememberKeys(ctx context.Context, fingerprints map[string]string) error {
	var rows []keyringRow
	for name, print := range fingerprints {
		rows = append(rows, keyringRow{name, print, s.now()})
	}
	if len(rows) == 0 {
		return nil
	}
	return fail("remember keys", s.gorm(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error)
}

// KeyFingerprints returns what [Store.RememberKeys] noted, for
// [seal.Ring.Covers] to judge before anything is read or written.
func (s *Store) KeyFingerprints(ctx context.Context) (map[string]string, error) {
	var rows []keyringRow
	err := s.gorm(ctx).Find(&rows).Error
	if err != nil {
		return nil, fail("read key fingerprints", err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[r.Name] = r.Fingerprint
	}
	return got, nil
}
