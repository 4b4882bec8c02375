package templates

import (
	"errors"
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"
)

// funcs are what the HTML files can call, bound to one language. A func that is
// given a plain string treats it as foreign: it escapes and isolates it.
func (s *Set) funcs(c *catalog, icons map[string]template.HTML) template.FuncMap {
	return template.FuncMap{
		"t":          c.t,
		"text":       c.text,
		"word":       c.word,
		"action":     c.action,
		"actionText": c.actionText,
		"known":      func(family, name string) bool { return c.has(family + "." + name) },
		"problem":    c.problem,
		"title":      c.title,
		"when":       c.when,
		"day":        c.day,
		"flag":       flag,
		"date":       c.dateIn,
		"bdi":        bdi,
		"ltr":        ltr,
		"lines":      lines,
		"clean":      clean,
		"initial":    initial,
		"safeURL":    safeURL,
		"link":       link,
		"dict":       dict,
		"list":       func(v ...any) []any { return v },
		"lang":       func() string { return c.tag.String() },
		"dir":        func() (string, error) { return c.plain.say("lang.dir", nil) },
		"static":     s.StaticPath,
		"brand":      BrandPath,
		"unix":       func(t time.Time) int64 { return t.UnixMilli() },
		"icon": func(name string) (template.HTML, error) {
			svg, ok := icons[name]
			if !ok {
				return "", fmt.Errorf("no icon %q", name)
			}
			return svg, nil
		},
	}
}

// t is the message of key with named values in it: {{t "k" "Name" .Name}}.
func (c *catalog) t(key string, pairs ...any) (template.HTML, error) {
	args, err := dict(pairs...)
	if err != nil {
		return "", err
	}
	return c.sayHTML(key, args)
}

func (c *catalog) sayHTML(key string, args map[string]any) (template.HTML, error) {
	safe := make(map[string]any, len(args))
	for name, v := range args {
		safe[name] = v
		if foreign, ok := v.(string); ok {
			safe[name] = bdi(foreign)
		}
	}
	out, err := c.html.say(key, safe)
	return template.HTML(out), err //nolint:gosec // messages are escaped when loaded, strings above
}

// text is t for places that take no markup: the title and attributes. What it
// returns is escaped by the place it stands in.
func (c *catalog) text(key string, pairs ...any) (string, error) {
	args, err := dict(pairs...)
	if err != nil {
		return "", err
	}
	for name, v := range args {
		if foreign, ok := v.(string); ok {
			args[name] = clean(foreign)
		}
	}
	return c.plain.say(key, args)
}

// title is the title of a page: the task, then the tenant; first of all "Error"
// when something failed.
func (c *catalog) title(failed any, task, tenant string) (string, error) {
	if tenant == "" {
		tenant = "Sallyport"
	}
	key := "frame.title"
	if is, _ := template.IsTrue(failed); is {
		key = "frame.title_error"
	}
	return c.text(key, "Title", task, "Tenant", tenant)
}

// word is a message of a family when name is one of it, and else the name
// itself, cleaned and isolated: {{word "fact" .Label}}.
func (c *catalog) word(family, name string) (template.HTML, error) {
	if c.has(family + "." + name) {
		return c.sayHTML(family+"."+name, nil)
	}
	return bdi(name), nil
}

// action is a text about the action with this name. An action without texts of
// its own has the general ones, which quote its name.
func (c *catalog) action(part, name string, pairs ...any) (template.HTML, error) {
	args, err := dict(append(pairs, "Name", name)...)
	if err != nil {
		return "", err
	}
	return c.sayHTML(actionKey(part, name), args)
}

// actionText is action for the title of a page.
func (c *catalog) actionText(part, name string) (string, error) {
	return c.text(actionKey(part, name), "Name", name)
}

func actionKey(part, name string) string {
	if slices.Contains(actions, name) {
		return "action." + name + "." + part
	}
	return "action.other." + part
}

// problem is one half of the text of a problem: "what" happened, or what to
// "do". Where the text names a time that is not known, it is the one that ends
// in "_soon".
func (c *catalog) problem(half, name string, args map[string]any) (template.HTML, error) {
	if !slices.Contains(problems, name) && !slices.Contains(enrolProblems, name) && !slices.Contains(accountProblems, name) {
		name = "other"
	}
	key := "problem." + name + "." + half
	if at, _ := args["At"].(template.HTML); at == "" && c.has(key+"_soon") {
		key += "_soon"
	}
	return c.sayHTML(key, args)
}

// when is a day and time, as "today, 14:31 CET" or "21 November 2026, 14:31 CET".
func (c *catalog) when(f Frame, t time.Time) (template.HTML, error) {
	zone := f.Zone
	if zone == nil {
		zone = time.UTC
	}
	t = t.In(zone)
	now := f.Now.In(zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return c.t("date.today", "Time", f.Clock(t))
	}
	day, err := c.date(t)
	if err != nil {
		return "", err
	}
	return c.t("date.at", "Day", template.HTML(html.EscapeString(day)), "Time", f.Clock(t)) //nolint:gosec // escaped
}

// dateIn is the day of t in the zone of the page, as "21 November 2026".
func (c *catalog) dateIn(f Frame, t time.Time) (string, error) {
	if f.Zone == nil {
		return c.date(t.UTC())
	}
	return c.date(t.In(f.Zone))
}

// date is the day of t in its own zone, as "21 November 2026".
func (c *catalog) date(t time.Time) (string, error) {
	month, err := c.plain.say(fmt.Sprintf("month.%d", int(t.Month())), nil)
	if err != nil {
		return "", err
	}
	return c.plain.say("date.day", map[string]any{"Day": fmt.Sprint(t.Day()), "Month": month, "Year": fmt.Sprint(t.Year())})
}

// Amount writes a decimal number and a currency in lang, as "1,250.00 EUR".
// value that is not a plain decimal number is returned as it is.
func (s *Set) Amount(lang, value, currency string) string {
	c, ok := s.catalogs[lang]
	if !ok {
		c = s.catalogs[s.langs[0]]
	}
	value, currency = clean(value), clean(currency)
	m := decimal.FindStringSubmatch(value)
	if m == nil {
		return strings.TrimSpace(value + " " + currency)
	}
	whole := m[2]
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + c.plain.fixed["number.group"] + whole[i:]
	}
	if m[3] != "" {
		whole += c.plain.fixed["number.decimal"] + m[3]
	}
	return strings.TrimSpace(m[1] + whole + " " + currency)
}

var decimal = regexp.MustCompile(`^(-?)(\d+)(?:\.(\d+))?$`)

// dict makes named values of pairs: dict "Name" .Name "N" 3.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("values must come in pairs")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("the name of a value must be a string, not %T", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// initial is the letter that stands for a house without a logo.
func initial(name string) string {
	for _, r := range clean(name) {
		return strings.ToUpper(string(r))
	}
	return ""
}

// safeURL lets the return address of an app through, whose scheme may be its
// own ("com.example.app:/back"), which html/template would not allow.
func safeURL(u string) (template.URL, error) {
	// Browsers skip blanks and control characters inside a scheme.
	if strings.ContainsFunc(u, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", errors.New("an address has no blanks")
	}
	head, _, _ := strings.Cut(strings.ToLower(u), ":")
	if slices.Contains([]string{"javascript", "data", "vbscript", "blob", "file"}, head) {
		return "", errors.New("this scheme is never a way back to an app")
	}
	u = strings.NewReplacer(`"`, "%22", "'", "%27", "<", "%3C", ">", "%3E").Replace(u)
	return template.URL(u), nil //nolint:gosec // checked above; registered by the client before
}

// link is a link inside a sentence. The label is a message; the address must be
// a page on the web.
func link(u string, label template.HTML) (template.HTML, error) {
	if !strings.HasPrefix(u, "/") && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
		return "", errors.New("a link must lead to a page")
	}
	return `<a href="` + template.HTML(html.EscapeString(u)) + `">` + label + "</a>", nil //nolint:gosec // escaped here
}

var symbol = regexp.MustCompile(`<symbol id="([a-z-]+)" viewBox="([^"]+)">(.*)</symbol>`)

// loadIcons reads icons.svg: "mail" is the symbol i-mail, "gate-open" is itself.
// Each is drawn whole, because styles do not reach inside <use>.
func loadIcons(fsys fs.FS) (map[string]template.HTML, error) {
	buf, err := fs.ReadFile(fsys, "html/icons.svg")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	icons := map[string]template.HTML{}
	for _, m := range symbol.FindAllStringSubmatch(string(buf), -1) {
		class := ` class="i"`
		if strings.HasPrefix(m[1], "gate-") {
			class = ""
		}
		if m[1] == "i-next" {
			class = ` class="i flip"` // it points along the text
		}
		icons[strings.TrimPrefix(m[1], "i-")] = template.HTML( //nolint:gosec // our own file
			fmt.Sprintf(`<svg%s viewBox="%s" aria-hidden="true">%s</svg>`, class, m[2], m[3]))
	}
	if len(icons) == 0 {
		return nil, errors.New("templates: icons.svg has no symbols")
	}
	return icons, nil
}
