package provider

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/templates"
)

// resume answers a request whose pages are done. What was done in them is judged
// anew, over facts read now; that the browser comes here proves nothing. One
// interaction is answered once.
func (p *Provider) resume(c *gin.Context) error {
	ctx := c.Request.Context()
	realm := web.Realm(c)
	in, err := p.Interactions.Interaction(ctx, realm.Tenant.ID, c.Param("id"))
	if err != nil {
		return err
	}
	if !sameBrowser(in.BrowserHash, p.Cookies.BrowserHash(c, realm)) {
		return consent.ErrNotFound
	}
	if in.Request.ReturnTo != "" {
		return p.resumeAccount(c, &in)
	}
	web.UseLocales(c, in.Request.UILocales)
	form := url.Values(in.Request.Form)
	v, err := p.read(ctx, realm, form, p.Now(), &in)
	v.req = in.Request
	if err == nil && in.Open(p.Now()) {
		v, err = p.recognise(c, v, form)
		v.req = in.Request
	}
	switch {
	case !in.FinishedAt.IsZero():
		return alreadyDone(v)
	case err != nil:
		return p.unanswered(c, v, err)
	case !in.Open(p.Now()):
		return p.refuse(c, &v.auth, oauthErr(codeAccessDenied, "The request expired before the user completed it."), v.paged())
	}
	return p.conclude(c, v)
}

// conclude answers an open interaction as it stands now.
func (p *Provider) conclude(c *gin.Context, v *visit) error {
	d, err := p.Flow.Resolve(c.Request.Context(), v.realm, v.auth.Client, v.req, v.who, v.in)
	switch {
	case err != nil:
		return p.unanswered(c, v, err)
	case d.Step == consent.StepDone:
		err = p.issue(c, v, d.Outcome)
		if errors.Is(err, model.ErrFinished) {
			return alreadyDone(v)
		}
		if err != nil {
			return p.unanswered(c, v, err)
		}
		return nil
	case d.Step == consent.StepRefuse:
		return p.endRefused(c, v, refusal(d))
	}
	seeOther(c, v.realm.Tenant.Path()+"/interaction/"+v.in.ID)
	return nil
}

// endRefused finishes the interaction and tells the app why it failed.
func (p *Provider) endRefused(c *gin.Context, v *visit, e *oauthError) error {
	ended := p.event(c, v, v.in.State.UserID, "authorize.refused", e.Code, map[string]string{"reason": v.in.State.Reason})
	err := p.Grants.Complete(c.Request.Context(), model.Completion{
		TenantID: v.realm.Tenant.ID, Now: p.Now(), InteractionID: v.in.ID,
		Audit: append([]model.AuditEvent{ended}, p.turnedDown(c, v)...),
	})
	if errors.Is(err, model.ErrFinished) {
		return alreadyDone(v)
	}
	if err != nil {
		return p.unanswered(c, v, err)
	}
	return p.refuse(c, &v.auth, e, v.paged())
}

// turnedDown is what the user has turned down or did not finish, in the words that
// the owner of the account reads: an action that was not confirmed, or an app that
// was not let in. It is none where nobody is known, and where it was not about that.
func (p *Provider) turnedDown(c *gin.Context, v *visit) []model.AuditEvent {
	state := v.in.State
	userID := state.UserID
	if userID == "" {
		userID = userOf(v.who)
	}
	action, _ := consent.WantsAction(v.in.Request.ACRValues)
	result := state.Reason
	if state.Ended == "" && !state.ConfirmBy.IsZero() && !p.Now().Before(state.ConfirmBy) {
		result = "expired"
	}
	switch {
	case userID == "":
	case action != "" && slices.Contains([]string{"cancelled", "locked", "expired", consent.ReasonDisowned}, result):
		return []model.AuditEvent{p.event(c, v, userID, "action.refused", result, map[string]string{"action": action})}
	case action == "" && result == "declined":
		return []model.AuditEvent{p.event(c, v, userID, "consent.declined", "ok", nil)}
	}
	return nil
}

// unanswered is a failure on the way to an answer. What the app is to blame for,
// such as a registration that changed meanwhile, is told to it. A failure of
// ours is a page: nothing has been answered yet, and the user can try again.
func (p *Provider) unanswered(c *gin.Context, v *visit, err error) error {
	e, ok := errors.AsType[*oauthError](err)
	if !ok || v.auth.RedirectURI == "" || e.Code == codeServerError || e.Code == codeUnavailable {
		return err
	}
	return p.refuse(c, &v.auth, e, v.paged())
}

// alreadyDone is the page for the back button and for a second tab.
func alreadyDone(v *visit) error {
	failure := &web.Failure{Status: http.StatusConflict, Problem: templates.ErrorDone}
	if v.auth.Client != nil {
		failure.AppName, failure.BackURL = v.auth.Client.Name, appURL(v.auth.Client)
	}
	return failure
}

// sameBrowser reports whether an interaction was begun by this browser.
func sameBrowser(bound, presented []byte) bool {
	return len(bound) > 0 && subtle.ConstantTimeCompare(bound, presented) == 1
}
