package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// visit is one request at the authorization endpoint: everything that is known
// when it is judged.
type visit struct {
	realm *identity.Realm
	keys  *keys.Set
	auth  authRequest
	req   consent.Request
	who   consent.SignedIn
	in    *consent.Interaction // nil while no page was needed and nothing was pushed

	loggedIn identity.User // whom the answer is about, once there is one
}

// authorize answers GET and POST /authorize: with a code or an error at once,
// or by sending the browser to the pages of an interaction.
//
// With a live session that satisfies the request it makes two statements: who
// is signed in, and the grant.
func (p *Provider) authorize(c *gin.Context) error {
	form, err := p.arrivingForm(c)
	if err != nil {
		return err
	}
	if isPushed(form) {
		return p.authorizePushed(c, form)
	}
	form, objectErr := p.openRequestObject(c.Request.Context(), web.Realm(c), form)
	v, err := p.read(c.Request.Context(), web.Realm(c), form, p.Now(), nil)
	if objectErr != nil && v.auth.RedirectURI != "" {
		err = objectErr // there is somebody to tell
	}
	web.UseLocales(c, v.auth.UILocales)
	if err != nil {
		return p.answerError(c, v, err)
	}
	// A post from another site comes without our cookies, so nobody can be
	// known by it. The browser repeats it as a GET, which brings them.
	if c.Request.Method == http.MethodPost && p.Cookies.SessionToken(c, v.realm) == "" {
		return p.repeatAsGet(c, v)
	}
	v, err = p.recognise(c, v, form)
	if err != nil {
		return p.answerError(c, v, err)
	}
	err = p.judge(c, v)
	if err != nil {
		return p.answerError(c, v, err)
	}
	return nil
}

// answerError tells the app what went wrong, or the user where the app cannot
// be told.
func (p *Provider) answerError(c *gin.Context, v *visit, err error) error {
	if v.auth.RedirectURI == "" {
		return err
	}
	return p.refuse(c, &v.auth, err, false)
}

// read checks form from one end to the other against realm, in memory. The
// result is never nil; it holds where to answer as soon as that is known. in is the
// interaction that the form was kept in, nil for one that has just arrived.
//
// Errors: those of normalise; an [*oauthError]; those of the key source.
func (p *Provider) read(ctx context.Context, realm *identity.Realm, form url.Values, now time.Time, in *consent.Interaction) (*visit, error) {
	v := &visit{realm: realm, in: in}
	return v, p.readInto(ctx, v, form, now)
}

// readInto is read for a visit whose realm and interaction are known.
func (p *Provider) readInto(ctx context.Context, v *visit, form url.Values, now time.Time) error {
	var err error
	v.auth, err = normalise(v.realm, form, v.in.Pushed())
	if err != nil {
		return err
	}
	v.keys, err = p.Keys.Keys(ctx, v.realm.Tenant.ID, v.realm.Tenant.Version)
	if err != nil {
		return err
	}
	hinted, err := readHint(v.keys, v.realm.Tenant.Issuer, v.auth.Client.ID, v.auth.IDTokenHint, now)
	if err != nil {
		return err
	}
	v.req, err = v.auth.requirement(hinted, now)
	if err == nil {
		err = v.vouch(now)
	}
	if err != nil {
		return err
	}
	if v.in != nil && v.in.Request.ClientID != "" {
		v.req = v.in.Request // as it was when it arrived
	}
	_, err = v.framework(ctx, p.newFosite(v.realm, v.keys, p.codeWork(v)))
	return err
}

// recognise finds out who is at the browser. The same statement tells the
// tenant's version; where that is newer than the one in memory, the request is
// read again, once, against the newer one.
func (p *Provider) recognise(c *gin.Context, v *visit, form url.Values) (*visit, error) {
	ctx := c.Request.Context()
	hash := web.SessionHash(p.Cookies.SessionToken(c, v.realm))
	if hash == nil {
		return v, nil
	}
	who, err := p.People.SignedIn(ctx, v.realm.Tenant.ID, hash, v.auth.Client.ID)
	if err != nil {
		return v, err
	}
	v.who = who
	if v.req.Vouched != nil {
		v.who = consent.SignedIn{RealmVersion: who.RealmVersion} // whoever that is, it is not about them
	}
	if who.RealmVersion <= v.realm.Tenant.Version {
		return v, nil
	}
	realm, err := p.Realms.AtLeast(ctx, v.realm.Tenant.ID, who.RealmVersion)
	if err != nil {
		return v, err
	}
	if realm.Tenant.Status != identity.TenantActive {
		return &visit{realm: realm}, identity.ErrNotFound
	}
	web.UseRealm(c, realm)
	fresh, err := p.read(ctx, realm, form, p.Now(), v.in)
	fresh.who = v.who
	return fresh, err
}

// judge answers a request that is seen for the first time.
func (p *Provider) judge(c *gin.Context, v *visit) error {
	ctx := c.Request.Context()
	d, err := p.Flow.Resolve(ctx, v.realm, v.auth.Client, v.req, v.who, v.in)
	switch {
	case err != nil:
		return err
	case d.Step == consent.StepDone:
		return p.issue(c, v, d.Outcome)
	case d.Step == consent.StepRefuse:
		e := refusal(d)
		if v.in != nil {
			return e // what ends the interaction notes it
		}
		p.Audit(ctx, p.event(c, v, userOf(v.who), "authorize.refused", e.Code, map[string]string{"reason": d.Reason}))
		return e
	case v.req.Silent:
		return refusal(d)
	}
	browser := consent.Browser{IP: web.ClientIP(c), UserAgent: web.UserAgentName(c), Lang: p.Pages.Lang(c)}
	var in consent.Interaction
	if v.in == nil {
		browser.Hash = p.Cookies.EnsureBrowser(c, v.realm)
		in, err = p.Flow.Start(ctx, v.realm, v.auth.Client, v.req, v.who, d, browser)
	} else {
		browser.Hash = v.in.BrowserHash
		in, err = p.Flow.Enter(ctx, v.realm, v.auth.Client, *v.in, v.who, d, browser)
	}
	if err != nil {
		return err
	}
	seeOther(c, v.realm.Tenant.Path()+"/interaction/"+in.ID)
	return nil
}

// userOf is the id of who is signed in, "" for nobody.
func userOf(who consent.SignedIn) string {
	if who.User == nil {
		return ""
	}
	return who.User.ID
}

// refusal is the error of a decision that is not done and shows no page.
func refusal(d consent.Decision) *oauthError {
	if d.OAuthError == "" {
		return &oauthError{Code: codeServerError, Description: describe(codeServerError), Cause: errNoVerdict}
	}
	description := d.Description
	if description == "" {
		description = describe(d.OAuthError)
	}
	return oauthErr(d.OAuthError, description)
}

var errNoVerdict = errors.New("provider: a refusal without an error code")

// seeOther redirects with 303, so that a posted body is never repeated.
func seeOther(c *gin.Context, location string) {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "no-referrer")
	c.Header("Location", location)
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}
