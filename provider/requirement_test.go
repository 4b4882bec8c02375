package provider

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

func TestRequirement(t *testing.T) {
	arrived := time.Date(2026, 1, 2, 15, 0, 0, 999, time.UTC)
	minute, hour := time.Minute, time.Hour
	essential := `claims={"id_token":{"acr":{"essential":true,"value":"phr"}}}`
	tests := []struct {
		name   string
		edits  []string
		client func(*identity.Client)
		hinted string
		want   func(*consent.Request)
	}{
		{"nothing special", nil, nil, "", func(*consent.Request) {}},
		{
			"acr_values of a client that needs them",
			[]string{"acr_values=phr urn:x"},
			nil, "",
			func(r *consent.Request) { r.ACRValues, r.Required = []string{"phr", "urn:x"}, true },
		},
		{
			"acr_values of a client that wishes for them",
			[]string{"client_id=plain", "acr_values=phr"},
			nil, "",
			func(r *consent.Request) { r.ClientID, r.ACRValues = "plain", []string{"phr"} },
		},
		{
			"an essential acr claim wins over acr_values",
			[]string{"client_id=plain", "acr_values=urn:x", essential},
			nil, "",
			func(r *consent.Request) { r.ClientID, r.ACRValues, r.Required = "plain", []string{"phr"}, true },
		},
		{
			"a voluntary acr claim yields to acr_values",
			[]string{"acr_values=urn:x", `claims={"id_token":{"acr":{"value":"phr"}}}`},
			nil, "",
			func(r *consent.Request) { r.ACRValues, r.Required = []string{"urn:x"}, true },
		},
		{
			"a voluntary acr claim alone is a wish",
			[]string{`claims={"id_token":{"acr":{"value":"phr"}}}`},
			nil, "",
			func(r *consent.Request) { r.ACRValues = []string{"phr"} },
		},
		{
			"the client's default is a wish", nil, func(c *identity.Client) { c.DefaultACRValues = []string{"phr"} }, "",
			func(r *consent.Request) { r.ACRValues = []string{"phr"} },
		},
		{
			"acr_values win over the client's default",
			[]string{"acr_values=urn:x"},
			func(c *identity.Client) { c.DefaultACRValues = []string{"phr"} }, "",
			func(r *consent.Request) { r.ACRValues, r.Required = []string{"urn:x"}, true },
		},
		{"max_age", []string{"max_age=60"}, nil, "", func(r *consent.Request) { r.MaxAge = &minute }},
		{"max_age 0 asks for a login", []string{"max_age=0"}, nil, "", func(r *consent.Request) { r.Login = true }},
		{"the client's default_max_age", nil, func(c *identity.Client) { c.DefaultMaxAge = new(3600) }, "", func(r *consent.Request) { r.MaxAge = &hour }},
		{"max_age lowers the default", []string{"max_age=60"}, func(c *identity.Client) { c.DefaultMaxAge = new(3600) }, "", func(r *consent.Request) { r.MaxAge = &minute }},
		{"max_age does not raise the default", []string{"max_age=3600"}, func(c *identity.Client) { c.DefaultMaxAge = new(60) }, "", func(r *consent.Request) { r.MaxAge = &minute }},
		{"a default_max_age of 0 asks for a login", []string{"max_age=3600"}, func(c *identity.Client) { c.DefaultMaxAge = new(0) }, "", func(r *consent.Request) { r.Login = true }},
		{"prompt login", []string{"prompt=login"}, nil, "", func(r *consent.Request) { r.Login = true }},
		{
			"prompt consent and select_account",
			[]string{"prompt=consent select_account"},
			nil, "",
			func(r *consent.Request) { r.AskConsent, r.SelectAccount = true, true },
		},
		{"prompt none", []string{"prompt=none"}, nil, "", func(r *consent.Request) { r.Silent = true }},
		{"a hint pins the user", nil, nil, "u1", func(r *consent.Request) { r.Subject = "u1" }},
		{"a sub claim pins the user", []string{`claims={"id_token":{"sub":{"value":"u1"}}}`}, nil, "", func(r *consent.Request) { r.Subject = "u1" }},
		{"both may agree", []string{`claims={"id_token":{"sub":{"value":"u1"}}}`}, nil, "u1", func(r *consent.Request) { r.Subject = "u1" }},
		{
			"hints for the pages",
			[]string{"login_hint=ada", "ui_locales=de fr"},
			nil, "",
			func(r *consent.Request) { r.LoginHint, r.UILocales = "ada", []string{"de", "fr"} },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			realm := testRealm(t)
			if tt.client != nil {
				tt.client(realm.Clients["shop"])
			}
			a, err := normalise(realm, goodForm(tt.edits...), false)
			require.NoError(t, err)
			want := consent.Request{
				ClientID: "shop", Form: a.Form, Scopes: []string{"openid", "profile"}, RequestedAt: arrived.Truncate(time.Second),
			}
			tt.want(&want)

			got, err := a.requirement(tt.hinted, arrived)

			require.NoError(t, err)
			got.Form = want.Form
			require.Empty(t, cmp.Diff(want, got))
		})
	}
	t.Run("hint and sub claim that disagree", func(t *testing.T) {
		a, err := normalise(testRealm(t), goodForm(`claims={"id_token":{"sub":{"value":"u1"}}}`), false)
		require.NoError(t, err)
		_, err = a.requirement("u2", arrived)
		e, ok := errors.AsType[*oauthError](err)
		require.True(t, ok)
		require.Equal(t, codeInvalidRequest, e.Code)
	})
	t.Run("an ID token is not kept in the database", func(t *testing.T) {
		a, err := normalise(testRealm(t), goodForm("id_token_hint=eyJ.e30.x"), false)
		require.NoError(t, err)
		got, err := a.requirement("u1", arrived)
		require.NoError(t, err)
		require.NotContains(t, got.Form, "id_token_hint")
		require.Contains(t, got.Form, "state")
	})
}

func testKey(t testing.TB, alg string, state keys.State) keys.Key {
	t.Helper()
	k, err := keys.Generate("t1", alg, state, time.Unix(1, 0))
	require.NoError(t, err)
	return k
}

func TestReadHint(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	active, retired, foreign := testKey(t, keys.ES256, keys.Active), testKey(t, keys.ES256, keys.Retired), testKey(t, keys.ES256, keys.Active)
	set := keys.NewSet([]keys.Key{active, retired})
	claims := func(edit func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"iss": testIssuer, "sub": "u1", "aud": "shop", "iat": now.Add(-time.Hour).Unix(), "exp": now.Add(time.Hour).Unix()}
		edit(c)
		return c
	}
	same := func(jwt.MapClaims) {}
	tests := []struct {
		name string
		key  keys.Key
		typ  string
		edit func(jwt.MapClaims)
		ok   bool
	}{
		{"a token of ours", active, typPlain, same, true},
		{"signed by a key that is retired", retired, typPlain, same, true},
		{"expired last year", active, typPlain, func(c jwt.MapClaims) {
			c["exp"] = now.AddDate(-1, 0, 0).Unix()
			c["iat"] = now.AddDate(-1, 0, -1).Unix()
		}, true},
		{"for several clients", active, typPlain, func(c jwt.MapClaims) { c["aud"] = []string{"other", "shop"} }, true},
		{"signed by somebody else", foreign, typPlain, same, false},
		{"of another tenant", active, typPlain, func(c jwt.MapClaims) { c["iss"] = "https://id.example.test/t/other" }, false},
		{"for another client", active, typPlain, func(c jwt.MapClaims) { c["aud"] = "other" }, false},
		{"an access token", active, typAccessToken, same, false},
		{"without a subject", active, typPlain, func(c jwt.MapClaims) { delete(c, "sub") }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hint, err := signJWT(&tt.key, tt.typ, claims(tt.edit))
			require.NoError(t, err)

			subject, err := readHint(set, testIssuer, "shop", hint, now)

			if tt.ok {
				require.NoError(t, err)
				require.Equal(t, "u1", subject)
				return
			}
			e, isOAuth := errors.AsType[*oauthError](err)
			require.True(t, isOAuth)
			require.Equal(t, codeInvalidRequest, e.Code)
			require.Empty(t, subject)
		})
	}
	t.Run("no hint", func(t *testing.T) {
		subject, err := readHint(set, testIssuer, "shop", "", now)
		require.NoError(t, err)
		require.Empty(t, subject)
	})
	t.Run("unsigned", func(t *testing.T) {
		hint, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims(same)).SignedString(jwt.UnsafeAllowNoneSignatureType)
		require.NoError(t, err)
		_, err = readHint(set, testIssuer, "shop", hint, now)
		require.Error(t, err)
	})
}
