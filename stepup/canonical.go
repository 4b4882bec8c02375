package stepup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxDetail      = 4 << 10 // bytes of what a server takes
	deepestDetail  = 100     // levels; a server takes fewer, and says so
	replacementMsg = "a text is not UTF-8, or holds half of a surrogate pair"
)

// Canonical returns the one form in which d is hashed: what encoding/json makes
// of it, in the canonical form of RFC 8785.
//
// It refuses what two readers could take for two things: a member that is there
// twice, a text that was not Unicode before it was encoded (also U+FFFD, which is
// what is left of such a text), code points that are no characters, and a number
// that a double cannot hold. Texts are not normalised. A server hashes them in
// Unicode normal form C, so an app that has others normalises them first.
//
// Errors: [ErrBadDetail].
//
// Source: RFC 8785; RFC 7493 sections 2.1 to 2.3.
func Canonical(d Detail) ([]byte, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, badDetail("%w", err)
	}
	if !utf8.Valid(raw) {
		return nil, badDetail(replacementMsg)
	}
	read := json.NewDecoder(bytes.NewReader(raw))
	read.UseNumber()
	value, err := readValue(read, 0)
	if err != nil {
		return nil, badDetail("%w", err)
	}
	return appendValue(nil, value), nil
}

// readValue reads the next value of read. It is made of map[string]any, []any,
// string, float64, bool and nil.
func readValue(read *json.Decoder, depth int) (any, error) {
	token, err := read.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		if depth == deepestDetail {
			return nil, fmt.Errorf("there are more than %d levels", deepestDetail)
		}
		if v == '{' {
			return readObject(read, depth)
		}
		return readList(read, depth)
	case string:
		return v, checkText(v)
	case json.Number:
		return readNumber(string(v))
	}
	return token, nil // bool or nil
}

func readObject(read *json.Decoder, depth int) (any, error) {
	members := map[string]any{}
	for read.More() {
		name, err := readValue(read, depth+1)
		if err != nil {
			return nil, err
		}
		text, _ := name.(string) // the decoder takes nothing else here
		_, twice := members[text]
		if twice {
			return nil, errors.New("a member is there twice")
		}
		members[text], err = readValue(read, depth+1)
		if err != nil {
			return nil, err
		}
	}
	_, err := read.Token()
	return members, err
}

func readList(read *json.Decoder, depth int) (any, error) {
	list := []any{}
	for read.More() {
		v, err := readValue(read, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := read.Token()
	return list, err
}

// checkText refuses what encoding/json made of a text that was none, and what
// RFC 7493 section 2.1 keeps out.
func checkText(s string) error {
	for _, c := range s {
		switch {
		case c == utf8.RuneError:
			return errors.New(replacementMsg)
		case c&0xFFFE == 0xFFFE || c >= 0xFDD0 && c <= 0xFDEF:
			return errors.New("a text holds a code point that is no character")
		}
	}
	return nil
}

// readNumber returns the double that literal stands for, unless that would be
// another number: past its range, or a whole number with more digits than it
// holds.
//
// Source: RFC 7493 section 2.2.
func readNumber(literal string) (float64, error) {
	f, err := strconv.ParseFloat(literal, 64)
	whole := !strings.ContainsAny(literal, ".eE")
	mantissa, _, _ := strings.Cut(strings.ToLower(literal), "e")
	vanished := f == 0 && strings.ContainsAny(mantissa, "123456789")
	if err != nil || math.IsInf(f, 0) || vanished || whole && strconv.FormatFloat(f, 'f', -1, 64) != literal {
		return 0, errors.New("a number cannot be held by a double; send it as a text")
	}
	return f, nil
}

// appendValue writes v, which readValue made, in canonical form.
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
	}
	return append(to, "null"...)
}

// appendObject writes members in the order of the UTF-16 units of their names.
// Source: RFC 8785 section 3.2.3.
func appendObject(to []byte, members map[string]any) []byte {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
	})
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

// appendText writes s with the escapes of RFC 8785 section 3.2.2.2 and no other.
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

// appendNumber writes f as ECMAScript does. Source: RFC 8785 section 3.2.2.3.
func appendNumber(to []byte, f float64) []byte {
	size := math.Abs(f)
	switch {
	case f == 0: // also minus zero
		return append(to, '0')
	case size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(to, f, 'f', -1, 64)
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	to = append(append(to, digits...), 'e', exponent[0])
	return append(to, strings.TrimLeft(exponent[1:], "0")...)
}
