package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/store"
)

type subCommand struct {
	dataFlags
	Tenant string   `required:"" placeholder:"SLUG" help:"The tenant of the accounts."`
	Names  []string `arg:"" name:"username" help:"Their addresses."`
}

// Run prints a line for each account: its username and its sub, which is how apps know
// it. It stops at the first that there is not.
func (c subCommand) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	db, ring, err := openData(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(c.print(ctx, db, ring, out), db.Close())
}

func (c subCommand) print(ctx context.Context, db *store.DB, ring *seal.Ring, out io.Writer) error {
	rows := &store.Store{DB: db, Seal: ring}
	t, err := rows.TenantBySlug(ctx, c.Tenant)
	if err != nil {
		return fmt.Errorf("tenant %s: %w", c.Tenant, err)
	}
	for _, name := range c.Names {
		u, err := rows.UserByName(ctx, t.ID, identity.Username(name))
		if err != nil {
			return fmt.Errorf("user %s: %w", name, err)
		}
		_, err = fmt.Fprintln(out, u.Username, u.ID)
		if err != nil {
			return err
		}
	}
	return nil
}
