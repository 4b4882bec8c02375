package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// Overrides are a tenant's own words for a code: by language (en), then by
// channel and kind (sms.login, sms.action, voice.login, voice.action, email.login,
// email.action). What is not there is in our words. The zero value overrides
// nothing.
//
// A tenant can change what is said, not what makes a code safe: the last line of
// a text message, which binds the code to the host, the greeting of a call and its
// second time, the head of an email and its code are always ours.
type Overrides map[string]map[string]string

// ReadOverrides reads what [Overrides.Text] has written; "" are none.
func ReadOverrides(text string) (Overrides, error) {
	if text == "" {
		return nil, nil
	}
	var o Overrides
	err := json.Unmarshal([]byte(text), &o)
	if err != nil {
		return nil, fmt.Errorf("message: a tenant's texts: %w", err)
	}
	return o, nil
}

// Text is o as it is kept with its tenant: the same for the same words, and "" for
// none.
func (o Overrides) Text() string {
	kept := Overrides{}
	for lang, texts := range o {
		if len(texts) > 0 {
			kept[lang] = texts
		}
	}
	if len(kept) == 0 {
		return ""
	}
	text, err := json.Marshal(kept) // keys are sorted
	if err != nil {
		return "" // maps of text never fail
	}
	return string(text)
}

// kinds are what can be said in other words, as part of the key of an override.
var kinds = map[string]string{templates.TextLogin: "login", templates.TextAction: "action"}

// Of is the text for a message; "" if it is ours.
func (o Overrides) Of(lang, channel, kind string) string {
	return o[lang][channel+"."+kinds[kind]]
}

// Validate reports all that is wrong, each with its path, and how many SMS each
// text takes that takes more than one, as sentences for whoever wrote them. langs
// are the languages that there are. A text that could be one SMS, being written in
// the alphabet of which 160 characters fit, must be.
func (o Overrides) Validate(langs []string) (notes []string, err error) {
	var errs []error
	for _, lang := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(langs, lang) {
			errs = append(errs, fmt.Errorf("texts.%s: no such language; there are %s", lang, strings.Join(langs, ", ")))
		}
		for _, key := range slices.Sorted(maps.Keys(o[lang])) {
			path := "texts." + lang + "." + key
			channel, kind, _ := strings.Cut(key, ".")
			if kind != "login" && kind != "action" {
				errs = append(errs, fmt.Errorf("%s: no such text; there are sms, voice and email, each with .login and .action", path))
				continue
			}
			segments, err := templates.CheckWords(channel, o[lang][key])
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", path, err))
			} else if segments > 1 && templates.OneSMSWould(o[lang][key]) {
				errs = append(errs, fmt.Errorf("%s: %w: it takes %d SMS with the last line that is always added; shorten it to one", path, templates.ErrWords, segments))
			} else if segments > 1 {
				notes = append(notes, fmt.Sprintf("%s takes %d SMS each time, with the last line that is always added", path, segments))
			}
		}
	}
	return notes, errors.Join(errs...)
}

// ComposeIn is [Composer.Compose] with a tenant's own words where it has some.
func (c Composer) ComposeIn(own Overrides, kind string, n mfa.Note) (title, text, html string, err error) {
	d := c.data(n)
	d.Words = own.Of(n.About.Lang, d.Channel, kind)
	return c.Set.Text(n.About.Lang, kind, d)
}
