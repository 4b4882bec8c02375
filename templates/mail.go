package templates

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"
)

// letter is an email, ready for both bodies.
type letter struct {
	Lang, Dir string
	Subject   string
	Lead      string // under the head of a notice
	Code      string
	Life      string
	Rows      []letterRow
	Stop      string
	StopText  string
	StopLink  string
	StopURL   string
	StopLine  string // both, in the plain body
	Never     string
	Footer    string
	Links     []letterLink // the tenant's own pages of help and privacy
}

// letterLink is a link: Line is all of it in the plain body, as the language sets a colon.
type letterLink struct{ Label, URL, Line string }

type letterRow struct{ Label, Value string }

// letterTemplates are the two bodies of an email.
type letterTemplates struct {
	plain *texttemplate.Template
	html  *htmltemplate.Template
}

func parseLetter(fsys fs.FS) (*letterTemplates, error) {
	plain, err := texttemplate.New("letter.txt").Funcs(texttemplate.FuncMap{"pad": padRow}).ParseFS(fsys, "text/letter.txt")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	html, err := htmltemplate.ParseFS(fsys, "text/letter.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return &letterTemplates{plain, html}, nil
}

// padRow puts the values of a list below one another.
func padRow(rows []letterRow, r letterRow) string {
	width := 0
	for _, other := range rows {
		width = max(width, utf8.RuneCountInString(other.Label))
	}
	return r.Label + strings.Repeat(" ", width-utf8.RuneCountInString(r.Label)+2) + r.Value
}

// mail renders both bodies of l.
func (w *writer) mail(t *letterTemplates, l letter) (subject, plain, html string) {
	l.Lang, l.Dir, l.Links = w.catalog.tag.String(), w.say("lang.dir", nil), w.links()
	l.StopLine = w.linkLine(l.StopLink, l.StopURL)
	var p, h bytes.Buffer
	err := t.plain.Execute(&p, l)
	if err != nil && w.err == nil {
		w.err = err
	}
	err = t.html.Execute(&h, l)
	if err != nil && w.err == nil {
		w.err = err
	}
	return l.Subject, p.String(), h.String()
}

// links are the tenant's pages of help and privacy, as far as it has some.
func (w *writer) links() []letterLink {
	var links []letterLink
	for _, l := range []letterRow{{"frame.help", w.data.HelpURL}, {"frame.privacy", w.data.PrivacyURL}} {
		if strings.HasPrefix(l.Value, "https://") || strings.HasPrefix(l.Value, "http://") {
			label := w.say(l.Label, nil)
			links = append(links, letterLink{label, l.Value, w.linkLine(label, l.Value)})
		}
	}
	return links
}

func (w *writer) linkLine(label, url string) string {
	return w.say("mail.link_line", map[string]any{"Label": label, "URL": url})
}

// codeLetter is the email with a code.
func (w *writer) codeLetter() letter {
	d := w.data
	args := w.args(w.whom())
	l := letter{
		Subject: w.choose(args, "mail.code.subject", "mail.code.subject_plain"),
		Code:    d.Code,
		Life:    w.say("mail.code.life", args),
		Rows:    w.rows(),
		Stop:    w.say("mail.stop", nil),
		Never:   w.say("mail.never", nil),
		Footer:  w.footer(),
	}
	stop := "mail.stop_plain"
	if w.kind == TextAction {
		l.Subject = w.choose(args, w.actionKeys("subject")...)
		l.Life = w.say(actionKey("code", d.ActionName), args)
		stop = "mail.stop_action"
	}
	if d.Words != "" {
		l.Life = w.fill(args)
	}
	if d.StopURL != "" {
		l.StopURL, l.StopLink = d.StopURL, w.say("mail.stop_link", nil)
		return l
	}
	l.StopText = w.say(stop, args)
	return l
}

// noticeLetter is the email about something that happened to the account.
func (w *writer) noticeLetter() letter {
	key := "notice." + w.kind
	l := letter{
		Subject:  w.say(key+".subject", nil),
		Lead:     w.say(key+".what", nil),
		StopText: w.say(key+".do", nil) + " " + w.where(),
		Footer:   w.say("mail.notice_footer", w.args("")),
	}
	s := w.data.Slip
	if !s.When.IsZero() {
		l.Rows = append(l.Rows, letterRow{w.say("mail.when", nil), w.when(s.When)})
	}
	if s.Device != "" {
		l.Rows = append(l.Rows, letterRow{w.say("mail.from", nil), s.Device})
	}
	for _, f := range s.Facts {
		l.Rows = append(l.Rows, w.row(f))
	}
	return l
}

// where says on which pages the owner finds what to do about a change. Their names are
// told and no address: who gets a forged notice must not learn to follow its links.
func (w *writer) where() string {
	return w.say("mail.where", map[string]any{
		"Settings": w.say("settings.title", nil), "Activity": w.say("inside.activity", nil),
		"Devices": w.say("inside.devices", nil), "SignOut": w.say("do.sign_out_all", nil),
	})
}

// rows are the facts of a slip, and a line on who asked, when, and from where.
func (w *writer) rows() []letterRow {
	var rows []letterRow
	s := w.data.Slip
	for _, f := range s.Facts {
		rows = append(rows, w.row(f))
	}
	var asked []string
	for _, part := range []string{s.App, w.when(s.When), s.Device} {
		if part != "" {
			asked = append(asked, part)
		}
	}
	if len(asked) > 0 {
		rows = append(rows, letterRow{w.say("mail.requested", nil), strings.Join(asked, ", ")})
	}
	return rows
}

func (w *writer) row(f Fact) letterRow {
	label := f.Label
	if w.catalog.has("fact." + label) {
		label = w.say("fact."+label, nil)
	}
	return letterRow{shorten(label, 40, "…"), shorten(f.Value, 140, "…")}
}

func (w *writer) footer() string {
	args := w.args(clean(w.data.To))
	return w.choose(args, "mail.footer", "mail.footer_plain")
}

// when is "today 14:31 CET", or the date and the time; "" for no time.
func (w *writer) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	zone := w.data.Zone
	if zone == nil {
		zone = time.UTC
	}
	t = t.In(zone)
	clock := clockIn(t, zone, "15:04")
	if t.Format(time.DateOnly) == w.data.Now.In(zone).Format(time.DateOnly) {
		return w.say("mail.today", map[string]any{"Time": clock})
	}
	day, err := w.catalog.date(t)
	if w.err == nil {
		w.err = err
	}
	return w.say("date.at", map[string]any{"Day": day, "Time": clock})
}
