package stepup

import "strings"

// rawChallenge is one challenge of a WWW-Authenticate header.
type rawChallenge struct {
	scheme string
	params map[string]string // names in small letters
}

// parseHeader splits a WWW-Authenticate header into its challenges.
//
// The grammar is awkward: commas part both challenges and their parameters, so
// a word is a new scheme unless "=" follows it. It returns false for anything
// that does not follow the grammar, and for a parameter that is there twice.
//
// Source: RFC 9110 sections 5.6.2, 5.6.4, 11.2, 11.3 and 11.6.1.
func parseHeader(header string) ([]rawChallenge, bool) {
	var all []rawChallenge
	s := scanner{rest: header}
	for {
		s.skip(" \t,")
		if s.rest == "" {
			return all, true
		}
		word := s.word()
		if word == "" {
			return nil, false
		}
		if s.assigns() {
			if len(all) == 0 || !s.parameter(all[len(all)-1].params, word) {
				return nil, false
			}
			continue
		}
		all = append(all, rawChallenge{scheme: word, params: map[string]string{}})
		if !s.afterScheme() {
			return nil, false
		}
	}
}

// scanner walks over a header; rest is what it has not read yet.
type scanner struct{ rest string }

func (s *scanner) skip(chars string) { s.rest = strings.TrimLeft(s.rest, chars) }

// word reads a token of RFC 9110 section 5.6.2; "" if there is none.
func (s *scanner) word() string {
	end := 0
	for end < len(s.rest) && isTokenChar(s.rest[end]) {
		end++
	}
	word := s.rest[:end]
	s.rest = s.rest[end:]
	return word
}

func isTokenChar(c byte) bool {
	letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	return letter || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// assigns reports whether "=" comes next, and reads over it if so.
func (s *scanner) assigns() bool {
	after := strings.TrimLeft(s.rest, " \t")
	if !strings.HasPrefix(after, "=") {
		return false
	}
	s.rest = after[1:]
	return true
}

// afterScheme reads what parts a scheme from its parameters, and a token68 if
// the scheme has one instead of parameters.
func (s *scanner) afterScheme() bool {
	if s.rest == "" || s.rest[0] == ',' {
		return true
	}
	if s.rest[0] != ' ' {
		return false
	}
	s.skip(" ")
	body := strings.TrimLeftFunc(s.rest, func(r rune) bool {
		return r < 0x80 && (isTokenChar(byte(r)) || r == '/')
	})
	after := strings.TrimLeft(strings.TrimLeft(body, "="), " \t")
	isToken68 := len(body) < len(s.rest) && (after == "" || after[0] == ',')
	if isToken68 {
		s.rest = after
	}
	return true
}

// parameter reads the value of name into params.
func (s *scanner) parameter(params map[string]string, name string) bool {
	s.skip(" \t")
	value, ok := s.value()
	name = strings.ToLower(name)
	_, twice := params[name]
	if !ok || twice {
		return false
	}
	params[name] = value
	s.skip(" \t")
	return s.rest == "" || s.rest[0] == ','
}

// value reads a token or a quoted string.
func (s *scanner) value() (string, bool) {
	if !strings.HasPrefix(s.rest, `"`) {
		word := s.word()
		return word, word != ""
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		c := s.rest[i]
		if c == '"' {
			s.rest = s.rest[i+1:]
			return b.String(), true
		}
		if c == '\\' {
			i++
			if i == len(s.rest) {
				return "", false
			}
			c = s.rest[i]
		}
		if c < ' ' && c != '\t' || c == 0x7f {
			return "", false
		}
		b.WriteByte(c)
	}
	return "", false
}
