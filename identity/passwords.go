package identity

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// KeptSession is the one session that survives a change of password, and the hash
// of the new secret that it goes on with (ASVS 7.2.4).
type KeptSession struct {
	ID        string
	TokenHash []byte
}

// PasswordWrite is a new password and all that follows from it: a higher epoch,
// which voids trusted devices, known browsers and mailed links; the end of every
// session but Keep, and of every grant; the notices that tell of it.
type PasswordWrite struct {
	TenantID, UserID string
	Hash             string
	Epoch            int64        // the account must still be at it, else [ErrCredentials]
	LinkID           string       // spent with it, else [ErrLinkUsed]; "" for none
	Keep             *KeptSession // nil for none; [ErrNotFound] if it is not the user's
	Notices          []Notice
	Now              time.Time
}

// PasswordChange is what somebody asks for who is signed in.
type PasswordChange struct {
	UserID   string
	Old, New mfa.Secret
	Keep     *KeptSession // nil ends the session in which it was asked, too
	IP       netip.Addr
	Known    KnownBrowser
	Device   string // for the notice, such as Chrome on Linux
}

// ChangePassword replaces a password, and returns the user as he is then. The old
// one is judged under the limits of a sign-in.
//
// Other sessions, all grants and all trusted devices end. The browser is no longer
// known either; as it is signed in, the caller may give it a fresh mark
// ([Browsers.Remember]).
//
// Errors: [ErrCredentials] if the old password is wrong, [*ratelimit.WaitError] if
// that was tried too often, [*PasswordError] if the new one will not do,
// [ErrNotFound] if there is no such user or session.
func (a *Accounts) ChangePassword(ctx context.Context, realm *Realm, c PasswordChange) (User, error) {
	tenantID := realm.Tenant.ID
	u, err := a.Rows.User(ctx, tenantID, c.UserID)
	if err != nil {
		return User{}, err
	}
	u, err = a.SignIn.VerifyFrom(ctx, tenantID, u.Username, c.Old.Reveal(), c.IP, c.Known)
	if err != nil {
		a.observe(ctx, EventPasswordChanged, "refused", tenantID, c.UserID, c.IP)
		return User{}, err
	}
	if u.ID != c.UserID {
		return User{}, ErrNotFound
	}
	hash, err := a.newHash(ctx, realm, u, c.New)
	if err != nil {
		return User{}, err
	}
	return a.setPassword(ctx, EventPasswordChanged, c.Device, c.IP, PasswordWrite{
		TenantID: tenantID, UserID: u.ID, Hash: hash, Epoch: u.PasswordEpoch, Keep: c.Keep,
	})
}

// setPassword does w, tells the owner and the log.
func (a *Accounts) setPassword(ctx context.Context, kind, device string, ip netip.Addr, w PasswordWrite) (User, error) {
	w.Now = a.Now()
	w.Notices = []Notice{{TenantID: w.TenantID, UserID: w.UserID, Kind: noticePasswordChanged, Device: device, At: w.Now}}
	u, err := a.Rows.SetPassword(ctx, w)
	if err != nil {
		return User{}, err
	}
	a.observe(ctx, kind, "ok", w.TenantID, w.UserID, ip)
	return u, nil
}

// noticePasswordChanged is the name of a text.
const noticePasswordChanged = "password_changed"

// newHash judges a new password of u and hashes it.
func (a *Accounts) newHash(ctx context.Context, realm *Realm, u User, password mfa.Secret) (string, error) {
	rules, err := a.Rules(ctx, realm, u)
	if err != nil {
		return "", err
	}
	err = CheckPassword(password.Reveal(), rules)
	if err != nil {
		return "", err
	}
	if u.PasswordHash != "" {
		same, err := a.SignIn.Hashes.Verify(ctx, u.PasswordHash, password.Reveal())
		if err != nil {
			return "", fmt.Errorf("identity: new password: %w", err)
		}
		if same {
			return "", rules.refuse(PasswordSameAsOld)
		}
	}
	hash, err := a.SignIn.Hashes.Hash(ctx, password.Reveal())
	if err != nil {
		return "", fmt.Errorf("identity: new password: %w", err)
	}
	return hash, nil
}
