package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
)

// tenantRow is table tenants.
type tenantRow struct {
	ID            string
	Slug          string
	Host          string
	Issuer        string
	Name          string
	Brand         string
	LogoURL       string
	Locale        string
	TimeZone      string
	HelpURL       string
	Privacy       string
	Texts         string
	DetailTypes   string
	SignUp        bool
	Status        identity.TenantStatus
	Preset        string
	PolicyVersion int
	PolicyEpoch   int64
	Version       int64
	CreatedAt     time.Time
	UpdatedAt     time.Time
	RemovedAt     *time.Time
}

// TableName implements gorm's Tabler.
func (tenantRow) TableName() string { return "tenants" }

func tenantRowOf(t identity.Tenant) tenantRow {
	return tenantRow{
		ID: t.ID, Slug: t.Slug, Host: t.Host, Issuer: t.Issuer,
		Name: t.Name, Brand: t.Brand, LogoURL: t.LogoURL, Locale: t.Locale, TimeZone: t.TimeZone,
		HelpURL: t.HelpURL, Privacy: t.Privacy, Texts: t.Texts, DetailTypes: t.DetailTypes, SignUp: t.SignUp, Status: t.Status, Preset: t.Preset,
		PolicyVersion: t.PolicyVersion, PolicyEpoch: t.PolicyEpoch, Version: t.Version, CreatedAt: stamp(t.CreatedAt),
	}
}

func (r tenantRow) tenant() identity.Tenant {
	return identity.Tenant{
		ID: r.ID, Slug: r.Slug, Host: r.Host, Issuer: r.Issuer,
		Name: r.Name, Brand: r.Brand, LogoURL: r.LogoURL, Locale: r.Locale, TimeZone: r.TimeZone,
		HelpURL: r.HelpURL, Privacy: r.Privacy, Texts: r.Texts, DetailTypes: r.DetailTypes, SignUp: r.SignUp, Status: r.Status, Preset: r.Preset,
		PolicyVersion: r.PolicyVersion, PolicyEpoch: r.PolicyEpoch, Version: r.Version, CreatedAt: r.CreatedAt,
	}
}

// CreateTenant inserts t at version 1, with no policy yet: until it has one
// ([Store.SavePolicy]) nothing is served for it. Empty Status, Locale and
// TimeZone become active, en and UTC; a zero CreatedAt becomes now.
//
// Errors: [ErrExists] if id, slug, host or issuer are another tenant's, or were
// one's that has been removed.
func (s *Store) CreateTenant(ctx context.Context, t identity.Tenant) error {
	row := tenantRowOf(withDefaults(t))
	if t.CreatedAt.IsZero() {
		row.CreatedAt = s.now()
	}
	row.PolicyVersion, row.Version, row.UpdatedAt = 0, 1, s.now()
	return fail("create tenant", duplicate(s.gorm(ctx).Create(&row).Error))
}

func withDefaults(t identity.Tenant) identity.Tenant {
	if t.Status == "" {
		t.Status = identity.TenantActive
	}
	if t.Locale == "" {
		t.Locale = "en"
	}
	if t.TimeZone == "" {
		t.TimeZone = "UTC"
	}
	return t
}

// Tenant returns one tenant.
//
// Errors: [identity.ErrNotFound], also for one that was removed.
func (s *Store) Tenant(ctx context.Context, tenantID string) (identity.Tenant, error) {
	return s.tenant(s.gorm(ctx), "id = ?", tenantID)
}

// TenantBySlug is [Store.Tenant] by the slug.
func (s *Store) TenantBySlug(ctx context.Context, slug string) (identity.Tenant, error) {
	return s.tenant(s.gorm(ctx), "slug = ?", slug)
}

func (s *Store) tenant(tx *gorm.DB, where string, value string) (identity.Tenant, error) {
	var row tenantRow
	err := tx.Where(where+" and removed_at is null", value).Take(&row).Error
	return row.tenant(), failOrNotFound("read tenant", err)
}

// Tenants returns all tenants but removed ones, in the order of their slugs.
func (s *Store) Tenants(ctx context.Context) ([]identity.Tenant, error) {
	var rows []tenantRow
	err := s.gorm(ctx).Where("removed_at is null").Order("slug").Find(&rows).Error
	var list []identity.Tenant
	for _, r := range rows {
		list = append(list, r.tenant())
	}
	return list, fail("list tenants", err)
}

// UpdateTenant makes the tenant with t's id be as t says, and reports whether
// anything had to be written. Policy, version and time of creation stay as they
// are.
//
// Errors: [identity.ErrNotFound]; [ErrExists] if slug, host or issuer are
// another tenant's.
func (s *Store) UpdateTenant(ctx context.Context, t identity.Tenant) (changed bool, err error) {
	t = withDefaults(t)
	err = s.inTx(ctx, func(tx *gorm.DB) error {
		before, err := s.lockedTenant(tx, t.ID)
		if err != nil {
			return err
		}
		t.PolicyVersion, t.PolicyEpoch, t.Version, t.CreatedAt = before.PolicyVersion, before.PolicyEpoch, before.Version, before.CreatedAt
		changed = t != before
		if !changed {
			return nil
		}
		row := tenantRowOf(t)
		row.Version, row.UpdatedAt = before.Version+1, s.now()
		return duplicate(tx.Model(&tenantRow{}).Where("id = ?", t.ID).Omit("id", "removed_at").Select("*").Updates(&row).Error)
	})
	return changed && err == nil, failOrNotFound("update tenant", err)
}

// RemoveTenant takes a tenant out of service for good. Its row stays, so that
// slug and issuer are never given to another one.
//
// Errors: [identity.ErrNotFound].
func (s *Store) RemoveTenant(ctx context.Context, tenantID string) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		err := s.raise(tx, tenantID)
		if err != nil {
			return err
		}
		return tx.Model(&tenantRow{}).Where("id = ?", tenantID).
			Updates(map[string]any{"removed_at": s.now(), "updated_at": s.now()}).Error
	})
	return failOrNotFound("remove tenant", err)
}

func (s *Store) lockedTenant(tx *gorm.DB, id string) (identity.Tenant, error) {
	var row tenantRow
	err := tx.Raw("select * from tenants where id = ? and removed_at is null"+s.forUpdate(), id).Take(&row).Error
	return row.tenant(), err
}

// raise moves the tenant's version on, and with it locks the tenant until the
// end of the transaction.
func (s *Store) raise(tx *gorm.DB, tenantID string) error {
	return oneRow(tx.Model(&tenantRow{}).Where("id = ? and removed_at is null", tenantID).
		Updates(map[string]any{"version": gorm.Expr("version + 1"), "updated_at": s.now()}))
}
