package stepup_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/sallyport-id/sallyport/stepup"
)

// caller is an app whose payouts are made by an API. It knows nothing of levels and
// actions: the API demands them.
type caller struct {
	sallyport *stepup.Client
	api       string
	token     stepup.Secret // of the login
	payouts   map[string]string
	pending   string // stands for the session
}

// payout asks the API. If that demands more of the user, the payout waits.
func (c *caller) payout(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("payout")
	err := c.pay(r.Context(), w, id, c.token)
	demand, ok := errors.AsType[*stepup.DemandError](err)
	if !ok {
		return
	}
	address, tx, err := c.sallyport.Answer(r.Context(), demand.Challenge, stepup.StartOptions{
		Subject: "alice", Resources: []string{apiName}, Resume: id,
	})
	if err != nil {
		http.Error(w, "cannot ask", http.StatusBadGateway)
		return
	}
	c.pending = tx.Encode()
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// callback goes on with the payout that waits, with the token that proves more.
func (c *caller) callback(w http.ResponseWriter, r *http.Request) {
	tx, err := stepup.DecodeTransaction(c.pending)
	c.pending = ""
	if err != nil {
		http.Error(w, "nothing waits", http.StatusConflict)
		return
	}
	proof, err := c.sallyport.Finish(r.Context(), tx, r.URL.Query())
	if err != nil {
		http.Error(w, "not confirmed", http.StatusForbidden)
		return
	}
	err = c.pay(r.Context(), w, tx.Resume, proof.AccessToken)
	if err != nil { // also a second demand: the two do not agree
		http.Error(w, "not paid", http.StatusBadGateway)
	}
}

func (c *caller) pay(ctx context.Context, w http.ResponseWriter, id string, token stepup.Secret) error {
	body := strings.NewReader(url.Values{"amount": {c.payouts[id]}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.api+"/payouts", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.sallyport.Do(req, token)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, "the API answers", res.Status)
	return errors.Join(err, res.Body.Close())
}

// An API demands the confirmation of a payout. Its caller has the user confirm, and
// makes the same payout with the new token.
func ExampleClient_Answer() {
	idp := newProvider()
	defer idp.Close()
	ctx := context.Background()
	verifier := must(stepup.NewVerifier(ctx, stepup.VerifierConfig{Issuer: idp.issuer(), Audience: apiName, Now: idp.clock.Now}))
	guard := verifier.Require(stepup.Requirement{ACR: []string{stepup.Action("payout.request")}})
	api := httptest.NewServer(guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := stepup.FromContext(r.Context())
		fmt.Println("paid", r.PostFormValue("amount"), "for", token.Subject)
		w.WriteHeader(http.StatusCreated)
	})))
	defer api.Close()

	c := &caller{api: api.URL, payouts: map[string]string{"payout-1": "1250.00 EUR"}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payout", c.payout)
	mux.HandleFunc("GET /callback", c.callback)
	app := httptest.NewServer(mux)
	defer app.Close()
	cfg := config(idp)
	cfg.RedirectURI = app.URL + "/callback"
	c.sallyport = must(stepup.New(ctx, cfg))
	address, tx, _ := c.sallyport.Start(stepup.StartOptions{Resources: []string{apiName}})
	login, err := c.sallyport.Finish(ctx, tx, browse(address))
	fmt.Println("login:", login.ACR, err)
	c.token = login.AccessToken

	show(http.PostForm(app.URL+"/payout", url.Values{"payout": {"payout-1"}}))

	// Output:
	// login: urn:sallyport:acr:1fa <nil>
	// paid 1250.00 EUR for alice
	// the API answers 201 Created
}
