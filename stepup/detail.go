package stepup

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
)

// Detail is one transaction that a user confirms: [Payout], [PaymentDetails],
// [Withdrawal], [Bid], or for a type that the tenant made itself whatever
// encoding/json turns into an object with the members "type" and "txn_id".
//
// "txn_id" is the app's own name of the transaction. It is used once for each app
// and type: a push with the id of a transaction that was decided about is refused.
//
// Source: RFC 9396 section 2.
type Detail any

// Money is an amount: "1250.00" and "EUR". Value has no sign, no separators and
// exactly the digits after the point that its currency has.
type Money struct {
	Value    string `json:"value"`
	Currency string `json:"currency"` // ISO 4217, or BTC, ETH, USDT, USDC where a wallet is the destination
}

// Payout is a payout.request: money goes to a bank account.
type Payout struct {
	TxnID     string
	Amount    Money
	Payee     Payee
	Reference string // "" for none
}

// Payee is who gets the money.
type Payee struct {
	Name string
	IBAN string // capital letters, no spaces
}

// account is a bank account as every type writes it.
type account struct {
	IBAN string `json:"iban"`
}

// MarshalJSON implements [json.Marshaler] with the object that a server takes.
func (p Payout) MarshalJSON() ([]byte, error) {
	type payee struct {
		Name    string  `json:"name"`
		Account account `json:"account"`
	}
	return json.Marshal(struct {
		Type      string `json:"type"`
		TxnID     string `json:"txn_id"`
		Amount    Money  `json:"amount"`
		Payee     payee  `json:"payee"`
		Reference string `json:"reference,omitempty"`
	}{"payout.request", p.TxnID, p.Amount, payee{p.Payee.Name, account{p.Payee.IBAN}}, p.Reference})
}

// What [PaymentDetails] does.
const (
	AddPayoutAccount     = "add_payout_account"
	ReplacePayoutAccount = "replace_payout_account"
)

// PaymentDetails is a payment_details.add: payouts will go to another account.
type PaymentDetails struct {
	TxnID   string
	Change  string // AddPayoutAccount or ReplacePayoutAccount
	Current string // the account until now, masked: "DE•• •••• 4321"; "" for none
	Holder  string // of the new account
	IBAN    string // the new account: capital letters, no spaces
}

// MarshalJSON implements [json.Marshaler] with the object that a server takes.
func (p PaymentDetails) MarshalJSON() ([]byte, error) {
	type masked struct {
		Masked string `json:"masked"`
	}
	type fresh struct {
		Holder  string  `json:"holder"`
		Account account `json:"account"`
	}
	detail := struct {
		Type    string  `json:"type"`
		TxnID   string  `json:"txn_id"`
		Change  string  `json:"change"`
		Current *masked `json:"current,omitempty"`
		New     fresh   `json:"new"`
	}{"payment_details.add", p.TxnID, p.Change, nil, fresh{p.Holder, account{p.IBAN}}}
	if p.Current != "" {
		detail.Current = &masked{p.Current}
	}
	return json.Marshal(detail)
}

// Withdrawal is a withdrawal.confirm: money goes to a bank account or to a wallet,
// of which one is given.
type Withdrawal struct {
	TxnID  string
	Amount Money
	IBAN   string // capital letters, no spaces
	Wallet *Wallet
}

// Wallet is where digital money goes.
type Wallet struct {
	Network string `json:"network"` // bitcoin or ethereum
	Address string `json:"address"`
}

// MarshalJSON implements [json.Marshaler] with the object that a server takes.
func (w Withdrawal) MarshalJSON() ([]byte, error) {
	if (w.IBAN == "") == (w.Wallet == nil) {
		return nil, errors.New("a withdrawal goes to either an account or a wallet")
	}
	destination := map[string]any{"wallet": w.Wallet}
	if w.Wallet == nil {
		destination = map[string]any{"account": account{w.IBAN}}
	}
	return json.Marshal(struct {
		Type        string         `json:"type"`
		TxnID       string         `json:"txn_id"`
		Amount      Money          `json:"amount"`
		Destination map[string]any `json:"destination"`
	}{"withdrawal.confirm", w.TxnID, w.Amount, destination})
}

// Bid is a bid.place: an offer that binds.
type Bid struct {
	TxnID  string
	Amount Money
	Item   Item
	Seller string // "" for none
}

// Item is what a [Bid] is for.
type Item struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// MarshalJSON implements [json.Marshaler] with the object that a server takes.
func (b Bid) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type   string `json:"type"`
		TxnID  string `json:"txn_id"`
		Amount Money  `json:"amount"`
		Item   Item   `json:"item"`
		Seller string `json:"seller,omitempty"`
	}{"bid.place", b.TxnID, b.Amount, b.Item, b.Seller})
}

// PlainAction is the detail of an action that is confirmed by its name alone, as
// its acr value asks for it: nothing but its type.
func PlainAction(action string) Detail {
	return map[string]string{"type": action}
}

// DetailsHash is what binds a confirmation to a server, an app, a user and a
// transaction: equal hashes mean that all four are equal. An app computes it from
// what it is about to execute, never from what it was sent.
//
// Source: RFC 8785; the server's definition, base64url of the SHA-256 of the
// canonical JSON of {"client_id", "detail", "iss", "sub"}.
//
// Errors: [ErrBadDetail] for what has no canonical form.
func DetailsHash(issuer, clientID, sub string, d Detail) (string, error) {
	document, err := Canonical(map[string]any{"client_id": clientID, "detail": d, "iss": issuer, "sub": sub})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(document)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// DetailsHash is the hash of d for this app, as [DetailsHash] makes it.
func (c *Client) DetailsHash(sub string, d Detail) (string, error) {
	return DetailsHash(c.cfg.Issuer, c.cfg.ClientID, sub, d)
}

// DetailTypes returns which transactions the server said it can be asked to have
// confirmed, such as "payout.request"; none if it named none.
//
// Source: RFC 9396 section 10 (authorization_details_types_supported).
func (c *Client) DetailTypes() []string { return slices.Clone(c.server.meta.DetailTypes) }

// prepared is a detail that can be sent.
type prepared struct {
	action, txnID string
	canonical     []byte
}

var txnIDs = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// prepare refuses what no server could take. Which members there have to be, and
// of what form, is the server's to judge: it knows the type.
//
// Errors: [ErrBadDetail].
func prepare(d Detail) (prepared, error) {
	canonical, err := Canonical(d)
	if err != nil {
		return prepared{}, err
	}
	var named struct {
		Type  string `json:"type"`
		TxnID string `json:"txn_id"`
	}
	err = json.Unmarshal(canonical, &named)
	switch {
	case err != nil || canonical[0] != '{':
		return prepared{}, badDetail("it is no object with the texts type and txn_id")
	case !actionName.MatchString(named.Type):
		return prepared{}, badDetail("type %q is not a type of transaction (such as payout.request)", printable(named.Type, 100))
	case !txnIDs.MatchString(named.TxnID):
		return prepared{}, badDetail("txn_id has to be 1 to 64 of A-Z a-z 0-9 . _ : -")
	case len(canonical)+2 > maxDetail:
		return prepared{}, badDetail("more than %d bytes", maxDetail)
	}
	return prepared{named.Type, named.TxnID, canonical}, nil
}
