package identity

import (
	"strings"
	"unicode"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/frequency"
	"github.com/ccojocar/zxcvbn-go/matching"
	"golang.org/x/text/unicode/norm"
)

// judged is how many characters of a password its guessability is taken from. The
// work grows with the square of it.
const judged = 64

// commonPasswords is the list that comes with zxcvbn: some 7,000 passwords from
// leaks, in lower case, the most frequent first.
var commonPasswords = commonSet()

func commonSet() map[string]bool {
	list := frequency.Lists["Passwords"].List
	set := make(map[string]bool, len(list))
	for _, p := range list {
		set[strings.ToLower(p)] = true
	}
	return set
}

// common reports whether a password stands on the list, as it is, with letters
// for the signs that stand for them, or with the digits and signs that are put
// behind to please rules of composition.
func common(password string) bool {
	p := fold(password)
	bare := strings.TrimRightFunc(p, func(r rune) bool { return !unicode.IsLetter(r) })
	return commonPasswords[p] || commonPasswords[unleet(p)] || bare != "" && (commonPasswords[bare] || commonPasswords[unleet(bare)]) && len(p)-len(bare) < minName
}

// guessBits is the base-2 logarithm of the guesses that the cheapest known way to
// a password takes. names are in the dictionary of whoever guesses.
//
// zxcvbn counts bytes here and characters there, and its own search for letters
// written as signs takes a time that grows exponentially. So it gets plain ASCII,
// once as it is and once with the signs undone.
func guessBits(password string, names []string) float64 {
	p := plainASCII(password)
	bits := entropy(p, names)
	letters := unleet(strings.ToLower(p))
	if letters != p {
		bits = min(bits, entropy(letters, names)+2) // one for the case, one for the signs
	}
	return bits
}

func entropy(ascii string, names []string) float64 {
	return zxcvbn.PasswordStrength(ascii, names, matching.FilterL33tMatcher).Entropy
}

// plainASCII takes accents off and gives every other letter one of the alphabet
// in such a way that repeats and rows stay what they are.
func plainASCII(password string) string {
	var b strings.Builder
	n := 0
	for _, r := range norm.NFKD.String(password) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case r > unicode.MaxASCII:
			r = 'a' + r%26
		}
		b.WriteRune(r)
		n++
		if n == judged {
			break
		}
	}
	return b.String()
}

// signs are what stands for letters, for whoever wants them to.
var signs = strings.NewReplacer(
	"4", "a", "@", "a", "8", "b", "(", "c", "3", "e", "6", "g", "9", "g", "1", "i", "!", "i", "|", "l",
	"0", "o", "$", "s", "5", "s", "7", "t", "+", "t", "2", "z",
)

func unleet(lower string) string { return signs.Replace(lower) }
