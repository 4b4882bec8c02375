package protocol_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// refusal is a request that is refused, and what is told. Status is that of the answer, 0
// where the browser is sent back to the app with it.
type refusal struct {
	name   string
	do     func(c *counter)
	status int
	code   string // the error; "page" where there is no app to tell
	demand string // the beginning of WWW-Authenticate; "" for none
}

// back is the status of a refusal that goes to the app by the browser.
const back = 0

// row is a line of the table of errors: its condition, by the words of the table.
type row struct {
	condition string
	refusals  []refusal
}

// TestErrors goes through the table of errors (protocol.md 5.11), in its order. Left out is
// what does not exist: device grant and registration. Four conditions need a store that
// fails, and are tested in package provider: overload (TestStoreFailure), a refresh that
// loses a race (TestRefreshRace), a revocation that cannot be done (TestRevocationRefused),
// an assertion that cannot be noted (TestClientAssertionWhenTheStoreFails).
// account_selection_required is never answered: prompt=none stands alone.
func TestErrors(t *testing.T) {
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		c := newCounter(t, h)
		for _, r := range append(append(authorizeRows(), tokenRows()...), transactionRows()...) {
			t.Run(r.condition, func(t *testing.T) {
				for _, tt := range r.refusals {
					t.Run(tt.name, func(t *testing.T) { c.check(t, tt) })
				}
			})
		}
	})
}

func (c *counter) check(t *testing.T, tt refusal) {
	t.Helper()
	c.t, c.told = t, told{}
	tt.do(c)
	got := c.told
	if tt.code == "page" {
		require.Equal(t, tt.status, got.status)
		require.Equal(t, "error", got.page, "%+v", got)
		return
	}
	require.Equal(t, tt.code, got.Code, "%d %s", got.status, got.Description)
	if tt.status != back {
		require.Equal(t, tt.status, got.status)
		require.Contains(t, got.header.Get("Cache-Control"), "no-store")
	}
	demand := got.header.Get("WWW-Authenticate")
	require.True(t, strings.HasPrefix(demand, tt.demand) && (demand == "") == (tt.demand == ""), "WWW-Authenticate: %q", demand)
	if tt.status == http.StatusUnauthorized && tt.demand != "" && !strings.HasPrefix(tt.demand, "Basic") {
		require.Contains(t, demand, `error="`+tt.code+`"`)
	}
	require.Regexp(t, `^[\x20\x21\x23-\x5B\x5D-\x7E]{1,200}$`, got.Description, "ASCII without quotes")
	require.NotContains(t, got.Description, echo)
}

func authorizeRows() []row {
	return []row{
		{"unknown client, redirect mismatch, bad PAR reference", []refusal{
			{"an unknown client", func(c *counter) { c.front("client_id", echo) }, 400, "page", ""},
			{"another redirect URI", func(c *counter) { c.front("redirect_uri", "https://evil.example/"+echo) }, 400, "page", ""},
			{"no redirect URI", func(c *counter) { c.front("redirect_uri", "") }, 400, "page", ""},
			{"a request_uri that nobody made", func(c *counter) {
				c.visit(c.Issuer + "/authorize?client_id=own&request_uri=urn:ietf:params:oauth:request_uri:" + echo)
			}, 400, "page", ""},
			{"a request_uri of another client", func(c *counter) {
				c.visit(strings.Replace(c.pushDetails(payoutDetails(c.id())).URL, "client_id=own", "client_id=app", 1))
			}, 400, "page", ""},
			{"a redirect URI that is pushed", func(c *counter) { c.push("redirect_uri", "https://evil.example/"+echo) }, 400, "invalid_request", ""},
		}},
		{"duplicate parameter, malformed max_age, claims, prompt mix, PKCE missing or plain", []refusal{
			{"a parameter twice", func(c *counter) { c.visit(c.Authorize("own").URL + "&nonce=" + echo) }, back, "invalid_request", ""},
			{"a parameter twice, pushed", func(c *counter) {
				c.form("/par", "own", "response_type", "code", "state", echo, "state", echo, "redirect_uri", harness.Callback)
			}, 400, "invalid_request", ""},
			{"max_age", func(c *counter) { c.both("max_age", echo) }, back, "invalid_request", ""},
			{"claims", func(c *counter) { c.both("claims", "{"+echo) }, back, "invalid_request", ""},
			{"prompt=none with another", func(c *counter) { c.both("prompt", "none login") }, back, "invalid_request", ""},
			{"an unknown prompt", func(c *counter) { c.both("prompt", echo) }, back, "invalid_request", ""},
			{"no PKCE", func(c *counter) { c.both("code_challenge", "", "code_challenge_method", "") }, back, "invalid_request", ""},
			{"PKCE plain", func(c *counter) { c.both("code_challenge_method", "plain") }, back, "invalid_request", ""},
			{"text that is none", func(c *counter) { c.both("nonce", echo+"\x00\xff") }, back, "invalid_request", ""},
		}},
		{"response_type not allowed", []refusal{
			{"a token", func(c *counter) { c.both("response_type", "token") }, back, "unsupported_response_type", ""},
			{"anything", func(c *counter) { c.both("response_type", echo) }, back, "unsupported_response_type", ""},
		}},
		{"response_mode not allowed", []refusal{
			{"a fragment", func(c *counter) { c.both("response_mode", "fragment") }, back, "invalid_request", ""},
		}},
		{"scope not allowed", []refusal{
			{"at both", func(c *counter) { c.both("scope", "openid "+echo) }, back, "invalid_scope", ""},
			{"of an app itself", func(c *counter) { c.form("/token", "machine", "grant_type", "client_credentials", "scope", echo) }, 400, "invalid_scope", ""},
		}},
		{"resource unknown", []refusal{
			{"at both", func(c *counter) { c.both("resource", "https://"+echo+".example/") }, back, "invalid_target", ""},
			{"at the token endpoint", func(c *counter) {
				code, auth := c.code("resource", "https://api.example/")
				c.redeem("own", code, auth, "resource", "https://"+echo+".example/")
			}, 400, "invalid_target", ""},
		}},
		{"authorization_details unknown type, field, too big, front-channel", []refusal{
			{"an unknown type", func(c *counter) { c.pushDetails(payoutDetails(c.id(), "payout.request", echo)) }, 400, "invalid_authorization_details", ""},
			{"a type without an action", func(c *counter) { c.pushDetails(payoutDetails(c.id(), "payout.request", "bid.place")) }, 400, "invalid_authorization_details", ""},
			{"an unknown field", func(c *counter) { c.pushDetails(payoutDetails(c.id(), `"amount"`, `"`+echo+`":"x","amount"`)) }, 400, "invalid_authorization_details", ""},
			{"too big", func(c *counter) { c.pushDetails(payoutDetails(c.id(), "ACME GmbH", strings.Repeat(echo, 700))) }, 400, "invalid_authorization_details", ""},
			{"two transactions", func(c *counter) {
				one := strings.Trim(payoutDetails(c.id()), "[]")
				c.pushDetails("[" + one + "," + strings.Replace(one, "order-", "other-", 1) + "]")
			}, 400, "invalid_authorization_details", ""},
			{"none", func(c *counter) { c.pushDetails("[]") }, 400, "invalid_authorization_details", ""},
			{"no JSON", func(c *counter) { c.pushDetails("[{" + echo) }, 400, "invalid_authorization_details", ""},
			{"by the browser", func(c *counter) { c.front("authorization_details", payoutDetails(c.id())) }, back, "invalid_request", ""},
			{"by the browser, in a signed object", func(c *counter) {
				c.visit(c.Issuer + "/authorize?" + url.Values{"client_id": {"own"}, "redirect_uri": {harness.Callback}, "request": {c.object(func(m jwt.MapClaims) {
					m["authorization_details"] = []any{map[string]any{"type": "payout.request"}}
				})}}.Encode())
			}, back, "invalid_request", ""},
			{"by an app that cannot prove who it is", func(c *counter) {
				_, query, _ := strings.Cut(c.Authorize("public", "authorization_details", payoutDetails(c.id())).URL, "?")
				c.send(http.MethodPost, "/par", "application/x-www-form-urlencoded", query, nil)
			}, 400, "unauthorized_client", ""},
		}},
		{"JAR bad signature or claims; request_uri remote; expired PAR", []refusal{
			{"a signature of somebody else", func(c *counter) {
				raw := c.object(nil)
				c.both("request", raw[:len(raw)-8]+"AAAAAAAA")
			}, back, "invalid_request_object", ""},
			{"for another server", func(c *counter) { c.both("request", c.object(func(m jwt.MapClaims) { m["aud"] = "https://" + echo })) }, back, "invalid_request_object", ""},
			{"that has run out", func(c *counter) {
				c.both("request", c.object(func(m jwt.MapClaims) { m["exp"] = c.now().Add(-time.Minute).Unix() }))
			}, back, "invalid_request_object", ""},
			{"of an app without keys", func(c *counter) { c.front("client_id", "app", "request", c.object(nil)) }, back, "request_not_supported", ""},
			{"a request_uri that is an address", func(c *counter) { c.front("request_uri", "https://"+echo+".example/r") }, back, "request_uri_not_supported", ""},
			{"a request_uri that is pushed", func(c *counter) { c.push("request_uri", "https://"+echo+".example/r") }, 400, "invalid_request", ""},
			{"a pushed request past its time", func(c *counter) {
				auth := c.pushDetails(payoutDetails(c.id()))
				c.House.Clock.Advance(90 * time.Second)
				page := c.visit(auth.URL)
				require.Contains(c.t, page.Body, "invalid_request_uri")
			}, 400, "page", ""},
		}},
		{"registration parameter", []refusal{
			{"at both", func(c *counter) { c.both("registration", `{"client_name":"`+echo+`"}`) }, back, "registration_not_supported", ""},
		}},
		{"PAR required by client", []refusal{
			{"by the browser", func(c *counter) { c.front("client_id", "pusher") }, back, "invalid_request", ""},
		}},
		{"user cancels, declines a transaction, policy denies", []refusal{
			{"a page is cancelled", func(c *counter) {
				page := c.visit(c.Authorize("own", "acr_values", "urn:sallyport:acr:mfa").URL)
				c.took(c.user.Submit(c.t, page, "/challenge", "cancel", "1"))
			}, back, "access_denied", ""},
			{"a transaction is declined", func(c *counter) {
				page := c.visit(c.pushDetails(payoutDetails(c.id())).URL)
				id := c.told.interaction
				c.user.Submit(c.t, page, "/deny", "deny", "1")
				c.visit(c.Issuer + "/authorize/resume/" + id)
			}, back, "access_denied", ""},
			{"a transaction is withdrawn", func(c *counter) {
				txn := c.id()
				c.visit(c.pushDetails(payoutDetails(txn)).URL)
				id := c.told.interaction
				c.pushDetails(payoutDetails(txn, "1250.00", "9250.00"))
				c.visit(c.Issuer + "/authorize/resume/" + id)
			}, back, "access_denied", ""},
		}},
		{"prompt=none family", []refusal{
			{"nobody is signed in", func(c *counter) { c.took(c.NewBrowser().Get(c.t, c.Authorize("own", "prompt", "none").URL)) }, back, "login_required", ""},
			{"the login is too old", func(c *counter) {
				c.House.Clock.Advance(2 * time.Second)
				c.front("prompt", "none", "max_age", "1")
			}, back, "login_required", ""},
			{"something has to be confirmed", func(c *counter) { c.front("prompt", "none", "acr_values", payoutACR) }, back, "interaction_required", ""},
			{"a transaction has to be confirmed", func(c *counter) {
				auth := c.Push(c.t, "own", payoutDetails(c.id()), "prompt", "none")
				c.visit(auth.URL)
			}, back, "interaction_required", ""},
			{"consent has to be given", func(c *counter) { c.front("client_id", "app", "prompt", "none") }, back, "consent_required", ""},
		}},
		{"required acr cannot be met", []refusal{
			{"by the browser", func(c *counter) { c.front("acr_values", "phr") }, back, "unmet_authentication_requirements", ""},
			{"pushed", func(c *counter) { c.visit(c.Push(c.t, "own", "", "scope", "openid", "acr_values", "phr").URL) }, back, "unmet_authentication_requirements", ""},
		}},
		{"interaction expired", []refusal{
			{"the app is told", func(c *counter) {
				c.visit(c.Authorize("own", "acr_values", "urn:sallyport:acr:mfa").URL)
				id := c.told.interaction
				c.House.Clock.Advance(31 * time.Minute)
				c.visit(c.Issuer + "/authorize/resume/" + id)
				c.user = c.signIn()
			}, back, "access_denied", ""},
			{"there is no app to tell", func(c *counter) { c.visit(c.Issuer + "/authorize/resume/" + echo) }, 404, "page", ""},
		}},
	}
}
