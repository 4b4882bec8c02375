package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/stepup"
	"github.com/sallyport-id/sallyport/templates"
)

// What the shop does, for everybody and as often as it is asked to.
const (
	currency    = "EUR"
	payoutValue = "1250.00"
	bidValue    = "480.00"
	payoutIBAN  = "DE89370400440532013000"
	newIBAN     = "NL91ABNA0417164300"
	knownAs     = "DE•• •••• 3000" // payoutIBAN, as the shop's own pages show it
)

// transaction is what the shop does for an action, where the tenant knows such a
// transaction; nil where the action is confirmed by its name alone.
func (s *Shop) transaction(v *visitor, client *stepup.Client, action string) stepup.Detail {
	if !slices.Contains(client.DetailTypes(), action) {
		return nil
	}
	id, amount := rand.Text(), stepup.Money{Value: payoutValue, Currency: currency}
	switch action {
	case "payout.request":
		return stepup.Payout{TxnID: id, Amount: amount, Payee: stepup.Payee{Name: s.holder(v), IBAN: payoutIBAN}}
	case "payment_details.add":
		return stepup.PaymentDetails{TxnID: id, Change: stepup.ReplacePayoutAccount, Current: knownAs, Holder: s.holder(v), IBAN: newIBAN}
	case "withdrawal.confirm":
		return stepup.Withdrawal{TxnID: id, Amount: amount, IBAN: payoutIBAN}
	case "bid.place":
		return stepup.Bid{TxnID: id, Amount: stepup.Money{Value: bidValue, Currency: currency}, Item: stepup.Item{ID: "lot-17", Title: "A walnut desk"}}
	}
	return nil
}

// holder is the visitor as the holder of a bank account. Who has no name goes by an
// address, which is none.
func (s *Shop) holder(v *visitor) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.name == "" || strings.ContainsAny(v.name, "@./") {
		return "Demo Customer"
	}
	return v.name
}

// execute uses the approval up for what the shop is about to do, and tells how that
// went. Money would move where it returns OK, and nowhere else.
func execute(ctx context.Context, client *stepup.Client, p pending, query url.Values) *templates.ShopResult {
	confirmation, err := client.FinishConfirmation(ctx, p.tx, query)
	if err != nil {
		return failed(p.action, err)
	}
	receipt, err := client.ConsumeFor(ctx, confirmation, p.detail)
	if err != nil {
		return failed(p.action, err)
	}
	return &templates.ShopResult{Action: p.action, OK: true, Receipt: saying(receipt)}
}

// saying is what a receipt says, line by line, and the receipt as it is kept.
func saying(r stepup.Receipt) []templates.Field {
	var proofs []string
	for _, p := range r.Proofs {
		proofs = append(proofs, p.Method+" "+p.At.Format(time.RFC3339))
	}
	list := []templates.Field{{Name: "confirmation", Value: r.ConfirmationID}, {Name: "sub", Value: r.Subject}}
	list = append(list, flat("", r.Detail)...)
	return append(
		list,
		templates.Field{Name: "details_hash", Value: r.DetailsHash},
		templates.Field{Name: "proofs", Value: strings.Join(proofs, ", ")},
		templates.Field{Name: "approved_at", Value: r.ApprovedAt.Format(time.RFC3339)},
		templates.Field{Name: "consumed_at", Value: r.ConsumedAt.Format(time.RFC3339)},
		templates.Field{Name: "receipt", Value: r.JWS},
	)
}

// flat lists the texts of a canonical object by their paths: "amount.value".
func flat(path string, raw json.RawMessage) []templates.Field {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		var text string
		_ = json.Unmarshal(raw, &text) // what is neither does not occur in details
		return []templates.Field{{Name: strings.TrimPrefix(path, "."), Value: text}}
	}
	var list []templates.Field
	for name, inner := range members {
		list = append(list, flat(path+"."+name, inner)...)
	}
	slices.SortFunc(list, func(a, b templates.Field) int { return strings.Compare(a.Name, b.Name) })
	return list
}
