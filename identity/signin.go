package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/sallyport-id/sallyport/ratelimit"
)

// MaxPassword is the longest password that is looked at, in bytes.
const MaxPassword = 1024

// SignIn checks the first factor.
type SignIn struct {
	Users  UserFinder
	Hashes *Hasher
	Limits FailureLimiter
	// LimitKey hashes an identifier, so that none stands in the limiter.
	LimitKey func(tenantID, value string) string
	Now      func() time.Time
	// Browsers reads what a browser is known by; nil knows none.
	Browsers *Browsers
	// Rehashes replaces a hash of another cost; nil leaves it as it is.
	Rehashes Rehasher
}

// UserFinder finds the account that an identifier names.
type UserFinder interface {
	// UserByName returns [ErrNotFound] where there is none.
	UserByName(ctx context.Context, tenantID, username string) (User, error)
}

// Rehasher keeps a new hash of the same password.
type Rehasher interface {
	// Rehash puts next in the place of old, if the account still has old. It does
	// not touch the password's epoch: the password is the same.
	Rehash(ctx context.Context, tenantID, userID, old, next string) error
}

// FailureLimiter is a limiter that can be asked before it is charged: only
// failures count, so somebody who knows the password is never shut out by it
// from a place where nobody guesses.
type FailureLimiter interface {
	ratelimit.Limiter
	// Check returns a *ratelimit.WaitError if Spend would, and counts nothing.
	Check(ctx context.Context, now time.Time, charges ...ratelimit.Charge) error
}

// Limits on wrong passwords from browsers that are not known. The first is for one
// account from one network, so that a stranger locks out himself and not the owner;
// the second for one network, over all accounts; the third is the cap of NIST SP
// 800-63B-4 section 3.2.2 on guesses at one account from wherever.
//
// A known browser has a limit of its own, which strangers never touch, and it is
// given back as slowly as its mark grows old: a browser that has used it up is no
// longer known, until a complete login gives it a fresh mark.
var (
	perAccountAndNetwork = ratelimit.Per(10, 15*time.Minute)
	perNetwork           = ratelimit.Per(100, 15*time.Minute)
	perAccount           = ratelimit.Per(100, 24*time.Hour)
	perKnownBrowser      = ratelimit.Per(10, KnownFor)
)

// Username is the canonical form of what somebody types as identifier.
func Username(typed string) string {
	return strings.ToLower(norm.NFKC.String(strings.TrimSpace(typed)))
}

// Verify is [SignIn.VerifyFrom] for a browser that nobody knows.
func (s *SignIn) Verify(ctx context.Context, tenantID, username, password string, ip netip.Addr) (User, error) {
	return s.VerifyFrom(ctx, tenantID, username, password, ip, "")
}

// VerifyFrom returns the user of username if password is right and the account can
// be used. An unknown account, a disabled one and a wrong password cost the same
// work and give the same [ErrCredentials]; too many failures give a
// [*ratelimit.WaitError], also for accounts that do not exist.
//
// Failures count either on known, if that is a browser on which a login of this
// account was completed under its present password, or on everything else. A
// stranger can only use up everything else.
//
// The limits are asked three times. The first spares the look-up. The second, when
// the turn to hash has come, spares the work for those of a queue of guesses that
// have become too many while they waited. The third counts: a right guess among
// them must not be told once the wrong ones have used up the limit.
func (s *SignIn) VerifyFrom(ctx context.Context, tenantID, username, password string, ip netip.Addr, known KnownBrowser) (User, error) {
	t := s.try(tenantID, username, ip, known)
	err := t.room(ctx)
	if err != nil {
		return User{}, err
	}
	user, err := s.Users.UserByName(ctx, tenantID, username)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return User{}, fmt.Errorf("identity: sign in: %w", err)
	}
	t.at(user)
	tooLong := len(password) > MaxPassword
	if tooLong {
		password = ""
	}
	right, err := s.Hashes.VerifyIf(ctx, user.PasswordHash, password, func() error { return t.room(ctx) })
	if err != nil {
		return User{}, fmt.Errorf("identity: sign in: %w", err)
	}
	if right && !tooLong && user.Status == UserActive {
		err = t.room(ctx)
		if err != nil {
			return User{}, err
		}
		return s.freshened(ctx, user, password)
	}
	err = t.spend(ctx)
	if err != nil {
		return User{}, err
	}
	return User{}, ErrCredentials
}

// Named is the id of the account whose name was typed with a wrong password, "" for
// none: its owner reads in the activity that somebody has tried. It is for the audit
// log alone; whoever tried must not learn it, nor from how long it takes.
func (s *SignIn) Named(ctx context.Context, tenantID, username string) string {
	user, err := s.Users.UserByName(ctx, tenantID, Username(username))
	if err != nil {
		return ""
	}
	return user.ID
}

// freshened is user with a hash of the present cost. Only a right password comes
// here, so what it costs tells nothing to others.
func (s *SignIn) freshened(ctx context.Context, user User, password string) (User, error) {
	if s.Rehashes == nil || !s.Hashes.Stale(user.PasswordHash) {
		return user, nil
	}
	next, err := s.Hashes.Hash(ctx, password)
	if err != nil {
		return User{}, fmt.Errorf("identity: sign in: %w", err)
	}
	err = s.Rehashes.Rehash(ctx, user.TenantID, user.ID, user.PasswordHash, next)
	if err != nil {
		return User{}, fmt.Errorf("identity: sign in: %w", err)
	}
	user.PasswordHash = next
	return user, nil
}

// Network is what an address counts as in limits: itself, or its /64 for IPv6.
func Network(ip netip.Addr) string {
	ip = ip.Unmap()
	if !ip.Is6() {
		return ip.String()
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip.String()
	}
	return prefix.String()
}
