package identity

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/ratelimit"
)

// try is one attempt at a password, and the limits that it counts on if it fails:
// the first of its counts that has room.
type try struct {
	limits FailureLimiter
	now    func() time.Time
	counts [][]ratelimit.Charge
	mark   *mark // the browser's, if it is known
}

// try begins an attempt. A known browser has a count before that of everybody else.
func (s *SignIn) try(tenantID, username string, ip netip.Addr, known KnownBrowser) *try {
	key := func(parts ...string) string {
		return "signin/" + s.LimitKey(tenantID, strings.Join(parts, "\x00"))
	}
	network := Network(ip)
	t := &try{limits: s.Limits, now: s.Now, counts: [][]ratelimit.Charge{{
		{What: "sign-in", Key: key("account+network", username, network), Limit: perAccountAndNetwork},
		{What: "sign-in", Key: key("network", network), Limit: perNetwork},
		{What: "sign-in", Key: key("account", username), Limit: perAccount},
	}}}
	m, ok := s.Browsers.find(known, tenantID, username)
	if ok {
		own := ratelimit.Charge{What: "sign-in", Key: key("browser", username, m.name), Limit: perKnownBrowser}
		t.mark, t.counts = &m, [][]ratelimit.Charge{{own}, t.counts[0]}
	}
	return t
}

// at forgets that the browser is known if that was under another password: whoever
// knew the old one has no head start on the new one.
func (t *try) at(u User) {
	if t.mark != nil && t.mark.epoch != u.PasswordEpoch {
		t.mark, t.counts = nil, t.counts[1:]
	}
}

// room is nil if a failure could still be counted, on any count.
func (t *try) room(ctx context.Context) error {
	return t.first(func(charges []ratelimit.Charge) error { return t.limits.Check(ctx, t.now(), charges...) })
}

// spend counts a failure, on one count.
func (t *try) spend(ctx context.Context) error {
	return t.first(func(charges []ratelimit.Charge) error { return t.limits.Spend(ctx, t.now(), charges...) })
}

// first does what is asked for one count after the other, until one is not over
// its limit.
func (t *try) first(ask func([]ratelimit.Charge) error) (err error) {
	for _, charges := range t.counts {
		err = ask(charges)
		_, over := errors.AsType[*ratelimit.WaitError](err)
		if !over {
			return err
		}
	}
	return err
}
