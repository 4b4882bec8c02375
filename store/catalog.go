package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

var (
	_ identity.Realms = (*Catalog)(nil)
	_ keys.Source     = (*Catalog)(nil)
)

// A Catalog keeps tenants in memory, each as one picture that never changes:
// tenant, policy in force, apps and opened signing keys at one version. A tenant
// is loaded when it is first asked for. A newer picture takes its place as soon
// as somebody asks for a newer version, or [Catalog.Poll] sees one.
//
// A suspended tenant is served, with its status. A removed one, and one that has
// no policy yet, is not found. A name that nobody has costs at most one
// statement every two seconds, however many are asked for.
type Catalog struct {
	// Failed is told of what goes wrong in the background; nil for nobody. What
	// is in memory is served meanwhile.
	Failed func(error)

	store   *Store
	listing chan struct{} // holds one token; whoever takes it may list
	mu      sync.RWMutex
	index   directory
}

// directory says which tenants there are. It is replaced as a whole.
type directory struct {
	at     time.Time // when it was read; zero: never
	byID   map[string]*entry
	bySlug map[string]*entry
	byHost map[string]*entry
}

// entry is one tenant that exists.
type entry struct {
	id      string
	loading chan struct{} // holds one token; whoever takes it may load
	picture atomic.Pointer[picture]
	version atomic.Int64 // in the database, as last seen
}

// picture is everything about a tenant at one version.
type picture struct {
	realm identity.Realm
	keys  *keys.Set
}

// listEvery is how old the directory may be when it says that a name is unknown.
const listEvery = 2 * time.Second

// NewCatalog returns a catalog that is still empty.
func NewCatalog(s *Store) *Catalog {
	c := &Catalog{store: s, listing: make(chan struct{}, 1)}
	c.listing <- struct{}{}
	return c
}

// BySlug implements [identity.Realms].
func (c *Catalog) BySlug(ctx context.Context, slug string) (*identity.Realm, error) {
	return c.find(ctx,
		func(d directory) *entry { return d.bySlug[slug] },
		func(t identity.Tenant) bool { return t.Slug == slug })
}

// ByHost implements [identity.Realms].
func (c *Catalog) ByHost(ctx context.Context, host string) (*identity.Realm, error) {
	return c.find(ctx,
		func(d directory) *entry { return d.byHost[host] },
		func(t identity.Tenant) bool { return t.Host == host && host != "" })
}

// AtLeast implements [identity.Realms].
func (c *Catalog) AtLeast(ctx context.Context, tenantID string, version int64) (*identity.Realm, error) {
	p, err := c.at(ctx, tenantID, version)
	if err != nil {
		return nil, err
	}
	return &p.realm, nil
}

// Keys implements [keys.Source].
func (c *Catalog) Keys(ctx context.Context, tenantID string, version int64) (*keys.Set, error) {
	p, err := c.at(ctx, tenantID, version)
	if err != nil {
		return nil, err
	}
	return p.keys, nil
}

func (c *Catalog) find(ctx context.Context, get func(directory) *entry, is func(identity.Tenant) bool) (*identity.Realm, error) {
	e, err := c.entry(ctx, get)
	if err != nil {
		return nil, err
	}
	p, err := c.load(ctx, e, 0)
	if err != nil {
		return nil, err
	}
	if !is(p.realm.Tenant) {
		return nil, identity.ErrNotFound // it has got another name meanwhile
	}
	return &p.realm, nil
}

func (c *Catalog) at(ctx context.Context, tenantID string, version int64) (*picture, error) {
	e, err := c.entry(ctx, func(d directory) *entry { return d.byID[tenantID] })
	if err != nil {
		return nil, err
	}
	return c.load(ctx, e, version)
}

// entry looks into the directory, and reads it anew if it does not know and was
// not read just now.
func (c *Catalog) entry(ctx context.Context, get func(directory) *entry) (*entry, error) {
	d := c.directory()
	e := get(d)
	if e == nil && c.stale(d) {
		err := c.list(ctx, c.stale)
		if err != nil {
			return nil, err
		}
		e = get(c.directory())
	}
	if e == nil {
		return nil, identity.ErrNotFound
	}
	return e, nil
}

// stale reports whether d may not know a tenant that exists.
func (c *Catalog) stale(d directory) bool {
	age := c.store.Now().Sub(d.at)
	return d.at.IsZero() || age < 0 || age >= listEvery
}

func (c *Catalog) directory() directory {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.index
}

// load returns the picture of e at version or later. However many ask at once,
// one of them reads the database and the others wait for it.
func (c *Catalog) load(ctx context.Context, e *entry, version int64) (*picture, error) {
	p := e.picture.Load()
	if p != nil && p.realm.Tenant.Version >= version {
		return p, nil
	}
	select {
	case <-e.loading:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { e.loading <- struct{}{} }()
	p = e.picture.Load()
	if p != nil && p.realm.Tenant.Version >= version {
		return p, nil
	}
	p, err := c.store.picture(ctx, e.id)
	if errors.Is(err, identity.ErrNotFound) {
		c.forget(e)
	}
	if err != nil {
		return nil, err
	}
	if p.realm.Tenant.Version < version {
		return nil, fmt.Errorf("store: tenant %s is at version %d, and %d was seen before", e.id, p.realm.Tenant.Version, version)
	}
	e.picture.Store(p)
	return p, nil
}

// forget takes a tenant out of the directory.
func (c *Catalog) forget(gone *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := directory{at: c.index.at, byID: map[string]*entry{}, bySlug: map[string]*entry{}, byHost: map[string]*entry{}}
	for to, from := range map[*map[string]*entry]map[string]*entry{
		&next.byID: c.index.byID, &next.bySlug: c.index.bySlug, &next.byHost: c.index.byHost,
	} {
		for name, e := range from {
			if e != gone {
				(*to)[name] = e
			}
		}
	}
	c.index = next
}
