package ratelimit

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// sweepAfter is how many new keys Memory takes before it drops those that are
// whole again.
const sweepAfter = 1024

// Memory is a [Limiter] for one process. Its zero value is ready to use.
type Memory struct {
	mu   sync.Mutex
	full map[string]time.Time
	born int // keys added since the last sweep
}

// Spend implements [Limiter].
//
// Errors: [*WaitError]; [ErrCharge] for charges that cannot be judged.
func (m *Memory) Spend(ctx context.Context, now time.Time, charges ...Charge) error {
	return m.judge(ctx, now, charges, true)
}

// Peek implements [Limiter].
//
// Errors: those of Spend.
func (m *Memory) Peek(ctx context.Context, now time.Time, charges ...Charge) error {
	return m.judge(ctx, now, charges, false)
}

func (m *Memory) judge(ctx context.Context, now time.Time, charges []Charge, take bool) error {
	err := Check(charges)
	if err != nil {
		return err
	}
	err = ctx.Err()
	if err != nil {
		return fmt.Errorf("ratelimit: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()

	next := make([]time.Time, len(charges))
	var refused *WaitError
	for i, c := range charges {
		full, wait := c.Limit.Spend(m.full[c.Key], now)
		next[i] = full
		refused = Longer(refused, c, wait)
	}
	if refused != nil {
		return refused
	}
	if take {
		m.keep(charges, next, now)
	}
	return nil
}

func (m *Memory) keep(charges []Charge, next []time.Time, now time.Time) {
	if m.full == nil {
		m.full = map[string]time.Time{}
	}
	for i, c := range charges {
		if _, known := m.full[c.Key]; !known {
			m.born++
		}
		m.full[c.Key] = next[i]
	}
	if m.born < sweepAfter {
		return
	}
	m.born = 0
	for k, full := range m.full {
		if full.Before(now) {
			delete(m.full, k) // a key that is whole says no more than one never seen
		}
	}
}
