package mfa

import (
	"cmp"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Reasons why an option is listed and cannot be begun; each is a message key.
const (
	ReasonTimer   = "after_timer" // from AvailableAt on
	ReasonLocked  = "locked"      // too many wrong codes; until AvailableAt
	ReasonDead    = "disabled"    // too many wrong codes, for good
	ReasonNoSends = "no_sends"    // this chain has delivered all it may
)

// Options returns the ways in which ask can be met, those presented first in
// front. It is the only list: what is not in it cannot be begun.
//
// chain is the challenge in progress, or nil. With a chain, its own way is a
// resend, and the others wait as delivery.fallback_unlock says; after a gateway
// refused the message, all of them are available at once.
//
// Source: mfa.md 4.7; policy.md 2.1 and 2.2 (methods, delivery, contacts).
func Options(ask Ask, e Enrolments, chain *Challenge, now time.Time) []Option {
	all := candidates(ask, e)
	lead := leading(ask, e, all)
	list := slices.Clone(lead)
	for _, o := range all {
		beside := ask.Recover || ask.presents(o.Method) || isFallback(ask.Policy, o.Method)
		if beside && !slices.Contains(lead, o) {
			list = append(list, o)
		}
	}

	var offered []Option
	for i, o := range list {
		first := i < len(lead)
		if chain != nil && !o.isOf(*chain) && !ask.Recover && ask.Policy.Delivery.FallbackUnlock == policy.UnlockNever {
			continue
		}
		o.AvailableAt, o.Reason = available(ask, o, first, chain, now)
		blockGuarded(&o, e, now)
		o.Primary = i == 0
		offered = append(offered, o)
	}
	return offered
}

// isFallback reports whether m may be offered beside the method presented first.
func isFallback(p *policy.Policy, m Method) bool {
	return p.Delivery.FallbackUnlock != policy.UnlockNever && p.Delivery.FallbackTo.Has(m)
}

// presents reports whether m is presented first: in an operation, the kind that it
// is about; else what the policy says.
func (a Ask) presents(m Method) bool {
	if a.Proof == ProofEmailCode {
		return true
	}
	if a.Proof == policy.ProofCodeNew || a.Proof == policy.ProofCodeCurrent {
		return m == a.Kind
	}
	return presentedFirst(a.Policy, m)
}

// isOf reports whether o is the way of c.
func (o Option) isOf(c Challenge) bool {
	return o.Method == c.Method && o.ContactID == c.ContactID && o.FactorID == c.FactorID
}

// available says from when o can be begun, and why not now; its guard aside.
func available(ask Ask, o Option, first bool, chain *Challenge, now time.Time) (at time.Time, reason string) {
	unlock := ask.Policy.Delivery.FallbackUnlock
	switch {
	case chain == nil && (first || unlock == policy.UnlockAtOnce), ask.Recover:
		return time.Time{}, ""
	case chain == nil:
		wait := ask.Policy.Code(o.Method, policy.Purpose(ask.Purpose)).ResendAfter
		return now.Add(wait.Duration()), ReasonTimer
	case o.Method.Delivered() && chain.Sends >= chain.MaxSends:
		return time.Time{}, ReasonNoSends
	case !o.isOf(*chain) && unlock == policy.UnlockAtOnce:
		return time.Time{}, ""
	case now.Before(chain.ResendAt): // never so after the gateway has refused
		return chain.ResendAt, ReasonTimer
	}
	return time.Time{}, ""
}

// blockGuarded takes back an option whose guard allows no guess: a code that
// cannot be entered is not worth sending.
func blockGuarded(o *Option, e Enrolments, now time.Time) {
	g := e.guard(o.guardKey())
	switch {
	case g.Dead:
		o.AvailableAt, o.Reason = time.Time{}, ReasonDead
	case now.Before(g.LockedUntil) && o.AvailableAt.Before(g.LockedUntil):
		o.AvailableAt, o.Reason = g.LockedUntil, ReasonLocked
	}
}

func (e Enrolments) guard(key string) Guard {
	i := slices.IndexFunc(e.Guards, func(g Guard) bool { return g.Key == key })
	if i < 0 {
		return Guard{}
	}
	return e.Guards[i]
}

// leading returns the options of all that are presented first, the foremost in
// front. Where none of those that the policy means can ever be used, the others
// move up, backups last, so that a user with a working factor is not shut out.
func leading(ask Ask, e Enrolments, all []Option) []Option {
	p := ask.Policy
	meant := pick(all, func(o Option) bool { return ask.presents(o.Method) })
	alive := func(o Option) bool { return !e.guard(o.guardKey()).Dead }
	for _, group := range [][]Option{
		meant,
		pick(all, func(o Option) bool { return p.Methods[o.Method].Role != policy.RoleBackup }),
		pick(all, func(o Option) bool { return isFallback(p, o.Method) }),
	} {
		group = pick(group, alive)
		if len(group) > 0 {
			return byLastUse(p, e, group)
		}
	}
	return meant
}

func pick(from []Option, want func(Option) bool) []Option {
	var picked []Option
	for _, o := range from {
		if want(o) {
			picked = append(picked, o)
		}
	}
	return picked
}

// presentedFirst reads delivery.first.
func presentedFirst(p *policy.Policy, m Method) bool {
	kind, named := p.Delivery.First.Kind()
	switch {
	case named:
		return m == kind
	case p.Delivery.First == policy.FirstTenantPrimary:
		return p.Methods[m].Role == policy.RolePrimary
	default: // user_choice and last_used
		return p.Methods[m].Role != policy.RoleBackup
	}
}

// byLastUse moves what the user used last to the front, where the policy leaves
// it to the user; the order of the policy decides among the others. A list on paper is
// for the day when nothing else is at hand, and never comes first because it was used.
func byLastUse(p *policy.Policy, e Enrolments, list []Option) []Option {
	if p.Delivery.First != policy.FirstUserChoice && p.Delivery.First != policy.FirstLastUsed {
		return list
	}
	slices.SortStableFunc(list, func(a, b Option) int {
		paper := func(o Option) int {
			if o.Method == policy.RecoveryCodes {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(paper(a), paper(b)), e.lastUse(b).Compare(e.lastUse(a)))
	})
	return list
}

func (e Enrolments) lastUse(o Option) time.Time {
	var last time.Time
	for _, f := range e.Factors {
		if f.Kind == o.Method && f.ContactID == o.ContactID && f.LastUsedAt.After(last) {
			last = f.LastUsedAt
		}
	}
	return last
}
