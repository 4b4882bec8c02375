package consent

import (
	"context"
	"slices"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// ReasonDisowned ends an interaction whose user did not start it.
const ReasonDisowned = "disowned"

// noticeDisowned is the notice of it. It is no matter of the policy: somebody may have
// the user's session.
const noticeDisowned = "action_disowned"

// Disown ends the confirmation because its user did not ask for it. What can be told of
// it is told, in the transaction that ends it, to the contacts of the user other than
// the one that the code went to, which may not be the user's alone any more.
//
// Source: mfa.md 4.11; ux.md 5 (I don't recognise this).
func (s *Service) Disown(ctx context.Context, st *Standing, device string) (*Standing, error) {
	if st.Step != StepConfirm {
		return st, nil
	}
	e, err := s.enrolled(ctx, st)
	if err != nil {
		return nil, err
	}
	used := ""
	c, err := s.Current(ctx, st)
	if err != nil {
		return nil, err
	}
	if c != nil {
		used = c.ContactID
	}
	var notices []identity.Notice
	sum := st.Detail.Summary()
	for _, to := range warned(*e, used) {
		notices = append(notices, identity.Notice{
			TenantID: st.Realm.Tenant.ID, UserID: st.User.ID, Kind: noticeDisowned, Device: device, At: s.Now(), ContactID: to,
			Action: st.Goal.Action, Amount: sum.Amount.Value, Currency: sum.Amount.Currency, Payee: sum.To,
		})
	}
	return s.end(ctx, st, ReasonDisowned, notices)
}

// warned are the contacts to be told: all but the one that a code was just sent to; that
// one too where there is no other.
func warned(e mfa.Enrolments, used string) []string {
	var all []string
	for _, c := range e.Contacts {
		phone := c.Kind == mfa.ContactPhone && !c.SMSIncapable && inUse(e, c.ID)
		if c.Status == mfa.ContactConfirmed && (c.Registered || phone) {
			all = append(all, c.ID)
		}
	}
	others := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return id == used })
	if len(others) == 0 {
		return all
	}
	return others
}

// inUse reports whether a text message reaches the user at contact id already.
func inUse(e mfa.Enrolments, id string) bool {
	return slices.ContainsFunc(e.Factors, func(f mfa.Factor) bool {
		return f.ContactID == id && f.Kind == policy.SMS && f.Status == mfa.FactorActive
	})
}
