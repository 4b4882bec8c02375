package stepup

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// keyRefetch is the shortest time between two reads of the key set, so that
	// tokens with made-up key ids cannot turn this app against its server.
	keyRefetch = 5 * time.Second
	// keySoftAge is when the key set is read again, so that a key the server has
	// withdrawn is forgotten here too.
	keySoftAge = time.Hour
	// keyHardAge is how long keys are still used while the server is away.
	keyHardAge = 24 * time.Hour
	// maxKeys is how many keys are taken from a set.
	maxKeys = 64
)

// keySet is the server's published keys, read when they are first needed. It is
// safe for use by several goroutines at once; only one of them reads at a time.
type keySet struct {
	http    *http.Client
	address string
	now     func() time.Time

	gate chan struct{} // holds one token; who takes it may read the set

	mu      sync.Mutex
	keys    []verifyKey
	readAt  time.Time // zero until the first successful read
	triedAt time.Time
}

func newKeySet(c *http.Client, address string, now func() time.Time) *keySet {
	k := &keySet{http: c, address: address, now: now, gate: make(chan struct{}, 1)}
	k.gate <- struct{}{}
	return k
}

// find returns the key kid for signatures of alg. A kid that is not known makes
// it read the set again, at most once in 5 seconds.
//
// Errors: [ErrToken] if there is no such key; [ErrUnavailable] if the set could
// not be read.
func (k *keySet) find(ctx context.Context, kid, alg string) (verifyKey, error) {
	key, ok, readAt := k.lookup(kid, alg)
	age := k.now().Sub(readAt)
	if ok && age < keySoftAge {
		return key, nil
	}
	err := k.refetch(ctx, readAt)
	if err != nil {
		if ok && age < keyHardAge {
			return key, nil
		}
		return verifyKey{}, err
	}
	key, ok, _ = k.lookup(kid, alg)
	if !ok {
		return verifyKey{}, badToken("signed with a key that the server does not publish")
	}
	return key, nil
}

// lookup finds a key in what was read last, and says when that was.
//
// A token without a key id is taken only if one key alone could have signed it.
// Source: OpenID Connect Core section 10.1.
func (k *keySet) lookup(kid, alg string) (key verifyKey, ok bool, readAt time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var fit []verifyKey
	for _, key := range k.keys {
		if slices.Contains(key.algs, alg) && (kid == "" || kid == key.kid) {
			fit = append(fit, key)
		}
	}
	if len(fit) != 1 {
		return verifyKey{}, false, k.readAt
	}
	return fit[0], true, k.readAt
}

// refetch reads the set again, unless another goroutine has done so since seen.
func (k *keySet) refetch(ctx context.Context, seen time.Time) error {
	select {
	case <-k.gate:
	case <-ctx.Done():
		return fmt.Errorf("stepup: keys: %w", ctx.Err())
	}
	defer func() { k.gate <- struct{}{} }()

	now := k.now()
	k.mu.Lock()
	done, tooSoon := !k.readAt.Equal(seen), !k.triedAt.IsZero() && now.Sub(k.triedAt) < keyRefetch
	if !done && !tooSoon {
		k.triedAt = now
	}
	never := k.readAt.IsZero()
	k.mu.Unlock()
	switch {
	case done:
		return nil
	case tooSoon && never:
		return fmt.Errorf("%w: keys: the last read failed", ErrUnavailable)
	case tooSoon:
		return badToken("signed with a key that the server did not publish a moment ago")
	}
	return k.read(ctx, now)
}

// read fetches the set. It goes on when the caller gives up: otherwise whoever
// hangs up early could keep all others from the keys.
func (k *keySet) read(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	var set struct {
		Keys []jwk `json:"keys"`
	}
	err := getJSON(ctx, k.http, "keys", k.address, &set)
	if err != nil {
		return err
	}
	var keys []verifyKey
	for _, j := range set.Keys[:min(len(set.Keys), maxKeys)] {
		key, err := j.verifyKey()
		if err != nil {
			continue // a set may hold keys for other purposes: RFC 7517 section 5
		}
		keys = append(keys, key)
	}
	k.mu.Lock()
	k.keys, k.readAt = keys, now
	k.mu.Unlock()
	return nil
}
