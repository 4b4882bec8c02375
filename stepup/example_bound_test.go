package stepup_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/sallyport-id/sallyport/stepup"
)

// till is an API that pays out, once for each approval.
type till struct {
	verifier *stepup.Verifier
	payouts  map[string]stepup.Payout // what will be executed
	paid     map[string]bool          // by confirmation; a unique column of the table
}

func (t *till) pay(w http.ResponseWriter, r *http.Request) {
	token, _ := stepup.FromContext(r.Context())
	payout := t.payouts[r.PostFormValue("payout")]
	receipt, err := t.verifier.VerifyReceipt(r.Context(), token, r.PostFormValue("receipt"), payout)
	if err != nil || t.paid[receipt.ConfirmationID] {
		http.Error(w, "not paid", http.StatusConflict)
		return
	}
	t.paid[receipt.ConfirmationID] = true
	_, _ = fmt.Fprintf(w, "paid %s %s for %s", payout.Amount.Value, payout.Amount.Currency, token.Subject)
}

// An app whose tokens are bound to a key, and an API that takes no other tokens. The
// app uses the approval up and sends the receipt along: nobody but the holder of the
// key can use its token.
func Example_boundTokens() {
	idp := newProvider() // stands for a Sallyport tenant with a user who confirms everything
	defer idp.Close()
	ctx := context.Background()
	api := httptest.NewUnstartedServer(nil)
	defer api.Close()
	t := &till{payouts: map[string]stepup.Payout{"t1": aPayout("t1")}, paid: map[string]bool{}}
	t.verifier = must(stepup.NewVerifier(ctx, stepup.VerifierConfig{
		Issuer: idp.issuer(), Audience: apiName, Now: idp.clock.Now,
		PublicURL:   "http://" + api.Listener.Addr().String(), // not what the request says
		RequireDPoP: true,
		NonceKey:    stepup.Secret(rand.Text() + rand.Text()),
	}))
	guard := t.verifier.Require(stepup.Requirement{ACR: []string{stepup.Action("payout.request")}})
	api.Config.Handler = guard(http.HandlerFunc(t.pay))
	api.Start()

	cfg := config(idp)
	cfg.DPoPKey = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) // kept, as a secret is
	app := must(stepup.New(ctx, cfg))
	address, tx, _ := app.Push(ctx, stepup.StartOptions{Subject: "alice", Detail: aPayout("t1"), Resources: []string{apiName}})
	confirmation, err := app.FinishConfirmation(ctx, tx, browse(address))
	fmt.Println("confirmed:", confirmation.Action, err)
	receipt, err := app.ConsumeFor(ctx, confirmation, aPayout("t1"))
	fmt.Println("used up:", receipt.TxnID, err)

	request := func() *http.Request {
		form := url.Values{"payout": {"t1"}, "receipt": {receipt.JWS}}.Encode()
		req := must(http.NewRequestWithContext(ctx, http.MethodPost, api.URL+"/payouts", strings.NewReader(form)))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return req
	}
	show(app.Do(request(), confirmation.AccessToken))
	show(app.Do(request(), confirmation.AccessToken))

	stolen := request()
	stolen.Header.Set("Authorization", "DPoP "+string(confirmation.AccessToken))
	show(http.DefaultClient.Do(stolen))

	// Output:
	// confirmed: payout.request <nil>
	// used up: t1 <nil>
	// paid 1250.00 EUR for alice
	// not paid
	// Unauthorized
}
