package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/store"
)

// dataFlags find the database: that of a configuration, or that of a demo.
type dataFlags struct {
	configFlag
	Data      string     `placeholder:"DIR" help:"The --data folder of a demo, in place of a configuration."`
	Database  mfa.Secret `placeholder:"URL" help:"Database in place of the one that the configuration or --data names."`
	KeyRing   string     `placeholder:"FILE" help:"Key ring in place of the one that the configuration or --data names."`
	PublicURL string     `name:"public-url" placeholder:"URL" help:"Public URL that new tenants get their issuer from, in place of the configuration's."`
}

func (f dataFlags) config() (Config, error) {
	cfg, err := f.load()
	if err != nil {
		return Config{}, err
	}
	if f.Data != "" {
		cfg.Database.URL = mfa.Secret(filepath.Join(f.Data, "sallyport.db"))
		cfg.KeyRing = filepath.Join(f.Data, "keys.yaml")
	}
	if f.Database != "" {
		cfg.Database.URL = f.Database
	}
	if f.KeyRing != "" {
		cfg.KeyRing = f.KeyRing
	}
	if f.PublicURL != "" {
		cfg.PublicURL = f.PublicURL
	}
	return cfg, cfg.Validate()
}

type applyCommand struct {
	dataFlags
	File string `short:"f" required:"" placeholder:"FILE" help:"What to write, as YAML or JSON."`
}

// Run writes the file and prints a line for each change. A server that runs on
// the same database sees them at once.
func (c applyCommand) Run(ctx context.Context, out io.Writer) error {
	file, err := setup.Read(c.File)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	db, ring, err := openData(ctx, cfg)
	if err != nil {
		return err
	}
	changes, err := apply(ctx, cfg, db, ring, file)
	for _, line := range changes {
		_, _ = fmt.Fprintln(out, line)
	}
	if err == nil && len(changes) == 0 {
		_, err = fmt.Fprintln(out, "nothing to change")
	}
	return errors.Join(err, db.Close())
}

func apply(ctx context.Context, cfg Config, db *store.DB, ring *seal.Ring, file setup.File) ([]string, error) {
	hashes, err := identity.NewHasher(identity.DefaultCost)
	if err != nil {
		return nil, err
	}
	public, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	s := &setup.Setup{
		Rows: &store.Store{DB: db, Seal: ring, Now: time.Now}, Factors: server.NewFactors(db, ring), Ring: ring, Peppers: server.Peppers(ring), Hashes: hashes,
		PublicURL: public, Now: time.Now, Author: "sallyport apply",
	}
	return s.Apply(ctx, file)
}

type migrateCommand struct {
	Up migrateUp `cmd:"" help:"Bring the schema up to this binary. Several at once are safe."`
}

type migrateUp struct{ dataFlags }

// Run applies the migrations that are missing and prints their names.
func (c migrateUp) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, cfg.Database.URL.Reveal(), store.Options{})
	if err != nil {
		return err
	}
	applied, err := server.Migrate(ctx, db)
	for _, name := range applied {
		_, _ = fmt.Fprintln(out, "applied", name)
	}
	if err == nil && len(applied) == 0 {
		_, err = fmt.Fprintln(out, "the schema is up to date")
	}
	return errors.Join(err, db.Close())
}

type checkCommand struct{ configFlag }

// Run reads the configuration and says what is wrong with it.
func (c checkCommand) Run(out io.Writer) error {
	_, err := c.load()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "the configuration is fine")
	return err
}
