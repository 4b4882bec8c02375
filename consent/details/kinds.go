package details

import (
	"cmp"
	"slices"
	"strconv"
)

// look is what a kind asks of a schema, asks of a value, and makes of it.
type look struct {
	whole bool // it shows an object with everything in it
	// fault says why the kind does not fit a member; "" if it does.
	fault func(*member) string
	// check refuses a value that fits the schema but is not sound.
	check func(at string, v any) *Error
	// lines is what the page shows of a sound value; label and kind are filled in
	// where they are left empty.
	lines func(v any) []Line
}

// kinds is everything that differs between the kinds.
var kinds = map[Kind]look{
	AsAmount: {true, amountFault, checkAmountOf, amountLines},
	AsIBAN:   {false, ibanFault, checkIBANOf, func(v any) []Line { return []Line{{Value: maskIBAN(v.(string))}} }},
	AsText:   {false, textMemberFault, checkText, textLines},
	AsMasked: {false, maskedFault, checkMasked, plainLines},
	AsChoice: {false, choiceFault, func(string, any) *Error { return nil }, plainLines},
	AsWallet: {true, walletFault, checkWalletOf, walletLines},
}

func amountFault(m *member) string {
	if !m.is("value", "currency") {
		return "An amount is an object that requires value and currency, both of them texts, and has nothing else."
	}
	return ""
}

func walletFault(m *member) string {
	if !m.is("network", "address") || m.members["network"].values == nil {
		return "A wallet is an object that requires network, an enum, and address, a text, and has nothing else."
	}
	unknown := func(name string) bool { return networks[name].valid == nil }
	if slices.ContainsFunc(m.members["network"].values, unknown) {
		return "The network of a wallet is bitcoin or ethereum."
	}
	return ""
}

func ibanFault(m *member) string {
	if m.object {
		return "An IBAN is a text."
	}
	return ""
}

func textMemberFault(m *member) string {
	if m.object || m.values != nil || m.longest < 1 || m.longest > longestShown {
		return "A text has a maxLength of 1 to " + strconv.Itoa(longestShown) + ", and neither enum nor const."
	}
	return ""
}

func maskedFault(m *member) string {
	if m.object || m.values != nil || m.longest < 1 || m.longest > longestMask {
		return "A masked account is a text with a maxLength of 1 to " + strconv.Itoa(longestMask) + "."
	}
	return ""
}

func choiceFault(m *member) string {
	if m.object || len(m.values) == 0 {
		return "A choice is a text with an enum."
	}
	return ""
}

// amountOf reads an object that fits the schema of an amount.
func amountOf(v any) Amount {
	o := v.(map[string]any)
	return Amount{Value: o["value"].(string), Currency: o["currency"].(string)}
}

// walletOf reads an object that fits the schema of a wallet.
func walletOf(v any) (network, address string) {
	o := v.(map[string]any)
	return o["network"].(string), o["address"].(string)
}

func checkAmountOf(at string, v any) *Error { return checkAmount(at, amountOf(v)) }

func checkIBANOf(at string, v any) *Error { return checkIBAN(at, v.(string)) }

func checkWalletOf(at string, v any) *Error {
	network, address := walletOf(v)
	return checkWallet(at, network, address)
}

func checkText(at string, v any) *Error {
	fault := textFault(v.(string))
	if fault != "" {
		return refuse(FaultText, at, "%s", fault)
	}
	return nil
}

func checkMasked(at string, v any) *Error {
	fault := cmp.Or(textFault(v.(string)), maskFault(v.(string)))
	if fault != "" {
		return refuse(FaultMasked, at, "%s", fault)
	}
	return nil
}

func amountLines(v any) []Line {
	a := amountOf(v)
	return []Line{{Value: a.Value + " " + a.Currency, Amount: a}}
}

func textLines(v any) []Line {
	return []Line{{Value: v.(string), Suspicious: Suspicious(v.(string))}}
}

func plainLines(v any) []Line { return []Line{{Value: v.(string)}} }

func walletLines(v any) []Line {
	network, address := walletOf(v)
	return []Line{{Label: "network", Kind: AsChoice, Value: network}, {Value: address}}
}
