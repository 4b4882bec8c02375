package identity

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The least length of a new password, in characters. Source: NIST SP 800-63B-4
// section 3.1.1.2 (15 where the password is the only factor, 8 beside a second).
const (
	MinPasswordAlone  = 15
	MinPasswordBeside = 8
)

// PasswordReason says why a password may not be chosen. It is the key of a
// message.
type PasswordReason string

// The reasons.
const (
	PasswordTooShort  PasswordReason = "too_short"
	PasswordTooLong   PasswordReason = "too_long"
	PasswordCommon    PasswordReason = "common"    // it stands on a list of common passwords
	PasswordContext   PasswordReason = "context"   // it is little more than a name of the user, tenant or app
	PasswordGuessable PasswordReason = "guessable" // words, dates, rows of keys: found within few guesses
	PasswordSameAsOld PasswordReason = "same_as_old"
)

// A PasswordError refuses a new password. Min is the least length in characters;
// it is there for every reason, so that one page can state the rule.
type PasswordError struct {
	Reason PasswordReason
	Min    int
}

func (e *PasswordError) Error() string {
	return fmt.Sprintf("identity: password refused: %s", e.Reason)
}

// PasswordRules is what a new password has to keep to. There are no rules of
// composition, and no password expires (ASVS 6.2.5 and 6.2.10).
type PasswordRules struct {
	MinLength int      // characters
	MinBits   float64  // of the cheapest way to guess it, see [CheckPassword]
	Words     []string // names of the user, tenant and apps
}

// How much guessing a password has to stand: about 10^8 guesses beside a second
// factor, where every guess is also limited, and 10^10 alone.
const (
	bitsBeside = 27
	bitsAlone  = 34
	bitsLax    = 14
)

// RulesFor are the rules of an account. secondFactor says whether it has a second
// factor that is on. words are the names that a guess would try first: what the
// user types as identifier, the names in the profile, those of tenant and apps.
func RulesFor(secondFactor bool, words ...string) PasswordRules {
	if secondFactor {
		return PasswordRules{MinLength: MinPasswordBeside, MinBits: bitsBeside, Words: words}
	}
	return PasswordRules{MinLength: MinPasswordAlone, MinBits: bitsAlone, Words: words}
}

// LaxRules are for a password that an operator writes into a file: what does not
// even keep to these is worth a warning, and no more than that.
func LaxRules(words ...string) PasswordRules {
	return PasswordRules{MinLength: MinPasswordBeside, MinBits: bitsLax, Words: words}
}

// Words are the names of u and t that a guess at u's password would try first.
func Words(t Tenant, u User, more ...string) []string {
	p := u.Profile
	return append([]string{
		u.Username, p.Name, p.GivenName, p.FamilyName, p.MiddleName, p.Nickname, p.PreferredUsername, p.PhoneNumber, p.Birthdate,
		t.Name, t.Slug, t.Host,
	}, more...)
}

// NormalPassword is the form in which a password is counted, judged and hashed, at
// sign-in as well as when it is set: a letter with its accent is one character,
// however a keyboard writes it. Nothing else is changed, cut or folded (ASVS
// 6.2.8). A hash from an import that was made of another form does not match.
//
// Source: NIST SP 800-63B-4 section 3.1.1.2 (normalisation before hashing).
func NormalPassword(typed string) string { return norm.NFC.String(typed) }

// CheckPassword refuses a new password that does not keep to rules. The first
// reason that applies is told: the length, a common password, one made of names,
// one that is guessed easily.
//
// Errors: [*PasswordError].
//
// Source: NIST SP 800-63B-4 section 3.1.1.2; ASVS 5.0 6.2.1 to 6.2.12.
func CheckPassword(password string, rules PasswordRules) error {
	tooLong := len(password) > MaxPassword
	if tooLong {
		return rules.refuse(PasswordTooLong)
	}
	password = NormalPassword(password)
	names := contextWords(rules.Words)
	for _, c := range []struct {
		reason  PasswordReason
		applies func() bool
	}{
		{PasswordTooShort, func() bool { return utf8.RuneCountInString(password) < rules.MinLength }},
		{PasswordCommon, func() bool { return common(password) }},
		{PasswordContext, func() bool { return mostlyNames(password, names) }},
		{PasswordGuessable, func() bool { return guessBits(password, names) < rules.MinBits }},
	} {
		if c.applies() {
			return rules.refuse(c.reason)
		}
	}
	return nil
}

func (r PasswordRules) refuse(reason PasswordReason) error {
	return &PasswordError{Reason: reason, Min: r.MinLength}
}

// minName is the shortest name that counts: shorter ones are part of too much.
const minName = 4

// contextWords are names, and the words that they consist of, folded and each once.
func contextWords(names []string) []string {
	seen := map[string]bool{}
	var words []string
	add := func(w string) {
		if utf8.RuneCountInString(w) >= minName && !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	for _, name := range names {
		parts := strings.FieldsFunc(fold(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		add(strings.Join(parts, ""))
		for _, p := range parts {
			add(p)
		}
	}
	return words
}

// mostlyNames reports whether a password is one or more names and too little else
// to be a password in its own right.
func mostlyNames(password string, names []string) bool {
	for _, form := range []string{fold(password), unleet(fold(password))} {
		rest := form
		for _, n := range names {
			rest = strings.ReplaceAll(rest, n, "")
		}
		if rest != form && utf8.RuneCountInString(rest) < MinPasswordBeside {
			return true
		}
	}
	return false
}

// fold makes forms equal that a guess would try together.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }
