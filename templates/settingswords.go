package templates

import (
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"
	"time"
)

// activities are the pairs of type and result that the activity tells in words
// of their own; see [ActivityEvent.Key].
var activities = []string{
	"login.completed", "stepup.completed", "password.tried.ok", "password.tried.wrong", "password.tried.refused", "password.changed",
	"password.changed.refused", "password.reset",
	"challenge.sent", "challenge.failed", "challenge.tried.ok", "challenge.tried.wrong", "challenge.refused", "challenge.locked",
	"challenge.cancelled", "factor.locked", "second_step_failed", "downgrade_attempt",
	"factor.added", "factor.removed", "factor.changed", "factor.cloned", "contact.added", "contact.confirmed", "contact.changed", "contact.removed",
	"mfa.enabled", "mfa.disabled", "mfa.reset", "pin.set", "pin.changed", "pin.removed",
	"recovery_codes.made", "recovery_codes.replaced", "recovery_code.used",
	"device.trusted", "device.removed", "device.theft", "devices.revoked", "session.ended", "session.ended_there", "sessions.ended",
	"confirmation.approved", "confirmation.declined", "confirmation.failed", "confirmation.denied", "confirmation.expired",
	"consent.given", "consent.declined", "consent.removed", "access.ended", "account.created", "other",
}

// signIns are the ways in which a sign-in is told; see [ActivityEvent.Method].
var signIns = []string{"password", "email", "sms", "voice", "totp", "webauthn", "recovery_codes", "passkey", "device"}

// sameActivity are other names for what an activity tells.
var sameActivity = map[string]string{
	"challenge.tried.mismatch": "challenge.tried.wrong",
	"challenge.tried.replayed": "challenge.tried.wrong", // a code that was right once
	"challenge.tried.cloned":   "challenge.refused",     // told by factor.cloned, too
	"mfa.enable":               "mfa.enabled",
	"mfa.disable":              "mfa.disabled",
	"password.change":          "password.changed",
}

// Key is the key of the event's sentence: that of type and method for what differs
// by the method, that of type and result when there is one, else that of the type,
// else a general one.
func (e ActivityEvent) Key() string {
	if e.MethodTold() {
		if e.Type == "login.completed" {
			return "activity.login.completed." + e.Method
		}
		// The same words as in the email about it.
		return "notice." + strings.Replace(e.Type, ".", "_", 1) + "." + e.about() + ".subject"
	}
	result := e.Result
	if result == "" {
		result = "ok"
	}
	for _, name := range []string{e.Type + "." + result, e.Type} {
		if same, ok := sameActivity[name]; ok {
			name = same
		}
		if slices.Contains(activities, name) {
			return "activity." + name
		}
	}
	return "activity.other"
}

// about is what the email about the event differs by: a contact is an address or a
// number, whichever way its code came.
func (e ActivityEvent) about() string {
	switch {
	case !slices.Contains(contactEvents, e.Type):
		return e.Method
	case e.Method == "sms" || e.Method == "voice":
		return "phone"
	}
	return e.Method
}

var contactEvents = []string{"contact.confirmed", "contact.changed", "contact.removed"}

// MethodTold reports whether the event's sentence names its method.
func (e ActivityEvent) MethodTold() bool {
	switch e.Type {
	case "login.completed":
		return slices.Contains(signIns, e.Method)
	case "factor.added", "factor.removed", "factor.changed":
		return slices.Contains(factorKinds, e.Method)
	case "contact.confirmed", "contact.changed", "contact.removed":
		return slices.Contains([]string{"email", "sms", "voice"}, e.Method)
	}
	return false
}

// Bad reports whether the event is one that the user should look at.
func (e ActivityEvent) Bad() bool {
	return slices.Contains([]string{
		"activity.password.tried.wrong", "activity.password.tried.refused", "activity.challenge.tried.wrong",
		"activity.challenge.locked", "activity.factor.locked", "activity.second_step_failed", "activity.device.theft",
		"activity.challenge.refused", "activity.confirmation.denied", "activity.confirmation.failed", "activity.password.changed.refused",
		"activity.factor.cloned", "activity.access.ended",
	}, e.Key())
}

// Icon is the drawing beside the event.
func (e ActivityEvent) Icon() string {
	kind, _, _ := strings.Cut(e.Type, ".")
	switch {
	case e.Bad():
		return "alert"
	case slices.Contains([]string{"device", "devices", "session", "sessions"}, kind):
		return "device"
	case kind == "confirmation" || kind == "consent" || kind == "access":
		return "app"
	case e.Type == "login.completed" || e.Type == "stepup.completed":
		return "user"
	case slices.Contains([]string{"factor", "contact", "mfa", "pin", "password", "recovery_codes", "recovery_code"}, kind):
		return "lock"
	}
	return "info"
}

// Ask is the key of the page's question: that of the change, or a general one.
func (p ConfirmChangePage) Ask() string {
	if slices.Contains(questions, p.Change) {
		return "ask." + p.Change
	}
	return "ask.other"
}

// Ends reports whether what goes was never the user's own, as sessions are: that ends,
// and nobody loses it.
func (p ConfirmChangePage) Ends() bool {
	return slices.Contains([]string{ChangeEndSession, ChangeEndSessions, ChangeRemoveDevice, ChangeRemoveDevices}, p.Change)
}

// Lost are the losses that go, Kept those that stay.
func (p ConfirmChangePage) Lost() []Loss { return p.lossesThat(false) }

// Kept are what the change leaves alone.
func (p ConfirmChangePage) Kept() []Loss { return p.lossesThat(true) }

func (p ConfirmChangePage) lossesThat(stay bool) []Loss {
	var out []Loss
	for _, l := range p.Losses {
		if l.Stays == stay {
			out = append(out, l)
		}
	}
	return out
}

// Counted reports whether the text of the loss has a number.
func (l Loss) Counted() bool { return slices.Contains(losses, l.What) }

// day is a date without a time: "today", "yesterday", or "on 21 November 2026".
// form is "on" inside a sentence such as "Added on …", and "plain" after a word
// such as "until".
func (c *catalog) day(form string, f Frame, t time.Time) (template.HTML, error) {
	zone := f.Zone
	if zone == nil {
		zone = time.UTC
	}
	t = t.In(zone)
	now := f.Now.In(zone)
	words, err := c.dayWords(form, now, t)
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.Format(time.DateOnly), html.EscapeString(words))), err //nolint:gosec // escaped here
}

func (c *catalog) dayWords(form string, now, t time.Time) (string, error) {
	switch t.Format(time.DateOnly) {
	case now.Format(time.DateOnly):
		return c.plain.say("day.today", nil)
	case now.AddDate(0, 0, -1).Format(time.DateOnly):
		return c.plain.say("day.yesterday", nil)
	}
	date, err := c.date(t)
	if err != nil || form == "plain" {
		return date, err
	}
	return c.plain.say("day.on", map[string]any{"Day": date})
}

// flag is the name of a flag as people write it: "kyc_pending" is "kyc pending".
func flag(name string) template.HTML {
	return bdi(strings.NewReplacer("_", " ", ".", " ").Replace(name))
}

// settingsFamilies are the messages that the pages of the settings and of the
// account compose.
var settingsFamilies = []family{
	{"problem", accountProblems, []string{".what", ".do"}},
	{"problem", []string{ProblemTooOften}, []string{".do_soon"}},
	{"day", []string{"today", "yesterday", "on"}, whole},
	{"done", doneNews, whole},
	{"done", doneByMethod, []string{".email", ".sms", ".voice", ".totp", ".webauthn", ".recovery_codes", ".pin"}},
	{"advice", advices, whole},
	{"task", tasks, []string{".name", ".do"}},
	{"state", states, whole},
	{"row", []string{"email", "sms", "voice", "totp", "webauthn", "recovery_codes", "pin", "password"}, []string{".name", ".hint"}},
	{"option", []string{"email", "sms", "voice", "totp", "webauthn", "recovery_codes", "off"}, whole},
	{"contact", []string{"email", "phone"}, whole},
	{"contact.status", []string{"confirmed", "unverified", "pending"}, whole},
	{"do", dos, whole},
	{"blocked", blocks, whole},
	{"activity", activities, whole},
	{"activity.login.completed", signIns, whole},
	{"change", factorKinds, []string{".enable", ".change", ".disable"}},
	{"change", []string{
		ChangeTurnOn2FA, ChangeTurnOff2FA, ChangeSwitchMethod, ChangeFirst, ChangeRemoveEmail, ChangeRemovePhone,
		ChangeRemovePasskey, ChangeRemoveKey, ChangeRemoveDevice, ChangeRemoveDevices, ChangeEndSession, ChangeEndSessions,
		ChangeRemoveApp, ChangePassword, ChangeSettings, "other",
	}, whole},
	{"ask", questions, []string{".title", ".body", ".submit"}},
	{"loss", losses, whole},
	{"loss", lossesPlain, whole},
	{"rename", []string{"passkey", "key", "device", "totp"}, whole},
	{"link", []string{LinkExpired, LinkUsed}, []string{".title", ".body"}},
}
