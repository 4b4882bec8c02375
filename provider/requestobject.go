package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/identity"
)

// typRequestObject is the type of a request object that follows RFC 9101.
const typRequestObject = "oauth-authz-req+jwt"

// objectLife is how far ahead the end of a request object may lie.
const objectLife = time.Hour

// objectOnly are the claims of a request object that are about the object and are no
// parameters.
var objectOnly = []string{"iss", "aud", "exp", "nbf", "iat", "jti", "sub"}

// openRequestObject puts what is in a signed request object in the place of the form that
// it came with. Strictly, nothing but the object counts; an app of OpenID Connect may leave
// parameters beside it, of which those in the object win.
//
// A form without one comes back as it is, unless the app has to sign its requests.
//
// Errors: an [*oauthError]; the form then is the one that it came with, so that the app
// can be told.
//
// Source: RFC 9101 sections 4 to 6; OpenID Connect Core section 6.1.
func (p *Provider) openRequestObject(ctx context.Context, realm *identity.Realm, form url.Values) (url.Values, error) {
	app := realm.Client(once(form, "client_id"))
	if app == nil || len(form[paramRequest]) > 1 {
		return form, nil // normalise says what is wrong
	}
	raw := once(form, paramRequest)
	if raw == "" {
		if app.SignedRequests && !isPushed(form) {
			return form, invalidRequest("This client has to send signed request objects.")
		}
		return form, nil
	}
	if app.JWKSURI == "" && len(app.JWKS) == 0 {
		return form, nil // it has no key to sign with; the rules refuse the parameter
	}
	claims, strict, err := p.verifyRequestObject(ctx, realm, app, raw)
	if err != nil {
		return form, err
	}
	inner, err := objectForm(claims)
	if err != nil {
		return form, err
	}
	if inner.Has("client_id") && inner.Get("client_id") != app.ID {
		return form, badObject("Its client_id is another one.")
	}
	strict = strict || app.SignedRequests
	if inner.Has(paramVouched) {
		err = p.useWord(ctx, realm, app, claims, strict)
		if err != nil {
			return form, err
		}
	}
	if !strict {
		inner, err = merged(form, inner)
	}
	inner.Set("client_id", app.ID)
	return inner, err
}

func badObject(what string) *oauthError {
	return oauthErr(codeInvalidRequestObject, "The request object is not acceptable. "+what)
}

// verifyRequestObject checks who made raw, for whom and until when, and returns its
// claims as they were written. strict says that it follows RFC 9101.
func (p *Provider) verifyRequestObject(ctx context.Context, realm *identity.Realm, app *identity.Client, raw string) (claims map[string]json.RawMessage, strict bool, err error) {
	t, ok := readAppJWT(raw)
	if !ok {
		return nil, false, badObject("It is no JWT with a signature that is taken here.")
	}
	typ, ok := t.typ()
	if !ok || !slices.Contains([]string{"", "jwt", typRequestObject}, typ) {
		return nil, false, badObject("Its typ is another one.")
	}
	err = p.verifySignature(ctx, app, t, app.RequestAlg)
	if err != nil {
		return nil, false, &oauthError{
			Code: codeInvalidRequestObject, Description: "The request object is not acceptable. Its signature does not verify.",
			Status: statusOf(codeInvalidRequestObject), Cause: err,
		}
	}
	err = t.meantFor(app.ID, realm.Tenant.Issuer, p.Now())
	if err != nil {
		return nil, false, err
	}
	_, payload, _ := strings.Cut(t.signed, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		return nil, false, badObject("Its claims cannot be read.")
	}
	return claims, typ == typRequestObject, nil
}

// meantFor judges the claims that are about the object itself.
//
// Source: RFC 9101 section 4 (iss, aud, no sub of the client); RFC 8725 section 3.
func (t *appJWT) meantFor(clientID, issuer string, now time.Time) error {
	if iss, there := t.Claims["iss"]; there && iss != clientID {
		return badObject("Its iss is not the client.")
	}
	if sub, there := t.Claims["sub"]; there && sub == clientID {
		return badObject("It could be taken for a client assertion.")
	}
	if !names(t.Claims["aud"], issuer) {
		return badObject("Its aud is not this server.")
	}
	exp, there, ok := t.when("exp")
	if !there || !ok || !now.Before(exp) || exp.After(now.Add(objectLife+clockSkew)) {
		return badObject("Its exp is missing, over or more than an hour ahead.")
	}
	for _, name := range []string{"nbf", "iat"} {
		at, there, ok := t.when(name)
		if there && (!ok || at.After(now.Add(clockSkew))) {
			return badObject("It is not good yet.")
		}
	}
	return nil
}

// names reports whether aud, a text or a list of texts, holds issuer.
func names(aud any, issuer string) bool {
	if list, ok := aud.([]any); ok {
		return slices.Contains(list, any(issuer))
	}
	return aud == issuer
}

// objectForm is the parameters of a request object as a form holds them: JSON stays JSON,
// and a list of resources is the parameter more than once.
func objectForm(claims map[string]json.RawMessage) (url.Values, error) {
	form := url.Values{}
	for name, value := range claims {
		if slices.Contains(objectOnly, name) {
			continue
		}
		if name == paramRequest || name == paramRequestURI {
			return nil, badObject("It refers to another request.")
		}
		var text string
		var number json.Number
		var list []string
		switch {
		case json.Unmarshal(value, &text) == nil:
			form.Set(name, text)
		case name == paramResource && json.Unmarshal(value, &list) == nil:
			form[name] = list
		case name == "max_age" && json.Unmarshal(value, &number) == nil:
			_, err := strconv.ParseUint(number.String(), 10, 63)
			if err != nil {
				return nil, badObject("Its max_age is not a number of seconds.")
			}
			form.Set(name, number.String())
		case name == "claims" || name == paramDetails || name == paramVouched:
			form.Set(name, string(value))
		default:
			return nil, badObject("A parameter in it has a form that it cannot have.")
		}
	}
	return form, nil
}

// merged are the parameters of the form with those of the object over them.
// response_type and client_id stand in both or in the form alone, and agree.
//
// Source: OpenID Connect Core section 6.1.
func merged(form, inner url.Values) (url.Values, error) {
	out := url.Values{}
	for name, values := range form {
		if name != paramRequest {
			out[name] = values
		}
	}
	if inner.Has("response_type") && inner.Get("response_type") != form.Get("response_type") {
		return out, badObject("Its response_type is not that of the request.")
	}
	if form.Has(paramVouched) && !inner.Has(paramVouched) {
		return out, badObject("The vouched_subject has to stand in it.")
	}
	for name, values := range inner {
		out[name] = values
	}
	return out, nil
}
