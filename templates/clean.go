package templates

import (
	"html"
	"html/template"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// clean makes a foreign text safe to stand in a sentence: one line, composed,
// without control characters, zero-width characters and direction marks.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar, unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, norm.NFC.String(s))
	return strings.Join(strings.Fields(s), " ")
}

// lines is clean for a text of several lines, such as a message.
func lines(s string) string {
	out := strings.Split(newline.ReplaceAllString(s, "\n"), "\n")
	for i, line := range out {
		out[i] = clean(line)
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

var (
	scheme  = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://+`)
	dotted  = regexp.MustCompile(`([\p{L}\p{M}\p{N}\p{S}])\.(\p{M}*\p{L})`)
	address = regexp.MustCompile(`\p{N}{1,3}(?:\.\p{N}{1,3}){3}`) // IPv4
	newline = regexp.MustCompile(`\r\n?|\n`)
)

// unlink cleans s, and breaks what a phone or mail program would turn into a
// link: a payee called "pay.example.com/x" must not be one tap away. Nor may it look
// like the last line of a text message, which binds a code to a host: without its @
// it is none.
func unlink(s string) string {
	s = scheme.ReplaceAllString(plainSigns(clean(s)), "")
	s = strings.ReplaceAll(s, "@", " at ")
	s = address.ReplaceAllStringFunc(s, func(ip string) string { return strings.ReplaceAll(ip, ".", ". ") })
	for {
		next := dotted.ReplaceAllString(s, "$1. $2")
		if next == s {
			return clean(s)
		}
		s = next
	}
}

// plainSigns writes the signs of an address as ASCII has them, whatever their form:
// a full-width at sign, a dot leader or an ideographic full stop make a link as well as
// the plain ones, at the latest once a gateway or a telephone has folded them. Other
// characters stay as they are, an ellipsis too: it parts no labels.
//
// Source: UTS 46 section 2.3 (label separators); UAX 15 (NFKC).
func plainSigns(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf, r == '…', r == '‥':
			b.WriteRune(r)
			continue
		case r == '。', r == '｡':
			b.WriteByte('.')
			continue
		}
		plain := norm.NFKC.String(string(r))
		if !strings.ContainsAny(plain, ".@#:/") {
			plain = string(r)
		}
		b.WriteString(plain)
	}
	return b.String()
}

// shorten cuts s to at most n characters; a cut shows as mark, which counts.
func shorten(s string, n int, mark string) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	keep := n - len([]rune(mark))
	if keep < 1 {
		return ""
	}
	return strings.TrimSpace(string(r[:keep])) + mark
}

// bdi isolates a foreign text, so that its direction cannot reach its
// neighbours.
func bdi(s string) template.HTML {
	return template.HTML("<bdi>" + html.EscapeString(clean(s)) + "</bdi>") //nolint:gosec // escaped here
}

// ltr is bdi for addresses, numbers and codes, which run from left to right in
// every language. A phone number stays on one line.
func ltr(s string) template.HTML {
	s = clean(s)
	if strings.HasPrefix(s, "+") {
		s = strings.ReplaceAll(s, " ", "\u00a0")
	}
	return template.HTML(`<bdi dir="ltr">` + html.EscapeString(s) + "</bdi>") //nolint:gosec // escaped here
}
