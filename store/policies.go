package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// policyRow is table tenant_policies, to which triggers allow nothing but INSERT.
type policyRow struct {
	TenantID  string
	Version   int
	Document  string
	Hash      string
	Author    string
	Reason    string
	Warnings  string
	CreatedAt time.Time
}

// TableName implements gorm's Tabler.
func (policyRow) TableName() string { return "tenant_policies" }

// A PolicyVersion is one version of a tenant's policy, as it was saved.
type PolicyVersion struct {
	Version   int
	Document  json.RawMessage
	Hash      string // of the effective document; see policy.Policy.Hash
	Author    string
	Reason    string
	Warnings  []string
	CreatedAt time.Time
}

// SavePolicy makes doc the policy in force, as a new version, and returns its
// number; 1 is the first. raiseEpoch voids the tenant's trusted devices.
//
// Errors: [*policy.Invalid]; [identity.ErrNotFound].
func (s *Store) SavePolicy(ctx context.Context, tenantID string, doc []byte, author, reason string, warnings []string, raiseEpoch bool) (version int, err error) {
	p, err := policy.Parse(doc)
	if err != nil {
		return 0, err
	}
	notes, err := json.Marshal(append([]string{}, warnings...))
	if err != nil {
		return 0, fmt.Errorf("%w: save policy: %w", errRow, err)
	}
	row := policyRow{
		TenantID: tenantID, Document: string(doc), Hash: p.Hash(),
		Author: author, Reason: reason, Warnings: string(notes), CreatedAt: s.now(),
	}
	err = s.inTx(ctx, func(tx *gorm.DB) error {
		t, err := s.lockedTenant(tx, tenantID)
		if err != nil {
			return err
		}
		row.Version = t.PolicyVersion + 1
		if raiseEpoch {
			t.PolicyEpoch++
		}
		err = tx.Create(&row).Error
		if err != nil {
			return err
		}
		return tx.Model(&tenantRow{}).Where("id = ?", tenantID).Updates(map[string]any{
			"policy_version": row.Version, "policy_epoch": t.PolicyEpoch, "version": t.Version + 1, "updated_at": row.CreatedAt,
		}).Error
	})
	return row.Version, failOrNotFound("save policy", err)
}

// Policy returns one version of a tenant's policy; 0 is the one in force.
//
// Errors: [identity.ErrNotFound].
func (s *Store) Policy(ctx context.Context, tenantID string, version int) (PolicyVersion, error) {
	row, err := policyAt(s.gorm(ctx), tenantID, version)
	if err != nil {
		return PolicyVersion{}, failOrNotFound("read policy", err)
	}
	got := PolicyVersion{
		Version: row.Version, Document: json.RawMessage(row.Document), Hash: row.Hash,
		Author: row.Author, Reason: row.Reason, CreatedAt: row.CreatedAt,
	}
	err = json.Unmarshal([]byte(row.Warnings), &got.Warnings)
	return got, fail("read policy", err)
}

func policyAt(tx *gorm.DB, tenantID string, version int) (row policyRow, err error) {
	if version == 0 {
		err = tx.Where("tenant_id = ? and version = (select policy_version from tenants where id = ?)", tenantID, tenantID).Take(&row).Error
		return row, err
	}
	err = tx.Where("tenant_id = ? and version = ?", tenantID, version).Take(&row).Error
	return row, err
}
