package provider

import (
	"net/url"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// requirement says what the answer to a demands. hinted is the subject of a
// verified id_token_hint, "" without one; now is when the request arrived, and
// stays its time however long the user takes (trap T8).
//
// Errors: an [*oauthError] where two parameters name different users.
//
// Source: protocol.md 5.7; OpenID Connect Core sections 3.1.2.1 and 5.5.1.1;
// RFC 9470 section 4.
func (a *authRequest) requirement(hinted string, now time.Time) (consent.Request, error) {
	req := consent.Request{
		ClientID:      a.Client.ID,
		Form:          a.stored(),
		RequestedAt:   now.UTC().Truncate(time.Second),
		Scopes:        a.Scopes,
		Login:         slices.Contains(a.Prompt, "login"),
		SelectAccount: slices.Contains(a.Prompt, "select_account"),
		AskConsent:    slices.Contains(a.Prompt, "consent"),
		Silent:        slices.Contains(a.Prompt, "none"),
		LoginHint:     a.LoginHint,
		UILocales:     a.UILocales,
	}
	var err error
	req.ACRValues, req.Required, err = a.wantedACR()
	if err != nil {
		return req, err
	}
	err = a.wantDetail(&req)
	if err != nil {
		return req, err
	}
	req.Subject, err = a.wantedSubject(hinted)
	if err != nil {
		return req, err
	}
	age := youngest(a.MaxAge, a.Client.DefaultMaxAge)
	switch {
	case age == nil:
	case *age == 0: // trap T7: asks for a login here and now, not for no limit
		req.Login = true
	default:
		req.MaxAge = age
	}
	return req, nil
}

// wantedACR lists the acr values to aim at. An essential claim comes before
// acr_values, which comes before a voluntary claim and the client's default;
// only the first two can make it an error not to reach any.
func (a *authRequest) wantedACR() (values []string, required bool, err error) {
	claimed, essential, err := a.Claims.acr()
	switch {
	case err != nil:
		return nil, false, invalidRequest("The claims parameter is malformed.")
	case essential:
		return claimed, true, nil
	case len(a.ACRValues) > 0:
		return a.ACRValues, a.Client.ACRMode == identity.ACRRequired, nil
	case len(claimed) > 0:
		return claimed, false, nil
	}
	return a.Client.DefaultACRValues, false, nil
}

// wantDetail makes the confirmation of a transaction what the request is about. A class
// among acr_values raises what the session has to be beside it; another action does not
// go with it.
//
// Source: protocol.md 5.6 and 5.8.
func (a *authRequest) wantDetail(req *consent.Request) error {
	if a.Detail == nil {
		return nil
	}
	for _, value := range req.ACRValues {
		name, isAction := consent.ParseAction(value)
		if isAction && name != a.Detail.Type {
			return invalidRequest("acr_values asks for another action than authorization_details.")
		}
		class, known := consent.ParseClass(value)
		if known && req.Required {
			req.Least = max(req.Least, class)
		}
	}
	req.ACRValues, req.Required = []string{consent.ActionACR(a.Detail.Type)}, true
	req.Details, req.TxnID = a.Detail.Canonical, a.Detail.TxnID
	return nil
}

// wantedSubject is the one user that may come out of the request.
func (a *authRequest) wantedSubject(hinted string) (string, error) {
	claimed, err := a.Claims.subject()
	if err != nil {
		return "", invalidRequest("The claims parameter is malformed.")
	}
	if claimed != "" && hinted != "" && claimed != hinted {
		return "", invalidRequest("id_token_hint and the sub claim name different users.")
	}
	if claimed != "" {
		return claimed, nil
	}
	return hinted, nil
}

// stored is what is kept of the request while the user is on our pages. The
// hint has been read; an ID token is not kept in the database.
func (a *authRequest) stored() url.Values {
	form := url.Values{}
	for name, values := range a.Form {
		if name != "id_token_hint" {
			form[name] = values
		}
	}
	return form
}

// youngest is the smaller of two ages, nil where there is neither. The client's
// own default, in seconds, can be lowered by a request and not raised.
func youngest(asked *time.Duration, byDefault *int) *time.Duration {
	if byDefault == nil {
		return asked
	}
	registered := time.Duration(max(*byDefault, 0)) * time.Second
	if asked != nil && *asked < registered {
		return asked
	}
	return &registered
}

// readHint verifies an id_token_hint and returns whom it names, "" for no hint.
// The token may have expired long ago, and its key may have been retired; but
// it must be this tenant's, and for this client.
//
// Source: OpenID Connect Core section 3.1.2.1; trap T10 (fosite knows only the
// key in use).
func readHint(set *keys.Set, issuer, clientID, hint string, now time.Time) (string, error) {
	if hint == "" {
		return "", nil
	}
	bad := invalidRequest("The id_token_hint is not a valid ID token for this client.")
	claims, err := verifyJWT(set, hint, expected{
		Typ: typPlain, Issuer: issuer, Audience: clientID, Now: now, Expired: true,
	})
	if err != nil {
		return "", bad
	}
	subject := text(claims, "sub")
	if subject == "" {
		return "", bad
	}
	return subject, nil
}
