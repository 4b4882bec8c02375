package templates

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// spoken are the languages that the product promises.
var spoken = []string{"ar", "de", "en", "es", "fr"}

// dictionary is one file of messages: key to plural form to text. A message
// without plural forms has the form "other" alone.
type dictionary map[string]map[string]string

// dictionaries reads every file of messages by itself, so that a language which
// is not whole does not hide the others.
func dictionaries(t *testing.T) map[string]dictionary {
	t.Helper()
	names, err := fs.Glob(files, "i18n/*.json")
	require.NoError(t, err)
	all := map[string]dictionary{}
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		var raw map[string]any
		require.NoError(t, json.Unmarshal(body, &raw), name)
		d := dictionary{}
		for key, v := range raw {
			d[key] = forms(t, v)
		}
		all[strings.TrimSuffix(path.Base(name), ".json")] = d
	}
	return all
}

func forms(t *testing.T, v any) map[string]string {
	t.Helper()
	switch v := v.(type) {
	case string:
		return map[string]string{"other": v}
	case map[string]any:
		out := map[string]string{}
		for form, text := range v {
			out[form] = text.(string)
		}
		return out
	}
	require.Failf(t, "neither a text nor plural forms", "%v", v)
	return nil
}

func (d dictionary) keys() []string {
	var keys []string
	for key := range d {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (d dictionary) message(key string) *i18n.Message {
	f := d[key]
	return &i18n.Message{ID: key, Zero: f["zero"], One: f["one"], Two: f["two"], Few: f["few"], Many: f["many"], Other: f["other"]}
}

var topKey = regexp.MustCompile(`(?m)^  "([^"]+)":`)

// order lists the keys of a language as they stand in its file.
func order(t *testing.T, lang string) []string {
	t.Helper()
	body, err := fs.ReadFile(files, "i18n/"+lang+".json")
	require.NoError(t, err)
	var keys []string
	for _, m := range topKey.FindAllStringSubmatch(string(body), -1) {
		keys = append(keys, m[1])
	}
	return keys
}

func TestThePromisedLanguagesAreThere(t *testing.T) {
	var have []string
	for lang := range dictionaries(t) {
		have = append(have, lang)
	}
	slices.Sort(have)

	require.Equal(t, spoken, have)
}

func TestEveryLanguageHasTheKeysOfEnglish(t *testing.T) {
	all := dictionaries(t)
	for lang, d := range all {
		t.Run(lang, func(t *testing.T) {
			var missing, extra []string
			for _, key := range all["en"].keys() {
				if d[key] == nil {
					missing = append(missing, key)
				}
			}
			for _, key := range d.keys() {
				if all["en"][key] == nil {
					extra = append(extra, key)
				}
			}
			require.Empty(t, missing, "i18n/%s.json lacks messages", lang)
			require.Empty(t, extra, "i18n/%s.json has messages that English lacks", lang)
			require.Equal(t, order(t, "en"), order(t, lang), "each key once, in the order of English")
		})
	}
}

// TestEveryTranslationKeepsTheFormOfEnglish compares texts with what surrounds
// them: the values put into them, the markup they have none of, and the blanks at
// their ends, which the templates rely on.
func TestEveryTranslationKeepsTheFormOfEnglish(t *testing.T) {
	markup := regexp.MustCompile(`<[a-zA-Z/!]|&[a-zA-Z#]\w*;|\{\{[^.]`)
	all := dictionaries(t)
	for lang, d := range all {
		t.Run(lang, func(t *testing.T) {
			for _, key := range d.keys() {
				if all["en"][key] == nil {
					continue // TestEveryLanguageHasTheKeysOfEnglish tells
				}
				english := all["en"][key]["other"]
				require.Equal(t, placeholders(all["en"].message(key)), placeholders(d.message(key)), "placeholders of %s", key)
				for form, text := range d[key] {
					require.NotEmpty(t, text, key)
					require.Equal(t, markup.FindString(english), markup.FindString(text), "markup in %s (%s)", key, form)
					if !strings.HasPrefix(key, "number.") { // French groups digits with a blank
						require.Equal(t, edges(english), edges(text), "blanks at the ends of %s (%s)", key, form)
					}
					require.NotContains(t, text, "  ", "%s (%s)", key, form)
				}
			}
		})
	}
}

// edges is the white space before and after s.
func edges(s string) [2]string {
	return [2]string{
		s[:len(s)-len(strings.TrimLeftFunc(s, unicode.IsSpace))],
		s[len(strings.TrimRightFunc(s, unicode.IsSpace)):],
	}
}

var formNames = map[plural.Form]string{
	plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many",
}

// TestEveryLanguageHasItsPluralForms wants those that a number up to 200 can
// pick, which are two in English and six in Arabic, and no form that none picks.
//
// Source: Unicode CLDR, Language Plural Rules.
func TestEveryLanguageHasItsPluralForms(t *testing.T) {
	all := dictionaries(t)
	for lang, d := range all {
		t.Run(lang, func(t *testing.T) {
			want := map[string]bool{}
			for n := range 201 {
				want[formNames[plural.Cardinal.MatchPlural(language.MustParse(lang), n, 0, 0, 0, 0)]] = true
			}
			for _, key := range d.keys() {
				if len(all["en"][key]) < 2 {
					require.Len(t, d[key], 1, "%s has no plural forms in English", key)
					continue
				}
				for form := range want {
					require.Contains(t, d[key], form, "%s", key)
				}
				for form := range d[key] {
					// A million picks "many" in Spanish and French; it may be there.
					millions := form == "many" && (lang == "es" || lang == "fr")
					require.True(t, want[form] || millions, "%s has no use for the form %q", key, form)
				}
			}
		})
	}
}

func TestEveryNumberCanBeSaid(t *testing.T) {
	s := newTestSet(t)
	english := dictionaries(t)["en"]
	for _, lang := range s.Languages() {
		t.Run(lang, func(t *testing.T) {
			for _, key := range english.keys() {
				if len(english[key]) < 2 {
					continue
				}
				for _, n := range []int{0, 1, 2, 3, 5, 10, 11, 26, 99, 100, 101, 102, 103, 111, 200, 1000} {
					args := map[string]any{"N": n}
					for _, name := range strings.Fields(s.catalogs["en"].keys[key]) {
						if name != "N" {
							args[name] = "x"
						}
					}
					_, err := s.catalogs[lang].plain.say(key, args)
					require.NoError(t, err, "%s with %d", key, n)
				}
			}
		})
	}
}

// sameInEnglish are long messages that a language says just like English, with
// the reason.
var sameInEnglish = map[string]string{}

func TestNoMessageIsLeftInEnglish(t *testing.T) {
	all := dictionaries(t)
	for lang, d := range all {
		if lang == "en" {
			continue
		}
		t.Run(lang, func(t *testing.T) {
			for _, key := range d.keys() {
				for form, text := range d[key] {
					english, ok := all["en"][key][form]
					if !ok || letters(english) <= 20 || sameInEnglish[lang+" "+key] != "" {
						continue
					}
					require.NotEqual(t, english, text, "%s of i18n/%s.json is not translated", key, lang)
				}
			}
		})
	}
}

// letters counts the letters of a message without the values put into it.
func letters(s string) int {
	n := 0
	for _, r := range placeholder.ReplaceAllString(s, "") {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// englishParts are the pieces of English messages, between placeholders, that
// are long enough to be nothing else.
func englishParts(t *testing.T) map[string]string {
	t.Helper()
	parts := map[string]string{}
	for key, f := range dictionaries(t)["en"] {
		for _, text := range f {
			for _, part := range placeholder.Split(text, -1) {
				if letters(part) > 20 {
					parts[strings.TrimSpace(part)] = key
				}
			}
		}
	}
	return parts
}

// TestPagesSpeakOneLanguage renders every page in its states in every language.
// With SALLYPORT_PAGES=DIR it also leaves the files in DIR/LANGUAGE, to look at.
func TestPagesSpeakOneLanguage(t *testing.T) {
	s := newTestSet(t)
	english := englishParts(t)
	out := os.Getenv("SALLYPORT_PAGES")
	for _, lang := range s.Languages()[1:] {
		dir, err := s.catalogs[lang].plain.say("lang.dir", nil)
		require.NoError(t, err)
		for _, tt := range samples() {
			t.Run(lang+" "+tt.name, func(t *testing.T) {
				var b strings.Builder
				require.NoError(t, s.Render(&b, lang, tt.page))
				if out != "" {
					leave(t, s, filepath.Join(out, lang), tt.name, b.String())
				}
				doc, err := html.ParseWithOptions(strings.NewReader(b.String()), html.ParseOptionEnableScripting(false))
				require.NoError(t, err)

				p := page{t, doc}
				p.isBalanced(b.String())
				p.hasNothingInline()
				p.hasNoHole(b.String())
				require.Equal(t, lang, attr(p.tags("html")[0], "lang"))
				require.Equal(t, dir, attr(p.tags("html")[0], "dir"))
				require.Len(t, p.tags("h1"), 1)
				for _, said := range append(ownWords(doc), content(p.tags("title")[0])) {
					require.Empty(t, english[strings.Join(strings.Fields(said), " ")], "%q is English", said)
				}
			})
		}
	}
}
