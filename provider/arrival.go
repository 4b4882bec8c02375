package provider

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
)

const (
	// maxBody is read of a posted request, in bytes; what is left of it after
	// decoding is limited again.
	maxBody = 128 << 10
	// maxRepeat is the longest query that a posted request is repeated with;
	// servers and proxies in between begin to refuse at 8 KiB.
	maxRepeat = 6 << 10
	// parkedName is the one parameter of a request that was too long to be
	// repeated in a query.
	parkedName = "parked"
)

// arrivingForm is the parameters of the request: of the query, of the posted
// form, or of a request that was parked.
//
// Errors: a [*web.Failure] for what cannot be read at all.
func (p *Provider) arrivingForm(c *gin.Context) (url.Values, error) {
	form, err := readParameters(c.Request)
	if err != nil {
		return nil, err
	}
	if c.Request.Method == http.MethodGet && len(form) == 1 && form.Has(parkedName) {
		return p.unpark(c, form.Get(parkedName))
	}
	return form, nil
}

// readParameters reads the query of a GET and the body of a POST. A POST with a query
// is refused: which of two values counts is nothing to guess at.
func readParameters(r *http.Request) (url.Values, error) {
	raw := r.URL.RawQuery
	if r.Method == http.MethodPost {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" || raw != "" {
			return nil, pageError(templates.ErrorRequest, "Parameters must come in the form or in the query, not in both.")
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		if err != nil {
			return nil, pageError(templates.ErrorRequest, "The request could not be read.")
		}
		raw = string(body)
	}
	if len(raw) > maxBody {
		return nil, &web.Failure{Status: http.StatusRequestEntityTooLarge, Problem: templates.ErrorTooLarge}
	}
	form, err := url.ParseQuery(raw)
	if err != nil {
		return nil, pageError(templates.ErrorRequest, "The parameters are not form-encoded.")
	}
	return form, nil
}

// repeatAsGet makes the browser send a posted request again as a GET: with the
// same parameters where they fit into a query, else with the id under which
// they are parked.
func (p *Provider) repeatAsGet(c *gin.Context, v *visit) error {
	path := v.realm.Tenant.Path() + "/authorize?"
	query := v.auth.Form.Encode()
	if len(query) > maxRepeat {
		id, err := p.park(c, v)
		if err != nil {
			return p.answerError(c, v, err)
		}
		query = url.Values{parkedName: {id}}.Encode()
	}
	seeOther(c, path+query)
	return nil
}

// park keeps a posted request for its repetition. It is bound to no browser,
// since the browser's cookie has not come: it is the request and nothing more,
// and whoever has its id can do no more than send it again. The random hash
// keeps every browser from entering it as an interaction.
func (p *Provider) park(c *gin.Context, v *visit) (string, error) {
	now := p.Now()
	in := consent.Interaction{
		ID: b64(randomBytes(grantIDSize)), TenantID: v.realm.Tenant.ID, BrowserHash: randomBytes(32),
		Request: consent.Request{
			ClientID: v.auth.Client.ID, Form: v.auth.Form, RequestedAt: v.req.RequestedAt, Scopes: v.auth.Scopes,
		},
		State:     consent.State{Ended: codeAccessDenied, Reason: parkedName},
		CreatedAt: now, ExpiresAt: now.Add(consent.InteractionLife),
	}
	err := p.Interactions.CreateInteraction(c.Request.Context(), in)
	return in.ID, err
}

// unpark finds a parked request.
func (p *Provider) unpark(c *gin.Context, id string) (url.Values, error) {
	if !web.Readable(id) {
		return nil, &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorExpired}
	}
	in, err := p.Interactions.Interaction(c.Request.Context(), web.Realm(c).Tenant.ID, id)
	if err != nil && !errors.Is(err, consent.ErrNotFound) {
		return nil, err
	}
	if err != nil || in.State.Reason != parkedName || !in.Open(p.Now()) {
		return nil, &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorExpired}
	}
	return in.Request.Form, nil
}
