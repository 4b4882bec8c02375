package store

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
)

// AfterChange changes the account together with what its user has enrolled: it is
// the hook of the store of the second step, and runs in its transaction tx. Flags
// are judged here once more, on the locked account, so that one which was set while
// the user typed the code still counts.
//
// Errors: [*mfa.BlockedError]; [mfa.ErrContactInUse] for a registered address that
// is the name of another account; [mfa.ErrNotFound] if the account is gone.
func (s *Store) AfterChange(ctx context.Context, tx *gorm.DB, c mfa.Change) error {
	q := raw(tx)
	before, err := s.user(ctx, q, selectUser+"u.id = $2"+s.forUpdate(), c.Subject.TenantID, c.Subject.UserID)
	if absent(err) {
		return mfa.ErrNotFound
	}
	if err != nil {
		return err
	}
	for _, flag := range c.BlockedBy {
		_, set := before.Flags[flag]
		if set {
			return &mfa.BlockedError{Flag: flag}
		}
	}
	after := changed(before, c)
	err = s.freeName(ctx, q, before, after)
	if err == nil {
		_, err = s.saveUser(ctx, q, before, after)
	}
	if err == ErrExists { //nolint:errorlint // it is returned as it is
		return mfa.ErrContactInUse
	}
	if err != nil {
		return err
	}
	for _, n := range c.Notices {
		err = s.queueNotice(ctx, q, identity.Notice{
			TenantID: c.Subject.TenantID, UserID: c.Subject.UserID, Kind: n.Kind, At: c.At, Device: c.Device,
			ContactID: n.ContactID, Method: string(n.Method), Masked: n.Masked, Also: methodNames(n.Also), TwoStep: n.TwoStep,
		})
		if err != nil {
			return err
		}
	}
	return s.queueSignals(ctx, q, c)
}

// methodNames are the names of methods.
func methodNames(methods []mfa.Method) []string {
	var names []string
	for _, m := range methods {
		names = append(names, string(m))
	}
	return names
}

// changed is u as it is after c. Every change of factors ends the trust in browsers.
func changed(u identity.User, c mfa.Change) identity.User {
	u = copied(u)
	u.MFAEpoch++
	if c.SwitchTo != nil {
		u.MFAEnabled = *c.SwitchTo
	}
	if c.Email != "" {
		u.Username = identity.Username(c.Email.Reveal())
		u.Profile.Email, u.Profile.EmailVerified = u.Username, true
	}
	if c.Phone != "" {
		u.Profile.PhoneNumber, u.Profile.PhoneNumberVerified = c.Phone.Reveal(), true
	}
	if c.PhoneGone {
		u.Profile.PhoneNumber, u.Profile.PhoneNumberVerified = "", false
	}
	if c.Hold > 0 {
		until := c.At.Add(c.Hold)
		if until.After(u.HoldUntil) {
			u.HoldUntil = until
		}
	}
	return u
}

// queueSignals writes events for the relying app. One that was written before, for
// the same user, is not written again.
func (s *Store) queueSignals(ctx context.Context, q querier, c mfa.Change) error {
	for _, e := range c.Signals {
		payload, err := json.Marshal(map[string]any{"event": e.Event, "value": e.Value, "sub": c.Subject.UserID, "at": c.At.Unix()})
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `insert into signals (tenant_id, id, user_id, event, payload, dedupe_key, status, created_at)
			values ($1, $2, $3, $4, $5, $6, 'queued', $7) on conflict (tenant_id, dedupe_key) do nothing`,
			c.Subject.TenantID, rand.Text(), c.Subject.UserID, e.Event, string(payload), e.Dedupe, s.now())
		if err != nil {
			return err
		}
	}
	return nil
}
