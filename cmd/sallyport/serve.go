package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/store"
)

// configFlag is how commands find their configuration.
type configFlag struct {
	Config string `placeholder:"FILE" env:"SALLYPORT_CONFIG" help:"Configuration file; see config.example.yaml. The environment (SALLYPORT_...) wins over it."`
}

func (f configFlag) load() (Config, error) { return loadConfig(f.Config, os.Environ()) }

type serveCommand struct{ configFlag }

// Run serves until it is told to stop. It does not touch the schema: one that is
// behind or ahead of this binary is refused.
func (c serveCommand) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	setLog(cfg.Log, os.Stderr)
	db, ring, err := openData(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // the process ends
	sender, err := newSender(cfg, ring, out)
	if err != nil {
		return err
	}
	hashes, err := identity.NewHasher(identity.DefaultCost)
	if err != nil {
		return err
	}
	public, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return err
	}
	srv, err := server.New(server.Options{
		DB: db, Ring: ring, Hashes: hashes, PublicURL: public, Sender: sender, Now: server.Steady(time.Now), TrustedProxies: cfg.TrustedProxies,
	})
	if err != nil {
		return err
	}
	return listenAll(ctx, cfg, srv)
}

// openData opens the database, whose schema must be that of this binary, and the
// key ring.
func openData(ctx context.Context, cfg Config) (*store.DB, *seal.Ring, error) {
	db, err := store.Open(ctx, cfg.Database.URL.Reveal(), store.Options{MaxOpen: cfg.Database.MaxOpen})
	if err != nil {
		return nil, nil, err
	}
	err = server.CheckSchema(ctx, db)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	ring, err := server.Keys(ctx, db, cfg.KeyRing, time.Now)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, ring, nil
}

// listenAll runs the server, its jobs and the metrics until the first of them
// ends.
func listenAll(ctx context.Context, cfg Config, srv *server.Server) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var lc net.ListenConfig
	main, err := lc.Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	parts := []func() error{
		func() error { return server.Serve(ctx, main, srv.Handler) },
		func() error { srv.Run(ctx); return nil },
	}
	if cfg.MetricsListen != "" {
		metrics, err := lc.Listen(ctx, "tcp", cfg.MetricsListen)
		if err != nil {
			return errors.Join(fmt.Errorf("metrics_listen: %w", err), main.Close())
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.Handler())
		parts = append(parts, func() error { return server.Serve(ctx, metrics, mux) })
	}
	slog.InfoContext(ctx, "serving", "listen", cfg.Listen, "public_url", cfg.PublicURL)
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() { ended <- part() }()
	}
	err = <-ended
	stop()
	for range len(parts) - 1 {
		err = errors.Join(err, <-ended)
	}
	return err
}

func setLog(cfg Log, out io.Writer) {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // checked by Validate
	opts := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(out, opts)
	if cfg.Format == "text" {
		handler = slog.NewTextHandler(out, opts)
	}
	slog.SetDefault(slog.New(handler))
}
