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
}

// UserFinder finds the account that an identifier names.
type UserFinder interface {
	// UserByName returns [ErrNotFound] where there is none.
	UserByName(ctx context.Context, tenantID, username string) (User, error)
}

// FailureLimiter is a limiter that can be asked before it is charged: only
// failures count, so somebody who knows the password is never shut out by it
// from a place where nobody guesses.
type FailureLimiter interface {
	ratelimit.Limiter
	// Check returns a *ratelimit.WaitError if Spend would, and counts nothing.
	Check(ctx context.Context, now time.Time, charges ...ratelimit.Charge) error
}

// Limits on wrong passwords. The first is for one account from one network, so
// that a stranger locks out himself and not the owner; the second for one
// network, over all accounts; the third is the cap of NIST SP 800-63B-4 section
// 3.2.2 on guesses at one account from wherever.
var (
	perAccountAndNetwork = ratelimit.Per(10, 15*time.Minute)
	perNetwork           = ratelimit.Per(100, 15*time.Minute)
	perAccount           = ratelimit.Per(100, 24*time.Hour)
)

// Username is the canonical form of what somebody types as identifier.
func Username(typed string) string {
	return strings.ToLower(norm.NFKC.String(strings.TrimSpace(typed)))
}

// Verify returns the user of username if password is right and the account can
// be used. An unknown account, a disabled one and a wrong password cost the same
// work and give the same [ErrCredentials]; too many failures give a
// [*ratelimit.WaitError], also for accounts that do not exist.
//
// The limits are asked three times. The first spares the look-up. The second, when
// the turn to hash has come, spares the work for those of a queue of guesses that
// have become too many while they waited. The third counts: a right guess among
// them must not be told once the wrong ones have used up the limit.
func (s *SignIn) Verify(ctx context.Context, tenantID, username, password string, ip netip.Addr) (User, error) {
	charges := s.charges(tenantID, username, ip)
	err := s.Limits.Check(ctx, s.Now(), charges...)
	if err != nil {
		return User{}, err
	}
	user, err := s.Users.UserByName(ctx, tenantID, username)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return User{}, fmt.Errorf("identity: sign in: %w", err)
	}
	tooLong := len(password) > MaxPassword
	if tooLong {
		password = ""
	}
	right, err := s.Hashes.VerifyIf(ctx, user.PasswordHash, password, func() error {
		return s.Limits.Check(ctx, s.Now(), charges...)
	})
	if err != nil {
		return User{}, fmt.Errorf("identity: sign in: %w", err)
	}
	if right && !tooLong && user.Status == UserActive {
		err = s.Limits.Check(ctx, s.Now(), charges...)
		if err != nil {
			return User{}, err
		}
		return user, nil
	}
	err = s.Limits.Spend(ctx, s.Now(), charges...)
	if err != nil {
		return User{}, err
	}
	return User{}, ErrCredentials
}

func (s *SignIn) charges(tenantID, username string, ip netip.Addr) []ratelimit.Charge {
	network := Network(ip)
	key := func(parts ...string) string {
		return "signin/" + s.LimitKey(tenantID, strings.Join(parts, "\x00"))
	}
	return []ratelimit.Charge{
		{What: "sign-in", Key: key("account+network", username, network), Limit: perAccountAndNetwork},
		{What: "sign-in", Key: key("network", network), Limit: perNetwork},
		{What: "sign-in", Key: key("account", username), Limit: perAccount},
	}
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
