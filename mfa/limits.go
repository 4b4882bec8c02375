package mfa

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// scope is one thing that a policy limits: the rates, and what is counted.
type scope struct {
	name  string
	value string // personal; it is hashed before it becomes a key
	rates []policy.Rate
}

// sendScopes are the limits on a message to contact.
//
// Source: mfa.md 4.9.
func sendScopes(ask Ask, contact Contact) []scope {
	l := ask.Policy.Limits
	to := contact.Value.Reveal()
	scopes := []scope{
		{"send.contact", to, l.SendPerContact},
		{"send.user", ask.Subject.UserID, l.SendPerUser},
		{"send.ip", network(ask.IP), l.SendPerIP},
	}
	if contact.Kind != ContactPhone {
		return scopes
	}
	return append(scopes,
		scope{"send.prefix", to[:max(0, len(to)-4)], l.SendPerPrefix},
		scope{"send.country", contact.Country, l.SendPerCountry},
	)
}

// verifyScopes are the limits on guesses, in whichever challenge.
func verifyScopes(ask Ask) []scope {
	l := ask.Policy.Limits
	return []scope{
		{"verify.user", ask.Subject.UserID, l.VerifyPerUser},
		{"verify.ip", network(ask.IP), l.VerifyPerIP},
	}
}

// network is what an address counts as: itself, or the /64 that one customer
// has of IPv6. All unknown addresses count as one.
func network(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if !ip.Is6() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return p.String()
}

// charges turns scopes into charges. Of two rates over the same period the
// smaller one holds.
func (s *Service) charges(tenantID string, scopes []scope) []ratelimit.Charge {
	var charges []ratelimit.Charge
	at := map[string]int{}
	for _, sc := range scopes {
		hashed := s.Peppers.LimitKey(tenantID, sc.value)
		for _, rate := range sc.rates {
			key := sc.name + "/" + strconv.Itoa(int(rate.Per)) + "/" + tenantID + "/" + hashed
			c := ratelimit.Charge{What: sc.name, Key: key, Limit: limit(rate)}
			i, twice := at[key]
			if !twice {
				at[key] = len(charges)
				charges = append(charges, c)
			} else if c.Limit.Burst < charges[i].Limit.Burst {
				charges[i] = c
			}
		}
	}
	return charges
}

// limit is the zero Limit, which no limiter lets pass, for a rate of nothing.
func limit(r policy.Rate) ratelimit.Limit {
	if r.N < 1 {
		return ratelimit.Limit{}
	}
	return ratelimit.Per(r.N, r.Per.Duration())
}

// spend takes the charges of scopes, and of more, in one call.
//
// Errors: [*ratelimit.WaitError].
func (s *Service) spend(ctx context.Context, ask Ask, scopes []scope, more ...ratelimit.Charge) error {
	charges := append(s.charges(ask.Subject.TenantID, scopes), more...)
	err := s.Limits.Spend(ctx, s.now(), charges...)
	if err == nil {
		return nil
	}
	if _, limited := errors.AsType[*ratelimit.WaitError](err); limited {
		s.tell(ctx, EventLimited, ask, Challenge{}, err)
	}
	return fmt.Errorf("mfa: limits: %w", err)
}
