package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// ErrSealed says that a value does not open. It does not say why: the value was
// changed, belongs to another row, or its key is gone.
var ErrSealed = errors.New("seal: value does not open")

// AD is the place of a sealed value. A value that is copied to any other place
// does not open there. A field that does not apply is empty.
type AD struct {
	Table  string
	Column string
	Tenant string
	User   string
	Row    string
}

// bytes binds the place and the head of the envelope, which names version and key.
func (a AD) bytes(head string) []byte {
	return prefixed([]byte(head), []byte(a.Table), []byte(a.Column), []byte(a.Tenant), []byte(a.User), []byte(a.Row))
}

type derivedKey struct {
	key  []byte
	aead cipher.AEAD // for values sealed with key
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("seal: a derived key is not 32 bytes long: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: AES has no 16-byte blocks: " + err.Error())
	}
	return aead
}

// b64 refuses the trailing bits that would give one value several spellings.
var b64 = base64.RawURLEncoding.Strict()

// Seal encrypts plaintext for the place ad, with the current key of [Data]. The
// result is "enc:1:KEY:NONCE:CIPHERTEXT", the last two in base64url.
//
// Source: NIST SP 800-38D (AES-256-GCM, a random nonce of 96 bits). The key is
// one tenant's; 2^32 values are the most it should seal.
func (r *Ring) Seal(ad AD, plaintext []byte) (string, error) {
	id := r.Current(Data)
	k := r.derive(derivation{Data, id, ad.Tenant, "seal"})
	if k == nil {
		return "", fmt.Errorf("seal: no key for %s", ad.Table)
	}
	head := "enc:1:" + id
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(plaintext)+k.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails; see crypto/rand
	sealed := k.aead.Seal(nil, nonce, plaintext, ad.bytes(head))
	return head + ":" + b64.EncodeToString(nonce) + ":" + b64.EncodeToString(sealed), nil
}

// Open decrypts what [Ring.Seal] made for the same ad, with any key of the ring.
//
// Errors: [ErrSealed].
func (r *Ring) Open(ad AD, sealed string) ([]byte, error) {
	parts := strings.Split(sealed, ":")
	if len(parts) != 5 || parts[0] != "enc" || parts[1] != "1" {
		return nil, ErrSealed
	}
	k := r.derive(derivation{Data, parts[2], ad.Tenant, "seal"})
	if k == nil {
		return nil, ErrSealed
	}
	nonce, err := b64.DecodeString(parts[3])
	if err != nil || len(nonce) != k.aead.NonceSize() {
		return nil, ErrSealed
	}
	ciphertext, err := b64.DecodeString(parts[4])
	if err != nil {
		return nil, ErrSealed
	}
	plaintext, err := k.aead.Open(nil, nonce, ciphertext, ad.bytes("enc:1:"+parts[2]))
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// KeyID returns the id of the key that sealed a value, and "" for a text that is
// no sealed value. A sweep that renews old values looks for those whose key is
// not [Ring.Current].
func KeyID(sealed string) string {
	parts := strings.Split(sealed, ":")
	if len(parts) != 5 || parts[0] != "enc" || parts[1] != "1" {
		return ""
	}
	return parts[2]
}
