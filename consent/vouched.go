package consent

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/identity"
)

// Vouched is the word of an app that it has logged a user in itself: the user is the
// [Request.Subject]. It spares a confirmation the login here and none of its stages.
type Vouched struct {
	AuthTime time.Time `json:"auth_time"` // of the app's login, by its own clock; whole seconds
}

// Vouching is what is told of it: in tokens, in the evidence and on the receipt.
type Vouching struct {
	By       string `json:"by"`        // client id
	AuthTime int64  `json:"auth_time"` // seconds since 1970
	ACR      string `json:"acr"`       // what the registration takes the app's login for
}

// mostVouched is the highest class that an app's own login can be registered for. What
// resists phishing is proven to this server or not at all.
const mostVouched = ClassMFA

// VouchedClass reads what an app's own login counts for; ClassNone is no right to vouch.
// Only the tenant's own apps have it, and only for actions that are named.
func VouchedClass(c *identity.Client) Class {
	class := PolicyClass(c.VouchedACR)
	if class == ClassTD || class > mostVouched || !c.FirstParty || len(c.Actions) == 0 {
		return ClassNone
	}
	return class
}

// identifyVouched takes the word of the app for who the user is. No session counts, not
// even one of the same user, and none comes of it. An app that may not vouch any more
// has said nothing.
func (s *Service) identifyVouched(ctx context.Context, st *Standing, who SignedIn) error {
	if VouchedClass(st.Client) == ClassNone {
		return nil
	}
	user, err := s.pinned(ctx, st, who, st.Request.Subject)
	if err != nil {
		return err
	}
	st.User = user
	st.dropOutdated()
	word := identity.AuthEvent{Method: identity.MethodVouched, At: st.Request.Vouched.AuthTime}
	st.events = slices.Concat([]identity.AuthEvent{word}, st.state().Here)
	return nil
}

// vouchedClass is what the word of the app counts for, ClassNone where it gave none.
func (st *Standing) vouchedClass() Class {
	if st.Request.Vouched == nil {
		return ClassNone
	}
	return VouchedClass(st.Client)
}

// vouching is what is told of the app's word, nil where it gave none.
func (st *Standing) vouching() *Vouching {
	if st.Request.Vouched == nil {
		return nil
	}
	return &Vouching{
		By: st.Client.ID, AuthTime: st.Request.Vouched.AuthTime.Unix(), ACR: st.vouchedClass().ACR(),
	}
}
