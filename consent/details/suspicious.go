package details

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// together lists the scripts that one word may mix: those of Japanese, Chinese
// and Korean, each with Latin.
//
// Source: UTS 39 section 5.2, level "highly restrictive".
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

// lookAlikes are the letters of other scripts that most typefaces draw like
// Latin ones.
//
// Source: after confusables.txt of UTS 39.
var lookAlikes = map[string]string{
	"Cyrillic": "АВЕЗІЇЈКМНОРСТУХЬЅԌԚԜҮаегіїјорсухьѕԁԛԝѡһӀӏүѵѴ",
	"Greek":    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳͿαγικνοσρτυχϲ",
	"Armenian": "ՍՏՕօոսցհզգքԼ",
}

// Suspicious reports whether s may have been written to look like another name:
// letters of several scripts in one word, a script of which every letter in s
// looks like a Latin one, or letters of ASCII in disguise, such as fullwidth or
// mathematical ones.
//
// It is a hint to be shown beside s. Names of people and companies do such things
// for good reasons, so nothing is refused for it.
//
// Source: UTS 39 sections 4 and 5.
func Suspicious(s string) bool {
	for _, word := range strings.FieldsFunc(s, betweenWords) {
		if mixed(word) {
			return true
		}
	}
	for script, alike := range lookAlikes {
		letters, others := 0, 0
		for _, r := range s {
			if !unicode.Is(unicode.Scripts[script], r) || !unicode.IsLetter(r) {
				continue
			}
			letters++
			if !strings.ContainsRune(alike, r) {
				others++
			}
		}
		if letters > 0 && others == 0 {
			return true
		}
	}
	return strings.ContainsFunc(s, disguised)
}

func betweenWords(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }

// mixed reports whether word has letters of scripts that do not belong together.
func mixed(word string) bool {
	scripts := map[string]bool{}
	for _, r := range word {
		script := scriptOf(r)
		if unicode.IsLetter(r) && script != "" {
			scripts[script] = true
		}
	}
	if len(scripts) < 2 {
		return false
	}
	for _, set := range together {
		inside := 0
		for _, script := range set {
			if scripts[script] {
				inside++
			}
		}
		if inside == len(scripts) {
			return false
		}
	}
	return true
}

// scriptOf names the script of r; "" for what belongs to all of them.
func scriptOf(r rune) string {
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for _, set := range together { // the usual ones first: the other table has 160
		for _, script := range set {
			if unicode.Is(unicode.Scripts[script], r) {
				return script
			}
		}
	}
	for script, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return script
		}
	}
	return ""
}

// disguised reports letters that are letters of ASCII with another look. The
// ordinal signs of Spanish, Portuguese and Italian are none: names have them.
func disguised(r rune) bool {
	circled := r >= 'Ⓐ' && r <= 'ⓩ'
	if r < 0x80 || r == 'ª' || r == 'º' || !circled && !unicode.In(r, unicode.L, unicode.Nl) {
		return false
	}
	return strings.Trim(norm.NFKC.String(string(r)), asciiLetters) == ""
}
