package settings

import (
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// The states of a [Task].
const (
	TaskOpen = "open"
	TaskDone = "done"
)

// Task is a line of the checklist. It is worked out from the state of the account,
// and never stored.
type Task struct {
	ID    string `json:"id"` // confirm_phone
	State string `json:"state"`
}

// Tasks is the checklist of somebody who has e under p; nil where the policy shows
// none. A number that is missing and one that is not confirmed are the same task.
//
// Source: systems.md; policy.md 2.2 (enforcement.reminders).
func Tasks(p *policy.Policy, e mfa.Enrolments) []Task {
	if !p.Enforcement.Reminders.Has(policy.ReminderChecklist) || !p.Methods[policy.SMS].Enabled && !p.Methods[policy.Voice].Enabled {
		return nil
	}
	state := TaskOpen
	if confirmedPhone(e) {
		state = TaskDone
	}
	return []Task{{ID: templates.TaskConfirmPhone, State: state}}
}

// Status is where an account stands with what protects it: what its owner sees in
// the settings, for programs. No address and no number is in it in full.
type Status struct {
	TwoStep  bool            `json:"two_step"` // a login has a second step
	Tasks    []Task          `json:"tasks"`
	Contacts []ContactStatus `json:"contacts"`
	Factors  []FactorStatus  `json:"factors"`
}

// ContactStatus is an address or a number.
type ContactStatus struct {
	Kind   string    `json:"kind"`   // email or phone
	Status string    `json:"status"` // confirmed, unverified, pending, or "" for none
	Masked string    `json:"masked,omitempty"`
	Since  time.Time `json:"since,omitzero"` // confirmed since
	// Blocked are the changes that the owner cannot make now: the word of the button,
	// and why not.
	Blocked map[string]string `json:"blocked,omitempty"`
}

// FactorStatus is a way to confirm who one is.
type FactorStatus struct {
	Kind      string    `json:"kind"`
	State     string    `json:"state"` // on, off, unverified, pending, required or blocked
	Since     time.Time `json:"since,omitzero"`
	LastUsed  time.Time `json:"last_used,omitzero"`
	CodesLeft int       `json:"codes_left,omitempty"`
}

// StatusOf is the status of u, who has e under p, at now. It is worked out as the
// hub is, so the two never differ.
func StatusOf(p *policy.Policy, u identity.User, e mfa.Enrolments, now time.Time) Status {
	f := facts{Policy: p, User: u, Have: e, Now: now}
	s := Status{TwoStep: f.inForce(), Tasks: Tasks(p, e)}
	for _, c := range f.contacts() {
		row := ContactStatus{Kind: c.Kind, Status: c.Status, Since: c.Since}
		if c.Masked != u.Username {
			row.Masked = c.Masked
		}
		for _, b := range c.Blocked {
			if row.Blocked == nil {
				row.Blocked = map[string]string{}
			}
			row.Blocked[b.Label] = b.Reason
		}
		s.Contacts = append(s.Contacts, row)
	}
	for _, k := range append(f.ways(), policy.PIN) {
		if k == policy.PIN && !p.Methods[k].Enabled && len(f.active(k)) == 0 {
			continue
		}
		r := f.row(k)
		if r.State == "" {
			r.State = templates.StateOn // recovery codes, of which the page tells how many are left
		}
		s.Factors = append(s.Factors, FactorStatus{Kind: r.Kind, State: r.State, Since: r.Since, LastUsed: r.LastUsed, CodesLeft: r.CodesLeft})
	}
	return s
}
