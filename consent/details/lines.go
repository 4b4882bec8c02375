package details

import (
	"maps"
	"strings"
	"unicode"
)

// Line is one line of the page: a label and a value, made from the canonical
// form alone.
type Line struct {
	Label  string            // one of [Labels]; "" where Labels is set
	Labels map[string]string // a tenant's own words by language tag, "en" among them
	Kind   Kind
	// Value is ready to be shown, as data: of an amount "1250.00 EUR", for who has
	// no better way to write it; of an IBAN its masked form, "DE•• •••• 4321", and
	// never more; of a text, a masked account or the address of a wallet all of it;
	// of a choice the value itself, one of [Choices] unless Words is set.
	//
	// A text may be written from right to left, so a page isolates it (bdi).
	Value string
	// Words says what Value, a choice, is called, by language tag; nil where it is
	// one of [Choices].
	Words      map[string]string
	Amount     Amount // of an amount; else zero
	Suspicious bool   // a text may be another one in disguise; see [Suspicious]
}

// Lines returns what the page shows of d, in order. Members that d does not have
// have no line; a wallet has two, its network and its address.
//
// An address of a wallet is shown whole. It belongs to nobody by name, and
// addresses whose first and last characters are those of another can be had for
// a little computing.
func (d Detail) Lines() []Line {
	var lines []Line
	if d.entry == nil {
		return nil
	}
	for _, s := range d.entry.Show {
		v, ok := find(d.doc, s.At)
		if !ok {
			continue
		}
		for _, l := range kinds[s.As].lines(v) {
			if l.Kind == "" {
				l.Kind, l.Label, l.Labels = s.As, s.Label, maps.Clone(s.Labels)
				l.Words = maps.Clone(s.Words[l.Value])
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// Amounts returns every amount of d, in the order of the page. It is what the
// limits of a policy are held against, because a transaction may have more than
// the one that its message says.
func (d Detail) Amounts() []Amount {
	var all []Amount
	for _, l := range d.Lines() {
		if l.Kind == AsAmount {
			all = append(all, l.Amount)
		}
	}
	return all
}

// Summary is what a message says of a transaction.
type Summary struct {
	Amount Amount // the zero Amount where the type has none
	// To is who gets it or what it is for, at most 40 characters; "" where the type
	// has none. It may be written from right to left.
	To string
	// Account is the last four characters of the account or wallet; "" for none.
	Account string
}

// longestTo is how many code points of a name fit into a message.
const longestTo = 40

// Summary returns what a message says of d.
//
// Source: Delegated Regulation (EU) 2018/389 article 5(1)(a): the payer is made
// aware of the amount and of the payee.
func (d Detail) Summary() Summary {
	var s Summary
	if d.entry == nil {
		return s
	}
	from := d.entry.Message
	v, ok := find(d.doc, from.Amount)
	if ok && from.Amount != "" {
		s.Amount = amountOf(v)
	}
	v, ok = find(d.doc, from.To)
	if ok && from.To != "" {
		s.To = shorten(v.(string), longestTo)
	}
	for _, pointer := range from.Account {
		v, ok = find(d.doc, pointer)
		if ok {
			s.Account = accountTail(v)
			break
		}
	}
	return s
}

// accountTail returns the last four characters of an IBAN, a masked account or a
// wallet. A masked account may show fewer.
func accountTail(v any) string {
	account, isText := v.(string)
	if !isText {
		_, account = walletOf(v)
	}
	hidden := strings.LastIndexAny(account, maskSigns)
	if hidden >= 0 {
		account = strings.TrimLeft(account[hidden:], maskSigns)
	}
	return lastFour(strings.ReplaceAll(account, " ", ""))
}

// shorten cuts s to most code points, of which the last is then an ellipsis. It
// does not part a letter from its marks.
func shorten(s string, most int) string {
	letters := []rune(s)
	if len(letters) <= most {
		return s
	}
	end := most - 1
	for end > 0 && unicode.Is(unicode.M, letters[end]) {
		end--
	}
	return strings.TrimRight(string(letters[:end]), " ") + "…"
}
