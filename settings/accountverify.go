package settings

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// showVerifyRequest lets a user ask for a link to the registered address, while it
// is not confirmed.
func (h *Handler) showVerifyRequest(c *gin.Context, s *web.Seat) error {
	return h.unverified(c, s, func(address mfa.Contact) error {
		return h.renderVerifyRequest(c, s, http.StatusOK, templates.VerifyEmailPage{State: templates.LinkRequest, Masked: address.Masked})
	})
}

func (h *Handler) submitVerifyRequest(c *gin.Context, s *web.Seat) error {
	return h.unverified(c, s, func(address mfa.Contact) error {
		err := h.Accounts.RequestVerification(c.Request.Context(), s.Realm, s.User.ID, h.Pages.Lang(c), web.ClientIP(c))
		wait, limited := errors.AsType[*ratelimit.WaitError](err)
		if limited {
			c.Header("Retry-After", retryAfter(wait.After))
			return h.renderVerifyRequest(c, s, http.StatusTooManyRequests, templates.VerifyEmailPage{
				State: templates.LinkRequest, Masked: address.Masked, Problem: templates.ProblemTooOften, RetryAt: h.Now().Add(wait.After),
			})
		}
		if err != nil {
			return err
		}
		return seeOther(c, s.Base+"/verify-email/sent")
	})
}

func (h *Handler) showVerifySent(c *gin.Context, s *web.Seat) error {
	return h.unverified(c, s, func(address mfa.Contact) error {
		return h.renderVerifyRequest(c, s, http.StatusOK, templates.VerifyEmailPage{
			State: templates.LinkSent, Masked: address.Masked, ResendAction: s.Base + "/verify-email",
		})
	})
}

// unverified calls do with the registered address of whoever sits here; where that
// is confirmed, or there is none, it leads back to the settings.
func (h *Handler) unverified(c *gin.Context, s *web.Seat, do func(mfa.Contact) error) error {
	address, ok, err := h.registeredAddress(c.Request.Context(), s.User)
	if err != nil {
		return err
	}
	if !ok || address.Status == mfa.ContactConfirmed && s.User.Profile.EmailVerified {
		return seeOther(c, s.Base)
	}
	return do(address)
}

func (h *Handler) renderVerifyRequest(c *gin.Context, s *web.Seat, status int, page templates.VerifyEmailPage) error {
	page.Frame, page.Action, page.ContinueURL = s.Frame, s.Base+"/verify-email", s.Base
	return h.Pages.Render(c, status, page)
}

// registeredAddress is the registered address of a user, in whatever state.
func (h *Handler) registeredAddress(ctx context.Context, u identity.User) (mfa.Contact, bool, error) {
	all, err := h.Accounts.Contacts.Enrolments(ctx, u.Subject())
	if err != nil {
		return mfa.Contact{}, false, err
	}
	i := slices.IndexFunc(all.Contacts, func(c mfa.Contact) bool { return c.Registered && c.Kind == mfa.ContactEmail })
	if i < 0 {
		return mfa.Contact{}, false, nil
	}
	return all.Contacts[i], true, nil
}

// showVerify is the page behind the link. The address is confirmed only by its
// button: mail scanners open links too.
func (h *Handler) showVerify(c *gin.Context, v *visitor) error {
	token, finished := h.linkToken(c, v, keepVerify)
	if finished != "" {
		return h.Pages.Render(c, http.StatusOK, templates.VerifyEmailPage{
			Frame: v.Frame, State: templates.LinkDone, ContinueURL: v.path("/settings"),
		})
	}
	u, err := h.Accounts.OpenVerification(c.Request.Context(), v.Realm, token)
	if err != nil {
		return h.verifyOver(c, v, err)
	}
	address, _, err := h.registeredAddress(c.Request.Context(), u)
	if err != nil {
		return err
	}
	return h.Pages.Render(c, http.StatusOK, templates.VerifyEmailPage{
		Frame: v.Frame, State: templates.LinkOpen, Masked: address.Masked, Action: v.path("/verify-email"),
	})
}

func (h *Handler) submitVerify(c *gin.Context, v *visitor) error {
	token, finished := h.linkToken(c, v, keepVerify)
	if finished != "" {
		return seeOther(c, v.path("/verify-email"))
	}
	_, err := h.Accounts.ConfirmEmail(c.Request.Context(), v.Realm, token, web.ClientIP(c))
	if err != nil {
		return h.verifyOver(c, v, err)
	}
	return h.endLink(c, v, keepVerify, linkDone, "/verify-email")
}

// verifyAgain leads to where a new link can be asked for, which takes a sign-in:
// a link that is over says nothing about who holds it.
func (h *Handler) verifyAgain(c *gin.Context, v *visitor) error {
	return seeOther(c, v.path("/settings/verify-email"))
}

func (h *Handler) verifyOver(c *gin.Context, v *visitor, err error) error {
	state, ok := linkState(err)
	if !ok {
		return err
	}
	return h.Pages.Render(c, http.StatusGone, templates.VerifyEmailPage{
		Frame: v.Frame, State: state, ResendAction: v.path("/verify-email/new"),
	})
}
