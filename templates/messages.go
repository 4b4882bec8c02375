package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// defaultLanguage is the one that has every message; the others are compared
// with it.
const defaultLanguage = "en"

// catalog is the messages of one language, twice: escaped for HTML, and plain.
type catalog struct {
	tag   language.Tag
	keys  map[string]string // key to all its placeholders, sorted; the check compares them
	html  voice
	plain voice
}

// voice speaks one form of a catalog. Most messages have no placeholder, and
// are looked up without go-i18n, which parses and matches languages each time.
type voice struct {
	fixed     map[string]string
	localizer *i18n.Localizer
}

// say returns the message of key with args in it. An int named N picks the
// plural form.
func (v voice) say(key string, args map[string]any) (string, error) {
	text, ok := v.fixed[key]
	if ok {
		return text, nil
	}
	lc := &i18n.LocalizeConfig{MessageID: key, TemplateData: args}
	if n, ok := args["N"].(int); ok {
		lc.PluralCount = n
	}
	text, err := v.localizer.Localize(lc)
	if err != nil {
		return "", fmt.Errorf("message %q: %w", key, err)
	}
	if strings.Contains(text, "<no value>") {
		return "", fmt.Errorf("message %q: a placeholder has no value", key)
	}
	return text, nil
}

func (c *catalog) has(key string) bool { _, ok := c.keys[key]; return ok }

func (s *Set) loadCatalogs(fsys fs.FS) error {
	names, err := fs.Glob(fsys, "i18n/*.json")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	for _, name := range names {
		c, err := loadCatalog(fsys, name)
		if err != nil {
			return fmt.Errorf("templates: %s: %w", name, err)
		}
		lang := c.tag.String()
		s.catalogs[lang] = c
		if lang != defaultLanguage {
			s.langs = append(s.langs, lang)
		}
	}
	s.langs = append([]string{defaultLanguage}, s.langs...)
	return s.compareCatalogs()
}

// compareCatalogs refuses a language that lacks a message, has one too many, or
// names other placeholders than the default language.
func (s *Set) compareCatalogs() error {
	base, ok := s.catalogs[defaultLanguage]
	if !ok {
		return fmt.Errorf("templates: i18n/%s.json is missing", defaultLanguage)
	}
	var errs []error
	for _, lang := range s.langs {
		c := s.catalogs[lang]
		for key, holders := range base.keys {
			got, ok := c.keys[key]
			switch {
			case !ok:
				errs = append(errs, fmt.Errorf("templates: %s: message %q is missing", lang, key))
			case got != holders:
				errs = append(errs, fmt.Errorf("templates: %s: message %q has placeholders [%s], want [%s]", lang, key, got, holders))
			}
		}
		for key := range c.keys {
			if !base.has(key) {
				errs = append(errs, fmt.Errorf("templates: %s: message %q is not in %s", lang, key, defaultLanguage))
			}
		}
	}
	return errors.Join(errs...)
}

func loadCatalog(fsys fs.FS, name string) (*catalog, error) {
	buf, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	tag, err := language.Parse(strings.TrimSuffix(path.Base(name), ".json"))
	if err != nil {
		return nil, err
	}
	parse := map[string]i18n.UnmarshalFunc{"json": json.Unmarshal}
	file, err := i18n.ParseMessageFileBytes(buf, path.Base(name), parse)
	if err != nil {
		return nil, err
	}
	c := &catalog{tag: tag, keys: map[string]string{}}
	for _, m := range file.Messages {
		c.keys[m.ID] = placeholders(m)
	}
	c.plain, err = newVoice(tag, file.Messages, func(s string) string { return s })
	if err != nil {
		return nil, err
	}
	c.html, err = newVoice(tag, file.Messages, html.EscapeString)
	return c, err
}

func newVoice(tag language.Tag, messages []*i18n.Message, escape func(string) string) (voice, error) {
	bundle := i18n.NewBundle(tag)
	v := voice{fixed: map[string]string{}, localizer: i18n.NewLocalizer(bundle, tag.String())}
	for _, m := range messages {
		escaped := &i18n.Message{
			ID: m.ID, Zero: escape(m.Zero), One: escape(m.One), Two: escape(m.Two),
			Few: escape(m.Few), Many: escape(m.Many), Other: escape(m.Other),
		}
		err := bundle.AddMessages(tag, escaped)
		if err != nil {
			return voice{}, err
		}
		if placeholders(m) == "" {
			v.fixed[m.ID] = escaped.Other
		}
	}
	return v, nil
}

var placeholder = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

// placeholders lists the names that m uses in any of its forms. A message with
// plural forms always counts as using N.
func placeholders(m *i18n.Message) string {
	var names []string
	all := m.Zero + m.One + m.Two + m.Few + m.Many
	for _, match := range placeholder.FindAllStringSubmatch(all+m.Other, -1) {
		names = append(names, match[1])
	}
	if all != "" {
		names = append(names, "N")
	}
	sort.Strings(names)
	return strings.Join(slices.Compact(names), " ")
}

// Match returns the language to speak to someone with these preferences, in
// order of weight: each is a list of tags as ui_locales has it ("fr-CA fr en")
// or an Accept-Language header. It is the default when nothing fits.
//
// Source: OpenID Connect Core §3.1.2.1 (ui_locales); RFC 9110 §12.5.4.
func (s *Set) Match(prefs ...string) string {
	tags := make([]language.Tag, len(s.langs))
	for i, l := range s.langs {
		tags[i] = s.catalogs[l].tag
	}
	matcher := language.NewMatcher(tags)
	for _, pref := range prefs {
		if !strings.ContainsAny(pref, ",;") {
			pref = strings.Join(strings.Fields(pref), ",")
		}
		wanted, _, err := language.ParseAcceptLanguage(pref)
		if err != nil || len(wanted) == 0 {
			continue // what cannot be read is no preference
		}
		_, i, confidence := matcher.Match(wanted...)
		if confidence > language.No {
			return s.langs[i]
		}
	}
	return s.langs[0]
}
