package server

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/gormstore"
	"github.com/sallyport-id/sallyport/store"
)

// NewFactors is the store of the second step in db.
func NewFactors(db *store.DB, ring *seal.Ring) *gormstore.Store {
	return gormstore.New(db.Gorm, rowSealer{ring}, store.Fail)
}

// rowSealer is the key ring as package gormstore wants it.
type rowSealer struct{ ring *seal.Ring }

func (s rowSealer) Seal(table, column, tenant, user, row string, plain []byte) (string, error) {
	return s.ring.Seal(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, plain)
}

func (s rowSealer) Open(table, column, tenant, user, row, sealed string) ([]byte, error) {
	return s.ring.Open(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, sealed)
}

func (s rowSealer) BlindIndex(tenant, kind, value string) string {
	return base64.RawURLEncoding.EncodeToString(s.ring.Index(tenant, kind, value))
}

// Peppers is the key ring as package mfa wants it.
func Peppers(ring *seal.Ring) mfa.Peppers { return codePeppers{ring} }

// codePeppers is the key ring as package mfa wants it.
type codePeppers struct{ ring *seal.Ring }

func (p codePeppers) CurrentPepper() string { return p.ring.Current(seal.PepperCode) }

func (p codePeppers) CodeMAC(pepperID, tenantID string, parts ...string) ([]byte, error) {
	if pepperID == "" {
		return nil, fmt.Errorf("server: code without a pepper")
	}
	raw := make([][]byte, len(parts))
	for i, part := range parts {
		raw[i] = []byte(part)
	}
	return p.ring.MAC(seal.PepperCode, pepperID, tenantID, raw...), nil
}

// KeyedSecret implements [mfa.Peppers]. Codes and PINs have peppers of their own. The
// oldest key of the ring is used, so that a hash still fits when a newer one is added.
func (p codePeppers) KeyedSecret(label, tenantID, userID string, secret mfa.Secret) mfa.Secret {
	purpose := seal.PepperCode
	if label == mfa.LabelPIN {
		purpose = seal.PepperPIN
	}
	mac := p.ring.MAC(purpose, p.ring.Oldest(purpose), tenantID, []byte(label), []byte(userID), []byte(secret.Reveal()))
	return mfa.Secret(base64.RawURLEncoding.EncodeToString(mac))
}

// slowHasher is the hasher of passwords as package mfa wants it.
type slowHasher struct{ hashes *identity.Hasher }

func (h slowHasher) Hash(ctx context.Context, secret mfa.Secret) (string, error) {
	return h.hashes.Hash(ctx, secret.Reveal())
}

func (h slowHasher) Verify(ctx context.Context, hash string, secret mfa.Secret) (bool, error) {
	return h.hashes.Verify(ctx, hash, secret.Reveal())
}

func (p codePeppers) LimitKey(tenantID, value string) string {
	return base64.RawURLEncoding.EncodeToString(p.ring.Index(tenantID, "limit", value))
}

// CurrentMarkKey implements [identity.MarkKeys].
func (p codePeppers) CurrentMarkKey() string { return p.ring.Current(seal.Cookie) }

// MarkMAC implements [identity.MarkKeys].
func (p codePeppers) MarkMAC(keyID, tenantID string, parts ...string) []byte {
	raw := make([][]byte, len(parts))
	for i, part := range parts {
		raw[i] = []byte(part)
	}
	return p.ring.MAC(seal.Cookie, keyID, tenantID, raw...)
}
