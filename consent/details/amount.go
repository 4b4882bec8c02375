package details

import (
	"fmt"
	"math/big"
	"strings"
)

// Amount is money as it stands in a transaction: "1250.00" and "EUR". Value has
// exactly the digits after the point that the currency has. The zero Amount is
// none.
type Amount struct {
	Value    string
	Currency string
}

// longestWhole is how many digits an amount has before its point, at most.
const longestWhole = 15

// Compare compares a with other, an unsigned decimal such as "500" or "99.95" in
// the same currency: -1 if a is less, 0 if it is the same, 1 if it is more.
// Nothing is rounded.
//
// It returns an error if one of the two is no such decimal.
func (a Amount) Compare(other string) (int, error) {
	mine, myFraction, ok := splitDecimal(a.Value)
	if !ok {
		return 0, fmt.Errorf("details: compare amounts: the amount is no decimal")
	}
	its, itsFraction, ok := splitDecimal(other)
	if !ok {
		return 0, fmt.Errorf("details: compare amounts: what it is compared with is no decimal")
	}
	places := max(len(myFraction), len(itsFraction))
	return scaled(mine, myFraction, places).Cmp(scaled(its, itsFraction, places)), nil
}

// scaled returns whole.fraction times ten to the power of places.
func scaled(whole, fraction string, places int) *big.Int {
	n, _ := new(big.Int).SetString(whole+fraction+strings.Repeat("0", places-len(fraction)), 10)
	return n
}

// splitDecimal takes a decimal apart: no sign, no exponent, no leading zero but
// the one before a point, and digits on both sides of a point.
func splitDecimal(s string) (whole, fraction string, ok bool) {
	whole, fraction, pointed := strings.Cut(s, ".")
	switch {
	case !allDigits(whole), pointed && !allDigits(fraction):
		return "", "", false
	case len(whole) > 1 && whole[0] == '0', len(s) > 64:
		return "", "", false
	}
	return whole, fraction, true
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// checkAmount refuses what is no sum of money, or not in the one form that its
// currency has.
func checkAmount(at string, a Amount) *Error {
	digits, known := minorUnits(a.Currency)
	if !known {
		return refuse(FaultCurrency, at+"/currency", "This is no currency that can be confirmed; send a code of ISO 4217 in capital letters, such as EUR.")
	}
	whole, fraction, ok := splitDecimal(a.Value)
	switch {
	case !ok:
		return refuse(FaultAmount, at+"/value", "This is no amount; send a decimal without sign, exponent, separators and leading zeros, such as 1250.00.")
	case len(whole) > longestWhole:
		return refuse(FaultAmount, at+"/value", "This amount has more than %d digits before its point.", longestWhole)
	case len(fraction) != digits && digits == 0:
		return refuse(FaultAmount, at+"/value", "An amount in this currency has no point.")
	case len(fraction) != digits:
		return refuse(FaultAmount, at+"/value", "An amount in this currency has exactly %d digits after its point.", digits)
	case strings.Trim(whole+fraction, "0") == "":
		return refuse(FaultAmount, at+"/value", "An amount has to be more than zero.")
	}
	return nil
}
