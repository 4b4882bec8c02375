package stepup

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// assertionLife is how long an assertion is good. It is made for one request.
	assertionLife = time.Minute
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// formRequest is a POST of form to one of the server's endpoints, with the proof
// of who the client is. Each call makes a new proof: an assertion is used once.
//
// Source: RFC 6749 section 2.3.1 (in the header both parts are form-encoded
// first); RFC 7523 section 2.2.
func (c *Client) formRequest(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	sent := url.Values{}
	for name, values := range form {
		sent[name] = values
	}
	switch c.cfg.AuthMethod {
	case AuthPost:
		sent.Set("client_id", c.cfg.ClientID)
		sent.Set("client_secret", string(c.cfg.ClientSecret))
	case AuthNone:
		sent.Set("client_id", c.cfg.ClientID)
	case AuthPrivateKeyJWT:
		assertion, err := c.assertion()
		if err != nil {
			return nil, err
		}
		sent.Set("client_id", c.cfg.ClientID)
		sent.Set("client_assertion_type", assertionType)
		sent.Set("client_assertion", assertion)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(sent.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	c.identify(req)
	return req, nil
}

// provenForm is formRequest with a proof of the key that the app's tokens are bound to.
func (c *Client) provenForm(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	req, err := c.formRequest(ctx, address, form)
	if err != nil {
		return nil, err
	}
	return req, c.holder.prove(req, "")
}

// identify adds the client's secret to the header of req, if that is how it
// proves itself.
func (c *Client) identify(req *http.Request) {
	if c.cfg.AuthMethod == AuthBasic {
		req.SetBasicAuth(url.QueryEscape(c.cfg.ClientID), url.QueryEscape(string(c.cfg.ClientSecret)))
	}
}

// assertion is a new proof that the app holds its key. Its audience is the issuer
// and nothing else, as one text: an assertion that is good for an address could be
// taken to another server.
//
// Source: RFC 7523 section 3; FAPI 2.0 Security Profile section 5.3.3.1.
func (c *Client) assertion() (string, error) {
	now := c.server.now()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": c.cfg.ClientID, "sub": c.cfg.ClientID, "aud": c.cfg.Issuer, "jti": string(random()),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if c.cfg.KeyID != "" {
		token.Header["kid"] = c.cfg.KeyID
	}
	text, err := token.SigningString()
	if err != nil {
		return "", fmt.Errorf("stepup: client assertion: %w", err)
	}
	signature, err := signES256(c.cfg.Key, text)
	if err != nil {
		return "", fmt.Errorf("stepup: client assertion: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// signES256 signs text with key, which may live elsewhere, such as in a module
// that never gives it away. Such keys sign in ASN.1; a JWT has both numbers in 32
// bytes each.
//
// Source: RFC 7518 section 3.4.
func signES256(key crypto.Signer, text string) ([]byte, error) {
	sum := sha256.Sum256([]byte(text))
	der, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &pair)
	const half = 32
	if err != nil || len(rest) > 0 || pair.R.Sign() <= 0 || pair.S.Sign() <= 0 || pair.R.BitLen() > 8*half || pair.S.BitLen() > 8*half {
		return nil, errors.New("the key made no signature of ECDSA")
	}
	signature := make([]byte, 2*half)
	pair.R.FillBytes(signature[:half])
	pair.S.FillBytes(signature[half:])
	return signature, nil
}

// isP256 reports whether key can make ES256.
func isP256(key crypto.Signer) bool {
	if key == nil {
		return false
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	return ok && public.Curve == elliptic.P256()
}
