package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// publisher is an app's own server, which publishes keys.
type publisher struct {
	*httptest.Server
	asked   atomic.Int32
	mu      sync.Mutex
	body    string
	status  int
	caching string
	slow    chan struct{} // answers when it is closed; nil: at once
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{status: http.StatusOK}
	p.publish(appKeysOnce()["ec"].jwk(nil))
	p.Server = httptest.NewTLSServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) publish(list ...map[string]any) {
	p.set(func() { p.body = string(jwksOf(list...)) })
}

func (p *publisher) set(edit func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	edit()
}

// ServeHTTP implements [http.Handler].
func (p *publisher) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.asked.Add(1)
	p.mu.Lock()
	body, status, caching, slow := p.body, p.status, p.caching, p.slow
	p.mu.Unlock()
	if slow != nil {
		<-slow
	}
	if caching != "" {
		w.Header().Set("Cache-Control", caching)
	}
	if status >= 300 && status < 400 {
		w.Header().Set("Location", p.URL+"/elsewhere")
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}

// published lets the app that signs publish its keys.
func published(t *testing.T) (*tokenServer, *publisher) {
	t.Helper()
	s, p := newTokenServer(t), newPublisher(t)
	s.provider.ClientKeys = &ClientKeys{HTTP: p.Client(), Now: s.clock}
	s.signer(func(c *identity.Client) { c.JWKS, c.JWKSURI = nil, p.URL+"/jwks.json" })
	return s, p
}

// signsWith reports whether the app gets in with that key.
func (s *tokenServer) signsWith(key string) bool {
	return s.post(signed(ccForm(), s.assertion(key, "ES256", nil))).Status == http.StatusOK
}

func TestPublishedKeys(t *testing.T) {
	t.Run("are fetched once and kept for five minutes", func(t *testing.T) {
		s, p := published(t)
		for range 3 {
			require.True(t, s.signsWith("ec"))
		}
		require.EqualValues(t, 1, p.asked.Load())
		s.advance(keysLeast - time.Second)
		require.True(t, s.signsWith("ec"))
		require.EqualValues(t, 1, p.asked.Load())
		s.advance(time.Second)
		require.True(t, s.signsWith("ec"))
		require.EqualValues(t, 2, p.asked.Load())
	})

	t.Run("a new key works as soon as it is used, once a minute", func(t *testing.T) {
		s, p := published(t)
		k := appKeysOnce()
		require.True(t, s.signsWith("ec"))
		p.publish(k["ec"].jwk(nil), k["next"].jwk(nil))
		s.advance(59 * time.Second)
		require.False(t, s.signsWith("next"), "asked a minute ago at most")
		require.EqualValues(t, 1, p.asked.Load())
		s.advance(time.Second)
		require.True(t, s.signsWith("next"))
		require.True(t, s.signsWith("ec"))
		require.EqualValues(t, 2, p.asked.Load())

		for range 5 { // a stranger who makes up names of keys
			w := s.post(signed(ccForm(), s.assertion("ec", "ES256", func(h map[string]any, _ jwt.MapClaims) { h["kid"] = "made-up" })))
			require.Equal(t, "invalid_client", w.Error)
		}
		require.EqualValues(t, 2, p.asked.Load())
	})

	t.Run("a key that is published without a name is found when another does not fit", func(t *testing.T) {
		s, p := published(t)
		require.True(t, s.signsWith("ec"))
		p.publish(appKeysOnce()["next"].jwk(map[string]any{"kid": ""}))
		s.advance(keysAnew)
		require.True(t, s.signsWith("next"))
	})

	t.Run("a key that was taken back ends with the life of the answer", func(t *testing.T) {
		s, p := published(t)
		p.set(func() { p.caching = "public, max-age=7200" })
		require.True(t, s.signsWith("ec"))
		p.publish(appKeysOnce()["next"].jwk(nil))
		s.advance(keysMost - time.Second)
		require.True(t, s.signsWith("ec"))
		s.advance(time.Second)
		require.False(t, s.signsWith("ec"))
		require.True(t, s.signsWith("next"))
	})

	t.Run("what cannot be fetched is not asked for again for 30 s", func(t *testing.T) {
		s, p := published(t)
		p.set(func() { p.status = http.StatusInternalServerError })
		require.False(t, s.signsWith("ec"))
		require.False(t, s.signsWith("ec"))
		require.EqualValues(t, 1, p.asked.Load())
		p.set(func() { p.status = http.StatusOK })
		s.advance(keysFailed - time.Second)
		require.False(t, s.signsWith("ec"))
		s.advance(time.Second)
		require.True(t, s.signsWith("ec"))
		require.EqualValues(t, 2, p.asked.Load())
	})

	t.Run("a failure leaves what is known for its time, and no longer", func(t *testing.T) {
		s, p := published(t)
		require.True(t, s.signsWith("ec"))
		p.set(func() { p.status = http.StatusServiceUnavailable })
		s.advance(keysAnew)
		require.False(t, s.signsWith("next"))
		require.EqualValues(t, 2, p.asked.Load())
		require.True(t, s.signsWith("ec"), "known, and still good")
		s.advance(keysLeast - keysAnew)
		require.False(t, s.signsWith("ec"), "nobody knows whether it was taken back")
	})

	t.Run("another address is another set", func(t *testing.T) {
		s, p := published(t)
		require.True(t, s.signsWith("ec"))
		p.publish(appKeysOnce()["next"].jwk(nil))
		s.signer(func(c *identity.Client) { c.JWKS, c.JWKSURI = nil, p.URL+"/new.json" })
		require.False(t, s.signsWith("ec"))
		require.True(t, s.signsWith("next"))
	})

	t.Run("nothing is fetched for an assertion that is not good otherwise", func(t *testing.T) {
		s, p := published(t)
		a := s.post(signed(ccForm(), s.assertion("ec", "ES256", func(_ map[string]any, c jwt.MapClaims) { c["aud"] = "https://evil.example" })))
		require.Equal(t, "invalid_client", a.Error)
		require.Zero(t, p.asked.Load())
	})
}

func TestPublishedKeysThatAreNotTaken(t *testing.T) {
	k := appKeysOnce()
	many := make([]map[string]any, 21)
	for i := range many {
		many[i] = k["ec"].jwk(map[string]any{"kid": fmt.Sprint("k", i)})
	}
	private, err := json.Marshal(map[string]any{"keys": []any{k["ec"].jwk(map[string]any{"d": "AAAA"})}})
	require.NoError(t, err)
	for name, edit := range map[string]func(*publisher){
		"a redirect":            func(p *publisher) { p.status = http.StatusFound },
		"an empty answer":       func(p *publisher) { p.status, p.body = http.StatusNoContent, "" },
		"a page":                func(p *publisher) { p.body = "<html>" },
		"more than 64 KiB":      func(p *publisher) { p.body += strings.Repeat(" ", keys.MaxSet) },
		"more than 20 keys":     func(p *publisher) { p.body = string(jwksOf(many...)) },
		"a private key":         func(p *publisher) { p.body = string(private) },
		"keys for encryption":   func(p *publisher) { p.body = string(jwksOf(k["ec"].jwk(map[string]any{"use": "enc"}))) },
		"no keys":               func(p *publisher) { p.body = `{"keys":[]}` },
		"an error with the set": func(p *publisher) { p.status = http.StatusNotFound },
	} {
		t.Run(name, func(t *testing.T) {
			s, p := published(t)
			p.set(func() { edit(p) })
			require.False(t, s.signsWith("ec"))
		})
	}
	t.Run("a set with keys for others too is taken", func(t *testing.T) {
		s, p := published(t)
		p.publish(map[string]any{"kty": "EC", "crv": "P-384", "kid": "x"}, k["rsa"].jwk(map[string]any{"use": "enc"}), k["ec"].jwk(nil))
		require.True(t, s.signsWith("ec"))
	})
	t.Run("http is not taken", func(t *testing.T) {
		s, p := published(t)
		plain := httptest.NewServer(p)
		t.Cleanup(plain.Close)
		s.signer(func(c *identity.Client) { c.JWKS, c.JWKSURI = nil, plain.URL })
		require.False(t, s.signsWith("ec"))
		require.Zero(t, p.asked.Load())
		s.provider.ClientKeys = &ClientKeys{HTTP: plain.Client(), Loopback: true, Now: s.clock}
		require.True(t, s.signsWith("ec"), "but by a server that is for trials on this machine")
	})
}

// TestPublishedKeysAreFetchedByOne: of 64 who need them at once, one fetches.
func TestPublishedKeysAreFetchedByOne(t *testing.T) {
	p := newPublisher(t)
	slow := make(chan struct{})
	p.set(func() { p.slow = slow })
	k := &ClientKeys{HTTP: p.Client(), Now: time.Now}
	app := &identity.Client{TenantID: tenantA, ID: appSigner, JWKSURI: p.URL}
	impatient, hangUp := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := k.Of(impatient, app, false)
		gone <- err
	}()
	require.Eventually(t, func() bool { return p.asked.Load() == 1 }, 5*time.Second, time.Millisecond)
	var wg sync.WaitGroup
	for range 63 {
		wg.Go(func() {
			list, err := k.Of(t.Context(), app, false)
			if err != nil || len(list) != 1 {
				t.Errorf("Of = %v, %v", list, err)
			}
		})
	}
	waiting, stop := context.WithCancel(t.Context())
	stop()
	_, err := k.Of(waiting, app, false)
	require.ErrorIs(t, err, context.Canceled, "who hangs up does not wait")

	hangUp() // the one who fetches; the others still get what comes
	close(slow)
	wg.Wait()
	require.NoError(t, <-gone)
	require.EqualValues(t, 1, p.asked.Load())
}

func TestCacheLife(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                         5 * time.Minute,
		"no-store":                 5 * time.Minute,
		"public, max-age=600":      10 * time.Minute,
		"Max-Age=900, public":      15 * time.Minute,
		`max-age="600"`:            10 * time.Minute,
		"max-age=0":                5 * time.Minute,
		"max-age=86400":            time.Hour,
		"max-age=-1":               5 * time.Minute,
		"max-age=99999999999999":   5 * time.Minute,
		"s-maxage=3600, max-age=x": 5 * time.Minute,
	} {
		require.Equal(t, want, cacheLife(header), header)
	}
}

// TestMayCall: trap T26.
func TestMayCall(t *testing.T) {
	for _, ip := range []string{"93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:93.184.216.34"} {
		require.True(t, mayCall(netip.MustParseAddr(ip), false), ip)
	}
	for _, ip := range []string{
		"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
		"255.255.255.255", "192.0.0.1", "198.18.0.1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
		"64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001::1", "::ffff:10.0.0.1", "::10.0.0.1", "2001:db8::1",
	} {
		require.False(t, mayCall(netip.MustParseAddr(ip), true), ip)
	}
	for _, ip := range []string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
		require.False(t, mayCall(netip.MustParseAddr(ip), false), ip)
		require.True(t, mayCall(netip.MustParseAddr(ip), true), ip)
	}
	require.False(t, mayCall(netip.Addr{}, true))
}

// TestGuardedClient: the address is judged after the name was resolved, and no
// redirect leads anywhere.
func TestGuardedClient(t *testing.T) {
	p := newPublisher(t)
	plain := httptest.NewServer(p)
	t.Cleanup(plain.Close)
	get := func(loopback bool, uri string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, uri, nil)
		require.NoError(t, err)
		resp, err := GuardedClient(loopback).Do(req)
		if err == nil {
			require.NoError(t, resp.Body.Close())
		}
		return resp, err
	}
	for _, uri := range []string{plain.URL, strings.Replace(plain.URL, "127.0.0.1", "localhost", 1)} {
		_, err := get(false, uri)
		require.ErrorIs(t, err, errAddress)
		_, err = get(true, uri)
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, p.asked.Load())
	p.set(func() { p.status = http.StatusFound })
	resp, err := get(true, plain.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, resp.StatusCode)
	require.EqualValues(t, 3, p.asked.Load(), "it was not followed")

	t.Setenv("HTTP_PROXY", plain.URL)
	_, err = get(false, "http://10.0.0.1:1/")
	require.True(t, errors.Is(err, errAddress), "a proxy would have been asked: %v", err)
}
