package templates

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"text/template/parse"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// withLanguages copies our files, with English as their only language, and adds
// languages to them.
func withLanguages(t *testing.T, extra map[string]string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, "i18n/") && name != "i18n/en.json" {
			return err
		}
		body, err := fs.ReadFile(files, name)
		out[name] = &fstest.MapFile{Data: body}
		return err
	})
	require.NoError(t, err)
	for lang, body := range extra {
		out["i18n/"+lang+".json"] = &fstest.MapFile{Data: []byte(body)}
	}
	return out
}

// translate makes a language of the English one. It edits sentences and leaves
// placeholders alone.
func translate(t *testing.T, edit func(string) string, set map[string]string) string {
	t.Helper()
	body, err := fs.ReadFile(files, "i18n/en.json")
	require.NoError(t, err)
	var messages map[string]any
	require.NoError(t, json.Unmarshal(body, &messages))
	between := regexp.MustCompile(`\{\{[^}]*\}\}|[^{]+`)
	change := func(s string) string {
		return between.ReplaceAllStringFunc(s, func(part string) string {
			if strings.HasPrefix(part, "{{") {
				return part
			}
			return edit(part)
		})
	}
	for key, v := range messages {
		switch v := v.(type) {
		case string:
			messages[key] = change(v)
		case map[string]any:
			for form, s := range v {
				v[form] = change(s.(string))
			}
		}
	}
	messages["lang.dir"] = "ltr"
	for key, s := range set {
		messages[key] = s
	}
	out, err := json.Marshal(messages)
	require.NoError(t, err)
	return string(out)
}

func TestNewRefuses(t *testing.T) {
	english, err := fs.ReadFile(files, "i18n/en.json")
	require.NoError(t, err)
	tests := []struct {
		name string
		lang string
		body string
		want string
	}{
		{
			"a message that a page names and English lacks", "en",
			strings.Replace(string(english), `"identify.email": "Email",`, "", 1), `message "identify.email" is missing`,
		},
		{
			"a message that the code composes and English lacks", "en",
			strings.Replace(string(english), `"month.3": "March",`, "", 1), `message "month.3" is missing`,
		},
		{
			"a message that another language lacks", "de",
			strings.Replace(string(english), `"identify.email": "Email",`, "", 1), `de: message "identify.email" is missing`,
		},
		{
			"a message that only another language has", "de",
			strings.Replace(string(english), `"identify.email"`, `"identify.mail": "", "identify.email"`, 1), `de: message "identify.mail" is not in en`,
		},
		{
			"a translation that lost a placeholder", "de",
			strings.Replace(string(english), "Sign in to {{.App}}", "Anmelden", 1), `de: message "identify.title" has placeholders [], want [App]`,
		},
		{"a language whose tag cannot be read", "klingon!", string(english), "klingon!.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newSet(withLanguages(t, map[string]string{tt.lang: tt.body}))

			require.ErrorContains(t, err, tt.want)
		})
	}
}

// TestNoSentenceIsOutsideTheCatalog renders every page in a language whose
// letters are all accented: a plain one that stays was written into the HTML.
func TestNoSentenceIsOutsideTheCatalog(t *testing.T) {
	s, err := newSet(withLanguages(t, map[string]string{"en-XA": pseudoLocale(t)}))
	require.NoError(t, err)
	require.Equal(t, []string{"en", "en-XA"}, s.Languages())
	for _, tt := range samples() {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			require.NoError(t, s.Render(&b, "en-XA", tt.page))
			doc, err := html.ParseWithOptions(strings.NewReader(b.String()), html.ParseOptionEnableScripting(false))
			require.NoError(t, err)

			for _, said := range ownWords(doc) {
				require.NotRegexp(t, `[aeou]`, strings.NewReplacer("Contractor", "", "Northgate Broker", "").Replace(said))
			}
		})
	}
}

// ownWords are the texts and labels of a page without the parts that come from
// data, which stand in <bdi> and a few others.
func ownWords(n *html.Node) []string {
	if n.Type == html.TextNode {
		return []string{n.Data}
	}
	var out []string
	if n.Type == html.ElementNode {
		if slices.Contains([]string{"title", "bdi", "time", "option", "text"}, n.Data) ||
			slices.Contains([]string{"mono", "codetext", "soft body"}, attr(n, "class")) {
			return nil
		}
		for _, name := range []string{
			"aria-label", "data-th", "data-ready", "data-expiring", "data-copied", "alt",
			"data-msg-waiting", "data-msg-cancelled", "data-msg-exists", "data-msg-failed",
		} {
			out = append(out, attr(n, name))
		}
	}
	for c := range n.ChildNodes() {
		out = append(out, ownWords(c)...)
	}
	return out
}

func TestRightToLeft(t *testing.T) {
	s := newTestSet(t)
	var b strings.Builder
	require.NoError(t, s.Render(&b, "ar", ConfirmPage{
		Frame: at(ActionGates("payout.request", true)), CodeField: emailCode(), ActionName: "payout.request", Slip: payoutSlip(), DenyAction: "/x",
	}))

	require.Contains(t, b.String(), `<html lang="ar" dir="rtl">`)
	require.Contains(t, b.String(), `<bdi dir="ltr"><b>1,250.00 EUR</b></bdi>`, "amounts keep their direction")
}

func TestEveryMessageIsUsed(t *testing.T) {
	s := newTestSet(t)
	used := s.keysInUse()
	for _, page := range s.pages["en"] {
		for _, tmpl := range page.Templates() {
			if tmpl.Tree != nil {
				used = append(used, quoted(tmpl.Tree.Root)...)
			}
		}
	}
	var unused []string
	for key := range s.catalogs["en"].keys {
		if !slices.Contains(used, key) {
			unused = append(unused, key)
		}
	}
	slices.Sort(unused)
	require.Empty(t, unused)
}

var quotedWord = regexp.MustCompile(`"([^"]*)"`)

func quoted(n parse.Node) []string {
	var out []string
	for _, m := range quotedWord.FindAllStringSubmatch(n.String(), -1) {
		out = append(out, m[1])
	}
	return out
}

func TestMatch(t *testing.T) {
	same := func(s string) string { return s }
	s, err := newSet(withLanguages(t, map[string]string{"de": translate(t, same, nil), "fr": translate(t, same, nil)}))
	require.NoError(t, err)
	tests := []struct {
		name  string
		prefs []string
		want  string
	}{
		{"nothing is asked", nil, "en"},
		{"ui_locales by order", []string{"fr-CA fr en"}, "fr"},
		{"an Accept-Language header by weight", []string{"fr;q=0.5, de-AT;q=0.9, en;q=0.1"}, "de"},
		{"the first list that fits wins", []string{"ja", "de", "fr"}, "de"},
		{"ui_locales before the header", []string{"fr", "de,en"}, "fr"},
		{"a language nobody has", []string{"tlh", "zu"}, "en"},
		{"what cannot be read is no preference", []string{"\x00\xff;;;", "de"}, "de"},
		{"a very long list", []string{strings.Repeat("a-", 5000), "de"}, "de"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, s.Match(tt.prefs...))
		})
	}
}

func TestPlurals(t *testing.T) {
	s := newTestSet(t)
	for n, want := range map[int]string{1: "You have 1 try left.", 3: "You have 3 tries left."} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			got, err := s.catalogs["en"].t("problem.tries", "N", n)

			require.NoError(t, err)
			require.Equal(t, want, string(got))
		})
	}
}

func TestAmount(t *testing.T) {
	s := newTestSet(t)
	tests := []struct{ value, currency, want string }{
		{"1250.00", "EUR", "1,250.00 EUR"},
		{"999", "JPY", "999 JPY"},
		{"1000", "JPY", "1,000 JPY"},
		{"-1234567.5", "USD", "-1,234,567.5 USD"},
		{"0.07", "EUR", "0.07 EUR"},
		{"a lot", "EUR", "a lot EUR"},
		{"1250.00", "", "1,250.00"},
		{"12\u202e50", "EUR", "1,250 EUR"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			require.Equal(t, tt.want, s.Amount("en", tt.value, tt.currency))
		})
	}
}
