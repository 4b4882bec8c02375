package samples

import (
	"slices"
	"strings"
)

// Screen is a page of the plan with all the states of it that can be looked at.
type Screen struct {
	Name    string // a key of the texts "screen.<Name>"
	Samples []Sample
}

// screens are in the order in which somebody comes to see them. A sample belongs to
// the first of which a prefix fits.
var screens = []struct {
	name     string
	prefixes []string
}{
	{"identify", []string{"identify"}},
	{"change", []string{"confirm-change", "password-for-", "choose-for-", "challenge-for-", "challenge-change-", "rename"}},
	{"account", []string{"password-change", "forgot", "reset", "verify-email", "sign-up"}},
	{"password", []string{"password"}},
	{"challenge", []string{"challenge"}},
	{"choose", []string{"choose", "recover-"}},
	{"codes", []string{"recovery-"}},
	{"confirm", []string{"confirm", "denied"}},
	{"contact", []string{"enrol-phone", "enrol-email", "enrol-code"}},
	{"enrol", []string{"enrol"}},
	{"devices", []string{"devices"}},
	{"activity", []string{"activity"}},
	{"apps", []string{"apps"}},
	{"settings", []string{"settings"}},
	{"consent", []string{"consent"}},
	{"logout", []string{"logout"}},
	{"error", []string{"error"}},
	{"interstitial", []string{"interstitial", "form-post"}},
	{"banner", []string{"banner"}},
	{"demo", []string{"demo-", "mailbox", "shop"}},
}

// Screens is every screen with the states that people see, without the bare ones.
func Screens() []Screen {
	var all []Screen
	for _, s := range screens {
		all = append(all, Screen{Name: s.name})
	}
	for _, s := range All() {
		i := screenOf(s.Name)
		if i >= 0 && !strings.HasSuffix(s.Name, "-bare") {
			all[i].Samples = append(all[i].Samples, s)
		}
	}
	return all
}

// screenOf is the place in screens of a sample's screen, -1 for none.
func screenOf(name string) int {
	for i, s := range screens {
		if slices.ContainsFunc(s.prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return i
		}
	}
	return -1
}

// Find returns the sample called name; ok is false when there is none.
func Find(name string) (s Sample, ok bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Sample{}, false
}
