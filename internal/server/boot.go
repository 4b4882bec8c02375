package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/migrations"
	"github.com/sallyport-id/sallyport/store"
)

// ErrKeyRing says that the key ring that the database was written with is not there.
var ErrKeyRing = errors.New("the key ring file is missing, but the database was written with one: restore it from your backup or point key_ring at it; without its keys what is sealed in the database cannot be read")

// Keys opens the key ring at path for a database whose schema is in place. On
// the first run, and only then, it is generated, readable by its owner alone. A
// ring that lacks a key which the database was written with is refused.
func Keys(ctx context.Context, db *store.DB, path string, now func() time.Time) (*seal.Ring, error) {
	rows := &store.Store{DB: db, Now: now}
	written, err := rows.KeyFingerprints(ctx)
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if missing && len(written) > 0 {
		return nil, fmt.Errorf("%s: %w", path, ErrKeyRing)
	}
	var ring *seal.Ring
	if missing {
		ring, err = seal.Generate(path, now())
	} else {
		ring, err = seal.Load(path)
	}
	if err != nil {
		return nil, err
	}
	err = ring.Covers(written)
	if err != nil {
		return nil, err
	}
	return ring, rows.RememberKeys(ctx, ring.Fingerprints())
}

// Migrate brings the schema up to this binary and returns what was applied.
func Migrate(ctx context.Context, db *store.DB) ([]string, error) {
	return migrations.Up(ctx, db.SQL, string(db.Dialect))
}

// CheckSchema refuses a schema that is behind or ahead of this binary.
func CheckSchema(ctx context.Context, db *store.DB) error {
	return migrations.Check(ctx, db.SQL, string(db.Dialect))
}

// stopPatience is how long running requests may take when the server stops.
const stopPatience = 10 * time.Second

// Serve answers on listener until ctx ends, then lets running requests finish.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	done := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		done <- srv.Shutdown(stop)
	}()
	err := srv.Serve(listener)
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}
