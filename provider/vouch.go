package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
)

// paramVouched names the user whom the app has logged in itself, as JSON. It is our own;
// no specification has it.
const paramVouched = "vouched_subject"

// vouchedSubject is the value of the parameter.
type vouchedSubject struct {
	Subject  string `json:"sub"`       // as this server knows the user
	AuthTime int64  `json:"auth_time"` // of the app's login: seconds since 1970
}

// personalScopes release what is known about a user, or last beyond the confirmation.
var personalScopes = []string{"profile", "email", "phone", "address", scopeOffline}

// ruleVouched reads whom the app vouches for. What it says spares the login here and
// nothing else, so it goes with the confirmation of an action alone, comes past the
// browser, and yields nothing about the user.
func ruleVouched(a *authRequest, _ *identity.Realm, form url.Values) error {
	if !form.Has(paramVouched) {
		return nil
	}
	switch {
	case consent.VouchedClass(a.Client) == consent.ClassNone:
		return oauthErr(codeUnauthorizedClient, "This client may not vouch for a subject.")
	case !a.Pushed:
		return invalidRequest("A vouched_subject has to be pushed; it is not accepted from a browser.")
	case slices.ContainsFunc(a.Prompt, func(p string) bool { return p == "login" || p == "select_account" }):
		return invalidRequest("The prompt asks for a login here, which vouched_subject is instead of.")
	case slices.ContainsFunc(a.Scopes, func(s string) bool { return slices.Contains(personalScopes, s) }):
		return oauthErr(codeInvalidScope, "With a vouched_subject there is no scope that is about the user, and no offline_access.")
	}
	d := json.NewDecoder(bytes.NewReader([]byte(form.Get(paramVouched))))
	d.DisallowUnknownFields()
	var v vouchedSubject
	err := d.Decode(&v)
	if err == nil {
		_, err = d.Token()
	}
	if !errors.Is(err, io.EOF) || v.Subject == "" || v.AuthTime <= 0 {
		return invalidRequest("The vouched_subject is not a JSON object of sub (text) and auth_time (seconds since 1970).")
	}
	a.Vouched = &v
	return nil
}

// vouch puts the word of the app into the requirement.
//
// Errors: an [*oauthError] where it names another user than the rest of the request, goes
// with something else than one action, or is of a login that would be over here too.
func (v *visit) vouch(now time.Time) error {
	word := v.auth.Vouched
	if word == nil {
		return nil
	}
	if v.req.Subject != "" && v.req.Subject != word.Subject {
		return invalidRequest("vouched_subject names another user than the request.")
	}
	if len(v.req.ACRValues) != 1 {
		return invalidRequest("A vouched_subject goes with the confirmation of one action.")
	}
	_, isAction := consent.ParseAction(v.req.ACRValues[0])
	if !isAction {
		return invalidRequest("A vouched_subject goes with the confirmation of one action.")
	}
	at := time.Unix(word.AuthTime, 0).UTC()
	age := now.Sub(at)
	if age < -clockSkew || age > v.realm.Policy.Session.Absolute.Duration() {
		return invalidRequest("The auth_time of vouched_subject lies in the future, or further back than a session lasts here.")
	}
	v.req.Subject, v.req.Required = word.Subject, true
	v.req.Vouched = &consent.Vouched{AuthTime: at}
	return nil
}

// replayWord is what a request object is used for that vouches for a subject.
const replayWord = "vouched_subject"

// useWord uses up the signed word of app in a request object: it stands for what is signed
// with it, and for one push.
//
// Errors: an [*oauthError].
func (p *Provider) useWord(ctx context.Context, realm *identity.Realm, app *identity.Client, object map[string]json.RawMessage, strict bool) error {
	if !strict {
		return badObject("With vouched_subject its typ has to be " + typRequestObject + ".")
	}
	var id string
	err := json.Unmarshal(object["jti"], &id)
	if err != nil || id == "" || len(id) > maxJTI {
		return badObject("With vouched_subject it needs a jti.")
	}
	sum := sha256.Sum256([]byte(app.ID + "\x00" + id))
	first, err := p.Replays.FirstUse(ctx, realm.Tenant.ID, replayWord, sum[:], p.Now().UTC().Add(objectLife+2*clockSkew))
	if err != nil {
		return unavailable(err)
	}
	if !first {
		return badObject("It was used before.")
	}
	return nil
}

// checkVouched refuses a push for somebody whom this tenant does not have, and records
// for whom the app has vouched.
func (p *Provider) checkVouched(c *gin.Context, v *visit) error {
	if v.req.Vouched == nil {
		return nil
	}
	user, err := p.People.User(c.Request.Context(), v.realm.Tenant.ID, v.req.Subject)
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return err
	}
	if err != nil || user.Status != identity.UserActive {
		return invalidRequest("The vouched_subject is no active user of this tenant.")
	}
	action, _ := consent.ParseAction(v.req.ACRValues[0])
	p.auditCall(c, v.realm, v.auth.Client.ID, nil, model.AuditEvent{
		Type: "subject.vouched", Result: "ok", Subject: user.ID, Data: map[string]string{"action": action},
	}, nil)
	return nil
}
