package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport-id/sallyport/provider/keys"
)

// Run does what runs on a timer until ctx ends: it looks for changes that other
// processes made, sends notices, moves signing keys on and deletes what has
// expired. Every replica runs all of it; each job is safe to run many times.
func (s *Server) Run(ctx context.Context) {
	var all sync.WaitGroup
	every := func(d time.Duration, name string, job func(context.Context) error) {
		all.Go(func() { repeat(ctx, d, name, job) })
	}
	all.Go(func() { s.Realms.Poll(ctx, time.Second) })
	every(time.Second, "notices", s.notices.deliver)
	every(time.Minute, "sweep", s.sweep)
	every(time.Minute, "keys", s.rotateKeys)
	all.Wait()
}

// repeat runs job now and after every d, until ctx ends.
func repeat(ctx context.Context, d time.Duration, name string, job func(context.Context) error) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		err := job(ctx)
		if err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "job failed", "job", name, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Deliver sends the notices that are due now.
func (s *Server) Deliver(ctx context.Context) error { return s.notices.deliver(ctx) }

const sweepBatch = 1000

func (s *Server) sweep(ctx context.Context) error {
	_, err := s.buckets.Sweep(ctx, s.now(), sweepBatch)
	if err != nil {
		return err
	}
	_, err = s.Factors.Sweep(ctx, s.now(), sweepBatch)
	if err != nil {
		return err
	}
	_, err = s.Store.Sweep(ctx, s.now())
	return err
}

func (s *Server) rotateKeys(ctx context.Context) error {
	tenants, err := s.Store.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		_, err = keys.Rotate(ctx, s.Store, t.ID, keys.Rotation{}, s.now())
		if err != nil {
			return err
		}
	}
	return nil
}
