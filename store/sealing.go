package store

import (
	"fmt"

	"github.com/sallyport-id/sallyport/internal/seal"
)

// place is where a sealed value of this package lies. A value copied to another
// table, column, tenant, user or row does not open there.
func place(table, column, tenant, user, row string) seal.AD {
	return seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}
}

// hide seals plaintext for its place; nothing stays nothing.
func (s *Store) hide(at seal.AD, plaintext []byte) (string, error) {
	if len(plaintext) == 0 {
		return "", nil
	}
	sealed, err := s.Seal.Seal(at, plaintext)
	if err != nil {
		return "", fmt.Errorf("%w: seal %s.%s: %w", errRow, at.Table, at.Column, err)
	}
	return sealed, nil
}

// reveal is the way back of hide.
func (s *Store) reveal(at seal.AD, sealed string) ([]byte, error) {
	if sealed == "" {
		return nil, nil
	}
	plaintext, err := s.Seal.Open(at, sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: open %s.%s of row %s: %w", errRow, at.Table, at.Column, at.Row, err)
	}
	return plaintext, nil
}
