package templates

import (
	"fmt"
	"html/template"
	"regexp"
	"time"
)

// Tenant is the house whose door the user stands at.
type Tenant struct {
	Name    string
	LogoURL string // same origin; "" draws the first letter of Name
	Brand   string // "#rrggbb"; "" or anything else leaves the default colour
}

// Frame is what surrounds every page. Each page type embeds one. The zero value
// of a field hides its part.
type Frame struct {
	Tenant     Tenant
	AppName    string         // the app that the user comes from
	Account    string         // shown as a chip under the head once the account is known
	NotYou     string         // form action of "Not you?"; it is posted with csrf only
	Gates      []Gate         // none, or two; see SignInGates and its sisters
	CSRF       string         // hidden in every form
	RequestID  string         // shown on error pages
	HelpURL    string         // in the footer
	PrivacyURL string         // in the footer
	Now        time.Time      // the server's clock; decides "today" and what has passed
	Zone       *time.Location // all times are shown in it, with its name; nil is UTC
	Langs      []Lang         // of the switcher in the footer, which needs two
	LangAction string         // takes lang, the code of one of Langs
}

// Lang is a language of the switcher in the footer.
type Lang struct {
	Code    string // a BCP 47 tag
	Name    string // in the language itself, such as "Deutsch"
	Current bool
}

// GateState says how far the user has come.
type GateState string

// The three states of a gate.
const (
	GateShut   GateState = "shut"
	GateOpen   GateState = "open"
	GatePassed GateState = "passed"
)

// Gate is one of the two gates. The first is always "Who you are", whatever its
// label; the second is named after an action of the policy or after the app.
type Gate struct {
	Label  string // the app; used when Action is ""
	Action string // such as "payout.request"
	State  GateState
}

// SignInGates is a sign-in on the way to app: the first gate is open. Every
// page of a sign-in has it, the second step too.
func SignInGates(app string) []Gate {
	return []Gate{{State: GateOpen}, {Label: app, State: GateShut}}
}

// ConsentGates is the consent to app: the user is known.
func ConsentGates(app string) []Gate {
	return []Gate{{State: GatePassed}, {Label: app, State: GateOpen}}
}

// ActionGates is the confirmation of an action, such as "payout.request". The
// first gate is open until the user is signed in.
func ActionGates(action string, signedIn bool) []Gate {
	if !signedIn {
		return []Gate{{State: GateOpen}, {Action: action, State: GateShut}}
	}
	return []Gate{{State: GatePassed}, {Action: action, State: GateOpen}}
}

// PassedGates is the way back to the app: both are behind the user. action is
// "" when it was a sign-in.
func PassedGates(app, action string) []Gate {
	return []Gate{{State: GatePassed}, {Label: app, Action: action, State: GatePassed}}
}

// Clock shows the time of day of t to the minute, with the name of the zone.
func (f Frame) Clock(t time.Time) template.HTML { return f.clock(t, "15:04") }

// ClockSec shows the time of day of t to the second, with the name of the zone.
func (f Frame) ClockSec(t time.Time) template.HTML { return f.clock(t, "15:04:05") }

// ClockSecIn is ClockSec in another zone than that of the page; nil is that one.
func (f Frame) ClockSecIn(t time.Time, zone *time.Location) template.HTML {
	if zone != nil {
		f.Zone = zone
	}
	return f.ClockSec(t)
}

// Until shows t to the minute, or to the second when it is so near that a
// minute would mislead.
func (f Frame) Until(t time.Time) template.HTML {
	return f.clock(t, untilLayout(t, f.Now))
}

// After is Until for the moment at which a wait ends. It rounds up to the
// minute, so that someone who waits as long as the page says has waited enough.
func (f Frame) After(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	layout := untilLayout(t, f.Now)
	if layout == "15:04" {
		t = t.Add(time.Minute - time.Nanosecond).Truncate(time.Minute)
	}
	return f.clock(t, layout)
}

// Today reports whether t is on the day of Now, in the zone of the page.
func (f Frame) Today(t time.Time) bool {
	zone := f.Zone
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format(time.DateOnly) == f.Now.In(zone).Format(time.DateOnly)
}

// Passed reports whether t is not after Now, as a zero time is.
func (f Frame) Passed(t time.Time) bool { return !t.After(f.Now) }

func (f Frame) clock(t time.Time, layout string) template.HTML {
	if t.IsZero() {
		return ""
	}
	// Both parts are digits, signs and the letters of a zone name, so there is
	// nothing to escape.
	return template.HTML(fmt.Sprintf(`<time datetime="%s" data-clock="%d">%s</time>`, //nolint:gosec // see above
		t.UTC().Format("2006-01-02T15:04:05Z"), len(layout), clockIn(t, f.Zone, layout)))
}

// untilLayout shows seconds for what ends within three minutes.
func untilLayout(t, now time.Time) string {
	if t.Sub(now) < 3*time.Minute {
		return "15:04:05"
	}
	return "15:04"
}

// numericZone is how package time names a zone that has no letters.
var numericZone = regexp.MustCompile(`^[+-]\d+$`)

// clockIn formats t in zone and names the zone, as "14:36 CET" or "14:36 UTC-03".
func clockIn(t time.Time, zone *time.Location, layout string) string {
	if zone == nil {
		zone = time.UTC
	}
	t = t.In(zone)
	name := t.Format("MST")
	if numericZone.MatchString(name) {
		name = "UTC" + name
	}
	return t.Format(layout) + " " + name
}
