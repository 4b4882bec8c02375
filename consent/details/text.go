package details

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Bounds of texts, in code points.
const (
	longestShown = 140 // a text of a transaction
	longestMask  = 40  // a masked account
	longestWord  = 40  // a label or the name of a choice in a tenant's own type
	longestTitle = 80
)

// mostMarks is how many combining marks may follow one another. Every living
// language does with less; more are a way to paint over neighbouring lines.
//
// Source: UTS 39 section 5.4, the limit for sequences of nonspacing marks.
const mostMarks = 4

// textFault says why s cannot be shown as a line of text as it is; "" if it can.
// s is in NFC.
//
// What is refused is what a reader cannot see, or what changes the place and the
// look of what stands beside it: nobody can approve it by reading.
func textFault(s string) string {
	switch {
	case s == "":
		return "A text is empty; leave the member out or send its text."
	case strings.HasPrefix(s, " "), strings.HasSuffix(s, " "), strings.Contains(s, "  "):
		return "A text has spaces at its ends or two in a row; remove them."
	}
	marks := 0
	for _, r := range s {
		fault := runeFault(r)
		if fault != "" {
			return fault
		}
		if !unicode.In(r, unicode.Mn, unicode.Me) {
			marks = 0
			continue
		}
		marks++
		if marks > mostMarks {
			return "A text has too many combining marks in a row; send the letters alone."
		}
	}
	return urlFault(s)
}

// runeFault says why r cannot stand in a text. What may stand there is what has
// a category of its own to be seen: letters, marks, numbers, punctuation and
// symbols. So whatever Unicode adds later is refused until it is known here, and
// the normal form of what was accepted never changes.
//
// Source: UTR 36 section 2; RFC 8264 section 9 for the classes.
func runeFault(r rune) string {
	switch {
	case r == ' ':
		return ""
	case unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp):
		return "A text has a control character or a line break; send one line of text."
	case unicode.In(r, unicode.Bidi_Control):
		return "A text has a character that turns the direction of writing; remove it."
	case unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point), isBlank(r):
		return "A text has a character that cannot be seen; remove it."
	case unicode.Is(unicode.Zs, r):
		return "A text has a space other than the ordinary one; send U+0020."
	case !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S):
		return "A text has a code point that is private or not assigned; remove it."
	}
	return ""
}

// isBlank reports symbols that are drawn as nothing, or as a sign that text was
// damaged on its way.
func isBlank(r rune) bool {
	return r == '\u2800' /* a Braille cell without dots */ || r == '\uFFFD'
}

// disguisedHost finds the names of hosts whose dot is not the plain one. A telephone opens
// them as it opens those with a dot, and a gateway may fold the one into the other. A
// plain dot is let through: St. Gallen and A.B. GmbH have one, and so have companies
// that are called by their host. What Japanese writes between its own letters is, too.
//
// Source: UTS 46 section 2.3 (label separators).
var disguisedHost = regexp.MustCompile(
	`[\p{L}\p{M}\p{N}][․﹒]\p{M}*\p{L}\p{M}*\p{L}` +
		`|[\p{L}\p{M}\p{N}]．\p{M}*\p{Latin}\p{M}*\p{Latin}` +
		`|[\p{Latin}\p{M}\p{N}][。｡]\p{M}*\p{Latin}\p{M}*\p{Latin}`)

// urlFault refuses web addresses, in whichever letters they are written.
func urlFault(s string) string {
	plain := strings.ToLower(norm.NFKC.String(s))
	if strings.Contains(plain, "://") || strings.Contains(plain, "www.") || disguisedHost.MatchString(s) {
		return "A text has a web address; remove it."
	}
	return ""
}

// maskSigns are what may stand for the hidden part of an account.
const maskSigns = "*•.…"

// maskFault says why s is no masked account: letters and digits of ASCII, of
// which four at most come before the hidden part and one to four after it.
func maskFault(s string) string {
	var before, after int // how many letters and digits
	hidden := false
	for _, r := range s {
		switch {
		case strings.ContainsRune(maskSigns, r) && hidden && after > 0:
			return "A masked account hides one part only, as in ****1234."
		case strings.ContainsRune(maskSigns, r):
			hidden = true
		case r == ' ':
		case !strings.ContainsRune(asciiAlnum, r):
			return "A masked account has only letters and digits of ASCII, spaces, and stars or dots for what is hidden."
		case hidden:
			after++
		default:
			before++
		}
	}
	switch {
	case !hidden:
		return "A masked account has to hide its middle, as in ****1234."
	case before > 4, after < 1, after > 4:
		return "A masked account shows one to four characters at its end, and at most four at its beginning."
	}
	return ""
}

const (
	asciiLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	asciiAlnum   = "0123456789" + asciiLetters
)
