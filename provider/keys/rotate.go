package keys

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Rotation says how long a key is what.
type Rotation struct {
	Algs []string // a tenant always has an active key of each; default ES256 and RS256

	// Publish is how long a key is published before it signs: at least the
	// time for which apps may keep the key set. Default 10 minutes.
	Publish time.Duration
	// Use is how long a key signs before the next one takes over. Default 90 days.
	Use time.Duration
	// Keep is how long a retired key is published for verification: at least
	// the longest life of a session, whose ID tokens come back as hints, and of
	// a token. Default 31 days.
	Keep time.Duration
}

// The defaults of a [Rotation].
const (
	DefaultPublish = 10 * time.Minute
	DefaultUse     = 90 * 24 * time.Hour
	DefaultKeep    = 31 * 24 * time.Hour
)

func (r Rotation) withDefaults() Rotation {
	if len(r.Algs) == 0 {
		r.Algs = []string{ES256, RS256}
	}
	r.Publish = cmp.Or(r.Publish, DefaultPublish)
	r.Use = cmp.Or(r.Use, DefaultUse)
	r.Keep = cmp.Or(r.Keep, DefaultKeep)
	return r
}

// Change is one step of a rotation: key ID goes to To, or, where ID is "", a
// new key of Alg is made in state To.
type Change struct {
	ID  string
	Alg string
	To  State
}

// Due lists what has to be done to the keys of one tenant at now, in the order
// in which it has to be done: a new key becomes active before the old one
// retires, so there is always one that signs.
//
//   - An alg without a key that can sign gets one at once: nobody can hold an
//     older key set that matters.
//   - A new key is made pending in time to be published before the active one
//     has served its time.
//   - A pending key becomes active once it was published long enough; other
//     pending keys of its alg, made by a race of two replicas, are removed.
//   - Of several active keys the newest stays; the others retire.
//   - A retired key is removed when nothing that it signed can still be live.
//
// Applied again at the same time, Due is empty.
func Due(keys []Key, now time.Time, policy Rotation) []Change {
	policy = policy.withDefaults()
	var due []Change
	for _, alg := range policy.Algs {
		due = append(due, dueSigning(keys, alg, now, policy)...)
	}
	for _, k := range keys {
		if k.State == Retired && !now.Before(k.ChangedAt.Add(policy.Keep)) {
			due = append(due, Change{ID: k.ID, Alg: k.Alg, To: Removed})
		}
	}
	return due
}

// dueSigning is what Due says about the pending and active keys of one alg.
func dueSigning(keys []Key, alg string, now time.Time, policy Rotation) []Change {
	active, pending := newestFirst(keys, alg, Active), newestFirst(keys, alg, Pending)
	switch {
	case len(active) == 0 && len(pending) == 0:
		return []Change{{Alg: alg, To: Active}}
	case len(pending) == 0 && !now.Before(active[0].ChangedAt.Add(policy.Use-policy.Publish)):
		return append([]Change{{Alg: alg, To: Pending}}, move(active[1:], Retired)...)
	case len(pending) > 0 && (len(active) == 0 || !now.Before(pending[0].ChangedAt.Add(policy.Publish))):
		due := append(move(pending[:1], Active), move(active, Retired)...)
		return append(due, move(pending[1:], Removed)...)
	}
	return move(active[min(1, len(active)):], Retired)
}

// newestFirst are the keys of alg in state; the one that came into it last is
// the first.
func newestFirst(keys []Key, alg string, state State) []Key {
	var list []Key
	for _, k := range keys {
		if k.Alg == alg && k.State == state {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b Key) int {
		return cmp.Or(b.ChangedAt.Compare(a.ChangedAt), cmp.Compare(b.ID, a.ID))
	})
	return list
}

func move(keys []Key, to State) []Change {
	var changes []Change
	for _, k := range keys {
		changes = append(changes, Change{ID: k.ID, Alg: k.Alg, To: to})
	}
	return changes
}

// Rotate does what is [Due] for a tenant and returns it. When it fails half-way
// nothing is lost: the next call finds what is left to do.
func Rotate(ctx context.Context, store Store, tenantID string, policy Rotation, now time.Time) ([]Change, error) {
	keys, err := store.Keys(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("keys: rotate: %w", err)
	}
	due := Due(keys, now, policy)
	for i, change := range due {
		err = apply(ctx, store, tenantID, change, now)
		if err != nil {
			return due[:i], fmt.Errorf("keys: rotate: %w", err)
		}
	}
	return due, nil
}

func apply(ctx context.Context, store Store, tenantID string, change Change, now time.Time) error {
	if change.ID != "" {
		return store.SetState(ctx, tenantID, change.ID, change.To, now)
	}
	key, err := Generate(tenantID, change.Alg, change.To, now)
	if err != nil {
		return err
	}
	return store.AddKey(ctx, key)
}
