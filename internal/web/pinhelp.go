package web

import (
	"cmp"
	"slices"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// CodesLast are ways with recovery codes behind all others: they are for emergencies,
// whatever was used last.
func CodesLast(ways []templates.Way) []templates.Way {
	slices.SortStableFunc(ways, func(a, b templates.Way) int {
		return cmp.Compare(emergency(a), emergency(b))
	})
	return ways
}

func emergency(w templates.Way) int {
	if w.Method == string(policy.RecoveryCodes) {
		return 1
	}
	return 0
}

// PINHelp is what a page of realm says to somebody who has forgotten the PIN. leaves
// tells that Cancel on the page goes back to an app.
//
// A PIN is never shown, and never reset while it works: else whoever finds an open
// session would not need it. Source: mfa.md 4.6.
func PINHelp(realm *identity.Realm, leaves bool) templates.PINHelp {
	p := realm.Policy
	help := templates.PINHelp{
		ResetURL: realm.Tenant.Path() + "/settings#row-pin", Holds: p.Recovery.HoldActions > 0, Leaves: leaves,
	}
	life, known := p.Lifecycle[policy.PIN]
	if known && !life.Enable.Forbidden {
		help.Tries = p.Lockout.PINHardFails
	}
	return help
}
