package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
)

const payoutDetail = `{"type":"payout.request","txn_id":"TXN","amount":{"value":"1250.00","currency":"EUR"},` +
	`"payee":{"name":"ACME GmbH","account":{"iban":"DE89370400440532013000"}},"reference":"Invoice 7"}`

// payout is the form of a payout under that id, after edits of its details.
func payout(txn string, edits ...string) url.Values {
	detail := strings.NewReplacer(append([]string{"TXN", txn}, edits...)...).Replace(payoutDetail)
	form := shopForm("scope=", "nonce=", "acr_values=")
	form.Set("authorization_details", "["+detail+"]")
	return form
}

// confirm takes a pushed request to its end, by a code, and returns its tokens.
func (s *authServer) confirm(t *testing.T, b *browser, uri string) (*consent.Standing, answer) {
	t.Helper()
	id := interactionID(t, b.authorize(reference(uri)))
	st := b.open(id)
	require.Equal(t, consent.StepConfirm, st.Step, st.Reason)
	_, _, err := s.flow.Answer(t.Context(), st, consent.Given{ChallengeID: st.In.State.ChallengeID, Input: s.mail.code}, consent.Browser{Hash: st.In.BrowserHash})
	require.NoError(t, err)
	_, got := told(t, b.resume(id))
	require.NotEmpty(t, got.Get("code"), "%v", got)
	return st, s.tokens(t, got.Get("code"))
}

func TestAPayoutIsConfirmedWithItsDetails(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		s.usePolicy("contractor-email-first")
		b := s.signedIn(time.Minute)

		st, a := s.confirm(t, b, s.mustPush(payout("order-1")))

		require.Equal(t, "1250.00", st.Detail.Summary().Amount.Value)
		require.Empty(t, a.RefreshToken)
		require.Equal(t, int64(120), a.ExpiresIn)
		access := claimsIn(t, a.AccessToken)
		require.Equal(t, "urn:sallyport:action:payout.request", access["acr"])
		require.Equal(t, st.In.State.ConfirmationID, access["txn"])
		told, err := json.Marshal(access["authorization_details"])
		require.NoError(t, err)
		var list []struct {
			Type, TxnID    string
			Txn            string `json:"txn_id"`
			Amount         struct{ Value, Currency string }
			ConfirmationID string `json:"confirmation_id"`
			DetailsHash    string `json:"details_hash"`
			ApprovedAt     string `json:"approved_at"`
			ACR, Method    string
		}
		require.NoError(t, json.Unmarshal(told, &list))
		require.Len(t, list, 1)
		require.Equal(t, []string{"order-1", "1250.00", "EUR", st.In.State.ConfirmationID, "email"},
			[]string{list[0].Txn, list[0].Amount.Value, list[0].Amount.Currency, list[0].ConfirmationID, list[0].Method})
		own := consent.DetailsHash(issuerOf(tenantA), appShop, userAlice, []byte(
			`{"amount":{"currency":"EUR","value":"1250.00"},"payee":{"account":{"iban":"DE89370400440532013000"},"name":"ACME GmbH"},"reference":"Invoice 7","txn_id":"order-1","type":"payout.request"}`))
		require.Equal(t, own, list[0].DetailsHash, "the app computes it from what it executes")

		v, err := s.store.Confirmation(t.Context(), tenantA, st.In.State.ConfirmationID)
		require.NoError(t, err)
		got := s.consume(v, own, idempotent("k", asShop))
		require.Equal(t, http.StatusOK, got.Code, got.Title)
		require.Equal(t, "order-1", claimsIn(t, got.Receipt)["txn"])
		byTxn := s.fate(http.MethodGet, "/t/a/confirmations?action=payout.request&txn_id=order-1", "", asShop)
		require.Equal(t, v.ID, byTxn.ID)
		require.Equal(t, got.Receipt, byTxn.Receipt, "an app that lost everything else finds it by its own id")
	})
}

func TestWhatIsNoSoundTransaction(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	tests := []struct {
		name string
		form url.Values
		code string
	}{
		{"an unknown type", payout("t", "payout.request", "world.domination"), "invalid_authorization_details"},
		{"a type that the policy has no action for", payout("t", "payout.request", "withdrawal.confirm"), "invalid_authorization_details"},
		{"an amount with too many digits after the point", payout("t", "1250.00", "1250.000"), "invalid_authorization_details"},
		{"an amount that is a number", payout("t", `"1250.00"`, "1250.00"), "invalid_authorization_details"},
		{"an IBAN with a slip", payout("t", "DE89", "DE88"), "invalid_authorization_details"},
		{"a member that nobody would see", payout("t", `"reference"`, `"extra"`), "invalid_authorization_details"},
		{"a name written from right to left", payout("t", "ACME", "AC\u202eME"), "invalid_authorization_details"},
		{"no JSON", edited(payout("t"), "authorization_details=[{"), "invalid_authorization_details"},
		{"five kilobytes", payout("t", "ACME GmbH", strings.Repeat("A", 5000)), "invalid_authorization_details"},
		{"another action beside it", edited(payout("t"), "acr_values=urn:sallyport:action:payment_details.add"), "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := s.push(tt.form, asShop)
			require.Equal(t, http.StatusBadRequest, got.Status)
			require.Equal(t, tt.code, got.Error, got.Description)
			require.NotEmpty(t, got.Description)
			require.NotContains(t, got.Description, `"`)
		})
	}
	t.Run("from a browser", func(t *testing.T) {
		_, got := told(t, s.signedIn(time.Minute).authorize(payout("t")))
		require.Equal(t, "invalid_request", got.Get("error"))
	})
	t.Run("by an app that may not ask for it", func(t *testing.T) {
		s.register(appShop, func(c *identity.Client) { c.Actions = []string{"payment_details.add"} })
		require.Equal(t, "invalid_authorization_details", s.push(payout("t"), asShop).Error)
		s.register(appShop, func(c *identity.Client) { c.Actions = nil })
	})
	t.Run("by an app that cannot prove who it is", func(t *testing.T) {
		form := edited(payout("t"), "client_id="+appPublic, "redirect_uri="+s.app(appPublic).RedirectURIs[0])
		require.Equal(t, "unauthorized_client", s.push(form, nil).Error)
	})
}

func TestTheSameTransactionAgain(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	b := s.signedIn(time.Minute)
	first := s.mustPush(payout("order-1"))
	id := interactionID(t, b.authorize(reference(first)))
	code := s.mail.code

	t.Run("while nothing is decided, it leads to the same page", func(t *testing.T) {
		second := s.mustPush(payout("order-1"))
		require.NotEqual(t, first, second)
		require.Equal(t, id, interactionID(t, b.authorize(reference(second))))
		require.Equal(t, code, s.mail.code, "nothing is sent again")
		require.Equal(t, http.StatusBadRequest, b.authorize(reference(first)).Code, "the old name leads nowhere")
		require.Equal(t, http.StatusBadRequest, s.browser().authorize(reference(second)).Code, "nor does the new one, for anybody else")
	})
	t.Run("and is answered as it was asked last", func(t *testing.T) {
		got := s.mustPush(edited(payout("order-1"), "state=later", `claims={"id_token":{"sub":{"value":"user-alice"}}}`))
		require.Equal(t, id, interactionID(t, b.authorize(reference(got))))
		require.Equal(t, "later", b.open(id).Request.Form["state"][0])
		s.mustPush(edited(payout("order-1"), "state=of-nobody"))
		require.Equal(t, "later", b.open(id).Request.Form["state"][0], "unless it does not say for whom")
	})
	t.Run("with another amount, it ends what is open", func(t *testing.T) {
		got := s.push(payout("order-1", "1250.00", "9250.00"), asShop)
		require.Equal(t, "invalid_authorization_details", got.Error)
		st := b.open(id)
		require.Equal(t, consent.StepRefuse, st.Step)
		v, err := s.store.Confirmation(t.Context(), tenantA, st.In.State.ConfirmationID)
		require.NoError(t, err)
		require.Equal(t, consent.ConfirmationCancelled, v.Status)
		_, answer := told(t, b.resume(id))
		require.Equal(t, "access_denied", answer.Get("error"))
		require.Equal(t, http.StatusConflict, s.consume(v, v.DetailsHash, asShop).Code)
	})
	t.Run("for another user, likewise", func(t *testing.T) {
		id := interactionID(t, b.authorize(reference(s.mustPush(payout("order-bob")))))
		form := edited(payout("order-bob"), `claims={"id_token":{"sub":{"value":"user-bob"}}}`)
		require.Equal(t, "invalid_authorization_details", s.push(form, asShop).Error)
		require.Equal(t, consent.StepRefuse, b.open(id).Step)
	})
	t.Run("once it was decided, it is refused", func(t *testing.T) {
		s.confirm(t, b, s.mustPush(payout("order-2")))
		require.Equal(t, "invalid_authorization_details", s.push(payout("order-2"), asShop).Error)
	})
	t.Run("of two pushes before the first visit, one is confirmed", func(t *testing.T) {
		s.advance(20 * time.Minute)
		one, two := s.mustPush(payout("order-3")), s.mustPush(payout("order-3"))
		b, other := s.signedIn(time.Minute), s.signedIn(time.Minute)
		interactionID(t, b.authorize(reference(one)))
		second := interactionID(t, other.authorize(reference(two)))
		_, answer := told(t, other.resume(second))
		require.Equal(t, "access_denied", answer.Get("error"))
	})
	t.Run("an id is another app's own", func(t *testing.T) {
		s.register(appPost, func(c *identity.Client) { c.PKCEOptional = true })
		form := edited(payout("order-1"), "client_id="+appPost, "redirect_uri="+s.app(appPost).RedirectURIs[0])
		require.Equal(t, http.StatusCreated, s.push(form, as(appPost, postSecret)).Status)
	})
}

// TestAnApprovalEndsWithItsSession: signing out takes back what was not used yet.
func TestAnApprovalEndsWithItsSession(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		s.usePolicy("contractor-email-first")
		b := s.signedIn(time.Minute)
		st, a := s.confirm(t, b, s.mustPush(payout("order-1")))
		v, err := s.store.Confirmation(t.Context(), tenantA, st.In.State.ConfirmationID)
		require.NoError(t, err)
		_, err = s.store.EndSessionsOf(t.Context(), tenantA, userAlice, "", s.clock())
		require.NoError(t, err)

		got := s.consume(v, v.DetailsHash, asShop)

		require.Equal(t, http.StatusConflict, got.Code)
		require.Equal(t, "revoked", got.Error)
		require.Equal(t, http.StatusUnauthorized, s.consume(v, v.DetailsHash, bearer(a.AccessToken)).Code)
	})
}
