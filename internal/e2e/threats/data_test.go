package threats_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/store"
)

// movedCiphertext is T-46.
func movedCiphertext(t *testing.T, h *harness.House) {
	// swap exchanges a sealed column between the rows with two ids.
	swap := func(t *testing.T, p *harness.Place, table, column, one, other string) {
		t.Helper()
		read := func(id string) (value string) {
			row := h.Server.Store.DB.SQL.QueryRowContext(t.Context(),
				"select "+column+" from "+table+" where tenant_id = $1 and id = $2", tenant(t, p), id)
			require.NoError(t, row.Scan(&value))
			return value
		}
		first, second := read(one), read(other)
		require.NotEqual(t, first, second)
		for id, value := range map[string]string{one: second, other: first} {
			exec(t, p, "update "+table+" set "+column+" = $3 where tenant_id = $1 and id = $2", id, value)
		}
	}
	closed := func(t *testing.T, page *harness.Page) {
		t.Helper()
		require.Equal(t, http.StatusInternalServerError, page.Status, "tampering is no passing trouble")
		require.Equal(t, "error", page.Name)
	}

	t.Run("the addresses of two users", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
		contact := func(name string) (id string) {
			query := "select id from mfa_contacts where tenant_id = $1 and user_id = $2 and kind = 'email'"
			err := h.Server.Store.DB.SQL.QueryRowContext(t.Context(), query, tenant(t, p), user(t, p, name).ID).Scan(&id)
			require.NoError(t, err)
			return id
		}
		one, other := contact(alice), contact(bob)
		swap(t, p, "mfa_contacts", "value_enc", one, other)
		for _, name := range []string{alice, bob} {
			v, _ := mustOpen(t, browser(p), p.Authorize(p.Own))
			v.mustPost(t, "/identify", "username", name)
			closed(t, v.mustPost(t, "/password", "password", harness.Password))
			closed(t, v.browser.Get(t, v.path("")))
			require.Nil(t, v.browser.Get(t, v.resume()).Callback)
		}
		for _, to := range []string{alice, bob, phone, bobPhone} {
			require.Empty(t, p.Letters(to), "a code went to %s", to)
		}
		require.NotZero(t, events(t, p, "integrity.failed", "refused"))
		require.Zero(t, sessions(t, p))

		swap(t, p, "mfa_contacts", "value_enc", one, other)
		_, answer := browser(p).Login(t, alice, alice)
		require.NotEmpty(t, answer.Get("code"), "back in their places they are good")
	})
	t.Run("what was done in two interactions", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
		done := mustSecondStep(t, browser(p), alice)
		require.Equal(t, http.StatusSeeOther, done.mustGuess(t, code(t, p, alice)).Status)
		attacker, _ := mustOpen(t, browser(p), p.Authorize(p.Own))

		swap(t, p, "interactions", "content_enc", done.id, attacker.id)

		for _, v := range []visit{attacker, done} {
			closed(t, v.browser.Get(t, v.path("")))
			closed(t, v.browser.Get(t, v.resume()))
		}
		require.Zero(t, sessions(t, p))
	})
	t.Run("the names of two users", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
		b := browser(p)
		b.Login(t, alice, alice)
		swap(t, p, "users", "profile_enc", user(t, p, alice).ID, user(t, p, bob).ID)
		page := b.Get(t, p.Authorize(p.Own, "prompt", "none").URL)
		require.Empty(t, page.Callback.Get("code"), "an answer was given for a user who cannot be read")
	})
}

// dump is every value that the database holds for one tenant, times aside:
// they hold no secret, and their digits look like codes.
func dump(t *testing.T, p *harness.Place) string {
	t.Helper()
	db := p.House.Server.Store.DB
	query := "select name from sqlite_master where type = 'table' and name not like 'sqlite%'"
	if db.Dialect == store.Postgres {
		query = "select tablename from pg_tables where schemaname = current_schema()"
	}
	names, err := db.SQL.QueryContext(t.Context(), query)
	require.NoError(t, err)
	var tables []string
	for names.Next() {
		var name string
		require.NoError(t, names.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(t, names.Err())
	require.NoError(t, names.Close())
	require.Greater(t, len(tables), 15)
	var out strings.Builder
	for _, table := range tables {
		out.WriteString(rowsOf(t, db, table, tenant(t, p)))
	}
	return out.String()
}

func rowsOf(t *testing.T, db *store.DB, table, tenantID string) string {
	t.Helper()
	where, args := " where tenant_id = $1", []any{tenantID}
	switch {
	case table == "tenants":
		where = " where id = $1"
	case shared[table]:
		where, args = "", nil
	}
	rows, err := db.SQL.QueryContext(t.Context(), "select * from "+table+where, args...)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var out strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		require.NoError(t, rows.Scan(values...))
		for i, v := range values {
			switch v := (*v.(*any)).(type) {
			case time.Time, nil:
			case []byte:
				fmt.Fprintf(&out, "%s.%s=%s\n", table, columns[i], v)
			default:
				fmt.Fprintf(&out, "%s.%s=%v\n", table, columns[i], v)
			}
		}
	}
	require.NoError(t, rows.Err())
	return out.String()
}

// disguises are the ways in which a secret may be written down.
func disguises(secret string) []string {
	list := []string{
		secret, strings.ToUpper(secret), url.QueryEscape(secret),
		hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err == nil && len(raw) >= 16 {
		list = append(list, string(raw), hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw))
	}
	return list
}

// sixDigits are the numbers in a text that could be a code.
var sixDigits = regexp.MustCompile(`(?:^|[^0-9A-Za-z_-])([0-9]{6})(?:[^0-9A-Za-z_-]|$)`)

// leaks lists the secrets that text holds. Codes are looked for as words of
// their own: within identifiers there is every number of six digits.
func leaks(text string, secrets map[string]string, codes []string) []string {
	var found []string
	for what, secret := range secrets {
		for _, d := range disguises(secret) {
			if strings.Contains(text, d) {
				found = append(found, what+" as "+d)
			}
		}
	}
	words := map[string]bool{}
	for _, m := range sixDigits.FindAllStringSubmatch(text, -1) {
		words[m[1]] = true
	}
	for _, c := range codes {
		if words[c] {
			found = append(found, "code "+c)
		}
	}
	return found
}

// fullJourney is a login with a device that is trusted, a payout and a refresh.
// b is at a server
// of its own perhaps, whose codes are redeemed at p. It returns every secret that
// came up, by name.
func fullJourney(t *testing.T, b *harness.Browser, p *harness.Place, name, to string) map[string]string {
	t.Helper()
	secrets := map[string]string{"address": name, "phone": to, "password": harness.Password, "client secret": p.Secret}
	v := mustSecondStep(t, b, name, "scope", "openid profile email phone address offline_access")
	require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, wrong(code(t, p, name), 0)).Status)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge", "code", code(t, p, name), "trust_device", "1").Status)
	answer := v.finish(t)
	tokens := p.Exchange(t, v.auth, answer)
	require.NotEmpty(t, tokens.Refresh)
	secrets["login code"], secrets["login access"], secrets["login id"] = answer.Get("code"), tokens.Access, tokens.ID
	secrets["login refresh"], secrets["verifier"] = tokens.Refresh, v.auth.Verifier
	for _, kind := range []string{"sp-session-", "sp-browser-", "td-"} {
		secrets[kind] = cookie(t, b, kind).Value
	}
	for i, part := range strings.Split(secrets["td-"], ".")[2:] {
		secrets[fmt.Sprint("device verifier ", i)] = part
	}

	payout, page := mustOpen(t, b, b.Place.Authorize(p.Own, "acr_values", payoutACR))
	require.Equal(t, "confirm", page.Name)
	secrets["form secret"] = payout.csrf
	require.Equal(t, http.StatusSeeOther, payout.mustPost(t, "/confirm", "code", code(t, p, name)).Status)
	answer = payout.finish(t)
	tokens = p.Exchange(t, payout.auth, answer)
	secrets["payout code"], secrets["payout access"], secrets["payout id"] = answer.Get("code"), tokens.Access, tokens.ID
	secrets["session after step-up"] = cookie(t, b, "sp-session-").Value

	tokens = p.Token(t, p.Own, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {secrets["login refresh"]}})
	require.Equal(t, http.StatusOK, tokens.Status)
	secrets["next refresh"], secrets["next access"] = tokens.Refresh, tokens.Access
	return secrets
}

// sentCodes are all codes that p sent.
func sentCodes(p *harness.Place, to ...string) []string {
	var list []string
	for _, address := range to {
		for _, l := range p.Letters(address) {
			if l.Code != "" {
				list = append(list, l.Code)
			}
		}
	}
	return list
}

// planted is an address that is nowhere but where the server put it.
const planted = "planted.value@mail.example.test"

// dumped is T-47.
func dumped(t *testing.T, h *harness.House) {
	const number = "+4915735991555"
	user := person(t, planted, number)
	user.Profile = &identity.Profile{
		Name: "Planted Fullname", PhoneNumber: number,
		Address: &identity.Address{StreetAddress: "Planted Street 17", Locality: "Plantedville"},
	}
	p := h.Tenant(t, preset, patch(longCodes, noLimits, trusting), user)
	secrets := fullJourney(t, browser(p), p, planted, number)
	for _, s := range []string{"Planted Fullname", "Planted Street 17", "Plantedville", number[1:]} {
		secrets[s] = s
	}
	open := mustSecondStep(t, browser(p), planted) // a code that is still good
	target := code(t, p, planted)

	text := dump(t, p)

	require.Contains(t, text, p.Slug, "the dump is one")
	require.Contains(t, text, open.challenge(t).ID)
	require.Contains(t, text, "challenge.tried")
	require.Empty(t, leaks(text, secrets, sentCodes(p, planted, number)))

	t.Run("offline search of the code", func(t *testing.T) { searchCode(t, h, p, open, target) })
}

// searchCode tries codes against the MAC that the database holds. With the
// pepper, which is not in it, that is a second's work; the twenty thousand codes
// around the right one stand for all of them.
func searchCode(t *testing.T, h *harness.House, p *harness.Place, v visit, target string) {
	t.Helper()
	c, err := h.Server.Factors.Challenge(t.Context(), subject(t, p, planted), v.challenge(t).ID)
	require.NoError(t, err)
	parts := func(code string) [][]byte {
		var list [][]byte
		for _, s := range []string{
			"otp/1", c.ID, fmt.Sprint(c.Gen), string(c.Purpose), c.Action, c.Subject.UserID, c.ContactID, c.DetailsHash, code,
		} {
			list = append(list, []byte(s))
		}
		return list
	}
	with := func(ring *seal.Ring, pepper string) func(string) []byte {
		return func(code string) []byte {
			return ring.MAC(seal.PepperCode, pepper, c.Subject.TenantID, parts(code)...)
		}
	}
	search := func(mac func(code string) []byte) string {
		for i := range 20_000 {
			guess := near(target, i-10_000)
			if hmac.Equal(mac(guess), c.CodeMAC) {
				return guess
			}
		}
		return ""
	}
	keyed := func(key string) func(string) []byte {
		return func(code string) []byte {
			m := hmac.New(sha256.New, []byte(key))
			m.Write(bytes.Join(parts(code), nil))
			return m.Sum(nil)
		}
	}
	require.Equal(t, target, search(with(h.Ring(), c.PepperID)), "the search is right, if it has the pepper")
	own := seal.New(time.Now())
	require.Empty(t, search(with(own, own.Current(seal.PepperCode))), "with a pepper of one's own")
	require.Empty(t, search(func(code string) []byte { s := sha256.Sum256([]byte(code)); return s[:] }))
	for _, key := range []string{"", c.PepperID, c.Subject.TenantID, c.ID} {
		require.Empty(t, search(keyed(key)), "keyed with what the database holds")
	}
}

// logbook is a log that can be read.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// keepLogs keeps what is logged from now on, down to debug, until t ends. Times
// are left out: their digits look like codes.
func keepLogs(t *testing.T) *logbook {
	t.Helper()
	before := slog.Default()
	l := &logbook{}
	slog.SetDefault(slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{}
			}
			return a
		},
	})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return l
}

// noCodeIn looks in a log for every code that the house sent.
func noCodeIn(t *testing.T, h *harness.House, text string) {
	t.Helper()
	var codes []string
	for _, l := range h.Mailbox.Letters(demo.Filter{}) {
		if l.Code != "" {
			codes = append(codes, l.Code)
		}
	}
	require.NotEmpty(t, codes)
	require.Empty(t, leaks(text, map[string]string{"password": harness.Password}, codes))
}

// loggedSecrets is T-48: with a gateway that says back what it was given, a
// database that fails, and wrong inputs.
func loggedSecrets(t *testing.T, h *harness.House) {
	logged := keepLogs(t)
	p := h.Tenant(t, preset, patch(longCodes, noLimits, trusting), person(t, alice, phone))
	var refused []string
	f := &faulty{Store: h.Server.Factors, house: h}
	a := build(t, h, func(o *server.Options) {
		o.Factors = f
		o.Sender = gateway{Mailbox: h.Mailbox, fail: func(m mfa.Message) error {
			if m.Channel != "sms" {
				return nil
			}
			refused = append(refused, m.Code.Reveal())
			return errors.New("gateway: cannot deliver " + m.Text.Reveal() + " " + m.Code.Reveal() + " to " + m.To.Reveal())
		}}
	})
	b := a.browser(p)
	secrets := fullJourney(t, b, p, alice, phone)

	v := mustSecondStep(t, b, alice, "prompt", "login", "acr_values", "urn:sallyport:acr:mfa")
	v.mustPost(t, "/cancel")
	v = mustSecondStep(t, a.browser(p), alice)
	right := code(t, p, alice)
	f.fault.Store(lost)
	failed := v.mustGuess(t, right)
	f.fault.Store(whole)
	require.Equal(t, http.StatusServiceUnavailable, failed.Status)
	wrongCode := v.mustGuess(t, wrong(right, 0))
	wrongPassword, _ := mustOpen(t, a.browser(p), b.Place.Authorize(p.Own))
	wrongPassword.mustPost(t, "/identify", "username", alice)
	badPassword := wrongPassword.mustPost(t, "/password", "password", "not-the-password-at-all")
	p.Token(t, p.Own, url.Values{"grant_type": {"authorization_code"}, "code": {secrets["login code"]}, "redirect_uri": {harness.Callback}, "code_verifier": {secrets["verifier"]}})
	require.NotEmpty(t, refused, "the gateway was never asked")
	require.Contains(t, logged.String(), "request failed", "the log is one")

	codes := append(sentCodes(p, alice, phone), refused...)
	secrets["typed password"] = "not-the-password-at-all"
	require.Empty(t, leaks(logged.String(), secrets, codes), "in the log")
	require.Empty(t, leaks(dump(t, p), secrets, codes), "in the audit log or in the log of deliveries")
	for _, page := range []*harness.Page{failed, wrongCode, badPassword} {
		delete(secrets, "address") // the page says who is signing in
		delete(secrets, "form secret")
		require.Empty(t, leaks(page.Body, secrets, append(codes, wrong(right, 0))), "in page %s", page.Name)
	}
}
