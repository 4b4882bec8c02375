package policy

import "bytes"

// EpochRelevant reports whether going from before to after raises the tenant's
// policy epoch, which voids trusted devices and running challenges of methods
// that are gone. Sessions stay.
//
// It does when one of these changes: methods, selection, enforcement.mode,
// trusted_device, lifecycle, acr, session.absolute_s. Source: policy.md 2.5.
func EpochRelevant(before, after Policy) bool {
	return !bytes.Equal(canonical(before.epochPart()), canonical(after.epochPart()))
}

// epochPart is the part of a policy on which earlier trust rests.
func (p Policy) epochPart() any {
	return []any{
		notNil(p.Methods),
		p.Selection,
		p.Enforcement.Mode,
		p.TrustedDevice,
		notNil(p.Lifecycle),
		p.ACR,
		p.Session.Absolute,
	}
}
