package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// Poll looks for changed tenants, once every, until ctx is done. One look is one
// statement, and what changed is loaded at once.
func (c *Catalog) Poll(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := c.Refresh(ctx)
		if err != nil && ctx.Err() == nil && c.Failed != nil {
			c.Failed(err)
		}
	}
}

// Refresh is one look of [Catalog.Poll]. It loads what was loaded before and has
// changed; one tenant that cannot be loaded does not keep the others from it.
func (c *Catalog) Refresh(ctx context.Context) error {
	err := c.list(ctx, func(directory) bool { return true })
	if err != nil {
		return err
	}
	for _, e := range c.directory().byID {
		if e.picture.Load() == nil {
			continue
		}
		_, failed := c.load(ctx, e, e.version.Load())
		if failed != nil {
			err = failed
		}
	}
	return err
}

// listed is one tenant as the directory knows it.
type listed struct {
	ID      string
	Slug    string
	Host    string
	Version int64
}

// list reads the directory, if it is still wanted when it is this caller's turn.
// Entries of tenants that were there before go over into the new directory.
func (c *Catalog) list(ctx context.Context, wanted func(directory) bool) error {
	select {
	case <-c.listing:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { c.listing <- struct{}{} }()
	if !wanted(c.directory()) {
		return nil
	}
	at := c.store.Now()
	var tenants []listed
	err := c.store.gorm(ctx).Raw("select id, slug, host, version from tenants where removed_at is null").Scan(&tenants).Error
	if err != nil {
		return fail("list tenants", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.index = merge(c.index, tenants, at)
	return nil
}

func merge(old directory, tenants []listed, at time.Time) directory {
	d := directory{at: at, byID: map[string]*entry{}, bySlug: map[string]*entry{}, byHost: map[string]*entry{}}
	for _, t := range tenants {
		e := old.byID[t.ID]
		if e == nil {
			e = &entry{id: t.ID, loading: make(chan struct{}, 1)}
			e.loading <- struct{}{}
		}
		e.version.Store(t.Version)
		d.byID[t.ID], d.bySlug[t.Slug] = e, e
		if t.Host != "" {
			d.byHost[t.Host] = e
		}
	}
	return d
}

// picture reads a tenant whole, as it was at one moment.
//
// Errors: [identity.ErrNotFound] if it was removed or has no policy.
func (s *Store) picture(ctx context.Context, tenantID string) (*picture, error) {
	var p *picture
	err := Retry(ctx, s.DB.Gorm, func(tx *gorm.DB) (err error) {
		p, err = s.readPicture(tx, tenantID)
		return err
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, failOrNotFound("load tenant", err)
	}
	return p, nil
}

func (s *Store) readPicture(tx *gorm.DB, tenantID string) (*picture, error) {
	t, err := s.tenant(tx, "id = ?", tenantID)
	if err != nil {
		return nil, err
	}
	row, err := policyAt(tx, tenantID, t.PolicyVersion)
	if err != nil {
		return nil, err
	}
	rules, err := policy.Parse([]byte(row.Document))
	if err != nil {
		return nil, fmt.Errorf("%w: policy of tenant %s: %w", errRow, t.Slug, err)
	}
	apps, err := clients(tx, tenantID)
	if err != nil {
		return nil, err
	}
	list, err := s.usableKeys(tx, tenantID)
	if err != nil {
		return nil, err
	}
	kinds, err := identity.ParseDetails(t.DetailTypes)
	if err != nil {
		return nil, fmt.Errorf("%w: detail types of tenant %s: %w", errRow, t.Slug, err)
	}
	p := &picture{keys: keys.NewSet(list)}
	p.realm = identity.Realm{Tenant: t, Policy: &rules, Clients: map[string]*identity.Client{}, Details: kinds}
	for _, app := range apps {
		p.realm.Clients[app.ID] = &app
	}
	return p, nil
}
