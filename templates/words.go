package templates

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The words of a code that a tenant may write itself, by channel. {code} is the
// code, which a call says digit by digit; an email shows it above in any case.
var words = map[string]struct{ must, may []string }{
	"sms":   {[]string{"code"}, []string{"tenant", "app", "until", "action", "amount", "payee"}},
	"voice": {[]string{"code"}, []string{"tenant", "app", "until", "action", "amount", "payee"}},
	"email": {[]string{"until"}, []string{"tenant", "app", "action", "amount", "payee"}},
}

// ErrWords is the error of [CheckWords], wrapped with what is wrong.
var ErrWords = errors.New("templates: text cannot be used")

// The most that a tenant's own words may be: characters, and segments of an SMS.
const (
	longestWords = 400
	mostSegments = 3
)

var inBraces = regexp.MustCompile(`\{([^{}]*)\}`)

// CheckWords reports whether text can stand for our own words of a code by
// channel. Names in it are {tenant}, {app}, {until}, {action}, {amount}, {payee}
// and {code}. It needs {code}, or {until} in an email, and holds no link, no line
// break and no control character. segments is how many SMS it takes with values
// of a usual length and the last line that is always added; 0 on other channels.
//
// Errors: [ErrWords].
func CheckWords(channel, text string) (segments int, err error) {
	allowed, ok := words[channel]
	switch {
	case !ok:
		return 0, fmt.Errorf("%w: there are no texts by %q", ErrWords, channel)
	case utf8.RuneCountInString(text) > longestWords:
		return 0, fmt.Errorf("%w: it is longer than %d characters", ErrWords, longestWords)
	case text != clean(text):
		return 0, fmt.Errorf("%w: it has a line break, two blanks in a row, a control character or a mark of direction", ErrWords)
	case text != unlink(text):
		return 0, fmt.Errorf("%w: it has what a telephone would make a link of", ErrWords)
	case strings.ContainsAny(inBraces.ReplaceAllString(text, ""), "{}"):
		return 0, fmt.Errorf("%w: a brace is not closed", ErrWords)
	}
	var used []string
	for _, m := range inBraces.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(allowed.must, m[1]) && !slices.Contains(allowed.may, m[1]) {
			return 0, fmt.Errorf("%w: {%s} means nothing here; there are {%s}", ErrWords, m[1],
				strings.Join(slices.Concat(allowed.must, allowed.may), "}, {"))
		}
		used = append(used, m[1])
	}
	for _, name := range allowed.must {
		if !slices.Contains(used, name) {
			return 0, fmt.Errorf("%w: it lacks {%s}", ErrWords, name)
		}
	}
	if channel != "sms" {
		return 0, nil
	}
	segments = Segments(fillIn(text, usual) + "\n@auth.example.com #123456")
	if segments > mostSegments {
		return segments, fmt.Errorf("%w: it takes %d SMS, and at most %d are sent", ErrWords, segments, mostSegments)
	}
	return segments, nil
}

// OneSMSWould reports whether text is in the GSM alphabet, of which one SMS holds 160
// characters: another script takes two for as many words.
//
// Source: 3GPP TS 23.038 §6.2.1.
func OneSMSWould(text string) bool {
	_, gsm := gsmLen(inBraces.ReplaceAllString(text, ""))
	return gsm
}

// usual are values of a usual length.
var usual = map[string]string{
	"code": "123456", "tenant": "Example Company", "app": "Example Shop", "until": "14:36 CET",
	"action": "payout", "amount": "1,250.00 EUR", "payee": "Example Company",
}

// fillIn puts values in the place of names. What is put in is not looked at again.
func fillIn(text string, values map[string]string) string {
	return inBraces.ReplaceAllStringFunc(text, func(name string) string { return values[strings.Trim(name, "{}")] })
}

// fill is the tenant's own words with the values of args.
func (w *writer) fill(args map[string]any) string {
	values := map[string]string{}
	for name, key := range map[string]string{
		"code": "Code", "tenant": "Tenant", "app": "App", "until": "Until", "action": "Name", "amount": "Amount", "payee": "To",
	} {
		s, _ := args[key].(string)
		if name != "code" {
			s = shorten(s, 40, "...")
		}
		values[name] = s
	}
	// Two harmless halves can make a link together, so the whole is looked at again.
	return unlink(fillIn(clean(w.data.Words), values))
}
