package consent

import (
	"slices"
	"strings"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Prefix begins every acr value that is ours.
const Prefix = "urn:sallyport:"

const actionPrefix = Prefix + "action:"

// Class is how strongly a session was authenticated, on the line
// 1fa < td < 2sv < mfa < phr < phrh. A Class is a predicate over evidence; it
// is computed anew each time and never stored as a fact.
type Class int

// The classes, weakest first.
const (
	ClassNone Class = iota
	Class1FA        // one primary factor
	ClassTD         // 1fa and a trusted device; reported, never requestable
	Class2SV        // two steps: password and an emailed code
	ClassMFA        // two kinds of factor, both actively verified
	ClassPHR        // phishing-resistant
	ClassPHRH       // phishing-resistant, attested hardware
)

var classACR = map[Class]string{
	Class1FA: Prefix + "acr:1fa", ClassTD: Prefix + "acr:td", Class2SV: Prefix + "acr:2sv",
	ClassMFA: Prefix + "acr:mfa", ClassPHR: "phr", ClassPHRH: "phrh",
}

// ACR is the acr value of c, "" for ClassNone.
func (c Class) ACR() string { return classACR[c] }

// ParseClass reads an acr value that may be asked for. td is not among them:
// a request for it is a request for an unknown value.
func ParseClass(acr string) (Class, bool) {
	for c, v := range classACR {
		if v == acr && c != ClassTD {
			return c, true
		}
	}
	return ClassNone, false
}

// PolicyClass reads the short class names of a policy document (1fa, td, 2sv,
// mfa, phr); anything else is ClassNone.
func PolicyClass(name string) Class {
	for c, v := range classACR {
		if v == name || strings.TrimPrefix(v, Prefix+"acr:") == name {
			return c
		}
	}
	return ClassNone
}

// ActionACR is the acr value that asks for action name.
func ActionACR(name string) string { return actionPrefix + name }

// ParseAction reads the name of the action that an acr value asks for.
func ParseAction(acr string) (name string, ok bool) {
	return strings.CutPrefix(acr, actionPrefix)
}

// ClassOf is the best class that events prove under p.
//
// Two events of the same category do not add up: email is never a factor, so a
// password and an emailed code are two steps (2sv), not two factors. SMS and
// voice count as a factor where the policy says so.
//
// Source: RFC 9470 section 2; NIST SP 800-63B-4 section 3.1.3 (email is no
// out-of-band authenticator).
func ClassOf(events []identity.AuthEvent, p policy.ACR) Class {
	var password, device, twoStep, possession, key, verified, attested bool
	for _, e := range events {
		switch e.Method {
		case identity.MethodPassword, identity.MethodVouched: // one factor, of which kind nobody here knows
			password = true
		case identity.MethodDevice:
			device = true
		case string(policy.Email):
			twoStep = true
		case string(policy.SMS):
			possession = possession || p.SMSIs == "mfa"
			twoStep = true
		case string(policy.Voice):
			possession = possession || p.VoiceIs == "mfa"
			twoStep = true
		case string(policy.TOTP), string(policy.RecoveryCodes):
			possession = true
		case string(policy.WebAuthn):
			key = true
			verified = verified || e.UserVerified
			attested = attested || e.Attested
		}
	}
	strongKey := key && (password || verified)
	switch {
	case strongKey && attested:
		return ClassPHRH
	case strongKey:
		return ClassPHR
	case password && (possession || key):
		return ClassMFA
	case password && twoStep:
		return Class2SV
	case password && device:
		return ClassTD
	case password:
		return Class1FA
	}
	return ClassNone
}

// AMR lists the authentication methods of events as RFC 8176 names them, in
// the order in which they were first used; rdev, for a trusted device, is ours.
// mfa is added for two kinds of factor, none of them email.
func AMR(events []identity.AuthEvent, p policy.ACR) []string {
	var amr []string
	add := func(values ...string) {
		for _, v := range values {
			if !slices.Contains(amr, v) {
				amr = append(amr, v)
			}
		}
	}
	for _, e := range events {
		add(amrOf(e)...)
	}
	if ClassOf(events, p) >= ClassMFA {
		add("mfa")
	}
	return amr
}

func amrOf(e identity.AuthEvent) []string {
	switch e.Method {
	case identity.MethodPassword:
		return []string{"pwd"}
	case identity.MethodDevice:
		return []string{"rdev"}
	case identity.MethodVouched:
		return nil // it was not proven here
	case string(policy.SMS):
		return []string{"sms", "otp"}
	case string(policy.Voice):
		return []string{"tel", "otp"}
	case string(policy.WebAuthn):
		if e.BackupEligible {
			return []string{"swk", "user"}
		}
		return []string{"hwk", "user"}
	case string(policy.PIN):
		return []string{"pin"}
	}
	return []string{"otp"}
}
