package threats_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// rounds is how many payouts are made, and perRound how many changes are tried on each of
// them: 216 in all, on each database.
const (
	rounds   = 12
	perRound = 18
)

// anyByte is the property behind T-40: of whatever stands between the push and the
// receipt, one byte is changed at random. What comes of it is nothing, or exactly what was
// pushed.
func anyByte(t *testing.T, h *harness.House) {
	seed := [2]uint64{rand.Uint64(), rand.Uint64()}
	t.Logf("seed %d, %d", seed[0], seed[1])
	p, b := payPlace(t, h)
	g := &gambler{t: t, place: p, user: b, rand: rand.New(rand.NewPCG(seed[0], seed[1]))}
	for range rounds {
		h.Clock.Advance(7 * time.Minute) // an app may ask ten times an hour
		g.round()
	}
	t.Logf("%d changes, %d of them without meaning", g.tried, g.same)
	require.Equal(t, rounds*perRound, g.tried)
}

// gambler changes bytes of one payout after the other.
type gambler struct {
	t     *testing.T
	place *harness.Place
	user  *harness.Browser
	rand  *rand.Rand

	made, used  int // payouts, and those that were used up
	tried, same int // changes, and those that changed nothing

	text      string // the payout as its app wrote it
	canonical []byte
	sub       string
	auth      harness.Auth
	paid      paid
	access    string
}

// round takes one payout from its push to its receipt, and gambles all the way.
func (g *gambler) round() {
	t, p := g.t, g.place
	g.write()
	g.auth = p.Push(t, p.Own, "["+g.text+"]", "scope", "openid")
	steps := perRound
	for range 3 {
		g.onTheWay()
		steps--
	}
	v, page := mustOpen(t, g.user, g.auth)
	require.Equal(t, "confirm", page.Name)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", code(t, p, alice)).Status)
	answer := v.finish(t)
	require.Equal(t, v.auth.State, answer.Get("state"))
	for range 3 {
		g.codeChanged(answer.Get("code"))
		steps--
	}
	tokens := p.Exchange(t, v.auth, answer)
	require.Equal(t, v.auth.Nonce, harness.Claims(t, tokens.ID)["nonce"])
	claims := harness.Claims(t, tokens.Access)
	g.sub, g.access = fmt.Sprint(claims["sub"]), tokens.Access
	g.paid = paid{place: p, id: fmt.Sprint(claims["txn"]), hash: consent.DetailsHash(p.Issuer, p.Own, g.sub, g.canonical)}
	for range steps {
		g.consumeChanged()
	}
	g.finish()
}

// write makes a payout at random, with white space as an app may send it.
func (g *gambler) write() {
	name := []rune("Ärzte & Söhne GmbH")
	g.rand.Shuffle(len(name)-1, func(i, j int) {
		if name[i] != ' ' && name[j] != ' ' {
			name[i], name[j] = name[j], name[i]
		}
	})
	iban := []string{"DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"}[g.rand.IntN(3)]
	g.made++
	document := map[string]any{
		"type": "payout.request", "txn_id": fmt.Sprintf("order-%d", g.made), "reference": fmt.Sprintf("Invoice %d", g.rand.IntN(1e6)),
		"amount": map[string]any{"value": fmt.Sprintf("%d.%02d", 1+g.rand.IntN(9999), g.rand.IntN(100)), "currency": "EUR"},
		"payee":  map[string]any{"name": string(name), "account": map[string]any{"iban": iban}},
	}
	text, err := json.MarshalIndent(document, "", " ")
	require.NoError(g.t, err)
	g.text = string(text)
	g.canonical, err = details.Canonical(text)
	require.NoError(g.t, err)
}

// changed is text with another byte at one place.
func (g *gambler) changed(text string) string {
	all := []byte(text)
	i := g.rand.IntN(len(all))
	was := all[i]
	for all[i] == was {
		all[i] = byte(0x20 + g.rand.IntN(0x5f)) // printable
		switch g.rand.IntN(8) {
		case 0:
			all[i] = byte(g.rand.IntN(256)) // any
		case 1:
			all[i] = was ^ 1
		case 2:
			all[i] = ' '
		}
	}
	return string(all)
}

// onTheWay changes what the browser carries, before the page was seen.
func (g *gambler) onTheWay() {
	g.tried++
	address, err := url.Parse(g.auth.URL)
	require.NoError(g.t, err)
	query := address.Query()
	switch g.rand.IntN(3) {
	case 0:
		query.Set("request_uri", g.changed(query.Get("request_uri")))
	case 1:
		query.Set("client_id", g.changed(query.Get("client_id")))
	case 2: // nothing of these is read
		query.Set("state", g.changed(g.auth.State))
		query.Set("nonce", g.changed(g.auth.Nonce))
		query.Set("authorization_details", "["+g.changed(g.text)+"]")
		page := g.user.Get(g.t, g.place.Issuer+"/authorize?"+query.Encode())
		require.Equal(g.t, "confirm", page.Name)
		require.Contains(g.t, words(page), "Invoice "+g.reference())
		g.same++
		return
	}
	page := g.user.Get(g.t, g.place.Issuer+"/authorize?"+query.Encode())
	require.Equal(g.t, http.StatusBadRequest, page.Status, "%s", query)
	require.Nil(g.t, page.Callback)
}

func (g *gambler) reference() string {
	_, rest, _ := strings.Cut(g.text, "Invoice ")
	number, _, _ := strings.Cut(rest, `"`)
	return number
}

// codeChanged changes the code of the answer, which leaves the right one as it is. What
// uses the right one up has tests of its own: a wrong verifier ends the grant.
func (g *gambler) codeChanged(code string) {
	g.tried++
	tokens := g.place.Token(g.t, g.place.Own, url.Values{
		"grant_type": {"authorization_code"}, "code": {g.changed(code)}, "redirect_uri": {harness.Callback}, "code_verifier": {g.auth.Verifier},
	})
	require.Contains(g.t, []string{"invalid_grant", "invalid_request"}, tokens.Error)
	require.Empty(g.t, tokens.Access)
}

// consumeChanged changes one of the things by which an approval is used up.
func (g *gambler) consumeChanged() {
	g.tried++
	p := g.place
	ask := func(client, id, hash, token string) int { return g.consume(client, p.Secret, id, hash, token) }
	switch what := g.rand.IntN(9); what {
	case 0, 1, 2: // what is about to be executed
		text := g.changed(g.text)
		canonical, err := details.Canonical([]byte(text))
		if err != nil {
			canonical = []byte(text) // an app that hashes what is no JSON
		}
		if bytes.Equal(canonical, g.canonical) {
			g.same++
			return
		}
		require.Equal(g.t, http.StatusUnprocessableEntity, ask(p.Own, g.paid.id, consent.DetailsHash(p.Issuer, p.Own, g.sub, canonical), ""), "%s", text)
	case 3: // for whom, by which app, at which server
		parts := []string{p.Issuer, p.Own, g.sub}
		i := g.rand.IntN(3)
		parts[i] = strings.ToValidUTF8(g.changed(parts[i]), "x")
		require.Equal(g.t, http.StatusUnprocessableEntity, ask(p.Own, g.paid.id, consent.DetailsHash(parts[0], parts[1], parts[2], g.canonical), ""), "%v", parts)
	case 4:
		require.Equal(g.t, http.StatusUnprocessableEntity, ask(p.Own, g.paid.id, g.changed(g.paid.hash), ""))
	case 5:
		id := g.changed(g.paid.id)
		require.Contains(g.t, []int{http.StatusNotFound, http.StatusBadRequest}, ask(p.Own, id, g.paid.hash, ""), "%q", id)
	case 6:
		token := g.changed(g.access)
		if sameToken(token, g.access) {
			g.same++
			return
		}
		require.Contains(g.t, []int{http.StatusUnauthorized, http.StatusBadRequest}, ask("", g.paid.id, g.paid.hash, token), "%q", token)
	case 7:
		require.Equal(g.t, http.StatusUnauthorized, g.consume(p.Own, g.changed(p.Secret), g.paid.id, g.paid.hash, ""))
	case 8:
		require.Equal(g.t, http.StatusUnauthorized, ask(g.changed(p.Own), g.paid.id, g.paid.hash, ""))
		require.Equal(g.t, http.StatusNotFound, ask(p.Client, g.paid.id, g.paid.hash, ""), "another app, by its own right")
	}
	require.Equal(g.t, g.used, number(g.t, p, "select count(*) from confirmations where tenant_id = $1 and (status = 'consumed' or receipt <> '')"))
}

// sameToken: the last letter of each part of a JWT carries bits that mean nothing.
func sameToken(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		u, err := base64.RawURLEncoding.DecodeString(x[i])
		w, _ := base64.RawURLEncoding.DecodeString(y[i])
		if err != nil || !bytes.Equal(u, w) {
			return false
		}
	}
	return true
}

// consume asks as an app with a secret, or by an access token.
func (g *gambler) consume(client, secret, id, hash, token string) int {
	body, err := json.Marshal(map[string]string{"details_hash": hash})
	require.NoError(g.t, err)
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.place.Issuer+"/confirmations/"+url.PathEscape(id)+"/consume", bytes.NewReader(body))
	require.NoError(g.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", g.paid.id)
	if client != "" {
		req.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	} else {
		req.Header["Authorization"] = []string{"Bearer " + strings.Map(func(r rune) rune {
			if r < 0x20 || r > 0x7e {
				return '~' // nothing else can be sent
			}
			return r
		}, token)}
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(g.t, err)
	require.NoError(g.t, resp.Body.Close())
	return resp.StatusCode
}

// finish uses the approval up as it was pushed, and reads the receipt.
func (g *gambler) finish() {
	receipt := g.paid.receiptOf(g.t, g.paid.id)
	g.used++
	list, err := json.Marshal(receipt["authorization_details"])
	require.NoError(g.t, err)
	canonical, err := details.Canonical(list)
	require.NoError(g.t, err)
	require.Equal(g.t, "["+string(g.canonical)+"]", string(canonical))
	require.Equal(g.t, []any{g.place.Own, g.sub, g.paid.hash}, []any{receipt["aud"], receipt["sub"], receipt["details_hash"]})
}
