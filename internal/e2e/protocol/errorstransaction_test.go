package protocol_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// transactionRows are the rules of protocol.md 5.8, and the last row of 5.11.
func transactionRows() []row {
	return []row{
		{"transaction reused, expired, hash differs", []refusal{
			{"reused under another key", func(c *counter) {
				a := c.approved(payoutDetails(c.id()))
				c.consume("own", a, a.hash, "k1")
				require.Equal(c.t, http.StatusOK, c.told.status)
				c.consume("own", a, a.hash, "k2")
			}, 409, "already_consumed", ""},
			{"reused without a key", func(c *counter) {
				a := c.approved(payoutDetails(c.id()))
				c.consume("own", a, a.hash, "")
				require.Equal(c.t, http.StatusOK, c.told.status)
				c.consume("own", a, a.hash, "")
			}, 409, "already_consumed", ""},
			{"expired", func(c *counter) {
				a := c.approved(payoutDetails(c.id()))
				c.House.Clock.Advance(120 * time.Second)
				c.consume("own", a, a.hash, "k")
			}, 410, "expired", ""},
			{"another hash", func(c *counter) { c.consume("own", c.approved(payoutDetails(c.id())), echo, "k") }, 422, "mismatch", ""},
			{"no hash", func(c *counter) { c.consume("own", c.approved(payoutDetails(c.id())), "", "k") }, 400, "details_hash_missing", ""},
			{"a key that is none", func(c *counter) {
				a := c.approved(payoutDetails(c.id()))
				c.consume("own", a, a.hash, strings.Repeat(echo, 30))
			}, 400, "invalid_request", ""},
			{"of another app", func(c *counter) {
				a := c.approved(payoutDetails(c.id()))
				c.consume("app", a, a.hash, "k")
			}, 404, "not_found", ""},
			{"of nobody", func(c *counter) { c.consume("own", approval{id: echo}, echo, "k") }, 404, "not_found", ""},
			{"of an id that is no text", func(c *counter) { c.consume("own", approval{id: echo + "%00%ff"}, echo, "k") }, 404, "not_found", ""},
			{"looked for by what is no text", func(c *counter) {
				c.send(http.MethodGet, "/confirmations?action="+echo+"%00&txn_id=%ff", "", "", c.basic("own", c.Secret))
			}, 404, "not_found", ""},
			{"not approved yet", func(c *counter) {
				txn := c.id()
				c.House.Clock.Advance(7 * time.Minute)
				c.visit(c.pushDetails(payoutDetails(txn)).URL)
				c.consume("own", c.standing(txn), c.standing(txn).hash, "k")
			}, 409, "not_approved", ""},
			{"of a session that has ended", func(c *counter) {
				a := c.approved(payoutDetails(c.id()))
				c.endSessions()
				c.consume("own", a, a.hash, "k")
			}, 409, "revoked", ""},
		}},
		{"the same transaction again", []refusal{
			{"after its approval", func(c *counter) {
				txn := c.id()
				c.approved(payoutDetails(txn))
				c.pushDetails(payoutDetails(txn))
			}, 400, "invalid_authorization_details", ""},
			{"with another hash", func(c *counter) {
				txn := c.id()
				c.House.Clock.Advance(7 * time.Minute)
				c.visit(c.pushDetails(payoutDetails(txn)).URL)
				c.pushDetails(payoutDetails(txn, "ACME", echo))
			}, 400, "invalid_authorization_details", ""},
			{"after it was declined", func(c *counter) {
				txn := c.id()
				c.House.Clock.Advance(7 * time.Minute)
				page := c.visit(c.pushDetails(payoutDetails(txn)).URL)
				c.user.Submit(c.t, page, "/deny", "deny", "1")
				c.pushDetails(payoutDetails(txn))
			}, 400, "invalid_authorization_details", ""},
		}},
		{"the code and the token of a transaction", []refusal{
			{"the code twice ends the approval", func(c *counter) {
				a := c.approved(payoutDetails(c.id()))
				c.redeem("own", a.code, a.auth)
				require.Equal(c.t, "invalid_grant", c.told.Code)
				c.consume("own", a, a.hash, "k")
			}, 409, "revoked", ""},
			{"the token after two minutes", func(c *counter) {
				a := c.approved(payoutDetails(c.id()))
				c.House.Clock.Advance(2*time.Minute + 11*time.Second)
				c.send(http.MethodPost, "/confirmations/"+a.id+"/consume", "application/json", `{"details_hash":"`+a.hash+`"}`, http.Header{"Authorization": {"Bearer " + a.access}})
			}, 401, "invalid_token", "Bearer "},
			{"the token of another transaction", func(c *counter) {
				a, b := c.approved(payoutDetails(c.id())), c.approved(payoutDetails(c.id()))
				c.send(http.MethodPost, "/confirmations/"+a.id+"/consume", "application/json", `{"details_hash":"`+a.hash+`"}`, http.Header{"Authorization": {"Bearer " + b.access}})
			}, 404, "not_found", ""},
		}},
		{"an app that asks too often, or twice at once", []refusal{
			{"is told when it names its user", func(c *counter) {
				c.House.Clock.Advance(time.Hour)
				c.user = c.signIn()
				sub := harness.Claims(c.t, c.tokens().ID)["sub"]
				named := []string{"scope", "openid", "claims", fmt.Sprintf(`{"id_token":{"sub":{"value":%q}}}`, sub)}
				for range 10 {
					c.visit(c.Push(c.t, "own", payoutDetails(c.id()), named...).URL)
				}
				c.push(append([]string{"authorization_details", payoutDetails(c.id())}, named...)...)
				require.NotEmpty(c.t, c.told.header.Get("Retry-After"))
				c.House.Clock.Advance(time.Hour)
				c.user = c.signIn()
			}, 429, "access_denied", ""},
			{"in another browser", func(c *counter) {
				c.visit(c.pushDetails(payoutDetails(c.id())).URL)
				require.Equal(c.t, "confirm", c.told.page)
				c.user = c.signIn()
				c.visit(c.pushDetails(payoutDetails(c.id())).URL)
				c.House.Clock.Advance(20 * time.Minute)
			}, back, "access_denied", ""},
			{"in the same browser, the first one is over", func(c *counter) {
				c.visit(c.pushDetails(payoutDetails(c.id())).URL)
				id := c.told.interaction
				c.visit(c.pushDetails(payoutDetails(c.id())).URL)
				c.visit(c.Issuer + "/authorize/resume/" + id)
			}, back, "access_denied", ""},
		}},
		{"an approval takes its time", []refusal{
			{"ttl_s is over before the user answers", func(c *counter) {
				txn := c.id()
				c.House.Clock.Advance(7 * time.Minute)
				page := c.visit(c.pushDetails(payoutDetails(txn)).URL)
				c.House.Clock.Advance(10 * time.Minute)
				c.took(c.user.Submit(c.t, page, "/confirm", "code", c.Code(c.t, alice)))
				a := c.standing(txn)
				c.consume("own", a, a.hash, "k")
			}, 410, "expired", ""},
		}},
	}
}

// standing is what the app is told of a transaction by its own id.
func (c *counter) standing(txn string) approval {
	c.t.Helper()
	var now struct {
		ID   string `json:"confirmation_id"`
		Hash string `json:"details_hash"`
	}
	require.Equal(c.t, http.StatusOK, c.Call(c.t, "own", http.MethodGet, "/confirmations?action=payout.request&txn_id="+txn, "", "", nil, &now))
	return approval{id: now.ID, hash: now.Hash}
}

// endSessions signs the user out everywhere, and in again here.
func (c *counter) endSessions() {
	c.t.Helper()
	row, err := c.House.Server.Store.TenantBySlug(c.t.Context(), c.Slug)
	require.NoError(c.t, err)
	user, err := c.House.Server.Store.UserByName(c.t.Context(), row.ID, alice)
	require.NoError(c.t, err)
	_, err = c.House.Server.Store.EndSessionsOf(c.t.Context(), row.ID, user.ID, "", c.now())
	require.NoError(c.t, err)
	c.user = c.signIn()
}
