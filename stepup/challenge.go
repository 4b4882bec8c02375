package stepup

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	errorInsufficient = "insufficient_user_authentication"
	maxHeader         = 8 << 10 // bytes of a WWW-Authenticate header that are looked at
)

// Challenge is an API's demand for a stronger or fresher proof of the user.
// Source: RFC 9470 section 3.
type Challenge struct {
	ACR         []string       // any of them will do; empty means the API names none
	MaxAge      *time.Duration // whole seconds; nil if the API names none
	Scope       string         // what the token has to carry besides, separated by spaces
	Description string         // for developers; from outside, so a page has to escape it
}

// Header returns c as a value of the WWW-Authenticate header, of the scheme Bearer.
// Characters that do not fit there are left out.
func (c Challenge) Header() string { return schemeBearer + " " + strings.Join(c.params(), ", ") }

func (c Challenge) params() []string {
	params := []string{param("error", errorInsufficient)}
	if c.Description != "" {
		params = append(params, param("error_description", c.Description))
	}
	if len(c.ACR) > 0 {
		params = append(params, param("acr_values", strings.Join(c.ACR, " ")))
	}
	if c.MaxAge != nil {
		params = append(params, param("max_age", strconv.FormatInt(int64(*c.MaxAge/time.Second), 10)))
	}
	if c.Scope != "" {
		params = append(params, param("scope", c.Scope))
	}
	return params
}

// StartOptions returns the request that answers c. The caller adds the Subject
// of its session, which an action needs, and has to send the same call again
// with the new access token.
//
// Source: RFC 9470 section 4.
func (c Challenge) StartOptions() StartOptions {
	return StartOptions{ACR: slices.Clone(c.ACR), MaxAge: c.MaxAge, Scopes: strings.Fields(c.Scope)}
}

// ParseChallenge reads one value of a WWW-Authenticate header and returns the
// first challenge in it that demands another authentication of the user. It
// returns false if there is none, and also if the header cannot be read as a
// whole: a demand that is understood by half could ask for too little.
//
// Source: RFC 9470 section 3; RFC 9110 section 11.6.1.
func ParseChallenge(header string) (Challenge, bool) {
	if len(header) > maxHeader {
		return Challenge{}, false
	}
	all, ok := parseHeader(header)
	if !ok {
		return Challenge{}, false
	}
	for _, raw := range all {
		known := strings.EqualFold(raw.scheme, schemeBearer) || strings.EqualFold(raw.scheme, schemeDPoP)
		if known && raw.params["error"] == errorInsufficient {
			return raw.challenge()
		}
	}
	return Challenge{}, false
}

func (raw rawChallenge) challenge() (Challenge, bool) {
	c := Challenge{
		ACR:         strings.Fields(raw.params["acr_values"]),
		Scope:       strings.Join(strings.Fields(raw.params["scope"]), " "),
		Description: quotable(raw.params["error_description"]),
	}
	bad := func(v string) bool { return !validACR(v) }
	if slices.ContainsFunc(c.ACR, bad) || slices.ContainsFunc(strings.Fields(c.Scope), bad) {
		return Challenge{}, false
	}
	text, present := raw.params["max_age"]
	if !present {
		return c, true
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return Challenge{}, false
	}
	age := time.Duration(seconds) * time.Second
	c.MaxAge = &age
	return c, true
}

// param writes one parameter with a quoted value that needs no escapes.
func param(name, value string) string { return name + `="` + quotable(value) + `"` }

// quotable leaves out what would need an escape within quotes.
// Source: RFC 6750 section 3 (the characters allowed in error_description).
func quotable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
}
