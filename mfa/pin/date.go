package pin

import (
	"strconv"
)

// dates are the forms in which people write dates: D, M and Y are the digits of
// day, month and year. A year of two digits goes with a day and a month of two
// digits each, because without noughts almost every number would be a date.
var dates = []string{
	"DDMM", "MMDD", "YYYY", "MMYY", "YYMM",
	"MYYYY", "YYYYM",
	"DDMMYY", "MMDDYY", "YYMMDD", "MMYYYY", "YYYYMM", "DMYYYY", "MDYYYY", "YYYYMD", "YYYYDM",
	"DDMYYYY", "DMMYYYY", "MMDYYYY", "MDDYYYY", "YYYYMDD", "YYYYMMD", "YYYYDDM", "YYYYDMM",
	"DDMMYYYY", "MMDDYYYY", "YYYYMMDD", "YYYYDDMM",
}

// The years that somebody alive thinks of. They do not move with the clock: a PIN
// that is good today is good tomorrow.
const (
	firstYear = 1900
	lastYear  = 2039
)

// isDate is true for a date in one of the usual forms, and for a year with two
// digits or fewer before or after it. Every two digits are a year.
func isDate(pin string) bool {
	for _, form := range dates {
		if isDateOf(pin, form) {
			return true
		}
	}
	return len(pin) <= 6 && (isYear(pin[:4]) || isYear(pin[len(pin)-4:]))
}

func isDateOf(pin, form string) bool {
	if len(pin) != len(form) {
		return false
	}
	day, month, year := part(pin, form, 'D'), part(pin, form, 'M'), part(pin, form, 'Y')
	switch {
	case len(year) == 4 && !isYear(year):
		return false
	case month != "" && (number(month) < 1 || number(month) > 12):
		return false
	case day != "" && (number(day) < 1 || number(day) > longestMonth[number(month)]):
		return false
	}
	return true
}

// longestMonth is the number of days of each month, February's in a leap year: the
// year may be one of two digits, or none.
var longestMonth = []int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// part returns the digits of pin that stand where form has letter.
func part(pin, form string, letter byte) string {
	var digits []byte
	for i := range len(form) {
		if form[i] == letter {
			digits = append(digits, pin[i])
		}
	}
	return string(digits)
}

func isYear(digits string) bool {
	return number(digits) >= firstYear && number(digits) <= lastYear
}

// number is the value of a few ASCII digits.
func number(digits string) int {
	n, _ := strconv.Atoi(digits) // nothing but digits comes here
	return n
}
