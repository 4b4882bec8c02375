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

// Labels returns every word that [Shown] and [Line] may have as a label, sorted.
// Whoever makes pages has a text for each.
func Labels() []string { return slices.Clone(labels) }

// Choices returns every value of a choice that needs no words of its own, sorted.
// Whoever makes pages has a text for each.
func Choices() []string { return slices.Clone(choices) }
