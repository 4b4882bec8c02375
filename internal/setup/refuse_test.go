package setup_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func TestFilesThatDoNotFitAreRefused(t *testing.T) {
	tests := []struct{ name, text, says string }{
		{"nothing", "", "names no tenants"},
		{"no list", "tenants: []", "names no tenants"},
		{"no YAML", "tenants: [", "not YAML or JSON"},
		{"a key that is no text", "{1: x}", "keys must be text"},
		{"an unknown member", "{tenants: [{slug: a, nmae: x}]}", `unknown field "nmae"`},
		{"an unknown member of a user", "{tenants: [{slug: a, users: [{user_name: x}]}]}", `unknown field "user_name"`},
		{"a switch that is text", `{tenants: [{slug: a, users: [{username: x, admin: "yes"}]}]}`, "does not fit"},
		{"a list where one thing is meant", "{tenants: [{slug: [a]}]}", "does not fit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := setup.Parse([]byte(tt.text))

			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestReadSaysWhereNothingIs(t *testing.T) {
	_, err := setup.Read(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)

	path := filepath.Join(t.TempDir(), "acme.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"tenants":[{"slug":"acme"}]}`), 0o600))
	f, err := setup.Read(path)
	require.NoError(t, err)
	require.Equal(t, "acme", f.Tenants[0].Slug)
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	tenant := func(members string) string { return "{tenants: [{" + members + "}]}" }
	fresh := func(members string) string {
		return tenant("slug: new, name: New, preset: conformance-password-only, " + members)
	}
	client := func(members string) string { return tenant("slug: acme, clients: [{client_id: app, " + members + "}]") }
	user := func(members string) string {
		return tenant("slug: acme, users: [{username: eve@example.com, " + members + "}]")
	}
	tests := []struct{ name, text, says string }{
		{"a slug with a capital", tenant("slug: Acme, name: x, preset: contractor-email-first"), "tenant Acme: slug must be 1 to 40"},
		{"a slug that is too long", tenant("slug: " + strings.Repeat("a", 41)), "slug must be"},
		{"a slug with a slash", tenant("slug: a/b"), "slug must be"},
		{"no slug", tenant("name: x"), "slug must be"},
		{"a new tenant without a name", tenant("slug: new, preset: contractor-email-first"), "needs a name and a preset"},
		{"a new tenant without a policy", tenant("slug: new, name: New"), "needs a name and a preset"},
		{"an unknown preset", tenant("slug: new, name: New, preset: nothing-such"), "tenant new: policy: "},
		{"another preset later", tenant("slug: acme, preset: conformance-password-only"), "began as preset contractor-email-first"},
		{"a host later", tenant("slug: acme, host: acme.example"), "host is part of the issuer"},
		{"a host with a port", fresh(`host: "acme.example:8443"`), "not a host name without a port"},
		{"a host with a path", fresh(`host: acme.example/x`), "not a host name"},
		{"a brand that is no colour", fresh(`brand: "red;}"`), "brand:"},
		{"a time zone that is none", fresh("time_zone: Mars/Olympus"), "time_zone:"},
		{"the time zone of this machine", fresh("time_zone: Local"), "time_zone:"},
		{"no client id", tenant("slug: acme, clients: [{client_name: x}]"), "client_id must be"},
		{"a client id with a space", tenant(`slug: acme, clients: [{client_id: "a b"}]`), "client a b: client_id must be"},
		{"an unknown member of a client", client("redirect_uri: https://x.example"), `unknown field "redirect_uri"`},
		{"hashes of secrets", client("Secrets: []"), "Secrets cannot be set"},
		{"the time of creation", client("created_at: 2020-01-01T00:00:00Z"), "created_at cannot be set"},
		{"a short secret", client("client_secret: short"), "at least 32 characters"},
		{"a redirect that is no URI", client(`redirect_uris: ["https://a b"]`), "not an absolute URI"},
		{"a relative redirect", client("redirect_uris: [/cb]"), "not an absolute URI"},
		{"a redirect with a fragment", client(`redirect_uris: ["https://a.example/#x"]`), "without fragment"},
		{"a redirect over http", client(`redirect_uris: ["http://a.example/cb"]`), "must be https, except on loopback"},
		{"a redirect to what looks like loopback", client(`redirect_uris: ["http://127.0.0.1.evil.example/cb"]`), "must be https"},
		{"a script", client(`redirect_uris: ["javascript:alert(1)"]`), "redirect_uris:"},
		{"a script with slashes", client(`redirect_uris: ["javascript://x/%0aalert(1)"]`), "cannot be sent to"},
		{"an unknown way to authenticate", client("auth_methods: [tls_client_auth]"), "is not one of client_secret_basic"},
		{"no way to authenticate", client("auth_methods: []"), "name at least one method"},
		{"none beside a secret", client("auth_methods: [none, client_secret_basic]"), "none stands alone"},
		{"the implicit grant", client("grant_types: [implicit]"), "grant_types:"},
		{"a public client without PKCE", client("auth_methods: [none], pkce_optional: true"), "needs PKCE"},
		{"a public client for itself", client("auth_methods: [none], grant_types: [client_credentials]"), "needs PKCE"},
		{"unsigned ID tokens", client("id_token_signed_response_alg: none"), "id_token_signed_response_alg:"},
		{"userinfo signed with a secret", client("userinfo_signed_response_alg: HS256"), "userinfo_signed_response_alg:"},
		{"an unknown way to read acr values", client("acr_mode: maybe"), "acr_mode:"},
		{"an unknown least class", client("min_acr: gold"), "min_acr:"},
		{"an app that signs beside a secret", client("auth_methods: [private_key_jwt, client_secret_basic], " + keyOf("")), "so does private_key_jwt"},
		{"an app that signs, with a secret in the file", client("auth_methods: [private_key_jwt], " + keyOf("") + ", client_secret: " + secret), "has no secret"},
		{"an app that signs without keys", client("auth_methods: [private_key_jwt]"), "private_key_jwt needs one of them"},
		{"an app that vouches and signs nothing", client("vouched_acr: 1fa, first_party: true, actions: [payout.request]"), "vouched_acr: the app has to sign"},
		{"an app that vouches with what it cannot have seen", client("vouched_acr: phr, first_party: true, actions: [payout.request], " + keyOf("")), "vouched_acr: \"phr\" is not one of"},
		{"a stranger's app that vouches", client("vouched_acr: 1fa, actions: [payout.request], " + keyOf("")), "vouched_acr: only an app of the tenant's own"},
		{"an app that vouches for everything", client("vouched_acr: 1fa, first_party: true, " + keyOf("")), "vouched_acr: list the actions"},
		{"requests to be signed by nobody", client("require_signed_request_object: true"), "needs jwks or jwks_uri to sign with"},
		{"keys in two places", client("jwks_uri: https://app.example/jwks, " + keyOf("")), "give one of them"},
		{"keys that are none", client("auth_methods: [private_key_jwt], jwks: {keys: []}"), "no key to verify"},
		{"keys that are text", client("jwks: nothing"), "jwks: keys: not a usable set"},
		{"a private key", client("auth_methods: [private_key_jwt], " + keyOf(", d: AAAA")), "jwks: keys: the set holds a private key"},
		{"a key that is for something else", client(keyOf(", use: enc")), "key 1:"},
		{"keys over http", client("jwks_uri: http://app.example/jwks"), "must be https"},
		{"keys on what looks like this machine", client("jwks_uri: http://127.0.0.1.evil.example/jwks"), "must be https"},
		{"keys behind a password", client("jwks_uri: https://u:p@app.example/jwks"), "without user and fragment"},
		{"keys at no address", client("jwks_uri: /jwks"), "not an absolute URL"},
		{"an alg with a shared secret", client("token_endpoint_auth_signing_alg: HS256"), "token_endpoint_auth_signing_alg:"},
		{"an alg that no key is for", client("auth_methods: [private_key_jwt], token_endpoint_auth_signing_alg: PS256, " + keyOf("")), "no key of jwks is for PS256"},
		{"unsigned introspection", client("introspection_signed_response_alg: none"), "introspection_signed_response_alg:"},
		{"a resource with a fragment", client(`audiences: ["https://api.example/#x"]`), "audiences:"},
		{"a resource that is a name", client("audiences: [api]"), "not an absolute URI"},
		{"answering for a name", client("resource_server: [api]"), "resource_server:"},
		{"answering for a resource without a secret", client(`auth_methods: [none], resource_server: ["https://api.example"]`), "may not introspect"},
		{"a username that is no address", tenant("slug: acme, users: [{username: eve}]"), "username must be an email address"},
		{"a username with a name before it", tenant(`slug: acme, users: [{username: "Eve <eve@example.com>"}]`), "username must be"},
		{"an email status of its own", user("email_status: yes-really"), "email_status:"},
		{"a phone status that only the product gives", user(`phone: "+526441832301", phone_status: replaced`), "phone_status:"},
		{"an unknown source", user(`phone: "+526441832301", phone_source: hearsay`), "phone_source:"},
		{"a phone without a country", user(`phone: "6441832301"`), "not a number of any numbering plan"},
		{"a phone with an extension", user(`phone: "+52 644 183 2301 ext 12"`), "extension"},
		{"a premium number", user(`phone: "+44 900 123 4567"`), "phone: "},
		{"a factor that cannot be written", user("factors: [totp]"), "is not one of email, sms"},
		{"a text message without a phone", user("factors: [sms]"), "factors: sms needs a phone"},
		{"a password that is never looked at", user("password: " + strings.Repeat("x", identity.MaxPassword+1)), "more than 1024 bytes"},
		{"a hash of another kind", user("password_hash: $2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"), "password_hash: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.try(t, tt.text)

			require.ErrorContains(t, err, tt.says)
		})
	}
	_, err := h.rows.TenantBySlug(t.Context(), "new")
	require.ErrorIs(t, err, identity.ErrNotFound, "what is refused takes no slug away")
}

// keyOf is a set with the public key of RFC 7515 appendix A.3, with more members.
func keyOf(more string) string {
	return "jwks: {keys: [{kty: EC, crv: P-256, x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU, y: x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" + more + "}]}"
}

func TestAppsThatSign(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	app := func(members string) []string {
		return h.apply(t, "{tenants: [{slug: acme, clients: [{client_id: billing, "+members+"}]}]}")
	}
	row := func() identity.Client {
		c, err := h.rows.Client(t.Context(), h.tenant(t, "acme").ID, "billing")
		require.NoError(t, err)
		return c
	}
	require.Len(t, row().Secrets, 1)

	require.Equal(t, []string{"acme: client billing changed: auth_methods, jwks, client_secret"}, app("auth_methods: [private_key_jwt], "+keyOf("")))

	require.Empty(t, row().Secrets, "the secret that it had is forgotten")
	require.Contains(t, string(row().JWKS), "f83OJ3D2")
	require.Empty(t, app("auth_methods: [private_key_jwt], "+keyOf("")), "the same again is no change")
	app("jwks: null, jwks_uri: https://billing.example/jwks, token_endpoint_auth_signing_alg: ES256")
	require.Empty(t, row().JWKS)
	require.Equal(t, "https://billing.example/jwks", row().JWKSURI)
	app(`resource_server: ["https://api.example"], audiences: ["urn:example:api"]`)
	require.Equal(t, []string{"https://api.example"}, row().ResourceServer)
	changes := app("auth_methods: [client_secret_basic]")
	require.Contains(t, changes[1], "secret, shown only now", "an app that goes back gets a new one")

	h.PublicURL = public(t, "https://id.example")
	_, err := h.try(t, "{tenants: [{slug: acme, clients: [{client_id: billing, jwks_uri: http://127.0.0.1:9/jwks}]}]}")
	require.ErrorContains(t, err, "must be https")
	h.PublicURL = public(t, "http://localhost:8080")
	app("jwks_uri: http://127.0.0.1:9/jwks")
	require.Equal(t, "http://127.0.0.1:9/jwks", row().JWKSURI, "a server for trials reads keys from this machine")
}

func TestWhatCameBeforeAMistakeIsWritten(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)

	changes, err := h.try(t, `{tenants: [{slug: acme, users: [{username: a@example.com}, {username: b}, {username: c@example.com}]}]}`)

	require.ErrorContains(t, err, "tenant acme: user b:")
	a, _ := h.user(t, "a@example.com")
	require.Equal(t, []string{"acme: user a•••@example.com created, sub " + a.ID}, changes)
	_, err = h.rows.UserByName(t.Context(), h.tenant(t, "acme").ID, "c@example.com")
	require.ErrorIs(t, err, identity.ErrNotFound)
}

func TestAPolicyThatIsNotYetSupportedIsRefused(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	for name, text := range map[string]string{
		"a proof that changes something": strings.Replace(acme, "policy: {", `policy: {actions: {payout.request: {stages: [[delivered_code], [code_new]]}}, `, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.try(t, text)

			require.ErrorContains(t, err, "tenant acme: policy: ")
			require.ErrorContains(t, err, "This is not yet supported")
			_, err = h.rows.TenantBySlug(t.Context(), "acme")
			require.ErrorIs(t, err, identity.ErrNotFound)
		})
	}
	h.apply(t, acme)
	_, err := h.try(t, `{tenants: [{slug: acme, policy: {codes: {default: {digits: 3}}}}]}`)
	require.ErrorContains(t, err, "codes.default.digits")
	require.Equal(t, 1, h.tenant(t, "acme").PolicyVersion)
}

func TestAPolicyIsPatchedOrReplacedWhole(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	inForce := func() (policy.Policy, string, string) {
		row, err := h.rows.Policy(t.Context(), h.tenant(t, "acme").ID, 0)
		require.NoError(t, err)
		p, err := policy.Parse(row.Document)
		require.NoError(t, err)
		return p, row.Reason, row.Author
	}
	first, reason, author := inForce()
	require.False(t, first.Methods[policy.RecoveryCodes].Enabled)
	require.Equal(t, "first set-up", reason)
	require.Equal(t, "test", author)

	changes := h.apply(t, `{tenants: [{slug: acme, policy: {codes: {default: {ttl_s: 120, resend_after_s: 60}, by_channel: {sms: {ttl_s: 300}}}}}]}`)

	require.Equal(t, "acme: policy is version 2, changed: codes.by_channel.sms, codes.default.ttl_s", changes[0])
	patched, reason, _ := inForce()
	require.EqualValues(t, 120, patched.Codes.Default.TTL)
	require.False(t, patched.Methods[policy.RecoveryCodes].Enabled, "a patch is laid over the policy in force, not over the preset")
	require.Equal(t, "applied from a file", reason)

	preset, err := policy.Preset("contractor-email-first")
	require.NoError(t, err)
	masked, _ := policy.Mask(preset, policy.Enforced())
	whole, err := json.Marshal(masked)
	require.NoError(t, err)
	h.apply(t, `{"tenants": [{"slug": "acme", "reason": "back to the start", "policy": `+string(whole)+`}]}`)

	replaced, reason, _ := inForce()
	require.Equal(t, masked.Hash(), replaced.Hash(), "a whole document leaves nothing of the one before")
	require.EqualValues(t, 60, replaced.Codes.Default.TTL)
	require.Equal(t, "back to the start", reason)
	require.Equal(t, 3, h.tenant(t, "acme").PolicyVersion)
	require.Empty(t, h.apply(t, `{"tenants": [{"slug": "acme", "policy": `+string(whole)+`}]}`))
}

func TestAPatchTakesAwayWhatIsNull(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)

	h.apply(t, `{tenants: [{slug: acme, policy: {actions: {payout.request: null}}}]}`)

	row, err := h.rows.Policy(t.Context(), h.tenant(t, "acme").ID, 0)
	require.NoError(t, err)
	p, err := policy.Parse(row.Document)
	require.NoError(t, err)
	require.NotContains(t, p.RequestableActions(), "payout.request")
	require.Contains(t, p.RequestableActions(), "payment_details.add")
}

func TestWhatConcernsDevicesVoidsThem(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	require.Zero(t, h.tenant(t, "acme").PolicyEpoch)

	h.apply(t, `{tenants: [{slug: acme, policy: {codes: {default: {attempts: 4}}}}]}`)
	require.Zero(t, h.tenant(t, "acme").PolicyEpoch, "the number of tries concerns no device")

	h.apply(t, `{tenants: [{slug: acme, policy: {methods: {sms: {enabled: false}}}}]}`)
	require.EqualValues(t, 1, h.tenant(t, "acme").PolicyEpoch)
}

func TestSecrets(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	secrets := func(id string) []identity.SecretHash {
		c, err := h.rows.Client(t.Context(), h.tenant(t, "acme").ID, id)
		require.NoError(t, err)
		return c.Secrets
	}
	app := func(members string) string {
		return `{tenants: [{slug: acme, clients: [{client_id: fresh` + members + `}]}]}`
	}
	require.Empty(t, secrets("spa"), "an app that keeps no secret is given none")

	changes := h.apply(t, app(""))

	require.Equal(t, "acme: client fresh created", changes[0])
	made := strings.TrimPrefix(changes[1], "acme: client fresh secret, shown only now: ")
	require.Len(t, made, 43, "256 bits")
	kept := secrets("fresh")
	require.Len(t, kept, 1)
	require.NotContains(t, string(kept[0].MAC), made)
	require.Empty(t, h.apply(t, app("")), "a secret is made and shown once")
	require.Empty(t, h.apply(t, app(", client_secret: "+made)), "the secret that is kept already is no change")
	require.Equal(t, kept, secrets("fresh"))
	require.Equal(t, "acme: client fresh changed: client_secret", h.apply(t, app(", client_secret: "+secret))[0])
	require.Len(t, secrets("fresh"), 1)
	require.NotEqual(t, kept, secrets("fresh"))
	require.NotEqual(t, secrets("fresh")[0].MAC, secrets("billing")[0].MAC, "one secret of two apps is kept as two hashes")
}

func TestTheIssuerIsDecidedOnce(t *testing.T) {
	tests := []struct{ name, public, host, want string }{
		{"in path mode", "https://id.example:8443/", "", "https://id.example:8443/t/acme"},
		{"in host mode", "https://id.example", "Login.Acme.example", "https://login.acme.example"},
		{"in host mode with a port", "http://localhost:8080", "acme.localhost", "http://acme.localhost:8080"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, testdb.SQLite(t))
			h.PublicURL = public(t, tt.public)
			text := acme
			if tt.host != "" {
				text = strings.Replace(acme, "name: Acme Payments", "name: Acme Payments\n	host: "+tt.host, 1)
			}
			h.apply(t, text)

			h.PublicURL = public(t, "https://elsewhere.example")
			require.Empty(t, h.apply(t, text))

			require.Equal(t, tt.want, h.tenant(t, "acme").Issuer)
		})
	}
}
