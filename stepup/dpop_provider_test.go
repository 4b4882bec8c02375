package stepup_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/stepup"
)

// dpopRules are what the provider wants of proofs, and which it saw. The zero value
// takes what comes.
type dpopRules struct {
	nonce  string // that a proof has to hold, "" for any
	stuck  bool   // no nonce is good
	jkt    string // of the last proof at the token endpoint; "" for none
	plain  bool   // answers with bearer tokens, whatever came
	proofs []sentProof
}

// sentProof is one proof as the provider, or an API, saw it.
type sentProof struct {
	path, assertion string
	header, claims  map[string]any
}

func (d *dpopRules) tokenType() string {
	if d.jkt == "" || d.plain {
		return "Bearer"
	}
	return "DPoP"
}

// proven reads the proof of a request to the provider, and answers one that does not do.
func (p *provider) proven(w http.ResponseWriter, r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/t/acme")
	if !slices.Contains([]string{"/token", "/par", "/userinfo"}, path) && !strings.HasPrefix(r.Header.Get("Authorization"), "DPoP ") {
		return true
	}
	if path == "/token" {
		p.dpop.jkt = ""
	}
	raw := r.Header.Get("DPoP")
	if raw == "" {
		return true
	}
	proof := readProof(raw)
	proof.path, proof.assertion = path, r.PostFormValue("client_assertion")
	p.dpop.proofs = append(p.dpop.proofs, proof)
	if p.dpop.nonce != "" {
		w.Header().Set("DPoP-Nonce", p.dpop.nonce)
		if p.dpop.stuck || proof.claims["nonce"] != p.dpop.nonce {
			p.refuseNonce(w, r)
			return false
		}
	}
	if proof.claims["htm"] != r.Method || proof.claims["htu"] != p.URL+r.URL.Path {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_dpop_proof"})
		return false
	}
	if path == "/token" {
		p.dpop.jkt = jktOf(proof.header["jwk"].(map[string]any))
	}
	return true
}

// refuseNonce answers as a resource where an access token came, and else as the token
// endpoint. Source: RFC 9449 sections 8 and 9.
func (p *provider) refuseNonce(w http.ResponseWriter, r *http.Request) {
	status := http.StatusBadRequest
	if strings.HasPrefix(r.Header.Get("Authorization"), "DPoP ") {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce", algs="ES256"`)
	}
	writeJSON(w, status, map[string]any{"error": "use_dpop_nonce"})
}

// holdsToken reports whether a request to consume brings the token of a.
func (p *provider) holdsToken(r *http.Request, a *approval) bool {
	_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token, _, err := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{})
	return err == nil && a != nil && token.Claims.(jwt.MapClaims)["txn"] == a.id
}

func hashIn(r *http.Request) string {
	if r.Header.Get("Content-Type") != "application/json" {
		return r.PostFormValue("details_hash")
	}
	var body map[string]string
	must(0, json.NewDecoder(r.Body).Decode(&body))
	return body["details_hash"]
}

// readProof checks the signature of a proof by the key in it, with nothing of the
// library's.
func readProof(raw string) sentProof {
	claims := jwt.MapClaims{}
	token, err := jwt.NewParser(jwt.WithoutClaimsValidation()).ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
		key := t.Header["jwk"].(map[string]any)
		x := must(base64.RawURLEncoding.DecodeString(key["x"].(string)))
		y := must(base64.RawURLEncoding.DecodeString(key["y"].(string)))
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	})
	must(0, err)
	return sentProof{header: token.Header, claims: claims}
}

// jktOf is the thumbprint of a key, written out as RFC 7638 section 3.2 has it.
func jktOf(key map[string]any) string {
	members := ""
	switch key["kty"] {
	case "EC":
		members = fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, key["x"], key["y"])
	case "OKP":
		members = fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":%q}`, key["x"])
	case "RSA":
		members = fmt.Sprintf(`{"e":%q,"kty":"RSA","n":%q}`, key["e"], key["n"])
	}
	sum := sha256.Sum256([]byte(members))
	return b64(sum[:])
}

func ath(token stepup.Secret) string {
	sum := sha256.Sum256([]byte(token))
	return b64(sum[:])
}
