package stepup

import (
	"slices"
	"strings"
	"time"
)

// Requirement is what a resource or a page demands. The zero value demands a
// valid token or proof and nothing more.
type Requirement struct {
	// ACR are the levels of which one is enough, or one action; see [Satisfies].
	// Empty means any.
	ACR []string

	// MaxAge is how long ago the user's last active proof may be, in whole
	// seconds. 0 means any age; a token without auth_time then passes too.
	MaxAge time.Duration

	// Scope are the scopes that are all needed, separated by spaces.
	Scope string
}

// StartOptions returns what to ask the server for so that r will be met. An
// action needs a Subject besides.
func (r Requirement) StartOptions() StartOptions {
	opts := StartOptions{ACR: slices.Clone(r.ACR), Scopes: strings.Fields(r.Scope)}
	if r.MaxAge > 0 {
		age := r.MaxAge
		opts.MaxAge = &age
	}
	return opts
}

// shown reports whether acr and authTime meet r at now. A proof of exactly
// MaxAge still does. An authTime that lies more than leeway ahead is nobody's
// proof.
func (r Requirement) shown(acr string, authTime, now time.Time, leeway time.Duration) bool {
	reached := slices.ContainsFunc(r.ACR, func(want string) bool { return Satisfies(acr, want) })
	if len(r.ACR) > 0 && !reached {
		return false
	}
	if r.MaxAge <= 0 {
		return r.MaxAge == 0
	}
	age := now.Sub(authTime)
	return !authTime.IsZero() && age <= r.MaxAge && age >= -leeway
}

// covers reports whether granted holds all scopes of r.
func (r Requirement) covers(granted string) bool {
	has := strings.Fields(granted)
	for _, want := range strings.Fields(r.Scope) {
		if !slices.Contains(has, want) {
			return false
		}
	}
	return true
}

// challenge is what to tell a client whose token does not meet r.
func (r Requirement) challenge() Challenge {
	c := Challenge{
		Description: "A stronger or more recent authentication is required",
		ACR:         r.ACR,
		Scope:       r.Scope,
	}
	if r.MaxAge > 0 {
		age := r.MaxAge
		c.MaxAge = &age
	}
	return c
}
