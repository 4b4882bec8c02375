package policy

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// A decision says what the engine of this version makes of a field.
//
// The principle: a field that, if it were ignored, would give less protection or
// another behaviour than written, and whose operation exists, is enforced, or else
// Unsupported tells of it. Operations that exist: login, the confirmation of an
// action, delivery of codes, trusted devices, sessions, lock-out, limits, notices
// by email. A field about an operation that does not exist yet is harmless.
type decision string

const (
	enforced decision = "enforced" // the engine has to do it, or the capability has to go
	refused  decision = "refused"  // asked for, it is a finding; the edit of the row asks for it
	harmless decision = "harmless" // its operation does not exist yet, or it is text
)

// decisions has a row for every field of the schema. A star stands for any kind,
// channel, purpose or name of an action.
var decisions = []struct {
	field    string
	decision decision
	why      string
	edit     string // refused: applied to system A, it must give a finding at path
	path     string
}{
	{"schema", harmless, "constant", "", ""},
	{"name", harmless, "text", "", ""},
	{"note", harmless, "text", "", ""},

	{"enforcement.mode", enforced, "login", "", ""},
	{"enforcement.default_for_new_tenants", harmless, "creation of tenants by form", "", ""},
	{"enforcement.grace_s", enforced, "a login of a user without factor", "", ""},
	{"enforcement.reminders", enforced, "login_banner; checklist is for a status API, and to show nothing loosens nothing", "", ""},
	{"enforcement.chooser", enforced, "the choice in the user's settings", "", ""},
	{"enforcement.user_may_skip", enforced, "the banner has no way to dismiss it when false", "", ""},
	{"enforcement.first_enrolment_proof", enforced, "enrolment in the middle of a login", "", ""},

	{"methods.*.enabled", enforced, "every kind", "", ""},
	{"methods.*.role", enforced, "order and companions, in ActionMethods", "", ""},
	{"methods.*.uses", enforced, "login, action and recover", "", ""},

	{"selection.tenant_max", enforced, "V07, when a policy is saved", "", ""},
	{"selection.tenant_multi_must_include", enforced, "V07, when a policy is saved", "", ""},
	{"selection.user_max", enforced, "enrolment", "", ""},
	{"selection.switch", enforced, "enrolment", "", ""},

	{"codes.default.*", enforced, "every delivered code, in Code", "", ""},
	{"codes.by_channel.*.*", enforced, "every delivered code, in Code", "", ""},
	{"codes.by_purpose.*.*", enforced, "every purpose, in Code", "", ""},
	{"codes.totp.*", enforced, "authenticator apps", "", ""},
	{"codes.recovery.*", enforced, "recovery codes", "", ""},
	{"codes.pin.*", enforced, "PIN", "", ""},

	{"delivery.first", enforced, "Options", "", ""},
	{"delivery.fallback_to", enforced, "delivery", "", ""},
	{"delivery.fallback_unlock", enforced, "delivery", "", ""},
	{"delivery.fallback_needs_confirmed_contact", enforced, "a code of a login or an action goes to confirmed contacts only, so false has no occasion before enrolment exists", "", ""},

	{"contacts.phone.collect", harmless, "the user's form", "", ""},
	{"contacts.phone.required_on_create", harmless, "creation of users", "", ""},
	{"contacts.phone.line_types", enforced, "entry of a number", "", ""},
	{"contacts.phone.sms_to", enforced, "delivery", "", ""},
	{"contacts.phone.voice_to", enforced, "delivery", "", ""},
	{"contacts.phone.extensions", harmless, "constant", "", ""},
	{"contacts.phone.countries_sms", enforced, "delivery", "", ""},
	{"contacts.phone.countries_voice", enforced, "delivery", "", ""},
	{"contacts.phone.country_guess", enforced, "entry of a number", "", ""},
	{"contacts.phone.unique", enforced, "at the confirmation of a number", "", ""},
	{"contacts.phone.release_after_change", enforced, "change of a number", "", ""},
	{"contacts.phone.release_days", enforced, "change of a number", "", ""},
	{"contacts.phone.remove", enforced, "removal of a number", "", ""},
	{"contacts.phone.change", enforced, "change of a number", "", ""},
	{"contacts.phone.change_blocked_by", enforced, "start and commit of a change", "", ""},
	{"contacts.phone.admin_assigned", enforced, "the first login code confirms the number", "", ""},
	{"contacts.phone.legacy_unverified", harmless, "an unconfirmed number gets no code in either case", "", ""},
	{"contacts.email.factor_address", enforced, "enrolment", "", ""},
	{"contacts.email.change", enforced, "change of an address", "", ""},

	{"lifecycle.*.enable", enforced, "operations", "", ""},
	{"lifecycle.*.disable", enforced, "operations", "", ""},
	{"lifecycle.*.change", enforced, "operations", "", ""},
	{"lifecycle.*.reauth_max_age_s", enforced, "the proof fresh_login of an action, in FreshLoginAge", "", ""},

	{"actions.*.applies", enforced, "action; until_met is a feature", "", ""},
	{"actions.*.require", enforced, "action; a feature", "", ""},
	{"actions.*.stages", refused, "code_new, code_current", `actions/payout.request/stages = [["delivered_code"], ["code_new"]]`, "actions.payout.request.stages[1][0]"},
	{"actions.*.methods", enforced, "action, in ActionMethods", "", ""},
	{"actions.*.binding", enforced, "action", "", ""},
	{"actions.*.fields", enforced, "the page shows every member of pushed details, so these too", "", ""},
	{"actions.*.ttl_s", enforced, "action", "", ""},
	{"actions.*.consume_within_s", enforced, "the authorization code that carries the approval lives no longer", "", ""},
	{"actions.*.hold", enforced, "after a recovery", "", ""},
	{"actions.*.deny_flags", enforced, "action", "", ""},
	{"actions.*.details", enforced, "pushed requests", "", ""},
	{"actions.*.thresholds", enforced, "action", "", ""},
	{"actions.*.begin", enforced, "action", "", ""},

	{"trusted_device.enabled", enforced, "trusted devices", "", ""},
	{"trusted_device.lifetime", enforced, "trusted devices, in TrustLifetime", "", ""},
	{"trusted_device.consent", enforced, "trusted devices", "", ""},
	{"trusted_device.max_per_user", enforced, "trusted devices", "", ""},

	{"session.idle_s", enforced, "sessions", "", ""},
	{"session.absolute_s", enforced, "sessions", "", ""},
	{"session.persistent", enforced, "sessions", "", ""},
	{"session.on_factor_change", enforced, "change of a factor", "", ""},

	{"lockout.soft_fails", enforced, "lock-out", "", ""},
	{"lockout.window_s", enforced, "lock-out", "", ""},
	{"lockout.delays_s", enforced, "lock-out", "", ""},
	{"lockout.hard_fails", enforced, "lock-out", "", ""},
	{"lockout.pin_fails", enforced, "PIN", "", ""},
	{"lockout.pin_block_s", enforced, "PIN", "", ""},
	{"lockout.pin_hard_fails", enforced, "PIN", "", ""},

	{"limits.send_per_contact", enforced, "delivery", "", ""},
	{"limits.send_per_user", enforced, "delivery", "", ""},
	{"limits.send_per_ip", enforced, "delivery", "", ""},
	{"limits.send_per_prefix", enforced, "delivery", "", ""},
	{"limits.send_per_country", enforced, "delivery", "", ""},
	{"limits.new_contacts_per_user", enforced, "entry of a contact", "", ""},
	{"limits.verify_per_user", enforced, "verification", "", ""},
	{"limits.verify_per_ip", enforced, "verification", "", ""},
	{"limits.budget_daily_usd_micros", enforced, "delivery by telephone", "", ""},
	{"limits.budget_on_exhaust", enforced, "delivery by telephone", "", ""},
	{"limits.conversion_min_sends", enforced, "delivery by telephone", "", ""},
	{"limits.conversion_min_percent", enforced, "delivery by telephone", "", ""},
	{"limits.conversion_block_s", enforced, "delivery by telephone", "", ""},

	{"recovery.self_service", enforced, "recovery", "", ""},
	{"recovery.admin_reset_user", harmless, "admin console", "", ""},
	{"recovery.admin_reset_all", harmless, "admin console", "", ""},
	{"recovery.dual_control", harmless, "admin console", "", ""},
	{"recovery.hold_actions_s", enforced, "recovery", "", ""},

	{"admin.missing_phone_report", harmless, "admin console", "", ""},
	{"admin.missing_phone_on_save", harmless, "admin console", "", ""},
	{"admin.methods_editable_by", harmless, "admin console", "", ""},
	{"admin.may_disable_for_user", harmless, "admin console", "", ""},

	{"notify.email_events", enforced, "notices, of the events that exist", "", ""},
	{"notify.old_contact_too", enforced, "change of a contact", "", ""},
	{"notify.on_screen", enforced, "the pages", "", ""},
	{"notify.frequent_prompt_hint_per_day", enforced, "the settings", "", ""},

	{"signals", enforced, "written with the change; an app fetches them", "", ""},

	{"acr.email_is", enforced, "login, in MethodClass", "", ""},
	{"acr.sms_is", enforced, "login, in MethodClass", "", ""},
	{"acr.voice_is", enforced, "login, in MethodClass", "", ""},
	{"acr.login_min", enforced, "login", "", ""},
}

// TestEveryFieldHasADecision fails when a field is added to the schema and nobody
// has decided what the engine makes of it.
func TestEveryFieldHasADecision(t *testing.T) {
	w := walker{t: t, schema: schemaTree(t)}
	fields := map[string]bool{}
	w.leaves("", w.schema, fields)

	rows := map[string]bool{}
	for _, d := range decisions {
		require.False(t, rows[d.field], "%s stands twice", d.field)
		rows[d.field] = true
	}

	require.Empty(t, cmp.Diff(slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(rows))))
}

// leaves collects the fields below node, with a star where the row of the table
// speaks for several names.
func (w *walker) leaves(path string, node map[string]any, into map[string]bool) {
	stars := []string{
		"methods", "codes.by_channel", "codes.by_purpose", "codes.default",
		"codes.by_channel.*", "codes.by_purpose.*", "codes.totp", "codes.recovery", "codes.pin", "lifecycle", "actions",
	}
	below, _ := node["properties"].(map[string]any)
	if more, ok := node["additionalProperties"].(map[string]any); ok {
		below = map[string]any{"*": more}
	}
	if len(below) == 0 {
		into[path] = true
		return
	}
	for name, sub := range below {
		if slices.Contains(stars, path) {
			name = "*"
		}
		w.leaves(strings.TrimPrefix(path+"."+name, "."), w.follow(sub.(map[string]any)), into)
	}
}

func TestRefusedFieldsAreFound(t *testing.T) {
	for _, d := range decisions {
		if d.decision != refused {
			require.Empty(t, d.edit, d.field)
			continue
		}
		t.Run(d.field, func(t *testing.T) {
			base := []string{"methods/recovery_codes/enabled = false"}
			require.Empty(t, Unsupported(edited(t, systemA, base...), Enforced()))

			got := Unsupported(edited(t, systemA, append(base, d.edit)...), Enforced())

			require.Equal(t, []string{d.path}, paths(got))
			require.Equal(t, "unsupported", got[0].ID)
			require.Contains(t, got[0].Message, "not yet supported")
		})
	}
}
