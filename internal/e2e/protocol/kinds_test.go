package protocol_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
)

const herPIN = "482915"

// prescription is a kind of transaction of a tenant's own.
const prescription = `{"name": "prescription.sign", "title": {"en": "Sign a prescription", "de": "Rezept unterschreiben"},
	"schema": {"type": "object", "additionalProperties": false, "required": ["type", "txn_id", "patient", "urgency"], "properties": {
		"type": {"const": "prescription.sign"}, "txn_id": {"type": "string"}, "patient": {"type": "string", "minLength": 1, "maxLength": 80},
		"urgency": {"enum": ["normal", "urgent"]}}},
	"show": [
		{"at": "/patient", "as": "text", "labels": {"en": "Patient", "de": "Patientin"}},
		{"at": "/urgency", "as": "choice", "labels": {"en": "Urgency", "de": "Dringlichkeit"},
			"words": {"normal": {"en": "Normal"}, "urgent": {"en": "Urgent", "de": "Dringend"}}}],
	"message": {"to": "/patient"}}`

// growing is a policy where a withdrawal takes a code up to 1,000 EUR, and the PIN before
// it above that.
const growing = `{
	"codes": {"default": {"ttl_s": 600}},
	"actions": {
		"withdrawal.confirm": {"applies": "always", "stages": [["delivered_code"]], "methods": ["email"], "binding": "message", "details": "required",
			"fields": ["amount", "payee"], "ttl_s": 600, "consume_within_s": 120, "begin": "on_arrival", "hold": false,
			"thresholds": [{"currency": "EUR", "above": "1000.00", "stages": [["pin"], ["delivered_code"]]}]},
		"bid.place": {"applies": "always", "stages": [["delivered_code"]], "methods": ["email"], "binding": "message", "begin": "on_arrival", "ttl_s": 300, "consume_within_s": 120},
		"prescription.sign": {"applies": "always", "stages": [["delivered_code"]], "methods": ["email"], "binding": "message", "begin": "on_arrival", "ttl_s": 300, "consume_within_s": 120}}}`

// TestKindsOfTransactions takes each kind from its push to its receipt: what was pushed is
// what the page shows, what the message says and what the receipt repeats.
func TestKindsOfTransactions(t *testing.T) {
	tests := []struct {
		name, detail, action string
		stages               int      // how many answers it takes
		page                 []string // in this order
		message              []string
		hidden               []string // what neither says
	}{
		{
			"a withdrawal to an account",
			`{"type":"withdrawal.confirm","txn_id":"TXN","amount":{"value":"250.00","currency":"EUR"},"destination":{"account":{"iban":"DE89370400440532013000"}}}`,
			"withdrawal.confirm", 1,
			[]string{"Amount", "250.00 EUR", "To account", "DE•• •••• 3000"},
			[]string{"250.00 EUR", "3000"},
			[]string{"DE89370400440532013000", "370400"},
		},
		{
			"a withdrawal of as much as the threshold",
			`{"type":"withdrawal.confirm","txn_id":"TXN","amount":{"value":"1000.00","currency":"EUR"},"destination":{"account":{"iban":"DE89370400440532013000"}}}`,
			"withdrawal.confirm", 1,
			[]string{"1,000.00 EUR"},
			[]string{"1,000.00 EUR"},
			nil,
		},
		{
			"a withdrawal above it takes the PIN, too",
			`{"type":"withdrawal.confirm","txn_id":"TXN","amount":{"value":"1000.01","currency":"EUR"},"destination":{"account":{"iban":"DE89370400440532013000"}}}`,
			"withdrawal.confirm", 2,
			[]string{"1,000.01 EUR"},
			[]string{"1,000.01 EUR"},
			nil,
		},
		{
			"a withdrawal to a wallet, in a currency that no threshold names",
			`{"type":"withdrawal.confirm","txn_id":"TXN","amount":{"value":"0.50000000","currency":"BTC"},"destination":{"wallet":{"network":"bitcoin","address":"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"}}}`,
			"withdrawal.confirm", 2,
			[]string{"0.50000000 BTC", "Network", "Bitcoin", "Wallet address", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
			[]string{"0.5", "BTC", "vfNa"},
			nil,
		},
		{
			"a bid",
			`{"type":"bid.place","txn_id":"TXN","amount":{"value":"99.95","currency":"EUR"},"item":{"id":"lot-7","title":"A clock, about 1900"},"seller":"Bo & Sons"}`,
			"bid.place", 1,
			[]string{"Your bid", "99.95 EUR", "Item", "A clock, about 1900", "Item number", "lot-7", "Seller", "Bo & Sons"},
			[]string{"99.95 EUR", "A clock, about 1900"},
			nil,
		},
		{
			"a kind of the tenant's own",
			`{"type":"prescription.sign","txn_id":"TXN","patient":"Ana Pérez","urgency":"urgent"}`,
			"prescription.sign", 1,
			[]string{"Sign a prescription", "Patient", "Ana Pérez", "Urgency", "Urgent"},
			[]string{"Sign a prescription", "Ana Pérez"},
			[]string{"prescription.sign"},
		},
	}
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		owner := harness.Alice()
		owner.PIN = herPIN
		p := h.Tenant(t, "broker-security-identities", "", owner)
		h.Apply(t, setup.Tenant{Slug: p.Slug, DetailTypes: []json.RawMessage{json.RawMessage(prescription)}, Policy: json.RawMessage(growing)})
		b := p.NewBrowser()
		signInByEmail(t, b)
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				h.Clock.Advance(90 * time.Second)
				k := kind{t: t, place: p, browser: b, detail: strings.Replace(tt.detail, "TXN", fmt.Sprint("txn-", i), 1)}
				sent := len(p.Letters(alice))
				auth := p.Push(t, p.Own, "["+k.detail+"]")
				page := b.Get(t, auth.URL)
				k.shows(page, "confirm", tt.page, tt.hidden)
				if tt.stages == 2 {
					require.Equal(t, sent, len(p.Letters(alice)), "the PIN comes first")
					page = b.Submit(t, page, "/confirm", "pin", herPIN)
					require.Nil(t, page.Callback, "the PIN alone is not enough")
					k.shows(page, "challenge", tt.page, tt.hidden)
				}
				letter := p.Letter(t, alice)
				for _, want := range tt.message {
					require.Contains(t, letter.Subject+"\n"+letter.Text, want)
				}
				for _, hidden := range tt.hidden {
					require.NotContains(t, letter.Subject+letter.Text, hidden)
				}
				page = b.Submit(t, page, "/confirm", "code", p.Code(t, alice))
				require.NotNil(t, page.Callback, "page %s (%d)", page.Name, page.Status)
				k.used(harness.Claims(t, p.Exchange(t, auth, page.Callback).Access), tt.action, tt.stages)
			})
		}
		t.Run("in another language", func(t *testing.T) {
			h.Clock.Advance(90 * time.Second)
			k := kind{t: t, place: p, browser: b}
			page := b.Get(t, p.Push(t, p.Own, `[{"type":"prescription.sign","txn_id":"de-1","patient":"Ana","urgency":"urgent"}]`, "ui_locales", "de").URL)
			k.shows(page, "confirm", []string{"Rezept unterschreiben", "Patientin", "Ana", "Dringlichkeit", "Dringend"}, []string{"Urgency"})
		})
		t.Run("what the tenant's own kind does not take", func(t *testing.T) {
			for _, detail := range []string{
				`[{"type":"prescription.sign","txn_id":"x","patient":"Ana","urgency":"soon"}]`,
				`[{"type":"prescription.sign","txn_id":"x","patient":"Ana","urgency":"urgent","dose":"9"}]`,
				`[{"type":"prescription.sign","txn_id":"x","urgency":"urgent"}]`,
			} {
				_, refused := p.TryPush(t, p.Own, detail)
				require.Equal(t, "invalid_authorization_details", refused.Error, detail)
			}
		})
	})
}

// signInByEmail gets a session at a tenant that leaves the choice of a way to the user.
func signInByEmail(t *testing.T, b *harness.Browser) {
	t.Helper()
	page := b.Password(t, b.Place.Authorize(b.Place.Own), alice, harness.Password)
	if page.Name == "choose" {
		for _, f := range page.Forms {
			if f.Fields.Get("method") == "email" {
				page = b.Post(t, f.Action, f.Fields)
			}
		}
	}
	page = b.Submit(t, page, "/challenge", "code", b.Place.Code(t, alice))
	require.NotEmpty(t, page.Callback.Get("code"), "%s", page.Name)
}

// kind is one transaction on its way.
type kind struct {
	t       *testing.T
	place   *harness.Place
	browser *harness.Browser
	detail  string
}

var tags = regexp.MustCompile(`(?s)<(script|style|svg).*?</(script|style|svg)>|<[^>]*>`)

// shows wants these words on the page called name, in this order, and none of hidden.
func (k kind) shows(page *harness.Page, name string, want, hidden []string) {
	k.t.Helper()
	require.Equal(k.t, name, page.Name, "%s", page.Body)
	rest := strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page.Body, " "))), " ")
	for _, h := range hidden {
		require.NotContains(k.t, rest, h)
	}
	for _, w := range want {
		_, after, found := strings.Cut(rest, w)
		require.True(k.t, found, "%q is not on the page, or not in its place: %s", w, rest)
		rest = after
	}
}

// used uses the approval up and compares the receipt with what was pushed.
func (k kind) used(claims map[string]any, action string, stages int) {
	k.t.Helper()
	p := k.place
	canonical, err := details.Canonical([]byte(k.detail))
	require.NoError(k.t, err)
	hash := consent.DetailsHash(p.Issuer, p.Own, fmt.Sprint(claims["sub"]), canonical)
	var answer struct{ Receipt string }
	require.Equal(k.t, http.StatusOK, p.Call(k.t, p.Own, http.MethodPost, fmt.Sprintf("/confirmations/%s/consume", claims["txn"]), "application/json",
		fmt.Sprintf(`{"details_hash":%q}`, hash), http.Header{"Idempotency-Key": {"k"}}, &answer))
	receipt := harness.Claims(k.t, answer.Receipt)
	require.Equal(k.t, []any{action, hash}, []any{receipt["action"], receipt["details_hash"]})
	list, err := json.Marshal(receipt["authorization_details"])
	require.NoError(k.t, err)
	require.JSONEq(k.t, "["+string(canonical)+"]", string(list))
	proofs, ok := receipt["proofs"].([]any)
	require.True(k.t, ok)
	require.Len(k.t, proofs, stages, "each stage has its proof")
}
