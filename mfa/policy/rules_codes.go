package policy

import (
	"fmt"
	"slices"
)

// pinDigitsInOrder is V02.
func pinDigitsInOrder(c candidate) []Finding {
	pin := c.Codes.PIN
	if pin.Min <= pin.Max {
		return nil
	}
	return found("codes.pin.digits_min", "It is %d and digits_max is %d; make it at most digits_max.", pin.Min, pin.Max)
}

// layer is one place of the document that sets properties of codes.
type layer struct {
	path string
	set  CodeOverride
}

// layers returns the places that speak about codes, the strongest first.
func (c Codes) layers(channel Kind, purpose Purpose) []layer {
	return []layer{
		{fmt.Sprintf("codes.by_purpose.%s", purpose), c.ByPurpose[purpose]},
		{fmt.Sprintf("codes.by_channel.%s", channel), c.ByChannel[channel]},
		{"codes.default", CodeOverride(c.Default)},
	}
}

// longCodesOnlyVerifyContacts is V05. Ten minutes is the most that a code may
// live that gives access; one that confirms a contact inside a session gives none.
//
// Source: OWASP ASVS 5.0 6.5.5; NIST SP 800-63B 5.1.3.2.
func longCodesOnlyVerifyContacts(c candidate) []Finding {
	const most = 600
	var all []Finding
	check := func(l layer) {
		if l.set.TTL > most {
			all = append(all, found(l.path+".ttl_s", "It is %d; write at most %d. Only codes.by_purpose.contact_verify may be longer.", l.set.TTL, most)...)
		}
	}
	check(layer{"codes.default", CodeOverride(c.Codes.Default)})
	for _, channel := range channels {
		check(c.Codes.layers(channel, "")[1])
	}
	for _, purpose := range purposes {
		if purpose != PurposeContactVerify {
			check(c.Codes.layers("", purpose)[0])
		}
	}
	return all
}

// resendWithinLife is V06, for every channel and purpose: otherwise a user would
// wait for a new code with a dead one in hand.
func resendWithinLife(c candidate) []Finding {
	var all []Finding
	for _, channel := range channels {
		for _, purpose := range purposes {
			set := c.Code(channel, purpose)
			if set.ResendAfter <= set.TTL {
				continue
			}
			layers := c.Codes.layers(channel, purpose)
			from := layers[slices.IndexFunc(layers, func(l layer) bool { return l.set.ResendAfter != 0 })].path
			path := from + ".resend_after_s"
			told := slices.ContainsFunc(all, func(f Finding) bool { return f.Path == path })
			if !told {
				all = append(all, found(path, "It is %d, but a code by %s for %s lives %d s only; lower it, or raise ttl_s.",
					set.ResendAfter, channel, purpose, set.TTL)...)
			}
		}
	}
	return all
}

// shortEmailCodes is W05: mail is often slower than a minute.
func shortEmailCodes(c candidate) []Finding {
	const least = 60
	if !c.Methods[Email].Enabled {
		return nil
	}
	for _, purpose := range purposes {
		ttl := c.Code(Email, purpose).TTL
		if ttl <= least {
			return found("codes.by_channel.email.ttl_s", "A code by email for %s lives %d s; many arrive later, so consider more than %d.", purpose, ttl, least)
		}
	}
	return nil
}
