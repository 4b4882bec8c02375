package stepup_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"

	"github.com/sallyport-id/sallyport/stepup"
)

// books is an app that pays out. It keeps each payout, as a table of its database
// would, and asks Sallyport before money moves.
type books struct {
	sallyport *stepup.Client
	subject   string // of the user that the session belongs to

	mu      sync.Mutex // stands for the row's lock
	payouts map[string]*row
}

// row is a payout. What is executed is read from here and from nowhere else.
type row struct {
	amount, currency, payee, iban string
	pending                       string // the transaction under way
	confirmed                     string // the confirmation, once there is one
	receipt                       string // once it was paid
}

// detail is what the row says, in the words of the server. The push and the
// payment both call it: if the row is changed in between, their hashes differ.
func (r *row) detail(id string) stepup.Payout {
	return stepup.Payout{
		TxnID: id, Amount: stepup.Money{Value: r.amount, Currency: r.currency},
		Payee: stepup.Payee{Name: r.payee, IBAN: r.iban},
	}
}

// ask is the button "pay out": the server learns what to show, the browser does not.
func (b *books) ask(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := r.PostFormValue("payout")
	row := b.payouts[id]
	address, tx, err := b.sallyport.Push(r.Context(), stepup.StartOptions{
		Subject: b.subject, Detail: row.detail(id), Resume: id,
	})
	if errors.Is(err, stepup.ErrBadDetail) {
		http.Error(w, "this payout cannot be confirmed: "+err.Error(), http.StatusUnprocessableEntity)
		return
	}
	if err != nil {
		http.Error(w, "try again", http.StatusBadGateway)
		return
	}
	row.pending = tx.Encode()
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// callback is the redirect URI. The confirmation is kept before it is used, so that
// a crash at any later line loses nothing.
func (b *books) callback(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id, row := b.waiting(r.URL.Query().Get("state"))
	if row == nil {
		http.Error(w, "nothing waits for a confirmation", http.StatusConflict)
		return
	}
	tx, _ := stepup.DecodeTransaction(row.pending)
	row.pending = ""
	confirmation, err := b.sallyport.FinishConfirmation(r.Context(), tx, r.URL.Query())
	switch {
	case errors.Is(err, stepup.ErrDenied):
		_, _ = fmt.Fprint(w, "you cancelled the payout")
		return
	case err != nil:
		http.Error(w, "the payout was not confirmed", http.StatusBadGateway)
		return
	}
	row.confirmed = confirmation.Encode()
	b.pay(r.Context(), w, id)
}

// pay moves the money, if this very row was approved and that approval is used now,
// by us. It may be called again for a row that is confirmed and not paid, after
// [stepup.ErrUnavailable] and after a restart.
func (b *books) pay(ctx context.Context, w http.ResponseWriter, id string) {
	row := b.payouts[id]
	confirmation, err := stepup.DecodeConfirmation(row.confirmed)
	if err != nil || row.receipt != "" {
		_, _ = fmt.Fprint(w, "nothing to pay")
		return
	}
	receipt, err := b.sallyport.ConsumeFor(ctx, confirmation, row.detail(id))
	if err != nil {
		_, _ = fmt.Fprintf(w, "not paid: %v", err)
		return
	}
	row.receipt = receipt.JWS
	_, _ = fmt.Fprintf(w, "paid %s %s to %s, approved by %s with %s", row.amount, row.currency, row.payee, receipt.Subject, receipt.Proofs[0].Method)
}

func (b *books) waiting(state string) (id string, r *row) {
	for id, row := range b.payouts {
		tx, err := stepup.DecodeTransaction(row.pending)
		if err == nil && string(tx.State) == state {
			return id, row
		}
	}
	return "", nil
}

// A payout with its amount and payee, from the button to the receipt.
func Example_payout() {
	idp := newProvider() // stands for a Sallyport tenant with a user who confirms everything
	defer idp.Close()
	b := &books{subject: "alice", payouts: map[string]*row{
		"payout-1": {amount: "1250.00", currency: "EUR", payee: "ACME GmbH", iban: "DE89370400440532013000"},
		"payout-2": {amount: "80.00", currency: "EUR", payee: "Bo", iban: "DE89370400440532013000"},
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payout", b.ask)
	mux.HandleFunc("GET /callback", b.callback)
	app := httptest.NewServer(mux)
	defer app.Close()

	cfg := config(idp)
	cfg.RedirectURI = app.URL + "/callback"
	var err error
	b.sallyport, err = stepup.New(context.Background(), cfg)
	if err != nil {
		fmt.Println(err)
		return
	}

	show(http.PostForm(app.URL+"/payout", url.Values{"payout": {"payout-1"}}))
	receipt, err := b.sallyport.VerifyReceipt(context.Background(), b.payouts["payout-1"].receipt)
	fmt.Println(string(receipt.Detail), err)

	// A row that is changed while its user confirms is not paid.
	idp.answer = func(url.Values) { b.payouts["payout-2"].amount = "8000.00" }
	show(http.PostForm(app.URL+"/payout", url.Values{"payout": {"payout-2"}}))

	// Output:
	// paid 1250.00 EUR to ACME GmbH, approved by alice with email
	// {"amount":{"currency":"EUR","value":"1250.00"},"payee":{"account":{"iban":"DE89370400440532013000"},"name":"ACME GmbH"},"txn_id":"payout-1","type":"payout.request"} <nil>
	// not paid: stepup: something else was approved: what is about to be executed has another hash
}
