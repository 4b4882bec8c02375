package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// How long a key set that was fetched is kept.
const (
	keysLeast  = 5 * time.Minute  // whatever its Cache-Control says, or where there is none
	keysMost   = 60 * time.Minute // likewise
	keysFailed = 30 * time.Second // after a failure, before the next try
	keysAnew   = time.Minute      // between two fetches because a key is not known
	keysWait   = 5 * time.Second  // for one fetch
)

// ClientKeys fetches the key sets that apps publish at their jwks_uri, and keeps
// them for as long as their Cache-Control allows, 5 to 60 minutes. What cannot be
// fetched when its time is over is not there: an app that took back a key must not
// find it working.
//
// Its exported fields are set once, before its first use.
type ClientKeys struct {
	HTTP *http.Client // see [GuardedClient]
	// Loopback allows http, on this machine only. It is for a server that is itself
	// reached so, which is one for trials.
	Loopback bool
	Now      func() time.Time

	mu   sync.Mutex
	sets map[string]*publishedSet // by tenant and app
}

// publishedSet is what one app publishes.
type publishedSet struct {
	uri  string
	turn chan struct{} // holds one token; whoever takes it may fetch
	kept atomic.Pointer[keptSet]
}

// keptSet is what came of one fetch.
type keptSet struct {
	keys  []keys.Public
	err   error
	asked time.Time // when it was fetched, or was tried to
	until time.Time // how long keys, or err, are the answer
}

// Of returns the keys that app publishes. anew is for a caller who has seen them and
// misses one: they are fetched again, but not twice within a minute. Any number of
// callers at once make one fetch.
//
// Errors: those of the fetch, and of the context.
func (k *ClientKeys) Of(ctx context.Context, app *identity.Client, anew bool) ([]keys.Public, error) {
	set := k.set(app)
	kept := set.kept.Load()
	if kept.answers(k.Now(), anew) {
		return kept.keys, kept.err
	}
	select {
	case <-set.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { set.turn <- struct{}{} }()
	kept = set.kept.Load()
	if kept.answers(k.Now(), anew) {
		return kept.keys, kept.err // somebody else has fetched it meanwhile
	}
	next := k.fetch(ctx, set.uri)
	if next.err != nil {
		slog.WarnContext(ctx, "keys of an app not fetched", "tenant", app.TenantID, "client", app.ID, "err", next.err)
		if kept != nil && kept.err == nil && next.asked.Before(kept.until) {
			// What was known before is still good for its time.
			next.keys, next.err, next.until = kept.keys, nil, kept.until
		}
	}
	set.kept.Store(next)
	return next.keys, next.err
}

// set is what is kept of app, nothing yet where its address has changed.
func (k *ClientKeys) set(app *identity.Client) *publishedSet {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := app.TenantID + "\x00" + app.ID
	set := k.sets[name]
	if set == nil || set.uri != app.JWKSURI {
		set = &publishedSet{uri: app.JWKSURI, turn: make(chan struct{}, 1)}
		set.turn <- struct{}{}
		if k.sets == nil {
			k.sets = map[string]*publishedSet{}
		}
		k.sets[name] = set
	}
	return set
}

// answers reports whether s is still the answer at now.
func (s *keptSet) answers(now time.Time, anew bool) bool {
	if s == nil || !now.Before(s.until) {
		return false
	}
	return !anew || s.err != nil || now.Before(s.asked.Add(keysAnew))
}

// fetch asks for the set once. It goes on when the caller has hung up: others wait
// for it too.
func (k *ClientKeys) fetch(ctx context.Context, uri string) *keptSet {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysWait)
	defer cancel()
	s := &keptSet{asked: k.Now()}
	body, life, err := k.get(ctx, uri)
	if err == nil {
		s.keys, err = keys.ParseUsable(body)
	}
	if err != nil {
		s.err, s.until = fmt.Errorf("provider: keys of an app: %w", err), s.asked.Add(keysFailed)
		return s
	}
	s.until = s.asked.Add(life)
	return s
}

func (k *ClientKeys) get(ctx context.Context, uri string) (body []byte, life time.Duration, err error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && (!k.Loopback || u.Scheme != "http" || !web.Loopback(u.Host)) {
		return nil, 0, errors.New("jwks_uri has to be https")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := k.HTTP.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("status %d", resp.StatusCode) // a redirect too
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, keys.MaxSet+1)) // ParseUsable refuses what is longer
	if err != nil {
		return nil, 0, err
	}
	return body, cacheLife(resp.Header.Get("Cache-Control")), nil
}

// cacheLife is how long an answer with that Cache-Control is kept.
//
// Source: RFC 9111 section 5.2.2.1 (max-age).
func cacheLife(header string) time.Duration {
	for directive := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		if err == nil {
			return min(max(time.Duration(seconds)*time.Second, keysLeast), keysMost)
		}
	}
	return keysLeast
}
