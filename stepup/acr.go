package stepup

import (
	"regexp"
	"slices"
	"strings"
)

// The levels of a login, from the weakest to the strongest.
const (
	// ACR1FA is one factor: a password.
	ACR1FA = "urn:sallyport:acr:1fa"
	// ACRTrustedDevice is one factor on a device that the user chose to trust.
	// A server reports it; nobody can ask for it.
	ACRTrustedDevice = "urn:sallyport:acr:td"
	// ACR2SV is two steps: a password and a code sent by email.
	ACR2SV = "urn:sallyport:acr:2sv"
	// ACRMFA is two factors of different kinds, both actively verified.
	ACRMFA = "urn:sallyport:acr:mfa"
	// ACRPHR is a phishing-resistant login, such as one with a passkey.
	// Source: OpenID Connect Extended Authentication Profile, section 4.
	ACRPHR = "phr"
	// ACRPHRH is ACRPHR with a key that is bound to hardware.
	// Source: OpenID Connect Extended Authentication Profile, section 4.
	ACRPHRH = "phrh"
)

// ladder lists the levels of a login in their order; each implies those below.
var ladder = []string{ACR1FA, ACRTrustedDevice, ACR2SV, ACRMFA, ACRPHR, ACRPHRH}

const actionPrefix = "urn:sallyport:action:"

// actionName is how a tenant's policy may call an action: two or three words,
// joined by dots.
var actionName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}(\.[a-z][a-z0-9_]{0,31}){1,2}$`)

// Action returns the acr value that asks for the confirmation of one action,
// such as "payout.request". [Client.Start] refuses a name that cannot be one.
func Action(name string) string { return actionPrefix + name }

// actionOf returns the name of the action that acr stands for, or "".
func actionOf(acr string) string {
	name, ok := strings.CutPrefix(acr, actionPrefix)
	if !ok {
		return ""
	}
	return name
}

// Satisfies reports whether a token that says have meets a demand for want.
//
//   - On the ladder 1fa < td < 2sv < mfa < phr < phrh a stronger level satisfies
//     a weaker one.
//   - A trusted device (td) satisfies 1fa and nothing else. It cannot be
//     demanded: a demand for td is never met.
//   - An action is satisfied by that very action and by nothing else, and an
//     action satisfies no level: who confirmed a payout has not logged in anew.
//   - Any other value, such as an alias that a tenant defines, must be equal.
//   - An empty value satisfies nothing and is never met.
func Satisfies(have, want string) bool {
	if have == "" || want == "" || want == ACRTrustedDevice {
		return false
	}
	h, w := slices.Index(ladder, have), slices.Index(ladder, want)
	if h >= 0 && w >= 0 {
		return h >= w
	}
	return have == want
}

// validACR reports whether v can travel in acr_values and in a quoted string of
// an HTTP header: printable ASCII without space, quote and backslash.
func validACR(v string) bool {
	if v == "" || len(v) > 256 {
		return false
	}
	for _, c := range []byte(v) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
