package details

import "slices"

// labels are what the page has words for.
var labels = []string{
	"account", "amount", "change", "current_account", "destination", "holder", "item", "item_id",
	"network", "new_account", "offer", "payee", "reference", "seller", "wallet",
}

// choices are the values of choices that the page has words for.
var choices = []string{
	"add_payout_account", "bitcoin", "ethereum", "replace_payout_account",
}

// told are the members that the server adds to a transaction in a token, so that no type
// may have them.
//
// Source: RFC 9396 section 7.1; protocol.md 5.8.
var told = []string{"acr", "approved_at", "confirmation_id", "details_hash", "method"}

// Labels returns every word that [Shown] and [Line] may have as a label, sorted.
// Whoever makes pages has a text for each.
func Labels() []string { return slices.Clone(labels) }

// Choices returns every value of a choice that needs no words of its own, sorted.
// Whoever makes pages has a text for each.
func Choices() []string { return slices.Clone(choices) }
