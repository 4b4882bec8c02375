package relying_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/stepup"
)

// bank is an app that pays out: made with the stepup library, at a tenant of its
// own, with its one user at a browser.
type bank struct {
	*stepup.Client
	house  *harness.House
	place  *harness.Place
	user   *harness.Browser
	login  stepup.Proof
	wire   *wire
	pauses []time.Duration // that the library waited
}

// wire carries the app's requests, and can lose what comes back.
type wire struct {
	lose  func(*http.Request) bool // the answer to it
	asked []string                 // method and path of each request
}

var errWire = errors.New("the wire broke")

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked = append(w.asked, r.Method+" "+r.URL.Path)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || w.lose == nil || !w.lose(r) {
		return res, err
	}
	_, _ = io.Copy(io.Discard, res.Body) // the server has done its part, to the end
	_ = res.Body.Close()
	return nil, errWire
}

// newBank signs its user in. config may change how the app proves itself; members
// are of its registration.
func newBank(t *testing.T, h *harness.House, config func(*stepup.Config), members string) *bank {
	t.Helper()
	b := &bank{house: h, place: h.Tenant(t, "contractor-email-first", "", harness.Alice()), wire: &wire{}}
	if members != "" {
		h.Apply(t, setup.Tenant{Slug: b.place.Slug, Clients: []setup.Client{{ID: b.place.Own, Members: json.RawMessage(members)}}})
	}
	cfg := stepup.Config{
		Issuer: b.place.Issuer, ClientID: b.place.Own, ClientSecret: stepup.Secret(b.place.Secret), RedirectURI: harness.Callback,
		Now: h.Clock.Now, HTTP: &http.Client{Transport: b.wire},
	}
	if config != nil {
		config(&cfg)
	}
	b.Client = b.connect(t, cfg)
	b.user = b.place.NewBrowser()
	address, tx, err := b.Start(stepup.StartOptions{})
	require.NoError(t, err)
	b.login, err = b.Finish(t.Context(), tx, b.visit(t, address, "identify", "password", "challenge"))
	require.NoError(t, err)
	return b
}

func (b *bank) connect(t *testing.T, cfg stepup.Config) *stepup.Client {
	t.Helper()
	cfg.Wait = b.pause
	client, err := stepup.New(t.Context(), cfg)
	require.NoError(t, err)
	return client
}

// visit goes through exactly pages, giving what each asks for, and returns what the
// app is told in the end.
func (b *bank) visit(t *testing.T, address string, pages ...string) url.Values {
	t.Helper()
	page := b.user.Get(t, address)
	for _, name := range pages {
		require.Equal(t, name, page.Name)
		fields := map[string][]string{
			"identify": {"username", alice}, "password": {"username", alice, "password", harness.Password},
			"challenge": {"code", b.code(t, name)}, "confirm": {"code", b.code(t, name)},
		}[name]
		page = b.user.Submit(t, page, "/"+name, fields...)
	}
	require.NotNil(t, page.Callback, "page %s (%d): %s", page.Name, page.Status, page.Body)
	return page.Callback
}

func (b *bank) code(t *testing.T, page string) string {
	t.Helper()
	if page == "challenge" || page == "confirm" {
		return b.place.Code(t, alice)
	}
	return ""
}

func thePayout(txn string) stepup.Payout {
	return stepup.Payout{
		TxnID: txn, Amount: stepup.Money{Value: "1250.00", Currency: "EUR"},
		Payee: stepup.Payee{Name: "Müller & Söhne <GmbH>", IBAN: "DE89370400440532013000"}, Reference: "Invoice 7",
	}
}

// begin pushes d for the user.
func (b *bank) begin(t *testing.T, d stepup.Detail) (address string, tx stepup.Transaction) {
	t.Helper()
	b.house.Clock.Advance(90 * time.Second) // another code may be sent
	address, tx, err := b.Push(t.Context(), stepup.StartOptions{Subject: b.login.Subject, Detail: d, Resume: "payout 7"})
	require.NoError(t, err)
	return address, tx
}

// confirm has the user approve d, by a transaction that was kept in between.
func (b *bank) confirm(t *testing.T, d stepup.Detail) stepup.Confirmation {
	t.Helper()
	address, tx := b.begin(t, d)
	tx, err := stepup.DecodeTransaction(tx.Encode())
	require.NoError(t, err)
	require.Equal(t, "payout 7", tx.Resume)
	page := b.user.Get(t, address)
	page = b.user.Submit(t, page, "/confirm", "code", b.place.Code(t, alice))
	require.NotNil(t, page.Callback, "page %s (%d)", page.Name, page.Status)
	v, err := b.FinishConfirmation(t.Context(), tx, page.Callback)
	require.NoError(t, err)
	v, err = stepup.DecodeConfirmation(v.Encode())
	require.NoError(t, err)
	return v
}

// TestTransactions is the whole life of confirmed transactions with the stepup
// library against the real server.
func TestTransactions(t *testing.T) {
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		t.Run("a payout, from the push to the receipt", func(t *testing.T) { wholePayout(t, h) })
		t.Run("an app that signs", func(t *testing.T) { appThatSigns(t, h) })
		t.Run("an app that keeps its own login", func(t *testing.T) { appWithOwnLogin(t, h) })
		t.Run("an app that sends its secret in the form", func(t *testing.T) { appWithForm(t, h) })
		t.Run("an answer that is lost", func(t *testing.T) { lostAnswers(t, h) })
		t.Run("what must not be executed", func(t *testing.T) { refusedConsumptions(t, h) })
		t.Run("a user who says no", func(t *testing.T) { declined(t, h) })
		t.Run("an app that asks too often", func(t *testing.T) { askedTooOften(t, h) })
		t.Run("an issuer that is not there", func(t *testing.T) { wrongIssuer(t, h) })
		t.Run("what is no sound transaction", func(t *testing.T) { unsound(t, h) })
		t.Run("every type, and one of the tenant's own", func(t *testing.T) { everyType(t, h) })
		t.Run("an action without details", func(t *testing.T) { plainAction(t, h) })
		t.Run("a demand of an API is answered, and the same is done again", func(t *testing.T) { demanded(t, h) })
	})
}

func wholePayout(t *testing.T, h *harness.House) {
	b := newBank(t, h, nil, "")
	require.Contains(t, b.DetailTypes(), "payout.request")
	address, tx := b.begin(t, thePayout("order-1"))
	query := must(url.Parse(address)).Query()
	require.Len(t, query, 2, "the browser carries a name and nothing else: %v", query)
	require.Equal(t, b.place.Own, query.Get("client_id"))
	require.True(t, strings.HasPrefix(query.Get("request_uri"), "urn:ietf:params:oauth:request_uri:"))

	before := h.Clock.Now()
	page := b.user.Get(t, address)
	require.Contains(t, page.Body, "1,250.00")
	require.Contains(t, page.Body, "Müller &amp; Söhne &lt;GmbH&gt;")
	page = b.user.Submit(t, page, "/confirm", "code", b.place.Code(t, alice))
	v, err := b.FinishConfirmation(t.Context(), tx, page.Callback)
	require.NoError(t, err)
	require.Equal(t, "payout.request", v.Action)
	require.Equal(t, "order-1", v.TxnID)
	require.Equal(t, b.login.Subject, v.Subject)
	require.Equal(t, "email", v.Method)
	require.Equal(t, payout, v.ACR)
	require.WithinDuration(t, before, v.ApprovedAt, 10*time.Second)
	standing, err := b.Status(t.Context(), v.ID)
	require.NoError(t, err)
	require.Equal(t, stepup.StateApproved, standing.State)
	require.True(t, standing.ConsumeBefore.After(v.ApprovedAt))

	r, err := b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.NoError(t, err)
	require.Equal(t, v.ID, r.ConfirmationID)
	require.Equal(t, v.DetailsHash, r.DetailsHash)
	require.Equal(t, b.login.Subject, r.Subject)
	require.Equal(t, "order-1", r.TxnID)
	canonical, err := stepup.Canonical(thePayout("order-1"))
	require.NoError(t, err)
	require.Equal(t, string(canonical), string(r.Detail), "the receipt says what was shown")
	require.Len(t, r.Proofs, 1)
	require.Equal(t, "email", r.Proofs[0].Method)
	require.False(t, r.ApprovedAt.Before(r.RequestedAt))

	standing, err = b.StatusByTxn(t.Context(), "payout.request", "order-1")
	require.NoError(t, err)
	require.Equal(t, stepup.StateConsumed, standing.State)
	require.Equal(t, r.JWS, standing.Receipt, "an app that lost all else finds it by its own id")
	auditor := b.connect(t, stepup.Config{
		Issuer: b.place.Issuer, ClientID: b.place.Own, ClientSecret: "of no use", RedirectURI: harness.Callback,
		Now: func() time.Time { return h.Clock.Now().AddDate(10, 0, 0) },
	})
	again, err := auditor.VerifyReceipt(t.Context(), standing.Receipt)
	require.NoError(t, err, "ten years later")
	require.Equal(t, r, again)
}

// newSigningBank is a bank that proves who it is by what it signs. more are members of
// its registration, each with a comma behind it.
func newSigningBank(t *testing.T, h *harness.House, more string) *bank {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	point := must(key.PublicKey.Bytes())
	b64 := base64.RawURLEncoding.EncodeToString
	members := fmt.Sprintf(`{%s"auth_methods":["private_key_jwt"],"require_pushed_authorization_requests":false,"jwks":{"keys":[
		{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k1","x":%q,"y":%q}]}}`, more, b64(point[1:33]), b64(point[33:]))
	return newBank(t, h, func(c *stepup.Config) {
		c.AuthMethod, c.ClientSecret, c.Key, c.KeyID = stepup.AuthPrivateKeyJWT, "", key, "k1"
	}, members)
}

// appWithOwnLogin: the user has no session at the server, is asked for no login there,
// and passes the stage of the payout.
func appWithOwnLogin(t *testing.T, h *harness.House) {
	b := newSigningBank(t, h, `"vouched_acr":"1fa","actions":["payout.request"],`)
	h.Clock.Advance(90 * time.Second)
	at := h.Clock.Now().Add(-time.Hour)
	address, tx, err := b.Push(t.Context(), stepup.StartOptions{Subject: b.login.Subject, Detail: thePayout("order-1"), LoggedInAt: at})
	require.NoError(t, err)
	stranger := b.place.NewBrowser()
	page := stranger.Get(t, address)
	require.Equal(t, "confirm", page.Name)
	require.Contains(t, page.Body, "a•••@example.test")
	require.NotContains(t, page.Body, alice, "whoever has the link sees the page")
	page = stranger.Submit(t, page, "/confirm", "code", b.place.Code(t, alice))
	require.NotNil(t, page.Callback, "page %s (%d)", page.Name, page.Status)
	v, err := b.FinishConfirmation(t.Context(), tx, page.Callback)
	require.NoError(t, err)
	r, err := b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.NoError(t, err)
	require.Equal(t, b.login.Subject, r.Subject)
	require.Equal(t, &stepup.Vouched{By: b.place.Own, LoggedInAt: time.Unix(at.Unix(), 0).UTC(), ACR: stepup.ACR1FA}, r.Vouched)

	settings := stranger.Get(t, b.place.Issuer+"/settings")
	require.Equal(t, "identify", settings.Name, "nobody is signed in")

	_, _, err = b.Push(t.Context(), stepup.StartOptions{Subject: "somebody-else", Detail: thePayout("order-2"), LoggedInAt: at})
	require.ErrorContains(t, err, "no active user")
	plain := newBank(t, h, nil, "")
	_, _, err = plain.Push(t.Context(), stepup.StartOptions{Subject: plain.login.Subject, Detail: thePayout("order-1"), LoggedInAt: at})
	require.ErrorContains(t, err, "AuthPrivateKeyJWT")
	unlisted := newSigningBank(t, h, "")
	_, _, err = unlisted.Push(t.Context(), stepup.StartOptions{Subject: unlisted.login.Subject, Detail: thePayout("order-1"), LoggedInAt: at})
	require.ErrorContains(t, err, "may not vouch")
}

func appThatSigns(t *testing.T, h *harness.House) {
	b := newSigningBank(t, h, "")

	v := b.confirm(t, thePayout("order-1"))
	b.wire.lose = once("/consume")
	r, err := b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.NoError(t, err, "the second try has a new assertion: one is used once")
	require.Equal(t, v.ID, r.ConfirmationID)
	standing, err := b.Status(t.Context(), v.ID)
	require.NoError(t, err)
	require.Equal(t, stepup.StateConsumed, standing.State)
}

func appWithForm(t *testing.T, h *harness.House) {
	b := newBank(t, h, func(c *stepup.Config) { c.AuthMethod = stepup.AuthPost }, "")

	v := b.confirm(t, thePayout("order-1"))
	_, err := b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.NoError(t, err)
	standing, err := b.Status(t.Context(), v.ID)
	require.NoError(t, err)
	require.Equal(t, stepup.StateConsumed, standing.State)
}

// once loses the first answer from a path that ends in suffix.
func once(suffix string) func(*http.Request) bool {
	lost := false
	return func(r *http.Request) bool {
		if lost || !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		lost = true
		return true
	}
}

// lostAnswers: the server has used the approval up, and nobody was told.
func lostAnswers(t *testing.T, h *harness.House) {
	b := newBank(t, h, nil, "")
	always := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/consume") }

	t.Run("the retry gets the receipt", func(t *testing.T) {
		v := b.confirm(t, thePayout("order-1"))
		b.wire.lose, b.wire.asked, b.pauses = once("/consume"), nil, nil
		r, err := b.ConsumeFor(t.Context(), v, thePayout("order-1"))
		require.NoError(t, err)
		consume := "POST " + must(url.Parse(b.place.Issuer)).Path + "/confirmations/" + v.ID + "/consume"
		require.Equal(t, []string{consume, consume}, b.wire.asked[:2])
		require.Equal(t, []time.Duration{250 * time.Millisecond}, b.pauses)
		standing, err := b.Status(t.Context(), v.ID)
		require.NoError(t, err)
		require.Equal(t, standing.Receipt, r.JWS, "it is the receipt of the first try")
	})
	t.Run("an app that gives up, and starts anew with what it kept, gets the same receipt", func(t *testing.T) {
		v := b.confirm(t, thePayout("order-2"))
		b.wire.lose, b.pauses = always, nil
		_, err := b.ConsumeFor(t.Context(), v, thePayout("order-2"))
		require.ErrorIs(t, err, stepup.ErrUnavailable)
		require.Equal(t, []time.Duration{250 * time.Millisecond, time.Second, 4 * time.Second}, b.pauses)
		b.wire.lose = nil
		standing, err := b.Status(t.Context(), v.ID)
		require.NoError(t, err)
		require.Equal(t, stepup.StateConsumed, standing.State)
		kept, err := stepup.DecodeConfirmation(v.Encode())
		require.NoError(t, err)
		h.Clock.Advance(10 * time.Minute) // the time to consume is over, and it does not matter
		r, err := b.ConsumeFor(t.Context(), kept, thePayout("order-2"))
		require.NoError(t, err)
		require.Equal(t, standing.Receipt, r.JWS)
	})
	t.Run("who has another key must not execute", func(t *testing.T) {
		v := b.confirm(t, thePayout("order-3"))
		b.wire.lose = always
		_, err := b.ConsumeFor(t.Context(), v, thePayout("order-3"))
		require.ErrorIs(t, err, stepup.ErrUnavailable)
		b.wire.lose = nil
		_, err = b.Consume(t.Context(), v.ID, v.DetailsHash, "another")
		require.ErrorIs(t, err, stepup.ErrConsumed)
	})
}

// refusedConsumptions: each ends with an error, and nothing but the first one that
// was sound uses anything up.
func refusedConsumptions(t *testing.T, h *harness.House) {
	b := newBank(t, h, nil, "")
	other := thePayout("order-1")
	other.Amount.Value = "1250.01"

	v := b.confirm(t, thePayout("order-1"))
	b.wire.asked = nil
	_, err := b.ConsumeFor(t.Context(), v, other)
	require.ErrorIs(t, err, stepup.ErrMismatch)
	require.Empty(t, b.wire.asked, "the server is not even asked")
	hash, err := b.DetailsHash(v.Subject, other)
	require.NoError(t, err)
	_, err = b.Consume(t.Context(), v.ID, hash, "k")
	require.ErrorIs(t, err, stepup.ErrMismatch)
	endpoint, ok := errors.AsType[*stepup.EndpointError](err)
	require.True(t, ok)
	require.Equal(t, []any{"confirmation", 422, "mismatch"}, []any{endpoint.Endpoint, endpoint.Status, endpoint.Code})
	require.NotEmpty(t, endpoint.Description)
	_, err = b.Consume(t.Context(), "nobodys", v.DetailsHash, "k")
	require.ErrorIs(t, err, stepup.ErrNotFound)
	_, err = b.Status(t.Context(), "nobodys")
	require.ErrorIs(t, err, stepup.ErrNotFound)
	_, err = b.StatusByTxn(t.Context(), "payout.request", "nobodys")
	require.ErrorIs(t, err, stepup.ErrNotFound)
	h.Clock.Advance(121 * time.Second)
	_, err = b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.ErrorIs(t, err, stepup.ErrExpired)
	require.Empty(t, b.pauses, "none of these is tried again")

	address, _ := b.begin(t, thePayout("order-2"))
	b.user.Get(t, address)
	open, err := b.StatusByTxn(t.Context(), "payout.request", "order-2")
	require.NoError(t, err)
	require.Contains(t, []string{stepup.StateRequested, stepup.StateChallenged}, open.State)
	_, err = b.Consume(t.Context(), open.ID, open.DetailsHash, "k")
	require.ErrorIs(t, err, stepup.ErrNotApproved)

	// The page is still open under order-2; the user leaves it and confirms another.
	v = b.confirm(t, thePayout("order-3"))
	realm, err := h.Server.Realms.BySlug(t.Context(), b.place.Slug)
	require.NoError(t, err)
	_, err = h.Server.Store.EndSessionsOf(t.Context(), realm.Tenant.ID, v.Subject, "", h.Clock.Now())
	require.NoError(t, err)
	_, err = b.ConsumeFor(t.Context(), v, thePayout("order-3"))
	require.ErrorIs(t, err, stepup.ErrRevoked)
}

func declined(t *testing.T, h *harness.House) {
	b := newBank(t, h, nil, "")
	address, tx := b.begin(t, thePayout("order-1"))
	page := b.user.Get(t, address)
	page = b.user.Submit(t, page, "/deny", "deny", "1")
	require.Equal(t, "denied", page.Name)
	parts := strings.Split(page.URL.Path, "/") // …/interaction/{id}/denied
	page = b.user.Get(t, b.place.Issuer+"/authorize/resume/"+parts[len(parts)-2])
	require.NotNil(t, page.Callback, "%s", page.Name)
	_, err := b.FinishConfirmation(t.Context(), tx, page.Callback)
	require.ErrorIs(t, err, stepup.ErrDenied)
	standing, err := b.StatusByTxn(t.Context(), "payout.request", "order-1")
	require.NoError(t, err)
	require.Equal(t, stepup.StateDenied, standing.State)
	_, err = b.Consume(t.Context(), standing.ID, standing.DetailsHash, "k")
	require.ErrorIs(t, err, stepup.ErrNotApproved)
}

func unsound(t *testing.T, h *harness.House) {
	b := newBank(t, h, nil, "")
	for name, bend := range map[string]func(*stepup.Payout){
		"an IBAN with a slip":                  func(p *stepup.Payout) { p.Payee.IBAN = "DE88370400440532013000" },
		"an amount of the wrong form":          func(p *stepup.Payout) { p.Amount.Value = "1250" },
		"a name written from right to left":    func(p *stepup.Payout) { p.Payee.Name = "ACME\u202e" },
		"no payee at all":                      func(p *stepup.Payout) { p.Payee = stepup.Payee{} },
		"a currency that nobody can confirm":   func(p *stepup.Payout) { p.Amount.Currency = "EURO" },
		"a reference that is only white space": func(p *stepup.Payout) { p.Reference = " " },
	} {
		t.Run(name, func(t *testing.T) {
			p := thePayout("order-1")
			bend(&p)
			_, _, err := b.Push(t.Context(), stepup.StartOptions{Subject: b.login.Subject, Detail: p})
			require.ErrorIs(t, err, stepup.ErrBadDetail)
			endpoint, ok := errors.AsType[*stepup.EndpointError](err)
			require.True(t, ok)
			require.Equal(t, "par", endpoint.Endpoint)
			require.NotEmpty(t, endpoint.Description, "it says what to do")
		})
	}
	t.Run("an app with a wrong secret", func(t *testing.T) {
		c := b.connect(t, stepup.Config{
			Issuer: b.place.Issuer, ClientID: b.place.Own, ClientSecret: "wrong", RedirectURI: harness.Callback, Now: h.Clock.Now,
		})
		_, _, err := c.Push(t.Context(), stepup.StartOptions{Subject: b.login.Subject, Detail: thePayout("order-1")})
		endpoint, ok := errors.AsType[*stepup.EndpointError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "invalid_client", endpoint.Code)
	})
	t.Run("the same id for another amount", func(t *testing.T) {
		address, _ := b.begin(t, thePayout("order-2"))
		b.user.Get(t, address)
		p := thePayout("order-2")
		p.Amount.Value = "9250.00"
		_, _, err := b.Push(t.Context(), stepup.StartOptions{Subject: b.login.Subject, Detail: p})
		require.ErrorIs(t, err, stepup.ErrBadDetail)
		standing, err := b.StatusByTxn(t.Context(), "payout.request", "order-2")
		require.NoError(t, err)
		require.Equal(t, stepup.StateCancelled, standing.State, "and what was open under it is over")
	})
}

// everyType: what the typed helpers write is what the server takes, and both come to
// the same hash.
func everyType(t *testing.T, h *harness.House) {
	own := json.RawMessage(`{"name":"prescription.sign","title":{"en":"Sign a prescription"},
		"schema":{"type":"object","additionalProperties":false,"required":["type","txn_id","patient","urgency"],"properties":{
			"type":{"const":"prescription.sign"},"txn_id":{"type":"string"},"patient":{"type":"string","minLength":1,"maxLength":80},"urgency":{"enum":["normal","urgent"]}}},
		"show":[{"at":"/patient","as":"text","labels":{"en":"Patient"}},
			{"at":"/urgency","as":"choice","labels":{"en":"Urgency"},"words":{"normal":{"en":"Normal"},"urgent":{"en":"Urgent"}}}],
		"message":{"to":"/patient"}}`)
	b := newBank(t, h, nil, "")
	action := `{"applies":"always","stages":[["delivered_code"]],"methods":["email"],"binding":"message","begin":"on_arrival","ttl_s":300,"consume_within_s":120}`
	h.Apply(t, setup.Tenant{Slug: b.place.Slug, DetailTypes: []json.RawMessage{own}, Policy: json.RawMessage(
		`{"actions":{"withdrawal.confirm":` + action + `,"bid.place":` + action + `,"prescription.sign":` + action + `}}`)})
	type prescription struct {
		Type    string `json:"type"`
		TxnID   string `json:"txn_id"`
		Patient string `json:"patient"`
		Urgency string `json:"urgency"`
	}
	for _, tt := range []struct {
		name   string
		detail stepup.Detail
	}{
		{"a new account", stepup.PaymentDetails{TxnID: "t1", Change: stepup.ReplacePayoutAccount, Current: "DE•• •••• 4321", Holder: "Ana", IBAN: "DE89370400440532013000"}},
		{"a first account", stepup.PaymentDetails{TxnID: "t2", Change: stepup.AddPayoutAccount, Holder: "Ana", IBAN: "DE89370400440532013000"}},
		{"a withdrawal to an account", stepup.Withdrawal{TxnID: "t3", Amount: stepup.Money{Value: "500", Currency: "JPY"}, IBAN: "DE89370400440532013000"}},
		{"a withdrawal to a wallet", stepup.Withdrawal{
			TxnID: "t4", Amount: stepup.Money{Value: "0.50000000", Currency: "BTC"},
			Wallet: &stepup.Wallet{Network: "bitcoin", Address: "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
		}},
		{"a bid", stepup.Bid{TxnID: "t5", Amount: stepup.Money{Value: "99.95", Currency: "EUR"}, Item: stepup.Item{ID: "lot-7", Title: "A clock"}, Seller: "Bo"}},
		{"a type of the tenant's own", prescription{"prescription.sign", "t6", "Ana Pérez", "urgent"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := b.confirm(t, tt.detail)
			r, err := b.ConsumeFor(t.Context(), v, tt.detail)
			require.NoError(t, err)
			require.Equal(t, v.Action, r.Action)
		})
	}
}

// plainAction: without details there is a confirmation too, and it is used once.
func plainAction(t *testing.T, h *harness.House) {
	b := newBank(t, h, nil, "")
	h.Clock.Advance(90 * time.Second)
	address, tx, err := b.Start(stepup.StartOptions{ACR: []string{payout}, Subject: b.login.Subject})
	require.NoError(t, err)
	v, err := b.FinishConfirmation(t.Context(), tx, b.visit(t, address, "confirm"))
	require.NoError(t, err)
	require.Equal(t, []string{"payout.request", "", ""}, []string{v.Action, v.TxnID, v.Method})

	_, err = b.ConsumeFor(t.Context(), v, thePayout("order-1"))
	require.ErrorIs(t, err, stepup.ErrMismatch, "nobody has seen an amount")
	r, err := b.ConsumeFor(t.Context(), v, stepup.PlainAction("payout.request"))
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"payout.request"}`, string(r.Detail))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
