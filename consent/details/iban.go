package details

import (
	"strings"
)

// checkIBAN refuses what is no IBAN in its electronic form: capital letters and
// digits without spaces, as long as its country has them, with right check
// digits. A person may write spaces; the form that is hashed has none, so that
// there is one way to write each account.
//
// Source: ISO 13616-1; ISO 7064 (MOD 97-10).
func checkIBAN(at, iban string) *Error {
	if strings.ContainsAny(iban, " -abcdefghijklmnopqrstuvwxyz") {
		return refuse(FaultIBAN, at, "Send the IBAN in capital letters, without spaces and hyphens.")
	}
	if len(iban) < 5 {
		return refuse(FaultIBAN, at, "This is no IBAN; it is too short.")
	}
	form, known := ibanCountries[iban[:2]]
	switch {
	case !known:
		return refuse(FaultIBAN, at, "This is no IBAN; it does not begin with a country that has IBANs.")
	case !fits(iban[4:], form):
		return refuse(FaultIBAN, at, "This is no IBAN; its country has a different length or form.")
	case mod97(iban[4:]+iban[:4]) != 1 || iban[2:4] < "02" || iban[2:4] > "98":
		return refuse(FaultIBAN, at, "This is no IBAN; its check digits are wrong. Compare it with the account.")
	}
	return nil
}

// fits reports whether s has the form of one line of ibanCountries.
func fits(s, form string) bool {
	for form != "" {
		count := 0
		for form[0] >= '0' && form[0] <= '9' {
			count, form = count*10+int(form[0]-'0'), form[1:]
		}
		allowed := map[byte]string{'n': ibanDigits, 'a': ibanLetters, 'c': ibanDigits + ibanLetters}[form[0]]
		if len(s) < count || strings.Trim(s[:count], allowed) != "" {
			return false
		}
		s, form = s[count:], form[1:]
	}
	return s == ""
}

const (
	ibanDigits  = "0123456789"
	ibanLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// mod97 is the remainder of s, of which A counts as 10 and Z as 35. It is -1 if
// anything but digits and capital letters is in s.
func mod97(s string) int {
	remainder := 0
	for i := range len(s) {
		n := strings.IndexByte(ibanDigits+ibanLetters, s[i])
		switch {
		case n < 0:
			return -1
		case n < 10:
			remainder = (remainder*10 + n) % 97
		default:
			remainder = (remainder*100 + n) % 97
		}
	}
	return remainder
}

// maskIBAN is how an IBAN is shown: its country and its last four characters,
// "DE•• •••• 4321", however long it is. What lies between is in the hash, and
// known to the app; a page or a screenshot of it tells nobody the account.
func maskIBAN(iban string) string {
	return iban[:2] + "•• •••• " + lastFour(iban)
}

// lastFour returns the last four characters of an account in ASCII.
func lastFour(s string) string { return s[max(0, len(s)-4):] }
