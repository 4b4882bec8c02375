package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Actions that the server itself asks for. Relying apps cannot request them.
const (
	ActionLogin      = "auth.login"
	ActionMFAEnable  = "mfa.enable"
	ActionMFADisable = "mfa.disable"
)

// builtInPrefixes begin the names that belong to the server.
var builtInPrefixes = []string{"auth.", "mfa.", "phone.", "email.", "password.", "device."}

func builtIn(name string) bool {
	return slices.ContainsFunc(builtInPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// Code returns the settings of a code sent by channel for purpose: what
// by_purpose says, else by_channel, else the default; each field for itself. An
// unknown purpose or channel has no settings of its own.
func (p Policy) Code(channel Kind, purpose Purpose) CodeSet {
	return p.Codes.Default.with(p.Codes.ByChannel[channel]).with(p.Codes.ByPurpose[purpose])
}

func (s CodeSet) with(o CodeOverride) CodeSet {
	return CodeSet{
		Digits:      cmp.Or(o.Digits, s.Digits),
		TTL:         cmp.Or(o.TTL, s.TTL),
		ResendAfter: cmp.Or(o.ResendAfter, s.ResendAfter),
		Attempts:    cmp.Or(o.Attempts, s.Attempts),
		Sends:       cmp.Or(o.Sends, s.Sends),
	}
}

// Action returns the action called name, and false if there is none. Names match
// exactly; an unknown action has to be refused, never taken as one without stages.
//
// auth.login always exists. Where the document does not mention it, the mode
// decides: required asks everybody for a second factor, opt_in and prompt those
// who switched it on, disabled nobody, with no stages at all.
func (p Policy) Action(name string) (Action, bool) {
	a, ok := p.Actions[name]
	if ok || name != ActionLogin {
		return a, ok
	}
	a = defaultAction()
	a.Binding = BindingNone
	switch p.Enforcement.Mode {
	case ModeDisabled:
		return a, true
	case ModeOptIn, ModePrompt:
		a.Applies = AppliesWhenMFAEnabled
	case ModeRequired:
	}
	a.Stages = Stages{{ProofSecondFactor}}
	return a, true
}

// Requestable reports whether a relying app may ask for the action called name:
// it is configured, and it is none of the server's own.
func (p Policy) Requestable(name string) bool {
	_, ok := p.Actions[name]
	return ok && !builtIn(name)
}

// RequestableActions returns the names for which Requestable is true, sorted.
func (p Policy) RequestableActions() []string {
	return slices.DeleteFunc(p.actionNames(), builtIn)
}

// ActionMethods returns the methods that may be presented for the action called
// name, primary before the others and backup last, and otherwise in the order of
// the document. It is empty for an unknown action.
//
// They are those that the action names, or all if it names none, as far as they
// are enabled and their uses have action (login, for auth.login). A companion is
// never among them. That a method is listed does not say that it can give every
// proof: a delivered_code is only sent by a [Kind.Delivered].
func (p Policy) ActionMethods(name string) []Kind {
	a, ok := p.Action(name)
	if !ok {
		return nil
	}
	use := UseAction
	if name == ActionLogin {
		use = UseLogin
	}
	listed := []Kind(a.Methods)
	if len(listed) == 0 {
		listed = kinds
	}
	methods := slices.DeleteFunc(slices.Clone(listed), func(k Kind) bool {
		m := p.Methods[k]
		return !m.Enabled || m.Role == RoleCompanion || !m.Uses.Has(use)
	})
	slices.SortStableFunc(methods, p.byRole)
	return methods
}

// LoginMethods returns the methods that may be presented at the second step of a
// login, in the order of [Policy.ActionMethods].
func (p Policy) LoginMethods() []Kind { return p.ActionMethods(ActionLogin) }

// FactorMethods returns the methods by which a user may prove a second factor in the
// account's own settings, primary before the others and backup last: those that are
// good for a login or an action.
func (p Policy) FactorMethods() []Kind {
	methods := slices.DeleteFunc(slices.Clone(kinds), func(k Kind) bool {
		m := p.Methods[k]
		return !m.Enabled || m.Role == RoleCompanion || !m.Uses.Has(UseLogin) && !m.Uses.Has(UseAction)
	})
	slices.SortStableFunc(methods, p.byRole)
	return methods
}

func (p Policy) byRole(a, b Kind) int {
	order := []Role{RolePrimary, RoleAny, RoleBackup}
	return cmp.Compare(slices.Index(order, p.Methods[a].Role), slices.Index(order, p.Methods[b].Role))
}

// TrustLifetime returns how long a device may skip the second step of a login,
// counted from when it was trusted. It is 0 when devices are not trusted or the
// trust ends with the sign-in; then nothing is stored and nothing accepted.
func (p Policy) TrustLifetime() time.Duration {
	if !p.TrustedDevice.Enabled {
		return 0
	}
	return p.TrustedDevice.Lifetime.Duration()
}

// MethodClass returns the class that a password and k together reach.
// A PIN adds nothing. Source: protocol.md 5.6.
func (p Policy) MethodClass(k Kind) Class {
	switch k {
	case Email:
		return p.ACR.EmailIs
	case SMS:
		return p.ACR.SMSIs
	case Voice:
		return p.ACR.VoiceIs
	case TOTP, RecoveryCodes:
		return ClassMFA
	case WebAuthn:
		return ClassPHR
	case PIN:
	}
	return Class1FA
}

// FreshLoginAge returns how old an active login may be to count as the proof
// fresh_login of an action. The document has an age for each method only, so the
// shortest one of the enabled methods holds, or 900 s where none is enabled.
func (p Policy) FreshLoginAge() time.Duration {
	age := Seconds(0)
	for _, k := range p.enabled(kinds) {
		l, ok := p.Lifecycle[k]
		if ok && (age == 0 || l.ReauthMaxAge < age) {
			age = l.ReauthMaxAge
		}
	}
	return cmp.Or(age, defaultLifecycle().ReauthMaxAge).Duration()
}
