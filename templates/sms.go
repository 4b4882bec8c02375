package templates

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

// The length of one SMS in the GSM alphabet, and of two in UTF-16, which is
// what a language outside of that alphabet gets. A text of several segments has
// less room in each, for the header that joins them.
//
// Source: 3GPP TS 23.040 §9.2.3.24.1.
const (
	gsmLimit, gsmPart   = 160, 153
	wideLimit           = 134
	wideFirst, widePart = 70, 67
)

// gsmBasic is the alphabet of one septet each, gsmExtended that of two.
//
// Source: 3GPP TS 23.038 §6.2.1.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "^{}\\[~]|€"
)

// likeGSM is what stands for a character that has no decomposition.
var likeGSM = map[rune]string{
	'’': "'", '‘': "'", '“': `"`, '”': `"`, '„': `"`, '«': `"`, '»': `"`, '–': "-", '—': "-", '•': "*", '·': "-",
	'…': "...", 'ł': "l", 'Ł': "L", 'đ': "d", 'Đ': "D", 'œ': "oe", 'Œ': "OE", 'ı': "i", 'ð': "d", 'þ': "th", '×': "x",
}

// gsmLen is the number of septets of s, and whether s is in the alphabet.
func gsmLen(s string) (n int, ok bool) {
	for _, r := range s {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			n++
		case strings.ContainsRune(gsmExtended, r):
			n += 2
		default:
			return 0, false
		}
	}
	return n, true
}

// Segments is how many SMS text takes, and so what it costs: 1 up to 160
// characters of the GSM alphabet or 70 in UTF-16.
func Segments(text string) int {
	n, gsm := gsmLen(text)
	one, part := gsmLimit, gsmPart
	if !gsm {
		n, one, part = len(utf16.Encode([]rune(text))), wideFirst, widePart
	}
	if n <= one {
		return 1
	}
	return (n + part - 1) / part
}

// foldGSM writes s in the GSM alphabet without accents that it lacks. It is ""
// when a character has no likeness: half a name would name someone else.
func foldGSM(s string) string {
	var b strings.Builder
	for _, r := range s {
		if _, ok := gsmLen(string(r)); ok {
			b.WriteRune(r)
			continue
		}
		if like, ok := likeGSM[r]; ok {
			b.WriteString(like)
			continue
		}
		for _, part := range norm.NFKD.String(string(r)) {
			if unicode.Is(unicode.Mn, part) {
				continue
			}
			if _, ok := gsmLen(string(part)); !ok {
				return ""
			}
			b.WriteRune(part)
		}
	}
	return b.String()
}

// codeSMS is the text with the code. Names get shorter until it fits; at last
// they are left out.
func (w *writer) codeSMS() string {
	keys := []string{"sms.login", "sms.login_plain"}
	if w.kind == TextAction {
		keys = w.actionKeys("sms")
	}
	last := "\n" + w.say("sms.last_line", map[string]any{"Host": w.data.Host, "Code": w.data.Code})
	if w.data.Host == "" {
		last = ""
	}
	if w.data.Words != "" {
		return w.ownSMS(last)
	}
	for said := range keys { // the sentence that says most, then one that says less
		for _, payee := range []bool{true, false} {
			for limit := 40; limit >= 8; limit -= 2 {
				text := w.choose(w.smsArgs(w.smsTo(payee, limit), limit), keys[said:]...) + last
				if w.fits(text) && !strings.Contains(text, `""`) {
					return text
				}
			}
		}
	}
	return w.say("sms.short", w.args("")) + last
}

// smsTo is who gets the money, in at most limit characters, and the end of the account:
// two payees may have one name, and two accounts one end. Without payee it is the account
// alone, if there is one.
func (w *writer) smsTo(payee bool, limit int) string {
	name, tail := w.data.Slip.Payee, w.accountTail("...")
	if !payee && tail != "" {
		return tail
	}
	if w.gsm() {
		name = unlink(foldGSM(name))
	}
	return strings.TrimSpace(shorten(name, limit, "...") + " " + tail)
}

// ownSMS is the tenant's own text with names as long as one segment allows. A
// text that is too long by itself takes more of them, as its check has told.
func (w *writer) ownSMS(last string) string {
	text := ""
	for limit := 40; limit >= 8; limit -= 4 {
		text = w.fill(w.smsArgs(w.smsTo(true, limit), limit)) + last
		if Segments(text) == 1 {
			break
		}
	}
	return text
}

// smsArgs are the values of an SMS, with names of at most limit characters.
func (w *writer) smsArgs(to string, limit int) map[string]any {
	args := w.args(to)
	for name, v := range args {
		s, _ := v.(string)
		if w.gsm() {
			s = foldGSM(s)
			if slices.Contains([]string{"Tenant", "App", "Name", "To"}, name) {
				s = unlink(s) // folding makes dots and at signs of what was none before
			}
		}
		if name == "Tenant" || name == "App" || name == "Name" {
			s = shorten(s, limit, "...")
		}
		args[name] = s
	}
	return args
}

// gsm reports whether the language of the text is written in the GSM alphabet.
func (w *writer) gsm() bool {
	_, ok := gsmLen(w.say("sms.short", w.args("")))
	return ok
}

func (w *writer) fits(text string) bool {
	if n, ok := gsmLen(text); ok {
		return n <= gsmLimit
	}
	return !w.gsm() && len(utf16.Encode([]rune(text))) <= wideLimit
}

// noticeSMS is a notice in one sentence.
func (w *writer) noticeSMS() string {
	for limit := 40; limit >= 8; limit -= 2 {
		args := w.smsArgs("", limit)
		args["What"] = w.say("notice."+w.kind+".subject", nil)
		text := w.say("sms.notice", args)
		if w.fits(text) {
			return text
		}
	}
	return w.say("notice."+w.kind+".subject", nil)
}
