package hosted

import (
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// maxDeviceCookies is how many users of one browser are remembered at once.
const maxDeviceCookies = 8

// recognise looks for this user's trusted-device cookie. It returns nil where
// there is none, or it is no longer good, or the database cannot say: then the
// second step is asked for.
func (h *Handler) recognise(c *gin.Context, realm *identity.Realm, user identity.User) *mfa.LoginWaiver {
	name := h.MFA.DeviceCookieName(user.Subject())
	value := h.Cookies.Get(c, name)
	if value == "" {
		return nil
	}
	waiver, next, err := h.MFA.Recognise(c.Request.Context(), user.Subject(), user.Epochs(realm.Tenant), realm.Policy, mfa.Secret(value))
	if err != nil {
		return nil
	}
	if next != "" {
		h.Cookies.Set(c, name, next.Reveal(), realm.Policy.TrustLifetime())
	}
	return &waiver
}

// trust makes this browser a trusted device, when the policy has it so and the
// user ticked the box (or the policy does not ask). It happens only after a real
// second step of this login.
func (h *Handler) trust(c *gin.Context, st *consent.Standing, proof mfa.Proof) error {
	p := st.Realm.Policy
	ticked := c.PostForm("trust_device") != ""
	if proof.Purpose != mfa.PurposeLogin || recovered(st, proof) || !st.Target.Login || !loggedInHere(st) || !ticked && p.TrustedDevice.Consent != policy.ConsentAuto {
		return nil
	}
	cookie, err := h.MFA.Trust(c.Request.Context(), mfa.TrustRequest{
		Proof: proof, Policy: p, Epochs: st.User.Epochs(st.Realm.Tenant), Label: h.browser(c, st).UserAgent,
	})
	if err != nil || cookie.Name == "" {
		return err
	}
	others := slices.DeleteFunc(h.Cookies.Names(c, "td-"), func(name string) bool { return name == cookie.Name })
	for len(others) >= maxDeviceCookies {
		h.Cookies.Set(c, others[0], "", -1)
		others = others[1:]
	}
	h.Cookies.Set(c, cookie.Name, cookie.Value.Reveal(), cookie.MaxAge)
	return nil
}

// recovered reports whether any step of this login was passed with a recovery code.
func recovered(st *consent.Standing, proof mfa.Proof) bool {
	return proof.Method == policy.RecoveryCodes || slices.ContainsFunc(st.In.State.Here, func(e identity.AuthEvent) bool {
		return e.Method == string(policy.RecoveryCodes)
	})
}

// loggedInHere reports whether the first factor was given in this interaction,
// so that the second step belongs to a login and not to a step-up.
func loggedInHere(st *consent.Standing) bool {
	return slices.ContainsFunc(st.In.State.Here, identity.AuthEvent.First)
}

// trustLabel is what the box on the challenge page offers, "" for no box. A recovery
// code makes no device trusted.
func trustLabel(st *consent.Standing, challenge *mfa.Challenge) string {
	p := st.Realm.Policy
	if !st.Target.Login || !loggedInHere(st) || p.TrustLifetime() == 0 || p.TrustedDevice.Consent != policy.ConsentAsk ||
		challenge.Method == policy.RecoveryCodes {
		return ""
	}
	return string(p.TrustedDevice.Lifetime)
}
