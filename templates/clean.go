package templates

import (
	"html"
	"html/template"
	"regexp"
	"strings"
	"unicode"

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
	dotted  = regexp.MustCompile(`(\p{L}|\d)\.(\p{L})`)
	newline = regexp.MustCompile(`\r\n?|\n`)
)

// unlink cleans s, and breaks what a phone or mail program would turn into a
// link: a payee called "pay.example.com/x" must not be one tap away.
func unlink(s string) string {
	s = scheme.ReplaceAllString(clean(s), "")
	s = strings.ReplaceAll(s, "@", " at ")
	for {
		next := dotted.ReplaceAllString(s, "$1. $2")
		if next == s {
			return clean(s)
		}
		s = next
	}
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
