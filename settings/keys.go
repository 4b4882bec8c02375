package settings

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// keyPath is the page on which the key id gets another name.
func keyPath(base, id string) string { return base + "/keys/" + id + "/rename" }

// key is the user's key that the path names. Errors: [mfa.ErrNotFound].
func (h *Handler) key(c *gin.Context, s *web.Seat) (mfa.Factor, error) {
	e, err := h.MFA.Store.Enrolments(c.Request.Context(), s.User.Subject())
	if err != nil {
		return mfa.Factor{}, err
	}
	i := slices.IndexFunc(e.Factors, func(f mfa.Factor) bool {
		return f.ID == c.Param("key") && f.Kind == policy.WebAuthn && f.Status == mfa.FactorActive
	})
	if i < 0 {
		return mfa.Factor{}, mfa.ErrNotFound
	}
	return e.Factors[i], nil
}

func (h *Handler) showRenameKey(c *gin.Context, s *web.Seat) error {
	k, err := h.key(c, s)
	if err != nil {
		return err
	}
	return h.renderRenameKey(c, s, http.StatusOK, k, k.Label, "")
}

func (h *Handler) renderRenameKey(c *gin.Context, s *web.Seat, status int, k mfa.Factor, name, problem string) error {
	kind := "key"
	if isPasskey(k) {
		kind = "passkey"
	}
	return h.Pages.Render(c, status, templates.RenamePage{
		Frame: s.Frame, Action: keyPath(s.Base, k.ID), Kind: kind, Name: name, Problem: problem, BackURL: s.Base,
	})
}

// submitRenameKey changes the name alone: what the key can do stays as it is.
func (h *Handler) submitRenameKey(c *gin.Context, s *web.Seat) error {
	k, err := h.key(c, s)
	if err != nil {
		return err
	}
	name, problem := readName(c.PostForm("name"))
	if problem != "" {
		return h.renderRenameKey(c, s, http.StatusUnprocessableEntity, k, name, problem)
	}
	err = h.MFA.Store.RenameFactor(c.Request.Context(), s.User.Subject(), k.ID, name)
	if err != nil {
		return err
	}
	return seeOther(c, newsPath(s, "", templates.DoneSaved))
}
