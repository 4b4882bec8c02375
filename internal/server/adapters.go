package server

import (
	"encoding/base64"
	"fmt"

	"github.com/sallyport-id/sallyport/internal/seal"
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

func (p codePeppers) LimitKey(tenantID, value string) string {
	return base64.RawURLEncoding.EncodeToString(p.ring.Index(tenantID, "limit", value))
}
