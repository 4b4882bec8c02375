package details

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
)

// Type is one kind of transaction. Its JSON document is everything about it.
type Type struct {
	// Name is the type of RFC 9396 section 2.1, and the action of the policy that
	// says how it is confirmed.
	Name string `json:"name"`
	// Title heads the page, by language tag; nil where the page has words for Name.
	Title map[string]string `json:"title,omitempty"`
	// Schema is a closed JSON Schema, draft 2020-12, of the words that the
	// documentation lists.
	Schema json.RawMessage `json:"schema"`
	// Show is what the page shows, in this order. It covers every member that
	// Schema allows, except type and txn_id.
	Show    []Shown `json:"show"`
	Message Message `json:"message"`
}

// Shown is one member that the page shows, if it is there.
type Shown struct {
	At string `json:"at"` // JSON pointer to it
	As Kind   `json:"as"`
	// Label is one of [Labels], for which the page has words. A tenant's own type
	// may have Labels in its place: a word for each language, "en" among them.
	Label  string            `json:"label,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// Words says what the values of a choice are called, by value and language;
	// nil where they are among [Choices].
	Words map[string]map[string]string `json:"words,omitempty"`
}

// Kind says how a member is checked and shown.
type Kind string

// The kinds.
const (
	AsAmount Kind = "amount" // an object {"value","currency"}
	AsIBAN   Kind = "iban"   // an account of ISO 13616; shown masked
	AsText   Kind = "text"   // what people wrote, such as a name
	AsMasked Kind = "masked" // an account of which the app itself shows four characters at most
	AsChoice Kind = "choice" // one of a few values, for which there are words
	AsWallet Kind = "wallet" // an object {"network","address"}; shown whole
)

// Message says where the words of a message come from, as JSON pointers to
// members that are shown. Of each list, the first member that is there counts;
// an empty list is nothing.
type Message struct {
	Amount  string   `json:"amount,omitempty"`  // an amount; "" for none
	To      string   `json:"to,omitempty"`      // a text; "" for none
	Account []string `json:"account,omitempty"` // IBANs, masked accounts and wallets
}

// largestType bounds the document of a type, in bytes.
const largestType = 32 << 10

// ParseType reads the document of a type. It is strict about JSON, and about
// names that a type does not have; whether the type is sound is for
// [NewRegistry] to say.
//
// Errors: [*Error] for what is not I-JSON; else what encoding/json says.
func ParseType(doc []byte) (Type, error) {
	if len(doc) > largestType {
		return Type{}, refuse(FaultTooLarge, "", "A type has at most %d bytes.", largestType)
	}
	_, err := decode(doc, deepestValue)
	if err != nil {
		return Type{}, err
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	var t Type
	err = d.Decode(&t)
	if err != nil {
		return Type{}, fmt.Errorf("details: read type: %w", err)
	}
	return t, nil
}

//go:embed types/*.json
var documents embed.FS

// Builtin returns the types that every tenant has, sorted by name: bid.place,
// payment_details.add, payout.request and withdrawal.confirm.
func Builtin() []Type {
	files, err := documents.ReadDir("types")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	types := make([]Type, len(files))
	for i, f := range files { // ReadDir sorts by name
		doc, err := documents.ReadFile(path.Join("types", f.Name()))
		if err != nil {
			panic(err)
		}
		types[i], err = ParseType(doc)
		if err != nil {
			panic(f.Name() + ": " + err.Error()) // a test reads them all
		}
	}
	return types
}
