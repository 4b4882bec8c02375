package details

import (
	"bytes"
	"regexp"

	"golang.org/x/text/unicode/norm"
)

// Bounds of the parameter authorization_details.
const (
	largestParam = 4 << 10 // bytes; of the parameter, and of the canonical form
	mostElements = 5
)

// txnID is what an app's own id of a transaction may be.
var txnID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// Detail is one sound transaction. It comes from [Registry.Parse] and
// [Registry.Open] only.
type Detail struct {
	Type  string
	TxnID string // the app's own id: 1 to 64 of A-Z, a-z, 0-9, dot, colon, _ and -
	// Canonical is the transaction in the form that is stored, shown and hashed:
	// RFC 8785, with texts in Unicode normal form C.
	Canonical []byte

	entry *entry
	doc   map[string]any
}

// Parse reads the parameter authorization_details as an app sent it: a JSON array
// (RFC 9396 section 2) with the one transaction to be confirmed.
//
// Texts are brought into Unicode normal form C before anything looks at them. An
// app that sends other forms gets another hash than it computes, so it should
// send that form itself.
//
// Errors: [*Error].
func (r *Registry) Parse(param []byte) (Detail, error) {
	if len(param) > largestParam {
		return Detail{}, refuse(FaultTooLarge, "", "authorization_details has at most %d bytes.", largestParam)
	}
	v, err := decode(param, deepestDetail)
	if err != nil {
		return Detail{}, err
	}
	list, ok := v.([]any)
	switch {
	case !ok || len(list) == 0:
		return Detail{}, refuse(FaultMalformed, "", "authorization_details is a JSON array with one object in it.")
	case len(list) > mostElements:
		return Detail{}, refuse(FaultTooLarge, "", "authorization_details has at most %d elements.", mostElements)
	}
	for i, element := range list {
		_, err = r.entryOf(element, place("", i))
		if err != nil {
			return Detail{}, err
		}
	}
	if len(list) > 1 {
		return Detail{}, refuse(FaultSeveral, "", "One request confirms one transaction; send the others in requests of their own.")
	}
	return r.detail(list[0], "/0")
}

// Open reads the canonical bytes of a Detail again, by the types of today.
//
// Errors: [*Error]; of kind [FaultChanged] if canonical is a sound transaction in
// another form, which nobody has approved. A type that its tenant has changed
// since may refuse what it took before.
func (r *Registry) Open(canonical []byte) (Detail, error) {
	if len(canonical) > largestParam {
		return Detail{}, refuse(FaultTooLarge, "", "A transaction has at most %d bytes.", largestParam)
	}
	v, err := decode(canonical, deepestDetail-1) // without the array
	if err != nil {
		return Detail{}, err
	}
	d, err := r.detail(v, "")
	if err != nil {
		return Detail{}, err
	}
	if !bytes.Equal(d.Canonical, canonical) {
		return Detail{}, refuse(FaultChanged, "", "This is not the canonical form of the transaction.")
	}
	return d, nil
}

// entryOf returns the type that v says it has.
func (r *Registry) entryOf(v any, at string) (*entry, error) {
	object, _ := v.(map[string]any)
	name, ok := object["type"].(string)
	if !ok {
		return nil, refuse(FaultMalformed, at, "Every element is an object with a text as its type.")
	}
	e, known := r.entries[name]
	if !known {
		return nil, refuse(FaultUnknownType, at+"/type", "This tenant has no such type of authorization_details.%s", r.hint(name))
	}
	return e, nil
}

// detail checks v, decoded JSON at at, and brings it into canonical form.
func (r *Registry) detail(v any, at string) (Detail, error) {
	e, err := r.entryOf(v, at)
	if err != nil {
		return Detail{}, err
	}
	doc := normal(v).(map[string]any)
	fault := e.check(doc, at)
	if fault != nil {
		return Detail{}, fault.under(at)
	}
	canonical := appendValue(nil, doc)
	if len(canonical) > largestParam {
		return Detail{}, refuse(FaultTooLarge, at, "A transaction has at most %d bytes, also in Unicode normal form C.", largestParam)
	}
	return Detail{Type: e.Name, TxnID: doc["txn_id"].(string), Canonical: canonical, entry: e, doc: doc}, nil
}

// normal returns v with its texts in Unicode normal form C. Names of members stay
// as they are: those that a schema allows are ASCII.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, inner := range v {
			object[name] = normal(inner)
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i, inner := range v {
			list[i] = normal(inner)
		}
		return list
	case string:
		return norm.NFC.String(v)
	default:
		return v
	}
}

// check refuses doc if it does not fit the schema, or if one of its members is
// not sound. The first mistake is told, in the order of the page.
func (e *entry) check(doc map[string]any, at string) *Error {
	id, isText := doc["txn_id"].(string) // before the schema, which has no words for its form
	if isText && !txnID.MatchString(id) {
		return refuse(FaultSchema, at+"/txn_id", "A txn_id is 1 to 64 letters of ASCII, digits, dots, colons, underscores and hyphens.")
	}
	fault := e.checkSchema(doc, at)
	if fault != nil {
		return fault
	}
	for _, s := range e.Show {
		v, ok := find(doc, s.At)
		if !ok {
			continue
		}
		fault = kinds[s.As].check(at+s.At, v)
		if fault != nil {
			return fault
		}
	}
	return e.checkMoves(doc, at)
}

// checkMoves refuses money that cannot go where the transaction sends it: coins
// to a bank account, euros to a wallet, bitcoins over another network.
func (e *entry) checkMoves(doc map[string]any, at string) *Error {
	network, toBank := "", false
	for _, s := range e.Show {
		v, ok := find(doc, s.At)
		switch {
		case ok && s.As == AsWallet:
			network, _ = walletOf(v)
		case ok && s.As == AsIBAN:
			toBank = true
		}
	}
	for _, s := range e.Show {
		v, ok := find(doc, s.At)
		if !ok || s.As != AsAmount {
			continue
		}
		currency := amountOf(v).Currency
		if toBank && isCoin(currency) || network != "" && !moves(network, currency) {
			return refuse(FaultCurrency, at+s.At+"/currency", "Money in this currency cannot be sent to this kind of destination.")
		}
	}
	return nil
}

// find returns what stands in doc at pointer, if anything does.
func find(doc map[string]any, pointer string) (any, bool) {
	var v any = doc
	for _, name := range split(pointer) {
		object, _ := v.(map[string]any)
		inner, ok := object[name]
		if !ok {
			return nil, false
		}
		v = inner
	}
	return v, true
}
