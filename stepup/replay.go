package stepup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ReplayStore remembers which DPoP proofs were used, so that each passes once.
//
// All replicas of an API have to share one store: with a store for each, a proof that
// was copied passes once at every replica until it is too old. A database does with
// one INSERT of a unique key, Redis with SET NX PXAT.
//
// Source: RFC 9449 section 11.1.
type ReplayStore interface {
	// FirstUse records key, of 43 characters of base64url, and reports whether it was
	// not there before. Of any number of calls at once with the same key, exactly one is
	// told true. The key may be forgotten after until, which is at most
	// three minutes away. After an error the request is refused with 503.
	FirstUse(ctx context.Context, key string, until time.Time) (first bool, err error)
}

const (
	// defaultReplays is for some 3,000 proofs a second, in 40 MB at most.
	defaultReplays = 1 << 18
	sweepEvery     = time.Second
)

var errReplaysFull = errors.New("stepup: more proofs were used than can be remembered")

// MemoryReplays is a [ReplayStore] in memory, for an API that is one process. When it
// is full it refuses new proofs until others are too old: forgetting one early would
// let it pass twice. Only who has a bound token and its key can fill it. It is safe for
// use by several goroutines at once.
type MemoryReplays struct {
	most int
	now  func() time.Time

	mu      sync.Mutex
	until   map[string]time.Time
	sweptAt time.Time
}

// NewMemoryReplays returns an empty store for at most most proofs at a time, 0 for
// 262,144. now tells the time; nil means time.Now.
func NewMemoryReplays(most int, now func() time.Time) *MemoryReplays {
	if most <= 0 {
		most = defaultReplays
	}
	if now == nil {
		now = time.Now
	}
	return &MemoryReplays{most: most, now: now, until: map[string]time.Time{}}
}

// FirstUse implements [ReplayStore].
func (m *MemoryReplays) FirstUse(_ context.Context, key string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	_, used := m.until[key]
	switch {
	case used:
		return false, nil
	case len(m.until) >= m.most:
		return false, fmt.Errorf("%w: %d", errReplaysFull, m.most)
	}
	m.until[key] = until
	return true, nil
}

// sweep forgets what is too old to pass anyway, at most once a second.
func (m *MemoryReplays) sweep() {
	now := m.now()
	since := now.Sub(m.sweptAt)
	if since >= 0 && since < sweepEvery {
		return
	}
	m.sweptAt = now
	for key, until := range m.until {
		if now.After(until) {
			delete(m.until, key)
		}
	}
}
