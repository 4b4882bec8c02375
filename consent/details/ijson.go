package details

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode reads raw as one I-JSON value (RFC 7493) whose arrays and objects lie at
// most deepest levels in one another. It is stricter than encoding/json where two
// readers could disagree on what was said: a name that stands twice, half a
// surrogate pair, a number that a double cannot hold, bytes that are not UTF-8,
// anything behind the value.
//
// The result is made of map[string]any, []any, string, float64, bool and nil.
// Errors: [*Error] with a byte position, and without anything of raw.
func decode(raw []byte, deepest int) (any, error) {
	if !utf8.Valid(raw) {
		return nil, refuse(FaultMalformed, "", "This is not UTF-8; send JSON in UTF-8.")
	}
	r := reader{in: raw, deepest: deepest}
	v, err := r.value(0)
	if err != nil {
		return nil, err
	}
	r.space()
	if r.at != len(r.in) {
		return nil, r.malformed("Something follows the value")
	}
	return v, nil
}

// reader walks over JSON text (RFC 8259).
type reader struct {
	in      []byte
	at      int
	deepest int
}

func (r *reader) malformed(what string) *Error {
	return refuse(FaultMalformed, "", "%s at byte %d; send I-JSON (RFC 7493).", what, r.at)
}

func (r *reader) space() {
	for r.at < len(r.in) && strings.IndexByte(" \t\r\n", r.in[r.at]) >= 0 {
		r.at++
	}
}

// next returns the byte at the present place, or 0 at the end. JSON has no place
// where a zero byte may stand, so the two need not differ.
func (r *reader) next() byte {
	if r.at == len(r.in) {
		return 0
	}
	return r.in[r.at]
}

// take steps over word if it stands here.
func (r *reader) take(word string) bool {
	if !strings.HasPrefix(string(r.in[r.at:min(len(r.in), r.at+len(word))]), word) {
		return false
	}
	r.at += len(word)
	return true
}

func (r *reader) value(depth int) (any, error) {
	r.space()
	switch {
	case r.next() == '{' || r.next() == '[':
		if depth == r.deepest {
			return nil, refuse(FaultTooLarge, "", "The value at byte %d lies too deep; at most %d levels are allowed.", r.at, r.deepest)
		}
		if r.take("{") {
			return r.object(depth)
		}
		r.at++
		return r.array(depth)
	case r.next() == '"':
		return r.text()
	case r.take("true"):
		return true, nil
	case r.take("false"):
		return false, nil
	case r.take("null"):
		return nil, nil
	default:
		return r.number()
	}
}

func (r *reader) object(depth int) (any, error) {
	members := map[string]any{}
	for r.space(); !r.take("}"); r.space() {
		if len(members) > 0 {
			if !r.take(",") {
				return nil, r.malformed("A comma or a closing brace is missing")
			}
			r.space()
		}
		start := r.at
		name, err := r.text()
		if err != nil {
			return nil, err
		}
		_, twice := members[name]
		if twice {
			return nil, refuse(FaultDuplicate, "", "A member name stands twice in one object, at byte %d; send every member once.", start)
		}
		r.space()
		if !r.take(":") {
			return nil, r.malformed("A colon is missing")
		}
		members[name], err = r.value(depth + 1)
		if err != nil {
			return nil, err
		}
	}
	return members, nil
}

func (r *reader) array(depth int) (any, error) {
	values := []any{}
	for r.space(); !r.take("]"); r.space() {
		if len(values) > 0 && !r.take(",") {
			return nil, r.malformed("A comma or a closing bracket is missing")
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// text reads a string and undoes its escapes.
func (r *reader) text() (string, error) {
	if !r.take(`"`) {
		return "", r.malformed("A text in quotation marks is missing")
	}
	var b strings.Builder
	for !r.take(`"`) {
		c, size := utf8.DecodeRune(r.in[r.at:])
		switch {
		case size == 0 || c < ' ':
			return "", r.malformed("A text does not end, or holds a control character")
		case c == '\\':
			var err error
			c, err = r.escape()
			if err != nil {
				return "", err
			}
		default:
			r.at += size
		}
		if nonCharacter(c) {
			return "", r.malformed("A text holds a code point that is no character")
		}
		b.WriteRune(c)
	}
	return b.String(), nil
}

// escape reads what begins with a backslash.
func (r *reader) escape() (rune, error) {
	r.at++
	i := strings.IndexByte(`"\/bfnrt`, r.next())
	if i >= 0 && r.at < len(r.in) {
		r.at++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if !r.take("u") {
		return 0, r.malformed("A text has an unknown escape")
	}
	c, ok := r.hex()
	if !ok {
		return 0, r.malformed("A text has an incomplete escape")
	}
	if !utf16.IsSurrogate(c) {
		return c, nil
	}
	low := rune(0)
	if r.take(`\u`) {
		low, _ = r.hex()
	}
	c = utf16.DecodeRune(c, low)
	if c == utf8.RuneError {
		return 0, r.malformed("A text holds half of a surrogate pair")
	}
	return c, nil
}

func (r *reader) hex() (rune, bool) {
	if len(r.in)-r.at < 4 {
		return 0, false
	}
	var c rune
	for _, digit := range r.in[r.at : r.at+4] {
		i := strings.IndexByte("0123456789abcdef", digit|0x20) // letters of either case
		if i < 0 || digit < '0' {
			return 0, false
		}
		c = c<<4 | rune(i) //nolint:gosec // i is less than 16
	}
	r.at += 4
	return c, true
}

// nonCharacter reports whether RFC 7493 section 2.1 keeps c out of texts. The
// surrogates, which it keeps out as well, never come this far.
func nonCharacter(c rune) bool {
	return c&0xFFFE == 0xFFFE || c >= 0xFDD0 && c <= 0xFDEF
}

// number reads a number as the double that it stands for.
//
// A fraction is rounded, as RFC 8785 does. What is refused is a number that a
// double would turn into another one: past its range, or a whole number with
// more digits than it holds, such as 9007199254740993.
func (r *reader) number() (any, error) {
	start := r.at
	r.take("-")
	if !r.take("0") && !r.digits() {
		return nil, r.malformed("A value is missing")
	}
	whole := true
	if r.take(".") {
		whole = false
		if !r.digits() {
			return nil, r.malformed("A number is incomplete")
		}
	}
	if r.take("e") || r.take("E") {
		whole = false
		_ = r.take("+") || r.take("-")
		if !r.digits() {
			return nil, r.malformed("A number is incomplete")
		}
	}
	literal := string(r.in[start:r.at])
	f, err := strconv.ParseFloat(literal, 64)
	vanished := f == 0 && strings.ContainsAny(mantissa(literal), "123456789")
	if err != nil || math.IsInf(f, 0) || vanished || whole && strconv.FormatFloat(f, 'f', -1, 64) != literal {
		return nil, r.malformed("A number that a double cannot hold ends")
	}
	return f, nil
}

func (r *reader) digits() bool {
	start := r.at
	for r.next() >= '0' && r.next() <= '9' {
		r.at++
	}
	return r.at > start
}

func mantissa(literal string) string {
	m, _, _ := strings.Cut(strings.ToLower(literal), "e")
	return m
}
