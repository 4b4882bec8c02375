package threats_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
)

// annex is a second server on the database and key ring of a house, built with
// other parts: a broken one, a clock that stands, TLS.
type annex struct {
	house  *harness.House
	engine *gin.Engine
	web    *httptest.Server
}

// still is a clock that stands until it is moved, in either direction.
type still struct{ at atomic.Pointer[time.Time] }

func stillAt(at time.Time) *still {
	s := &still{}
	s.set(at.UTC().Truncate(time.Millisecond))
	return s
}

func (s *still) now() time.Time       { return *s.at.Load() }
func (s *still) set(at time.Time)     { s.at.Store(&at) }
func (s *still) move(d time.Duration) { s.set(s.now().Add(d)) }

func build(t *testing.T, h *harness.House, change func(*server.Options)) annex {
	t.Helper()
	return raise(t, h, change, false)
}

// buildTLS builds an annex whose public URL is https.
func buildTLS(t *testing.T, h *harness.House, change func(*server.Options)) annex {
	t.Helper()
	return raise(t, h, change, true)
}

func raise(t *testing.T, h *harness.House, change func(*server.Options), tls bool) annex {
	t.Helper()
	a := annex{web: httptest.NewUnstartedServer(nil)}
	scheme := "http://"
	if tls {
		scheme = "https://"
	}
	public, err := url.Parse(scheme + a.web.Listener.Addr().String())
	require.NoError(t, err)
	o := server.Options{
		DB: h.Server.Store.DB, Ring: h.Ring(), Hashes: cheapHasher(t), PublicURL: public, Sender: h.Mailbox, Now: h.Clock.Now,
		Extra: func(r gin.IRouter, _ *web.Pages) { a.engine, _ = r.(*gin.Engine) },
	}
	if change != nil {
		change(&o)
	}
	built, err := server.New(o)
	require.NoError(t, err)
	require.NotNil(t, a.engine)
	a.web.Config.Handler = built.Handler
	if tls {
		a.web.StartTLS()
	} else {
		a.web.Start()
	}
	t.Cleanup(a.web.Close)
	a.house = &harness.House{
		Name: h.Name, Demo: &demo.Demo{URL: public.String(), ShopURL: h.ShopURL, Server: built, Clock: h.Clock, Mailbox: h.Mailbox},
	}
	return a
}

// at is place p as the annex serves it. Its issuer stays the one that is stored.
func (a annex) at(p *harness.Place) *harness.Place {
	q := *p
	q.House, q.Issuer = a.house, a.house.URL+"/t/"+p.Slug
	return &q
}

// browser is a browser that trusts the annex's certificate.
func (a annex) browser(p *harness.Place) *harness.Browser {
	b := a.at(p).NewBrowser()
	b.HTTP.Transport = a.web.Client().Transport
	return b
}

// refresh makes the annex see what was applied.
func (a annex) refresh(t *testing.T) {
	t.Helper()
	require.NoError(t, a.house.Server.Realms.Refresh(t.Context()))
}

// gateway is the mailbox behind a gateway that can fail.
type gateway struct {
	*demo.Mailbox
	fail func(mfa.Message) error
}

func (g gateway) Send(ctx context.Context, m mfa.Message) (string, error) {
	err := g.fail(m)
	if err != nil {
		return "", err
	}
	return g.Mailbox.Send(ctx, m)
}

// tap is a transport that shows every answer to see.
type tap struct {
	http.RoundTripper
	see func(*http.Request, *http.Response)
}

func (w tap) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err == nil {
		w.see(r, resp)
	}
	return resp, err
}
