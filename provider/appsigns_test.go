package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

const (
	appSigner = "signer" // client_credentials, by private_key_jwt
	appOther  = "other"  // likewise, with a key of its own
)

// appKey is the key of an app, with its private part.
type appKey struct {
	kid     string
	private crypto.Signer
}

// appKeysOnce makes a key of each kind once: RSA keys are slow to make.
var appKeysOnce = sync.OnceValue(func() map[string]appKey {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	next, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[string]appKey{"ec": {"ec-1", ec}, "rsa": {"rsa-1", rsaKey}, "ed": {"ed-1", ed}, "next": {"ec-2", next}}
})

// jwk is the public part of k, with more members laid over it.
func (k appKey) jwk(more map[string]any) map[string]any {
	b64 := base64.RawURLEncoding.EncodeToString
	m := map[string]any{"kid": k.kid, "use": "sig"}
	switch key := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		m["kty"], m["crv"], m["x"], m["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes())
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(key)
	}
	for name, value := range more {
		m[name] = value
	}
	return m
}

func jwksOf(list ...map[string]any) json.RawMessage {
	doc, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		panic(err)
	}
	return doc
}

// signer registers the app that signs, with keys of every kind.
func (s *tokenServer) signer(edit func(*identity.Client)) {
	s.t.Helper()
	k := appKeysOnce()
	app := identity.Client{
		TenantID: tenantA, ID: appSigner, Name: "Signer", GrantTypes: []string{grantCredentials, grantCode, grantRefresh},
		RedirectURIs: []string{"https://signer.example/cb"}, IDTokenAlg: keys.ES256,
		Scopes: []string{"api", "openid", "profile", "email", "offline_access"}, AuthMethods: []string{identity.AuthPrivateKeyJWT},
		JWKS: jwksOf(k["ec"].jwk(nil), k["rsa"].jwk(nil), k["ed"].jwk(nil)),
	}
	if edit != nil {
		edit(&app)
	}
	s.put(app)
	app.ID, app.JWKS, app.JWKSURI = appOther, jwksOf(k["next"].jwk(nil)), ""
	s.put(app)
	require.NoError(s.t, s.catalog.Refresh(s.t.Context()))
}

// assertion is what the app signs, good unless edit changes it.
func (s *tokenServer) assertion(key, alg string, edit func(header map[string]any, claims jwt.MapClaims)) string {
	s.t.Helper()
	k := appKeysOnce()[key]
	t := jwt.NewWithClaims(jwt.GetSigningMethod(alg), jwt.MapClaims{
		"iss": appSigner, "sub": appSigner, "aud": issuerOf(tenantA), "jti": b64(randomBytes(16)),
		"iat": s.clock().Unix(), "exp": s.clock().Add(time.Minute).Unix(),
	})
	t.Header["kid"] = k.kid
	claims, _ := t.Claims.(jwt.MapClaims)
	if edit != nil {
		edit(t.Header, claims)
	}
	signed, err := t.SignedString(k.private)
	require.NoError(s.t, err)
	return signed
}

// signed is a form with that assertion in it.
func signed(form url.Values, assertion string) url.Values {
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
	return form
}

func ccForm() url.Values { return url.Values{"grant_type": {grantCredentials}, "scope": {"api"}} }

// call sends form to an endpoint of tenant A.
func (s *tokenServer) call(path string, form url.Values, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/t/a/"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, e := range edit {
		e(r)
	}
	return s.serve(r)
}

func errorOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Body.Len() == 0 {
		return ""
	}
	text, _ := bodyOf(t, w)["error"].(string)
	return text
}
