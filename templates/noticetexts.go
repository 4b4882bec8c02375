package templates

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// More kinds of notices: what has changed in the security of an account. They
// have the names of the events in a policy, and are worded by
// [Set.AccountText].
const (
	NoticeFactorAdded       = "factor_added"
	NoticeFactorRemoved     = "factor_removed"
	NoticeFactorChanged     = "factor_changed"
	NoticeContactChanged    = "contact_changed"
	NoticeContactConfirmed  = "contact_confirmed" // one that was there before, or the first one
	NoticeContactRemoved    = "contact_removed"
	NoticeMFAEnabled        = "mfa_enabled"
	NoticeMFADisabled       = "mfa_disabled"
	NoticePINSet            = "pin_set" // for the first time
	NoticePINChanged        = "pin_changed"
	NoticeRecoveryCodesMade = "recovery_codes_made" // for the first time
	NoticeCodesReplaced     = "recovery_codes_replaced"
	NoticeRecoveryCodeUsed  = "recovery_code_used"
	NoticeDevicesRevoked    = "devices_revoked"
	NoticeAdminReset        = "admin_reset"
	NoticeActionApproved    = "action_approved"
	NoticeActionDisowned    = "action_disowned" // one that the user did not start
)

// The kinds of mails that hold a link, which is the only thing of ours in an
// inbox that does something.
const (
	LinkPasswordReset = "password_reset"
	LinkEmailVerify   = "email_verify"
	LinkSignUp        = "sign_up"
	LinkSignUpExists  = "sign_up_exists" // the address has an account; the link leads to sign-in
)

var (
	accountNotices = []string{
		NoticeFactorAdded, NoticeFactorRemoved, NoticeFactorChanged, NoticeContactChanged, NoticeContactConfirmed,
		NoticeContactRemoved, NoticeMFAEnabled, NoticeMFADisabled, NoticePINSet, NoticePINChanged, NoticeRecoveryCodesMade,
		NoticeCodesReplaced, NoticeRecoveryCodeUsed, NoticeDevicesRevoked,
		NoticeAdminReset, NoticeActionApproved, NoticeActionDisowned,
	}
	// contactNotices differ by what the contact is, and whether it is the one that is gone.
	contactNotices = []string{NoticeContactChanged, NoticeContactConfirmed, NoticeContactRemoved}
	linkMails      = []string{LinkPasswordReset, LinkEmailVerify, LinkSignUp, LinkSignUpExists}
)

// AccountData is what a notice or a mail with a link tells. Of TextData it takes
// Channel, Tenant, App, To, Now, Zone, ExpiresAt (of the link), and Slip: When,
// Device, and of action_approved all of it.
type AccountData struct {
	TextData
	Method    string   // of factor_…: email, sms, voice, totp, webauthn, recovery_codes or pin; "" is not said
	Contact   string   // of contact_…: email or phone
	Masked    string   // of contact_…: the one that counts now; it is not told to the old one
	OldOne    bool     // of contact_…: the text goes to the contact that was replaced or removed
	Also      []string // other methods that ended with it
	TwoStep   string   // on or off where the change has switched two-step sign-in; "" is not said
	CodesLeft int      // of recovery_code_used
	LinkURL   string   // of a mail with a link: absolute; no other text may have one
}

// accountKeys are the messages that this file asks for by name.
var accountKeys = []string{
	"mail.method", "mail.action", "mail.also_off", "mail.two_step_on", "mail.two_step_off", "mail.new_contact", "mail.codes_left", "mail.codes_low", "mail.link_footer", "mail.link_life",
	"sms.notice_plain", "confirm.amount", "confirm.to", "confirm.app",
}

// AccountText writes a notice, or a mail with a link, in lang. It takes the
// kinds of this file and the older notices of [Set.Text]. A notice tells what,
// when and from which browser, and what to do if it was somebody else; it has
// neither code nor link. In an SMS it is one sentence.
//
// It fails on an unknown kind or channel, on a mail with a link without an
// absolute LinkURL or, but for sign_up_exists, without ExpiresAt, and on a
// notice with a link.
func (s *Set) AccountText(lang, kind string, d AccountData) (subject, plain, html string, err error) {
	if slices.Contains(notices, kind) && !slices.Contains(accountNotices, kind) {
		return s.Text(lang, kind, d.TextData)
	}
	err = d.check(kind)
	if err != nil {
		return "", "", "", err
	}
	c, ok := s.catalogs[lang]
	if !ok {
		c = s.catalogs[s.langs[0]]
	}
	d.TextData, d.Masked = d.unlinked(), clean(d.Masked)
	d.Code = "" // a notice never has one
	w := writer{catalog: c, kind: kind, data: d.TextData}
	switch {
	case slices.Contains(linkMails, kind):
		subject, plain, html = w.mail(s.letter, w.linkLetter(d))
	case d.Channel == "sms":
		plain = w.changeSMS(w.variant(kind, d))
	default:
		subject, plain, html = w.mail(s.letter, w.changeLetter(d))
	}
	if w.err != nil {
		return "", "", "", fmt.Errorf("templates: %s: %w", kind, w.err)
	}
	return subject, plain, html, nil
}

func (d AccountData) check(kind string) error {
	isLink := slices.Contains(linkMails, kind)
	switch {
	case !isLink && !slices.Contains(accountNotices, kind):
		return fmt.Errorf("templates: no text of kind %q", kind)
	case d.Channel != "email" && (isLink || d.Channel != "sms"):
		return fmt.Errorf("templates: no %s by %q", kind, d.Channel)
	case !isLink && d.LinkURL != "":
		return errors.New("templates: a notice has no link")
	case isLink && !strings.HasPrefix(d.LinkURL, "https://") && !strings.HasPrefix(d.LinkURL, "http://"):
		return errors.New("templates: a mail with a link needs an absolute one")
	case isLink && kind != LinkSignUpExists && d.ExpiresAt.IsZero():
		return errors.New("templates: a link needs its end")
	}
	return nil
}

// variant is the kind with what it is about, such as "factor_added.totp", when
// there are words for it.
func (w *writer) variant(kind string, d AccountData) string {
	about := d.Method
	if slices.Contains(contactNotices, kind) {
		about = d.Contact
		if d.OldOne {
			about += "_old"
		}
	}
	if w.catalog.has("notice." + kind + "." + about + ".subject") {
		return kind + "." + about
	}
	return kind
}

// part says the part of a notice in the words of its variant, when it has any.
func (w *writer) part(variant, part string) string {
	key := "notice." + variant + "." + part
	if !w.catalog.has(key) {
		key = "notice." + w.kind + "." + part
	}
	return w.say(key, nil)
}

// disowned is what was stopped, as far as the notice knows it: "Payout, 1,250.00 EUR,
// ACME GmbH"; each name has at most limit characters.
func (w *writer) disowned(limit int) string {
	d := w.data
	name := cmp.Or(d.ActionTitle, d.ActionName)
	if slices.Contains(actions, d.ActionName) {
		name = w.say(actionKey("name", d.ActionName), nil)
	}
	parts := slices.DeleteFunc([]string{shorten(name, limit, "..."), d.Slip.Amount, shorten(d.Slip.Payee, limit, "...")}, func(s string) bool { return s == "" })
	return strings.Join(parts, w.say("list.comma", nil)+" ")
}

// disownedSMS is the notice of what the user did not start. It does not ask "Not you?":
// that it was not the user is what it is about.
func (w *writer) disownedSMS() string {
	key := "notice." + w.kind + ".sms"
	for _, keys := range [][]string{{key + "_named", key, key + "_plain"}, {key, key + "_plain"}} {
		for limit := 40; limit >= 8; limit -= 2 {
			what := w.disowned(limit)
			if w.gsm() {
				what = unlink(foldGSM(what))
			}
			args := w.smsArgs("", limit)
			args["What"] = what
			text := w.choose(args, keys...)
			if w.fits(text) {
				return text
			}
		}
	}
	return w.say(key+"_plain", nil)
}

// changeSMS is a notice in one sentence. The name of the tenant gets shorter
// until it fits; one that the alphabet lacks is left out.
func (w *writer) changeSMS(variant string) string {
	if w.kind == NoticeActionDisowned {
		return w.disownedSMS()
	}
	what := w.say("notice."+variant+".subject", nil)
	if w.gsm() {
		what = foldGSM(what)
	}
	for limit := 40; limit >= 8; limit -= 2 {
		args := w.smsArgs("", limit)
		args["What"] = what
		text := w.choose(args, "sms.notice", "sms.notice_plain")
		if w.fits(text) {
			return text
		}
	}
	return what
}

// changeLetter is the email about a change.
func (w *writer) changeLetter(d AccountData) letter {
	variant := w.variant(w.kind, d)
	l := letter{
		Subject:  w.part(variant, "subject"),
		Lead:     w.part(variant, "what"),
		StopText: w.part(variant, "do"),
		Footer:   w.say("mail.notice_footer", w.args("")),
	}
	if !d.OldOne {
		l.StopText += " " + w.where()
	}
	if d.TwoStep == "on" || d.TwoStep == "off" {
		l.Lead += " " + w.say("mail.two_step_"+d.TwoStep, nil)
	}
	switch w.kind {
	case NoticeRecoveryCodeUsed:
		l.Rows = append(l.Rows, letterRow{w.say("mail.codes_left", nil), strconv.Itoa(d.CodesLeft)})
		if d.CodesLeft <= 2 {
			l.Lead += " " + w.say("mail.codes_low", nil)
		}
	case NoticeContactChanged, NoticeContactConfirmed:
		if d.Masked != "" && !d.OldOne {
			l.Rows = append(l.Rows, letterRow{w.say("mail.new_contact", nil), d.Masked})
		}
	case NoticeContactRemoved: // which one is said above
	case NoticeActionApproved:
		l.Rows = w.approved(d.Slip)
	case NoticeActionDisowned:
		l = w.disownedLetter(l)
	default:
		if slices.Contains(factorKinds, d.Method) {
			l.Rows = append(l.Rows, letterRow{w.say("mail.method", nil), w.say("row."+d.Method+".name", nil)})
		}
	}
	l.Rows = append(l.Rows, w.alsoOff(d.Also)...)
	l.Rows = append(l.Rows, w.whence(d.Slip)...)
	return l
}

// disownedLetter is l with what was stopped, as far as the notice knows it.
func (w *writer) disownedLetter(l letter) letter {
	what := w.disowned(60)
	if what != "" {
		l.Subject = w.say("notice."+w.kind+".subject_named", map[string]any{"What": what})
	}
	named := *w
	named.data.Slip = Slip{}
	name := named.disowned(60)
	if name != "" {
		l.Rows = append(l.Rows, letterRow{w.say("mail.action", nil), name})
	}
	l.Rows = append(l.Rows, w.approved(w.data.Slip)...)
	return l
}

// alsoOff is the line on methods that ended with the one that the notice is about.
func (w *writer) alsoOff(methods []string) []letterRow {
	var names []string
	for _, m := range methods {
		if slices.Contains(factorKinds, m) {
			names = append(names, w.say("row."+m+".name", nil))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []letterRow{{w.say("mail.also_off", nil), strings.Join(names, w.say("list.comma", nil)+" ")}}
}

// approved are the lines of what was confirmed.
func (w *writer) approved(s Slip) []letterRow {
	var rows []letterRow
	for _, line := range []struct{ key, value string }{
		{"confirm.amount", s.Amount}, {"confirm.to", s.Payee}, {"confirm.app", s.App},
	} {
		if line.value != "" {
			rows = append(rows, letterRow{w.say(line.key, nil), shorten(line.value, 140, "…")})
		}
	}
	for _, f := range s.Facts {
		rows = append(rows, w.row(f))
	}
	return rows
}

// whence are the lines on when and from which browser.
func (w *writer) whence(s Slip) []letterRow {
	var rows []letterRow
	if !s.When.IsZero() {
		rows = append(rows, letterRow{w.say("mail.when", nil), w.when(s.When)})
	}
	if s.Device != "" {
		rows = append(rows, letterRow{w.say("mail.from", nil), shorten(s.Device, 140, "…")})
	}
	return rows
}

// linkLetter is an email with a link.
func (w *writer) linkLetter(d AccountData) letter {
	key := "linkmail." + w.kind
	args := w.args("")
	l := letter{
		Subject: w.say(key+".subject", args),
		Lead:    w.say(key+".what", args),
		Rows:    w.whence(d.Slip),
		StopURL: d.LinkURL, StopLink: w.say(key+".link", nil),
		Never:  w.say(key+".not_you", nil),
		Footer: w.say("mail.link_footer", args),
	}
	if !d.ExpiresAt.IsZero() {
		l.Life = w.say("mail.link_life", map[string]any{"Until": w.until(d.ExpiresAt)})
	}
	return l
}

// until is the clock time of t, with the day when it is not today.
func (w *writer) until(t time.Time) string {
	d := w.data
	zone := d.Zone
	if zone == nil {
		zone = time.UTC
	}
	if t.In(zone).Format(time.DateOnly) == d.Now.In(zone).Format(time.DateOnly) {
		return clockIn(t, zone, untilLayout(t, d.Now))
	}
	return w.when(t)
}

// noticeFamilies are the messages that this file composes.
var noticeFamilies = []family{
	{"notice", accountNotices, []string{".subject", ".what", ".do"}},
	{"notice", []string{NoticeFactorAdded, NoticeFactorRemoved, NoticeFactorChanged}, []string{
		".email.subject", ".sms.subject", ".voice.subject", ".totp.subject", ".webauthn.subject",
		".recovery_codes.subject", ".pin.subject",
	}},
	{"notice", []string{NoticeContactConfirmed}, []string{".phone.subject", ".email.subject", ".phone.what", ".email.what"}},
	{"notice", []string{NoticeContactChanged, NoticeContactRemoved}, []string{
		".phone.subject", ".email.subject",
		".phone_old.subject", ".phone_old.what", ".phone_old.do", ".email_old.subject", ".email_old.what", ".email_old.do",
	}},
	{"notice", []string{NoticeActionDisowned}, []string{".subject_named", ".sms_named", ".sms", ".sms_plain"}},
	{"linkmail", linkMails, []string{".subject", ".what", ".link", ".not_you"}},
}
