package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"
)

// A Counter knows the statements that were sent to the database with one
// context. It is safe for use by several goroutines.
type Counter struct {
	mu         sync.Mutex
	statements []string
	begins     int
	commits    int
	rollbacks  int
}

// Statements returns the SQL of what was sent, in order, without BEGIN, COMMIT
// and ROLLBACK; with savepoints. It sees raw SQL as well as gorm's.
func (c *Counter) Statements() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.statements)
}

// Begins returns how many transactions were begun. Each BEGIN, COMMIT and
// ROLLBACK is one more trip to the database besides [Counter.Statements].
func (c *Counter) Begins() int { return c.read(&c.begins) }

// Commits returns how many transactions were committed.
func (c *Counter) Commits() int { return c.read(&c.commits) }

// Rollbacks returns how many transactions were rolled back.
func (c *Counter) Rollbacks() int { return c.read(&c.rollbacks) }

// Reset forgets everything counted so far.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements, c.begins, c.commits, c.rollbacks = nil, 0, 0, 0
}

func (c *Counter) read(n *int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *n
}

type counterKey struct{}

// Count returns a context that counts: every statement sent with it, or with a
// context made from it, is noted in the counter. It costs nothing elsewhere, and
// is meant for tests that hold an operation to its number of statements.
func Count(ctx context.Context) (context.Context, *Counter) {
	c := &Counter{}
	return context.WithValue(ctx, counterKey{}, c), c
}

// note counts one call if ctx counts and the call reached the database.
func note(ctx context.Context, err error, count func(*Counter)) {
	c, ok := ctx.Value(counterKey{}).(*Counter)
	if !ok || errors.Is(err, driver.ErrSkip) || errors.Is(err, driver.ErrBadConn) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	count(c)
}

func statement(query string) func(*Counter) {
	return func(c *Counter) { c.statements = append(c.statements, query) }
}
