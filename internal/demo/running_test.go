package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/demo"
)

// running is a demo of this test process.
type running struct {
	*demo.Demo
	stop func() error
	out  *bytes.Buffer
}

func run(t *testing.T, edit func(*demo.Options)) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out := &bytes.Buffer{}
	ready, ended := make(chan *demo.Demo, 1), make(chan error, 1)
	o := demo.Options{
		Listen: "localhost:0", ShopListen: "127.0.0.1:0", TestClock: true, Out: out,
		Ready: func(d *demo.Demo) { ready <- d },
	}
	edit(&o)
	go func() { ended <- demo.Run(ctx, o) }()
	select {
	case d := <-ready:
		r := &running{Demo: d, out: out}
		stopped := false
		r.stop = func() error {
			if stopped {
				return nil
			}
			stopped = true
			stop()
			return <-ended
		}
		t.Cleanup(func() { require.NoError(t, r.stop()) })
		return r
	case err := <-ended:
		stop()
		require.NoError(t, err)
	case <-time.After(time.Minute):
		stop()
		require.Fail(t, "the demo did not start")
	}
	return nil
}

func (r *running) call(t *testing.T, method, path, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(text)
}

func (r *running) get(t *testing.T, path string) string {
	t.Helper()
	status, _, text := r.call(t, http.MethodGet, path, "")
	require.Equal(t, http.StatusOK, status, text)
	return text
}

// detail is what a problem says besides its title.
func detail(t *testing.T, text string) string {
	t.Helper()
	var p struct {
		Detail string `json:"detail"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &p))
	return p.Detail
}

// described is the contract for programs that drive the demo. No field may be
// added, left out or null.
type described struct {
	Tenants []describedTenant `json:"tenants"`
}

type describedTenant struct {
	Slug    string            `json:"slug"`
	Issuer  string            `json:"issuer"`
	Preset  string            `json:"preset"`
	NotYet  []string          `json:"not_yet"`
	Users   []describedUser   `json:"users"`
	Clients []describedClient `json:"clients"`
}

type describedUser struct {
	Name        string   `json:"name"`
	Sub         string   `json:"sub"`
	Password    string   `json:"password"`
	Phone       string   `json:"phone"`
	PhoneStatus string   `json:"phone_status"`
	PhoneSource string   `json:"phone_source"`
	MFAEnabled  bool     `json:"mfa_enabled"`
	Factors     []string `json:"factors"`
	PIN         string   `json:"pin"`
	Note        string   `json:"note"`
}

type describedClient struct {
	ID           string   `json:"id"`
	Secret       string   `json:"secret"`
	RedirectURIs []string `json:"redirect_uris"`
	AuthMethod   string   `json:"auth_method"`
	Note         string   `json:"note"`
}

func (r *running) describe(t *testing.T) described {
	t.Helper()
	var got described
	d := json.NewDecoder(strings.NewReader(r.get(t, "/_demo")))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&got))
	return got
}

func (d described) tenant(t *testing.T, slug string) describedTenant {
	t.Helper()
	for _, tenant := range d.Tenants {
		if tenant.Slug == slug {
			return tenant
		}
	}
	require.Fail(t, "no tenant "+slug)
	return describedTenant{}
}

func account(t *testing.T, r *running, slug, name string) identity.User {
	t.Helper()
	tenant, err := r.Server.Store.TenantBySlug(t.Context(), slug)
	require.NoError(t, err)
	u, err := r.Server.Store.UserByName(t.Context(), tenant.ID, name)
	require.NoError(t, err)
	return u
}
