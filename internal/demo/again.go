package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/templates"
)

// missing are the tenants that no earlier run has written. Of the others only the
// addresses follow the present run, and everything else stays as it was left:
// password hashes, so that sessions go on, and what `sallyport apply` has changed.
func (d *Demo) missing(ctx context.Context, list []scene) ([]scene, error) {
	var missing []scene
	for _, sc := range list {
		t, whole, err := d.written(ctx, sc)
		if err == nil && whole {
			err = d.readdress(ctx, t)
		}
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		if !whole {
			missing = append(missing, sc)
		}
	}
	return missing, nil
}

// written reports whether an earlier run has written sc to the end: its last
// person is written last.
func (d *Demo) written(ctx context.Context, sc scene) (t identity.Tenant, whole bool, err error) {
	t, err = d.Server.Store.TenantBySlug(ctx, sc.house.slug)
	if err == nil {
		_, err = d.Server.Store.UserByName(ctx, t.ID, sc.people[len(sc.people)-1].Name)
	}
	if errors.Is(err, identity.ErrNotFound) {
		return t, false, nil
	}
	return t, err == nil, err
}

// nameSubs fills in how apps know the people, once they are written.
func (d *Demo) nameSubs(ctx context.Context, list []scene) error {
	for _, sc := range list {
		t, err := d.Server.Store.TenantBySlug(ctx, sc.house.slug)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		for i := range sc.people {
			u, err := d.Server.Store.UserByName(ctx, t.ID, sc.people[i].Name)
			if err != nil && !errors.Is(err, identity.ErrNotFound) { // an earlier run may have closed it
				return fmt.Errorf("demo: %w", err)
			}
			sc.people[i].Sub = u.ID
		}
	}
	return nil
}

// readdress lets t and the shop's way back follow the addresses of this run.
// Elsewhere an issuer never changes; here it is a port of this machine, which may
// be another one each time.
func (d *Demo) readdress(ctx context.Context, t identity.Tenant) error {
	t.Issuer = d.URL + t.Path()
	for about, address := range map[string]*string{templates.PaperHelp: &t.HelpURL, templates.PaperPrivacy: &t.Privacy} {
		if *address == "" || strings.HasSuffix(*address, paperPath(t.Slug, about)) { // one of an operator's own stays
			*address = d.URL + paperPath(t.Slug, about)
		}
	}
	_, err := d.Server.Store.UpdateTenant(ctx, t)
	if err != nil {
		return err
	}
	shop, err := d.Server.Store.Client(ctx, t.ID, shopClient)
	if errors.Is(err, identity.ErrNotFound) || err == nil && slices.Contains(shop.RedirectURIs, d.ShopURL+callbackPath) {
		return nil
	}
	if err != nil {
		return err
	}
	shop.RedirectURIs = append(shop.RedirectURIs, d.ShopURL+callbackPath)
	_, err = d.Server.Store.PutClient(ctx, shop)
	return err
}
