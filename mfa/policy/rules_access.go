package policy

import "slices"

// loginMinReachable is V20. A user with one method only (user_max is 1) must
// reach the class with whichever was chosen; any other user can add a stronger
// one, so it is enough that there is one.
func loginMinReachable(c candidate) []Finding {
	least := c.ACR.LoginMin
	if least == Class1FA {
		return nil
	}
	if c.Enforcement.Mode == ModeDisabled {
		return found("acr.login_min", "It is %s, but in mode disabled a login has no second step; write 1fa or choose another mode.", least)
	}
	methods := c.secondFactors()
	weak := slices.DeleteFunc(slices.Clone(methods), func(k Kind) bool { return c.MethodClass(k).AtLeast(least) })
	switch {
	case len(weak) == len(methods):
		return found("acr.login_min", "It is %s, which no method enabled for logins reaches; enable a stronger one or lower it.", least)
	case c.Selection.UserMax == 1 && len(weak) > 0:
		return found("acr.login_min", "It is %s, but a user who has chosen %s as the only method could never sign in; "+
			"disable it, raise selection.user_max, or lower login_min.", least, words(weak))
	}
	return nil
}

// lockoutInOrder is V21.
func lockoutInOrder(c candidate) []Finding {
	l := c.Lockout
	var all []Finding
	if l.SoftFails >= l.HardFails {
		all = append(all, found("lockout.soft_fails", "It is %d and hard_fails is %d; make it less than hard_fails.", l.SoftFails, l.HardFails)...)
	}
	if l.PINFails >= l.PINHardFails {
		all = append(all, found("lockout.pin_fails", "It is %d and pin_hard_fails is %d; make it less than pin_hard_fails.", l.PINFails, l.PINHardFails)...)
	}
	for i := 1; i < len(l.Delays); i++ {
		if l.Delays[i] <= l.Delays[i-1] {
			all = append(all, found("lockout.delays_s", "%d follows %d; make each delay longer than the one before.", l.Delays[i], l.Delays[i-1])...)
		}
	}
	return all
}

// somebodyCanRecover is V22.
func somebodyCanRecover(c candidate) []Finding {
	r := c.Recovery
	if c.Enforcement.Mode != ModeRequired || len(r.SelfService) > 0 || r.AdminResetUser != Nobody {
		return nil
	}
	return found("recovery.admin_reset_user", "Everybody needs a second step and nobody can ever recover one; allow self_service or let somebody reset.")
}

// idleWithinAbsolute is V23.
func idleWithinAbsolute(c candidate) []Finding {
	s := c.Session
	if s.Idle <= s.Absolute {
		return nil
	}
	return found("session.idle_s", "It is %d and absolute_s is %d; make it at most absolute_s.", s.Idle, s.Absolute)
}

// floorEvents are told to the registered address whatever a tenant wishes.
var floorEvents = []Event{
	EventFactorAdded, EventFactorRemoved, EventFactorChanged,
	EventContactChanged, EventMFADisabled, EventAdminReset,
}

// floorNotices is V24.
func floorNotices(c candidate) []Finding {
	var all []Finding
	for _, e := range floorEvents {
		if !c.Notify.EmailEvents.Has(e) {
			all = append(all, found("notify.email_events", "%s is missing, and users are always told of it; add it.", e)...)
		}
	}
	return all
}

// firstEnrolmentProven is V25: with a password alone, a thief would enrol a
// factor of their own in the middle of the first login.
func firstEnrolmentProven(c candidate) []Finding {
	e := c.Enforcement
	if e.Mode != ModeRequired || e.FirstEnrolmentProof != EnrolmentProofNone || c.AllUsersProvisioned {
		return nil
	}
	return found("enforcement.first_enrolment_proof", "Users without a confirmed factor would enrol their first one with the password alone; write email_code.")
}

// trustBelowLoginMin is W04: a trusted device reaches class td and nothing above.
func trustBelowLoginMin(c candidate) []Finding {
	t, least := c.TrustedDevice, c.ACR.LoginMin
	if !t.Enabled || t.Lifetime == LifetimeSession || ClassTD.AtLeast(least) {
		return nil
	}
	return found("trusted_device.lifetime", "It is %s, but acr.login_min is %s, which a trusted device never satisfies; "+
		"users will be asked every time.", t.Lifetime, least)
}
