package protocol_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
)

// unknownClient are the four endpoints, asked by somebody who cannot prove who he is.
func unknownClient() []refusal {
	var all []refusal
	for _, path := range []string{"/token", "/par", "/introspect", "/revoke"} {
		all = append(all,
			refusal{"a wrong secret at " + path, func(c *counter) {
				c.formWith(path, c.basic("own", echo), "grant_type", "client_credentials", "token", "x")
			}, 401, "invalid_client", "Basic "},
			refusal{"an unknown app at " + path, func(c *counter) {
				c.formWith(path, c.basic(echo, echo), "grant_type", "client_credentials", "token", "x")
			}, 401, "invalid_client", "Basic "},
			refusal{"a wrong secret in the form at " + path, func(c *counter) {
				c.formWith(path, nil, "client_id", "own", "client_secret", echo, "grant_type", "client_credentials", "token", "x")
			}, 401, "invalid_client", ""},
			refusal{"no secret at " + path, func(c *counter) {
				c.formWith(path, nil, "client_id", "own", "grant_type", "client_credentials", "token", "x")
			}, 401, "invalid_client", ""},
		)
	}
	return append(all, refusal{"a wrong secret at consume", func(c *counter) {
		c.send(http.MethodPost, "/confirmations/x/consume", "application/json", `{"details_hash":"x"}`, c.basic("own", echo))
	}, 401, "invalid_client", "Basic "})
}

func tokenRows() []row {
	return []row{
		{"client auth fails", unknownClient()},
		{"two ways to authenticate at once", []refusal{
			{"at the token endpoint", func(c *counter) {
				c.form("/token", "own", "client_id", "own", "client_secret", c.Secret, "grant_type", "client_credentials")
			}, 400, "invalid_request", ""},
		}},
		{"assertion replay", []refusal{
			{"the second time", func(c *counter) {
				pairs := []string{
					"grant_type", "client_credentials", "client_assertion", c.assertion(),
					"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
				}
				c.formWith("/token", nil, pairs...)
				require.Equal(c.t, http.StatusOK, c.told.status, "%+v", c.told)
				c.formWith("/token", nil, pairs...)
			}, 401, "invalid_client", ""},
		}},
		{"grant not allowed to client", []refusal{
			{"an app with users only", func(c *counter) { c.form("/token", "pusher", "grant_type", "client_credentials") }, 400, "unauthorized_client", ""},
			{"an app without users", func(c *counter) {
				code, auth := c.code()
				c.redeem("machine", code, auth)
			}, 400, "unauthorized_client", ""},
		}},
		{"unknown grant_type", []refusal{
			{"a name", func(c *counter) { c.form("/token", "own", "grant_type", echo) }, 400, "unsupported_grant_type", ""},
			{"the password of the user", func(c *counter) {
				c.form("/token", "own", "grant_type", "password", "username", alice, "password", harness.Password)
			}, 400, "unsupported_grant_type", ""},
			{"none", func(c *counter) { c.form("/token", "own") }, 400, "invalid_request", ""},
		}},
		{"code unknown, expired, reused, of another client, redirect mismatch, verifier wrong", []refusal{
			{"unknown", func(c *counter) { c.redeem("own", "ac1."+echo, c.Authorize("own")) }, 400, "invalid_grant", ""},
			{"expired", func(c *counter) {
				code, auth := c.code()
				c.House.Clock.Advance(time.Minute)
				c.redeem("own", code, auth)
			}, 400, "invalid_grant", ""},
			{"reused", func(c *counter) {
				code, auth := c.code()
				c.redeem("own", code, auth)
				require.Equal(c.t, http.StatusOK, c.told.status)
				c.redeem("own", code, auth)
			}, 400, "invalid_grant", ""},
			{"of another client", func(c *counter) {
				code, auth := c.code()
				c.redeem("app", code, auth)
			}, 400, "invalid_grant", ""},
			{"with another redirect URI", func(c *counter) {
				code, auth := c.code()
				c.redeem("own", code, auth, "redirect_uri", harness.Callback+echo)
			}, 400, "invalid_grant", ""},
			{"with another verifier", func(c *counter) {
				code, auth := c.code()
				c.redeem("own", code, auth, "code_verifier", strings.Repeat(echo, 8))
			}, 400, "invalid_grant", ""},
		}},
		{"refresh unknown, expired, reused, revoked, of another client", []refusal{
			{"unknown", func(c *counter) { c.refresh("own", "rt1."+echo) }, 400, "invalid_grant", ""},
			{"of another client", func(c *counter) { c.refresh("app", c.tokens().Refresh) }, 400, "invalid_grant", ""},
			{"reused", func(c *counter) {
				token := c.tokens().Refresh
				c.refresh("own", token)
				require.Equal(c.t, http.StatusOK, c.told.status)
				c.House.Clock.Advance(11 * time.Second)
				c.refresh("own", token)
			}, 400, "invalid_grant", ""},
			{"revoked", func(c *counter) {
				token := c.tokens().Refresh
				c.form("/revoke", "own", "token", token)
				require.Equal(c.t, http.StatusOK, c.told.status)
				c.refresh("own", token)
			}, 400, "invalid_grant", ""},
			{"expired", func(c *counter) {
				token := c.tokens().Refresh
				c.House.Clock.Advance(15 * 24 * time.Hour)
				c.refresh("own", token)
				c.user = c.signIn()
			}, 400, "invalid_grant", ""},
		}},
		{"refresh of a login that is too old for the app", []refusal{
			{"an hour", func(c *counter) {
				age := func(seconds string) {
					c.House.Apply(c.t, setup.Tenant{Slug: c.Slug, Clients: []setup.Client{{ID: "own", Members: json.RawMessage(`{"refresh_max_age":` + seconds + `}`)}}})
				}
				age("3600")
				defer age("0")
				token := c.tokens().Refresh
				c.House.Clock.Advance(time.Hour + time.Second)
				c.refresh("own", token)
				c.user = c.signIn()
			}, 400, "invalid_grant", ""},
		}},
		{"refresh scope wider", []refusal{
			{"than was granted", func(c *counter) {
				code, auth := c.code("scope", "openid offline_access")
				tokens := c.Exchange(c.t, auth, url.Values{"code": {code}})
				c.refresh("own", tokens.Refresh, "scope", "openid email "+echo)
			}, 400, "invalid_scope", ""},
		}},
		{"DPoP missing, invalid, nonce needed", []refusal{
			{"missing", func(c *counter) {
				code := c.boundCode()
				c.redeem("bound", code.code, code.auth)
			}, 400, "invalid_dpop_proof", ""},
			{"invalid", func(c *counter) {
				c.formWith("/token", c.proving("own", echo), "grant_type", "client_credentials")
			}, 400, "invalid_dpop_proof", ""},
			{"nonce needed", func(c *counter) {
				c.formWith("/token", c.proving("own", c.proof("POST", "/token", "", "")), "grant_type", "client_credentials")
				require.NotEmpty(c.t, c.told.header.Get("DPoP-Nonce"))
			}, 400, "use_dpop_nonce", ""},
			{"used before", func(c *counter) {
				proof := c.proof("POST", "/token", "", c.nonce())
				c.formWith("/token", c.proving("own", proof), "grant_type", "client_credentials")
				require.Equal(c.t, http.StatusOK, c.told.status, "%+v", c.told)
				c.formWith("/token", c.proving("own", proof), "grant_type", "client_credentials")
			}, 400, "invalid_dpop_proof", ""},
			{"nonce needed, for a pushed request", func(c *counter) {
				c.formWith("/par", c.proving("own", c.proof("POST", "/par", "", "")), "response_type", "code")
				require.NotEmpty(c.t, c.told.header.Get("DPoP-Nonce"))
			}, 400, "use_dpop_nonce", ""},
			{"invalid, for a pushed request", func(c *counter) {
				c.formWith("/par", c.proving("own", c.proof("POST", "/token", "", c.nonce())), "response_type", "code")
			}, 400, "invalid_dpop_proof", ""},
		}},
		{"DPoP at userinfo", []refusal{
			{"missing", func(c *counter) { c.userinfo("DPoP "+c.boundToken(), "") }, 401, "invalid_dpop_proof", "DPoP "},
			{"invalid", func(c *counter) { c.userinfo("DPoP "+c.boundToken(), echo) }, 401, "invalid_dpop_proof", "DPoP "},
			{"nonce needed", func(c *counter) {
				token := c.boundToken()
				c.userinfo("DPoP "+token, c.proof("GET", "/userinfo", token, ""))
				require.NotEmpty(c.t, c.told.header.Get("DPoP-Nonce"))
			}, 401, "use_dpop_nonce", "DPoP "},
			{"as a bearer token", func(c *counter) { c.userinfo("Bearer "+c.boundToken(), "") }, 401, "invalid_token", "DPoP "},
		}},
		{"AT bad", []refusal{
			{"at userinfo", func(c *counter) { c.userinfo("Bearer "+echo, "") }, 401, "invalid_token", "Bearer "},
			{"at userinfo, after its time", func(c *counter) {
				token := c.tokens().Access
				c.House.Clock.Advance(6 * time.Minute)
				c.userinfo("Bearer "+token, "")
			}, 401, "invalid_token", "Bearer "},
			{"at userinfo, of a grant that was revoked", func(c *counter) {
				tokens := c.tokens()
				c.form("/revoke", "own", "token", tokens.Refresh)
				c.userinfo("Bearer "+tokens.Access, "")
			}, 401, "invalid_token", "Bearer "},
			{"at userinfo, of an app itself", func(c *counter) {
				tokens := c.Token(c.t, "own", url.Values{"grant_type": {"client_credentials"}})
				require.NotEmpty(c.t, tokens.Access)
				c.userinfo("Bearer "+tokens.Access, "")
			}, 403, "insufficient_scope", "Bearer "},
			{"at consume", func(c *counter) {
				c.send(http.MethodPost, "/confirmations/x/consume", "application/json", `{"details_hash":"x"}`, http.Header{"Authorization": {"Bearer " + echo}})
			}, 401, "invalid_token", "Bearer "},
			{"at consume, of a login", func(c *counter) {
				c.send(http.MethodPost, "/confirmations/x/consume", "application/json", `{"details_hash":"x"}`, http.Header{"Authorization": {"Bearer " + c.tokens().Access}})
			}, 403, "insufficient_scope", "Bearer "},
		}},
		{"introspect and revoke without a token", []refusal{
			{"introspect", func(c *counter) { c.form("/introspect", "own", "x", echo) }, 400, "invalid_request", ""},
			{"revoke", func(c *counter) { c.form("/revoke", "own", "x", echo) }, 400, "invalid_request", ""},
			{"introspect with GET", func(c *counter) {
				c.send(http.MethodGet, "/introspect?token="+echo, "", "", c.basic("own", c.Secret))
			}, 405, "invalid_request", ""},
		}},
	}
}

// boundCode is a code of the app "bound".
func (c *counter) boundCode() approval {
	auth := c.Authorize("bound")
	return approval{auth: auth, code: c.user.Get(c.t, auth.URL).Callback.Get("code")}
}

// nonce is the one of the server.
func (c *counter) nonce() string {
	c.formWith("/token", c.proving("own", c.proof("POST", "/token", "", "")), "grant_type", "client_credentials")
	return c.told.header.Get("DPoP-Nonce")
}

// proving is the header of an app with a secret and a proof.
func (c *counter) proving(client, proof string) http.Header {
	header := c.basic(client, c.Secret)
	header.Set("DPoP", proof)
	return header
}

// boundToken is an access token that is bound to the key of the apps.
func (c *counter) boundToken() string {
	code, nonce := c.boundCode(), c.nonce()
	var got struct {
		Access string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code.code}, "redirect_uri": {harness.Callback}, "code_verifier": {code.auth.Verifier}}
	status := c.Call(c.t, "bound", http.MethodPost, "/token", "application/x-www-form-urlencoded", form.Encode(), http.Header{"Dpop": {c.proof("POST", "/token", "", nonce)}}, &got)
	require.Equal(c.t, http.StatusOK, status)
	return got.Access
}

func (c *counter) userinfo(authorization, proof string) {
	header := http.Header{"Authorization": {authorization}}
	if proof != "" {
		header.Set("DPoP", proof)
	}
	c.send(http.MethodGet, "/userinfo", "", "", header)
}
