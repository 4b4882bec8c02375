package templates

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The kinds of [Set.Text].
const (
	TextLogin  = "code.login"  // a code to sign in
	TextAction = "code.action" // a code that confirms one action

	NoticeSecondStepFailed = "second_step_failed"
	NoticeFactorLocked     = "factor_locked"
	NoticeDeviceTrusted    = "device_trusted"
	NoticeDeviceTheft      = "device_theft" // an old copy of a trusted device was used
	NoticePasswordChanged  = "password_changed"
)

var notices = []string{
	NoticeSecondStepFailed, NoticeFactorLocked, NoticeDeviceTrusted, NoticeDeviceTheft, NoticePasswordChanged,
}

// TextData is what a text tells. Names and details may come from anyone: Text
// cleans them, and breaks what could become a link.
type TextData struct {
	Channel    string // email, sms or voice
	Tenant     string
	App        string
	To         string // the address, in the footer of an email; "" leaves it out
	Host       string // of the page that takes the code; the last line of an SMS binds it to it
	Code       string
	Now        time.Time
	ExpiresAt  time.Time
	Zone       *time.Location // nil is UTC
	ActionName string         // of code.action, such as "payout.request"
	// ActionTitle is what the tenant calls an action of its own, in the language of the
	// text; "" for its name.
	ActionTitle string
	Slip        Slip   // what is confirmed; of a notice: When and Device
	HelpURL     string // the tenant's page of help, at the foot of an email; "" leaves it out
	PrivacyURL  string // likewise
	StopURL     string // "Didn't ask for this?"; must not contain the code; "" leaves it out
	Words       string // the tenant's own words of a code, as CheckWords accepts them; "" for ours
}

// textKeys are the messages that the code asks for by name.
var textKeys = []string{
	"frame.title", "frame.title_error", "lang.dir", "number.group", "number.decimal", "date.day", "date.today", "date.at",
	"sms.login", "sms.login_plain", "sms.short", "sms.last_line", "sms.notice", "voice.call", "voice.sign_in", "voice.greeting", "voice.again", "voice.account",
	"mail.code.life", "mail.code.subject", "mail.code.subject_plain", "mail.requested", "mail.stop",
	"mail.stop_link", "mail.link_line", "mail.stop_plain", "mail.stop_action", "mail.never", "mail.footer", "mail.footer_plain",
	"mail.notice_footer", "mail.when", "mail.from", "mail.today", "mail.where", "settings.title", "inside.activity", "inside.devices",
	"do.sign_out_all", "frame.help", "frame.privacy", "list.comma",
}

// Text writes a message in lang. An email has a subject, which never contains
// the code because lock screens show it, and two bodies for a multipart
// message. A text message is plain alone. Of a call the plain text is the script,
// and the subject is what is said before a key was pressed, without the code: a
// voicemail box must not take it.
//
// An SMS in a language of the GSM alphabet is one segment of 160 characters:
// names are shortened or left out until it is. Its last line is origin-bound.
//
// It fails on an unknown kind or channel, and on a code without ExpiresAt.
//
// Source: the format of SMS one-time codes, https://wicg.github.io/sms-one-time-codes/;
// 3GPP TS 23.038 §6.2.1 (the GSM alphabet).
func (s *Set) Text(lang, kind string, d TextData) (subject, plain, html string, err error) {
	c, ok := s.catalogs[lang]
	if !ok {
		c = s.catalogs[s.langs[0]]
	}
	isCode := kind == TextLogin || kind == TextAction
	switch {
	case !isCode && !slices.Contains(notices, kind):
		return "", "", "", fmt.Errorf("templates: no text of kind %q", kind)
	case isCode && (d.Code == "" || d.ExpiresAt.IsZero()):
		return "", "", "", errors.New("templates: a code needs its digits and its end")
	}
	w := writer{catalog: c, kind: kind, data: d.unlinked()}
	switch {
	case d.Channel == "email" && isCode:
		subject, plain, html = w.mail(s.letter, w.codeLetter())
	case d.Channel == "email":
		subject, plain, html = w.mail(s.letter, w.noticeLetter())
	case d.Channel == "sms" && isCode:
		plain = w.codeSMS()
	case d.Channel == "sms":
		plain = w.noticeSMS()
	case d.Channel == "voice" && isCode:
		subject, plain = w.say("voice.greeting", w.args("")), w.call()
	default:
		return "", "", "", fmt.Errorf("templates: no %s by %q", kind, d.Channel)
	}
	if w.err != nil {
		return "", "", "", fmt.Errorf("templates: %s: %w", kind, w.err)
	}
	return subject, plain, html, nil
}

// unlinked is d with everything that can come from outside cleaned.
func (d TextData) unlinked() TextData {
	d.Tenant, d.App, d.ActionTitle = unlink(d.Tenant), unlink(d.App), unlink(d.ActionTitle)
	if !slices.Contains(actions, d.ActionName) {
		d.ActionName = unlink(d.ActionName)
	}
	if d.App == "" {
		d.App = d.Tenant
	}
	s := &d.Slip
	s.Amount, s.Payee, s.Device, s.App = plainAmount(s.Amount), unlink(s.Payee), unlink(s.Device), unlink(s.App)
	facts := make([]Fact, len(s.Facts))
	for i, f := range s.Facts {
		facts[i] = Fact{Label: unlink(f.Label), Value: unlink(f.Value), Mono: f.Mono}
	}
	s.Facts = facts
	return d
}

// longestAmount is how many characters an amount may have: 15 digits in groups, a point,
// 18 digits after it, and a currency of four letters are 43.
const longestAmount = 48

// plainAmount cleans an amount; unlike unlink it leaves "1,250.00 EUR" and
// "12.5 h" alone when all before the last blank is a number. The unit is never cut:
// a sum without its currency is another sum.
func plainAmount(s string) string {
	s = clean(s)
	number, unit := s, ""
	i := strings.LastIndexByte(s, ' ')
	if i >= 0 && strings.Trim(s[i:], " 0123456789") != "" {
		number, unit = s[:i], shorten(unlink(s[i:]), 12, "...")
	}
	if strings.Trim(number, "0123456789.,'- ") != "" {
		return shorten(unlink(s), 30, "...")
	}
	room := longestAmount - utf8.RuneCountInString(unit) - 1
	return strings.TrimSpace(shorten(number, room, "...") + " " + unit)
}

// writer writes one text. The first message that fails stays in err, so that
// the sentences below read like sentences.
type writer struct {
	catalog *catalog
	kind    string
	data    TextData
	err     error
}

func (w *writer) say(key string, args map[string]any) string {
	out, err := w.catalog.plain.say(key, args)
	if w.err == nil {
		w.err = err
	}
	return out
}

// choose says the first of the keys whose placeholders all have a value; the
// last is said in any case.
func (w *writer) choose(args map[string]any, keys ...string) string {
	for _, key := range keys[:len(keys)-1] {
		full := true
		for _, name := range strings.Fields(w.catalog.keys[key]) {
			full = full && args[name] != ""
		}
		if full {
			return w.say(key, args)
		}
	}
	return w.say(keys[len(keys)-1], args)
}

// args are the values for a sentence about a code. to is how the sentence names
// the payee.
func (w *writer) args(to string) map[string]any {
	d := w.data
	return map[string]any{
		"Code": d.Code, "Tenant": d.Tenant, "App": d.App, "Name": cmp.Or(d.ActionTitle, d.ActionName), "Host": d.Host,
		"Amount": d.Slip.Amount, "To": to, "Until": clockIn(d.ExpiresAt, d.Zone, untilLayout(d.ExpiresAt, d.Now)),
	}
}

// actionKeys are the forms that a sentence about the action has, the one that says most
// first: amount and payee, the amount, the payee, and neither.
func (w *writer) actionKeys(part string) []string {
	var keys []string
	for _, form := range []string{"", "_amount", "_to", "_plain"} {
		key := actionKey(part+form, w.data.ActionName)
		if w.catalog.has(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// call is what a voice says: who calls, what for, the digits twice.
func (w *writer) call() string {
	purpose := w.say("voice.sign_in", nil)
	if w.kind == TextAction {
		purpose = w.choose(w.args(w.whom()), w.actionKeys("voice")...)
	}
	digits := w.spelled(w.data.Code)
	args := w.args(w.payee())
	args["Purpose"] = purpose
	args["Digits"] = strings.Join(digits, ", ")
	args["Slowly"] = strings.Join(digits, ". ")
	if w.data.Words != "" {
		args["Code"] = args["Digits"]
		return w.fill(args) + " " + w.say("voice.again", args)
	}
	args["To"] = ""
	return w.say("voice.call", args)
}

// spelled are the words for the characters of s, as a voice says them.
func (w *writer) spelled(s string) []string {
	var said []string
	for _, r := range s {
		word := string(r)
		if w.catalog.has("digit." + word) {
			word = w.say("digit."+word, nil)
		}
		said = append(said, word)
	}
	return said
}

// whom is the payee and, where money goes to another account from now on, the end of
// that account too: its holder may have a name that anybody can have.
func (w *writer) whom() string {
	tail := w.accountTail("")
	if w.data.ActionName != "payment_details.add" || w.data.Slip.Payee == "" || tail == "" {
		return w.payee()
	}
	if w.data.Channel == "voice" {
		return w.say("voice.account", map[string]any{"To": w.payee(), "Digits": strings.Join(w.spelled(tail), " ")})
	}
	return w.payee() + w.say("list.comma", nil) + " …" + tail
}

// payee is whom or what the action is for, as an email or a call names it.
func (w *writer) payee() string {
	if w.data.Slip.Payee != "" {
		return shorten(w.data.Slip.Payee, 60, "…")
	}
	return w.accountTail("…")
}

// accountTail is the end of the account in the slip, as "…4821"; a text message
// has no room for more.
func (w *writer) accountTail(mark string) string {
	for _, f := range w.data.Slip.Facts {
		if !slices.Contains([]string{"account", "iban", "new", "destination", "new_account"}, f.Label) {
			continue
		}
		words := strings.FieldsFunc(f.Value, func(r rune) bool { return r > '~' || r == ' ' || r == '.' || r == '*' })
		if len(words) == 0 {
			continue
		}
		last := []rune(words[len(words)-1])
		return mark + string(last[max(0, len(last)-4):])
	}
	return ""
}
