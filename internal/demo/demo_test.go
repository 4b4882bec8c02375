package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
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

func TestTheContractForPrograms(t *testing.T) {
	r := run(t, func(o *demo.Options) { o.Data = t.TempDir() })

	t.Run("what is set up", func(t *testing.T) { requireCast(t, r) })
	t.Run("every field is there, and no list is null", func(t *testing.T) {
		text := r.get(t, "/_demo")
		require.NotContains(t, text, "null")
		for _, name := range []string{"not_yet", "pin", "note", "phone_source", "factors", "auth_method"} {
			require.Contains(t, text, `"`+name+`":`)
		}
	})
	t.Run("every app of every tenant authenticates", func(t *testing.T) { requireSecrets(t, r) })
	t.Run("mailbox", func(t *testing.T) { requireMailbox(t, r) })
	t.Run("clock", func(t *testing.T) { requireClock(t, r) })
	t.Run("pages", func(t *testing.T) {
		require.Contains(t, r.get(t, "/"), "alice@example.test")
		require.Contains(t, r.get(t, "/_mailbox?to=a@b.example"), "a@b.example")
		require.Contains(t, r.get(t, "/readyz"), "true")
	})
	t.Run("the greeting says where everything is", func(t *testing.T) {
		for _, address := range []string{r.URL + "/ ", r.ShopURL + "/ ", r.URL + "/_mailbox"} {
			require.Contains(t, r.out.String(), address)
		}
		require.Regexp(t, `^http://localhost:\d+$`, r.URL)
		require.Regexp(t, `^http://127\.0\.0\.1:\d+$`, r.ShopURL)
	})
}

func requireCast(t *testing.T, r *running) {
	all := r.describe(t)
	presets := map[string]string{
		"contractor": "contractor-email-first", "broker": "broker-security-identities", "marketplace": "marketplace-phone-verification",
		"contract": "contract-exclusive-method", "account": "account-admin-sms-default", "conformance": "conformance-password-only",
	}
	require.Len(t, all.Tenants, len(presets))
	for slug, preset := range presets {
		tenant := all.tenant(t, slug)
		require.Equal(t, r.URL+"/t/"+slug, tenant.Issuer)
		require.Equal(t, preset, tenant.Preset)
		require.Len(t, tenant.Users, 4)
		alice, bob, carol, admin := tenant.Users[0], tenant.Users[1], tenant.Users[2], tenant.Users[3]
		require.Equal(t, []string{"alice@example.test", "bob@example.test", "carol@example.test", "admin@example.test"},
			[]string{alice.Name, bob.Name, carol.Name, admin.Name})
		require.Equal(t, "confirmed", alice.PhoneStatus)
		require.Equal(t, "unverified", bob.PhoneStatus)
		require.Equal(t, map[bool]string{true: "admin", false: "legacy"}[slug == "account"], bob.PhoneSource)
		require.Empty(t, carol.Phone)
		require.NotEmpty(t, alice.Password)
		cli := tenant.Clients[1]
		require.Equal(t, "demo-cli", cli.ID)
		require.Equal(t, []string{"http://127.0.0.1:9999/callback"}, cli.RedirectURIs)
		require.Equal(t, "demo-shop", tenant.Clients[0].ID)
		require.Equal(t, []string{r.ShopURL + "/callback"}, tenant.Clients[0].RedirectURIs)
		row, err := r.Server.Store.TenantBySlug(t.Context(), slug)
		require.NoError(t, err)
		stored, err := r.Server.Store.Client(t.Context(), row.ID, "demo-cli")
		require.NoError(t, err)
		mode, alg := identity.ACRRequired, "ES256"
		if slug == "conformance" {
			mode, alg = identity.ACRVoluntary, "RS256"
			require.Contains(t, stored.AuthMethods, identity.AuthPost)
			require.True(t, stored.PKCEOptional)
		}
		require.Equal(t, mode, stored.ACRMode)
		require.Equal(t, alg, stored.IDTokenAlg)
		require.Subset(t, stored.GrantTypes, []string{"client_credentials", "refresh_token"})
	}
	contractor := all.tenant(t, "contractor")
	require.True(t, contractor.Users[0].MFAEnabled)
	require.False(t, contractor.Users[2].MFAEnabled)
	require.Equal(t, []string{}, contractor.NotYet, "every method of the preset works")
	require.Equal(t, []string{}, all.tenant(t, "conformance").NotYet)
}

func requireSecrets(t *testing.T, r *running) {
	for _, tenant := range r.describe(t).Tenants {
		for _, c := range tenant.Clients {
			form := url.Values{"grant_type": {"client_credentials"}}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tenant.Issuer+"/token", strings.NewReader(form.Encode()))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.SetBasicAuth(c.ID, c.Secret)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode, "%s %s", tenant.Slug, c.ID)
			require.Equal(t, identity.AuthBasic, c.AuthMethod)
		}
	}
}

func requireMailbox(t *testing.T, r *running) {
	tenant := func(slug string) string {
		row, err := r.Server.Store.TenantBySlug(t.Context(), slug)
		require.NoError(t, err)
		return row.ID
	}
	send := func(slug, to, code string, channel mfa.Method) {
		_, err := r.Mailbox.Send(t.Context(), mfa.Message{
			Subject: mfa.Subject{TenantID: tenant(slug)}, Channel: channel, To: mfa.Secret(to), Title: "Title", Text: "Text", Code: mfa.Secret(code),
		})
		require.NoError(t, err)
	}
	send("broker", "a@b.example", "111111", policy.Email)
	r.Clock.Advance(time.Second)
	since := r.Clock.Now()
	send("account", "+15550100", "222222", policy.SMS)
	r.Clock.Advance(time.Second)
	send("account", "a@b.example", "", policy.Email)
	codes := func(query string) (got []string) {
		var list []map[string]any
		require.NoError(t, json.Unmarshal([]byte(r.get(t, "/_mailbox/messages"+query)), &list))
		for _, l := range list {
			require.Len(t, l, 8)
			at, err := time.Parse(time.RFC3339, l["at"].(string))
			require.NoError(t, err)
			require.Equal(t, time.UTC, at.Location())
			require.NotEmpty(t, l["id"])
			got = append(got, l["tenant"].(string)+" "+l["channel"].(string)+" "+l["to"].(string)+" "+l["subject"].(string)+" "+l["text"].(string)+" "+l["code"].(string))
		}
		return got
	}
	first, second, third := "broker email a@b.example Title Text 111111", "account sms +15550100 Title Text 222222", "account email a@b.example Title Text "
	ms := func(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

	for query, want := range map[string][]string{
		"":                                    {third, second, first},
		"?to=a@b.example":                     {third, first},
		"?to=" + url.QueryEscape("+15550100"): {second},
		"?tenant=account":                     {third, second},
		"?tenant=account&to=a@b.example":      {third},
		"?limit=1":                            {third},
		"?limit=2&tenant=account":             {third, second},
		"?since=" + ms(since):                 {third, second},
		"?since=" + ms(since.Add(1500*time.Millisecond)): nil,
		"?tenant=none":    nil,
		"?to=A@B.EXAMPLE": nil,
	} {
		require.Equal(t, want, codes(query), query)
	}
	require.Equal(t, "[]", r.get(t, "/_mailbox/messages?tenant=none"), "an empty list, and not null")
	for _, query := range []string{"?since=yesterday", "?since=-1", "?limit=-1", "?limit=x", "?limit=999999"} {
		status, h, _ := r.call(t, http.MethodGet, "/_mailbox/messages"+query, "")
		require.Equal(t, http.StatusBadRequest, status, query)
		require.Equal(t, "application/problem+json", h.Get("Content-Type"))
	}

	status, _, _ := r.call(t, http.MethodDelete, "/_mailbox/messages", "")
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, "[]", r.get(t, "/_mailbox/messages"))
}

func requireClock(t *testing.T, r *running) {
	read := func(text string) (now time.Time, offset int64) {
		var got struct {
			Now    time.Time `json:"now"`
			Offset *int64    `json:"offset_s"`
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&got))
		require.NotNil(t, got.Offset)
		return got.Now, *got.Offset
	}
	_, before := read(r.get(t, "/_demo/clock"))

	status, _, text := r.call(t, http.MethodPost, "/_demo/clock", `{"advance_s": 61}`)

	require.Equal(t, http.StatusOK, status)
	now, offset := read(text)
	require.Equal(t, before+61, offset)
	require.WithinDuration(t, time.Now().Add(time.Duration(offset)*time.Second), now, 5*time.Second)
	status, _, _ = r.call(t, http.MethodPost, "/_demo/clock", `{"advance_s": 0}`)
	require.Equal(t, http.StatusOK, status)
	for _, body := range []string{`{"advance_s": -1}`, `{}`, ``, `{"advance_s": "61"}`, `{"advance_s": 1.5}`, `{"advance": 61}`, `{"advance_s": 9223372036854775807}`, `[61]`} {
		status, _, text = r.call(t, http.MethodPost, "/_demo/clock", body)
		require.Equal(t, http.StatusBadRequest, status, "%s %s", body, text)
	}
	for range 3 { // a hundred years are the limit, however they come together
		status, _, _ = r.call(t, http.MethodPost, "/_demo/clock", `{"advance_s": 1892160000}`)
	}
	require.Equal(t, http.StatusBadRequest, status)
	_, offset = read(r.get(t, "/_demo/clock"))
	require.Positive(t, offset)
}

// TestWhoAsksTooEarlyWaits asks from the first moment on that somebody listens.
func TestWhoAsksTooEarlyWaits(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	answer := make(chan string, 1)
	go func() {
		for {
			resp, err := http.Get("http://" + address + "/_demo") //nolint:noctx // a test
			if err != nil {
				continue // nobody listens yet
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			answer <- resp.Status + " " + string(text)
			return
		}
	}()

	run(t, func(o *demo.Options) { o.Listen, o.Data = address, t.TempDir() })

	got := <-answer
	require.True(t, strings.HasPrefix(got, "200 OK"), got)
	require.Equal(t, 6, strings.Count(got, `"slug":`))
}

func TestWithoutTheFlagNobodyMovesTheClock(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	r := run(t, func(o *demo.Options) { o.TestClock = false })
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		status, _, _ := r.call(t, method, "/_demo/clock", `{"advance_s": 61}`)
		require.Equal(t, http.StatusNotFound, status)
	}
	require.Zero(t, r.Clock.Offset())
	inside, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Len(t, inside, 1, "its files lie in one folder")

	require.NoError(t, r.stop())

	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left, "without --data nothing is kept")
}

// TestWithDataEverythingIsKept stops a demo and starts another one on its data,
// at other ports.
func TestWithDataEverythingIsKept(t *testing.T) {
	data := t.TempDir()
	first := run(t, func(o *demo.Options) { o.Data = data })
	before := first.describe(t)
	apply(t, first, `{tenants: [{slug: conformance, clients: [{client_id: demo-cli, redirect_uris: ["https://tool.example/cb"]}]},
		{slug: broker, policy: {codes: {default: {attempts: 3}}}}, {slug: mine, name: Mine, preset: conformance-password-only}]}`)
	alice := account(t, first, "account", "alice@example.test")
	e, err := first.Server.Factors.Enrolments(t.Context(), alice.Subject())
	require.NoError(t, err)
	require.NoError(t, first.Server.Factors.DisableFactor(t.Context(), alice.Subject(), e.Factors[0].ID, time.Now()))
	bob := account(t, first, "account", "bob@example.test")
	e, err = first.Server.Factors.Enrolments(t.Context(), bob.Subject())
	require.NoError(t, err)
	var phone mfa.Contact
	for _, c := range e.Contacts {
		if c.Kind == mfa.ContactPhone {
			phone = c
		}
	}
	require.NoError(t, first.Server.Factors.ConfirmContact(t.Context(), bob.Subject(), phone.ID, false, first.Clock.Now()))
	require.NoError(t, first.stop())

	second := run(t, func(o *demo.Options) { o.Data = data })

	after := second.describe(t)
	for i := range before.Tenants {
		was, is := before.Tenants[i], after.Tenants[i]
		require.Equal(t, second.URL+"/t/"+was.Slug, is.Issuer)
		require.Equal(t, was.Clients[0].Secret, is.Clients[0].Secret)
		require.Equal(t, was.Users, is.Users)
	}
	requireSecrets(t, second)
	require.Contains(t, second.get(t, "/t/account/.well-known/openid-configuration"), `"issuer":"`+second.URL+`/t/account"`)
	require.Equal(t, alice, account(t, second, "account", "alice@example.test"), "the same hash, so that sessions go on")
	e, err = second.Server.Factors.Enrolments(t.Context(), alice.Subject())
	require.NoError(t, err)
	require.Empty(t, e.Factors, "a factor that was disabled stays so")
	e, err = second.Server.Factors.Enrolments(t.Context(), bob.Subject())
	require.NoError(t, err)
	require.Contains(t, statuses(e), mfa.ContactConfirmed)
	require.NotContains(t, statuses(e), mfa.ContactUnverified)
	realm, err := second.Server.Realms.BySlug(t.Context(), "broker")
	require.NoError(t, err)
	require.Equal(t, 3, realm.Policy.Codes.Default.Attempts)
	require.Contains(t, realm.Client("demo-shop").RedirectURIs, second.ShopURL+"/callback")
	realm, err = second.Server.Realms.BySlug(t.Context(), "conformance")
	require.NoError(t, err)
	require.Equal(t, []string{"https://tool.example/cb"}, realm.Client("demo-cli").RedirectURIs)
	_, err = second.Server.Realms.BySlug(t.Context(), "mine")
	require.NoError(t, err)
	info, err := os.Stat(data + "/keys.yaml")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func statuses(e mfa.Enrolments) (all []mfa.ContactStatus) {
	for _, c := range e.Contacts {
		all = append(all, c.Status)
	}
	return all
}

func account(t *testing.T, r *running, slug, name string) identity.User {
	t.Helper()
	tenant, err := r.Server.Store.TenantBySlug(t.Context(), slug)
	require.NoError(t, err)
	u, err := r.Server.Store.UserByName(t.Context(), tenant.ID, name)
	require.NoError(t, err)
	return u
}

func apply(t *testing.T, r *running, text string) {
	t.Helper()
	hashes, err := identity.NewHasher(identity.Cost{Memory: 8, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	public, err := url.Parse(r.URL)
	require.NoError(t, err)
	f, err := setup.Parse([]byte(text))
	require.NoError(t, err)
	s := &setup.Setup{
		Rows: r.Server.Store, Factors: r.Server.Factors, Ring: r.Ring(), Peppers: server.Peppers(r.Ring()), Hashes: hashes, PublicURL: public, Now: r.Clock.Now, Author: "test",
	}
	_, err = s.Apply(t.Context(), f)
	require.NoError(t, err)
}

// TestAnInterruptedStartIsFinished takes away what is written last, as a kill
// during the first start does.
func TestAnInterruptedStartIsFinished(t *testing.T) {
	data := t.TempDir()
	first := run(t, func(o *demo.Options) { o.Data = data })
	tenant, err := first.Server.Store.TenantBySlug(t.Context(), "account")
	require.NoError(t, err)
	admin := account(t, first, "account", "admin@example.test")
	_, err = first.Server.Store.DB.SQL.ExecContext(t.Context(), "delete from users where tenant_id = $1 and id = $2", tenant.ID, admin.ID)
	require.NoError(t, err)
	require.NoError(t, first.stop())

	second := run(t, func(o *demo.Options) { o.Data = data })

	require.True(t, account(t, second, "account", "admin@example.test").Admin)
}

func TestADemoOnPostgreSQLKeepsItsKeysInData(t *testing.T) {
	address, data := testdb.Postgres(t), t.TempDir()
	first := run(t, func(o *demo.Options) { o.Database, o.Data = address, data })
	secret := first.describe(t).Tenants[0].Clients[0].Secret
	require.NoError(t, first.stop())

	err := demo.Run(t.Context(), demo.Options{Listen: "localhost:0", ShopListen: "127.0.0.1:0", Database: address, Data: t.TempDir(), Out: io.Discard})
	require.ErrorContains(t, err, "the key ring file is missing")

	second := run(t, func(o *demo.Options) { o.Database, o.Data = address, data })
	require.Equal(t, secret, second.describe(t).Tenants[0].Clients[0].Secret)
}

func TestWhatADemoRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	tests := []struct {
		name string
		edit func(*demo.Options)
		says string
	}{
		{"a server on the network", func(o *demo.Options) { o.Listen = "0.0.0.0:0" }, "--demo-on-network"},
		{"a server on every address", func(o *demo.Options) { o.Listen = ":0" }, "--demo-on-network"},
		{"a server by a name", func(o *demo.Options) { o.Listen = "demo.example:0" }, "--demo-on-network"},
		{"a shop on the network", func(o *demo.Options) { o.ShopListen = "192.0.2.1:0" }, "--demo-on-network"},
		{"a public URL without https", func(o *demo.Options) { o.PublicURL = "http://id.example" }, "--public-url"},
		{"a public URL with a path", func(o *demo.Options) { o.PublicURL = "https://id.example/x" }, "--public-url"},
		{"a public URL without a host", func(o *demo.Options) { o.PublicURL = "https:" }, "--public-url"},
		{"a port that is taken", func(o *demo.Options) { o.Listen = taken.Addr().String() }, "choose another with --listen"},
		{"a shop's port that is taken", func(o *demo.Options) { o.ShopListen = taken.Addr().String() }, "choose another with --shop-listen"},
		{"a database that is none", func(o *demo.Options) { o.Database = "mysql://x/y" }, "mysql"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := demo.Options{Listen: "localhost:0", ShopListen: "127.0.0.1:0", Data: t.TempDir(), Out: io.Discard}
			tt.edit(&o)
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
			defer stop()

			err := demo.Run(ctx, o)

			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestWithTheFlagADemoMayBeOnTheNetwork(t *testing.T) {
	r := run(t, func(o *demo.Options) {
		o.Listen, o.OnNetwork, o.PublicURL, o.Data = "0.0.0.0:0", true, "https://demo.example:8443", t.TempDir()
	})

	require.Equal(t, "https://demo.example:8443", r.URL)
	tenant, err := r.Server.Store.TenantBySlug(t.Context(), "broker")
	require.NoError(t, err)
	require.Equal(t, "https://demo.example:8443/t/broker", tenant.Issuer)
}
