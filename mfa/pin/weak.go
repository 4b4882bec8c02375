package pin

import (
	"strings"
)

// Reasons why a PIN is weak. They are keys of messages.
const (
	ReasonRun      = "run"      // each digit is as far from the last one: 123456, 97531, 890123
	ReasonRepeat   = "repeat"   // one or two digits, or a group that is repeated: 121212, 123123
	ReasonDate     = "date"     // a day, a month, a year, or all of them
	ReasonPhone    = "phone"    // four digits in a row of the user's number
	ReasonPassword = "password" // the password, its digits, or a part of it
	ReasonCommon   = "common"   // on the list of common ones
)

// Hints is what is known about the user. Everything may be empty.
type Hints struct {
	Phones []string // in any format; the user's, registered and pending ones
	// Password is the text of the password where the page has just asked for it.
	// Who knows its hash alone checks the PIN against that besides.
	Password string
}

// Weak reports whether pin, which [Parse] has returned, is one that many people
// choose or that somebody who knows the user would try first, and the reason: the
// first that applies, in the order of the constants. reason is "" if it is not.
// What is no PIN at all is weak as well, and called common.
func Weak(pin string, about Hints) (reason string, weak bool) {
	number, only := digits(pin)
	if !only || number != pin || len(pin) < Shortest {
		return ReasonCommon, true
	}
	for _, rule := range rules {
		if rule.applies(pin, about) {
			return rule.reason, true
		}
	}
	return "", false
}

// rules run from top to bottom; the first that applies names the reason.
var rules = []struct {
	reason  string
	applies func(pin string, about Hints) bool
}{
	{ReasonRun, func(pin string, _ Hints) bool { return isRun(pin) }},
	{ReasonRepeat, func(pin string, _ Hints) bool { return isRepeat(pin) }},
	{ReasonDate, func(pin string, _ Hints) bool { return isDate(pin) }},
	{ReasonPhone, func(pin string, about Hints) bool { return isOfPhone(pin, about.Phones) }},
	{ReasonPassword, func(pin string, about Hints) bool { return isOfPassword(pin, about.Password) }},
	{ReasonCommon, func(pin string, _ Hints) bool { return isCommon(pin) }},
}

// isRun is true if every digit follows the one before it at the same distance, up
// or down, nought following nine. A distance of none is a repeat and no run.
func isRun(pin string) bool {
	step := (pin[1] - pin[0] + 10) % 10
	for i := 2; i < len(pin); i++ {
		if (pin[i]-pin[i-1]+10)%10 != step {
			return false
		}
	}
	return step != 0 && step != 5 // 050505 repeats
}

// isRepeat is true if pin has no more than two different digits, or is one group
// written again and again, the last time perhaps not to its end.
func isRepeat(pin string) bool {
	different := map[rune]bool{}
	for _, d := range pin {
		different[d] = true
	}
	if len(different) <= 2 {
		return true
	}
	for size := 3; size <= len(pin)/2; size++ {
		if strings.HasPrefix(strings.Repeat(pin[:size], len(pin)/size+1), pin) {
			return true
		}
	}
	return false
}

// together is how many digits in a row may not be of the user's number: fewer are
// there by chance too often.
const together = 4

func isOfPhone(pin string, phones []string) bool {
	for _, phone := range phones {
		number, _ := digits(phone)
		for i := range len(pin) - together + 1 {
			if strings.Contains(number, pin[i:i+together]) {
				return true
			}
		}
	}
	return false
}

// isOfPassword is true if pin stands in the password as it is, or is a part of the
// digits that the password has, in their order. Either way one betrays the other.
func isOfPassword(pin, password string) bool {
	found, _ := digits(password)
	return strings.Contains(found, pin)
}
