package store

import (
	"encoding/json"
	"fmt"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
)

// userRow is table users. Who the user is, is sealed; the keyed hash of the
// username finds the row at sign-in.
type userRow struct {
	identity.User
	username, profile string // sealed
	index             []byte
}

func (r *userRow) fields() []field {
	u := &r.User
	return []field{
		col("tenant_id", &u.TenantID), col("id", &u.ID), col("username_enc", &r.username), col("username_bidx", &r.index),
		col("password_hash", &u.PasswordHash), col("status", &u.Status), col("admin", &u.Admin),
		col("password_epoch", &u.PasswordEpoch), col("mfa_epoch", &u.MFAEpoch), col("mfa_enabled", &u.MFAEnabled),
		jsonCol("flags", &u.Flags), timeCol("hold_until", &u.HoldUntil), col("profile_enc", &r.profile),
		timeCol("enrol_asked_at", &u.EnrolAsked), timeCol("signed_out_at", &u.SignedOutAt), timeCol("created_at", &u.CreatedAt), timeCol("updated_at", &u.UpdatedAt),
	}
}

func (r *userRow) place(column string) seal.AD {
	return place("users", column, r.TenantID, r.ID, r.ID)
}

const usernameIndex = "username"

// hideUser seals who u is.
func (s *Store) hideUser(u identity.User) (r userRow, err error) {
	r = userRow{User: u, index: s.Seal.Index(u.TenantID, usernameIndex, u.Username)}
	profile, err := json.Marshal(u.Profile)
	if err != nil {
		return userRow{}, fmt.Errorf("%w: profile: %w", errRow, err)
	}
	r.username, err = s.hide(r.place("username_enc"), []byte(u.Username))
	if err == nil {
		r.profile, err = s.hide(r.place("profile_enc"), profile)
	}
	return r, err
}

// revealUser is the way back of hideUser.
func (s *Store) revealUser(r userRow) (identity.User, error) {
	u := r.User
	username, err := s.reveal(r.place("username_enc"), r.username)
	if err != nil {
		return identity.User{}, err
	}
	profile, err := s.reveal(r.place("profile_enc"), r.profile)
	if err != nil {
		return identity.User{}, err
	}
	u.Username = string(username)
	err = json.Unmarshal(profile, &u.Profile)
	if err != nil {
		return identity.User{}, fmt.Errorf("%w: profile of user %s: %w", errRow, u.ID, err)
	}
	return u, nil
}
