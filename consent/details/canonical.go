package details

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// deepestValue bounds what Canonical reads. It keeps a hostile text from using
// up the stack, and lies far above what anybody confirms.
const deepestValue = 100

// Canonical returns the canonical form of raw, one JSON value: no white space,
// members sorted by the UTF-16 units of their names, one way to write each text
// and each number. Texts are not normalised; [Registry.Parse] does that.
//
// Errors: [*Error] of kind [FaultMalformed], [FaultDuplicate] or [FaultTooLarge]
// (more than 100 levels) where raw is not I-JSON.
//
// Source: RFC 8785; RFC 7493 for what is read.
func Canonical(raw []byte) ([]byte, error) {
	v, err := decode(raw, deepestValue)
	if err != nil {
		return nil, err
	}
	return appendValue(make([]byte, 0, len(raw)), v), nil
}

// appendValue writes v, which decode made, in canonical form.
func appendValue(to []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		return appendObject(to, v)
	case []any:
		to = append(to, '[')
		for i, element := range v {
			if i > 0 {
				to = append(to, ',')
			}
			to = appendValue(to, element)
		}
		return append(to, ']')
	case string:
		return appendText(to, v)
	case float64:
		return appendNumber(to, v)
	case bool:
		return strconv.AppendBool(to, v)
	default:
		return append(to, "null"...)
	}
}

func appendObject(to []byte, members map[string]any) []byte {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.SortFunc(names, compareUTF16)
	to = append(to, '{')
	for i, name := range names {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(appendText(to, name), ':')
		to = appendValue(to, members[name])
	}
	return append(to, '}')
}

// compareUTF16 orders names as RFC 8785 section 3.2.3 does. It differs from the
// order of bytes for what lies beyond U+FFFF.
func compareUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

// appendText writes s with the escapes of RFC 8785 section 3.2.2.2 and no other:
// also U+2028 and U+2029, which encoding/json escapes, stand for themselves.
func appendText(to []byte, s string) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for i := range len(s) {
		c := s[i]
		short := strings.IndexByte("\b\t\n\f\r\"\\", c)
		switch {
		case short >= 0:
			to = append(to, '\\', `btnfr"\`[short])
		case c < ' ':
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}

// appendNumber writes f as ECMAScript does: the fewest digits that lead back to
// the same double, with an exponent below 1e-6 and from 1e21 on.
//
// Source: RFC 8785 section 3.2.2.3; ECMA-262 section 6.1.6.1.20.
func appendNumber(to []byte, f float64) []byte {
	size := max(f, -f)
	switch {
	case f == 0: // also minus zero
		return append(to, '0')
	case size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(to, f, 'f', -1, 64)
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	to = append(append(to, digits...), 'e', exponent[0])
	return append(to, strings.TrimLeft(exponent[1:], "0")...) // Go writes two digits at least
}
