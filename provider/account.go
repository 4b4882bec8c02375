package provider

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/templates"
)

// resumeAccount ends a login that no app has asked for: the browser gets its session
// and goes back to the account's own pages. There is no grant, no code, no token.
func (p *Provider) resumeAccount(c *gin.Context, in *consent.Interaction) error {
	ctx, realm := c.Request.Context(), web.Realm(c)
	v := &visit{realm: realm, in: in, req: in.Request}
	v.auth.Client = realm.Tenant.Account()
	home := realm.Tenant.Path() + "/settings"
	if !in.FinishedAt.IsZero() || !in.Open(p.Now()) {
		seeOther(c, home)
		return nil
	}
	hash := web.SessionHash(p.Cookies.SessionToken(c, realm))
	if hash != nil {
		who, err := p.People.SignedIn(ctx, realm.Tenant.ID, hash, "")
		if err != nil {
			return err
		}
		v.who = who
	}
	d, err := p.Flow.Resolve(ctx, realm, v.auth.Client, v.req, v.who, in)
	switch {
	case err != nil:
		return err
	case d.Step == consent.StepDone:
		return p.endAccountLogin(c, v, d.Outcome)
	case d.Step == consent.StepRefuse:
		problem := templates.ErrorDenied
		if d.OAuthError == codeUnmet {
			problem = templates.ErrorNoMethod
		}
		return &web.Failure{Status: http.StatusForbidden, Problem: problem, BackURL: home}
	}
	seeOther(c, realm.Tenant.Path()+"/interaction/"+in.ID)
	return nil
}

func (p *Provider) endAccountLogin(c *gin.Context, v *visit, o consent.Outcome) error {
	now := p.Now()
	done := model.Completion{TenantID: v.realm.Tenant.ID, Now: now}
	if !o.NewSession && (v.who.Session == nil || v.who.Session.UserID != o.User.ID) {
		return errNoSession
	}
	v.loggedIn = *o.User
	token := p.moveSession(c, v, o, &done)
	err := p.describeCompletion(c, v, o, &done)
	if err != nil {
		return err
	}
	err = p.Grants.Complete(c.Request.Context(), done)
	if errors.Is(err, identity.ErrNotFound) || errors.Is(err, model.ErrFinished) {
		seeOther(c, v.realm.Tenant.Path()+"/settings")
		return nil
	}
	if err != nil {
		return err
	}
	p.keepSession(c, v, &done, token)
	seeOther(c, v.req.ReturnTo)
	return nil
}
