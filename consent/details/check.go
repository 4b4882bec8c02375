package details

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// typeName is what a type may be called: a name of an action of the policy.
var typeName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}(\.[a-z][a-z0-9_]{0,31}){1,2}$`)

// choiceValue is what a choice may have as a value.
var choiceValue = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)

// mostShown bounds what a page shows, so that a person can read it.
const mostShown = 20

// inspection looks at one type and collects its mistakes.
type inspection struct {
	Type

	shape    *member
	mistakes []Mistake
}

func (c *inspection) note(at, format string, args ...any) {
	c.mistakes = append(c.mistakes, Mistake{Type: c.Name, At: at, Text: fmt.Sprintf(format, args...)})
}

// run looks at everything but what the schema engine itself has to say.
func (c *inspection) run() {
	if !typeName.MatchString(c.Name) {
		c.note("/name", "Write two or three words of a-z, 0-9 and _, joined by dots, such as payout.request.")
	}
	c.texts("/title", c.Title, longestTitle)
	if len(c.Schema) > largestType {
		c.note("/schema", "A schema has at most %d bytes.", largestType)
		return
	}
	schema, err := decode(c.Schema, deepestValue)
	if err != nil {
		c.note("/schema", "%s", err)
		return
	}
	c.shape = shapeReader{c.note}.read(schema, "/schema", 1)
	if !c.shape.object {
		c.note("/schema", "A transaction is an object.")
		return
	}
	c.frame()
	c.shown()
	c.hidden()
	c.message()
}

// frame looks at the two members that every type has and no page shows.
func (c *inspection) frame() {
	for _, taken := range told {
		if c.shape.members[taken] != nil {
			c.note("/schema/properties/"+taken, "The server itself tells %s of what was confirmed; choose another name.", taken)
		}
	}
	name, txn := c.shape.members["type"], c.shape.members["txn_id"]
	if name == nil || !slices.Equal(name.values, []string{c.Name}) || !slices.Contains(c.shape.required, "type") {
		c.note("/schema/properties/type", "Require the member type, and let it be the const %s.", c.Name)
	}
	if txn == nil || txn.object || txn.values != nil || !slices.Contains(c.shape.required, "txn_id") {
		c.note("/schema/properties/txn_id", "Require the member txn_id, and let it be a text.")
	}
}

// shown looks at what the page shows.
func (c *inspection) shown() {
	if len(c.Show) == 0 || len(c.Show) > mostShown {
		c.note("/show", "Show one member at least and %d at most.", mostShown)
	}
	for i, s := range c.Show {
		at := place("/show", i)
		m := c.shape.at(s.At)
		switch {
		case !strings.HasPrefix(s.At, "/") || m == nil:
			c.note(at+"/at", "The schema has no such member.")
			continue
		case s.At == "/type" || s.At == "/txn_id":
			c.note(at+"/at", "type and txn_id are not shown; the page has words for the one, and nobody reads the other.")
		case slices.ContainsFunc(c.Show[:i], func(o Shown) bool { return o.At == s.At }):
			c.note(at+"/at", "This member is shown twice; keep one of them.")
		}
		looks, known := kinds[s.As]
		if !known {
			c.note(at+"/as", "There is no such kind; write one of amount, choice, iban, masked, text, wallet.")
			continue
		}
		fault := looks.fault(m)
		if fault != "" {
			c.note(at+"/as", "%s", fault)
		}
		c.label(at, s)
		c.words(at, s, m)
	}
}

func (c *inspection) label(at string, s Shown) {
	switch {
	case s.Label == "" && s.Labels == nil, s.Label != "" && s.Labels != nil:
		c.note(at, "Give it either a label or labels.")
	case s.Label != "" && !slices.Contains(labels, s.Label):
		c.note(at+"/label", "The pages have no such word. Write one of %s, or labels in your own words.", strings.Join(labels, ", "))
	}
	c.texts(at+"/labels", s.Labels, longestWord)
}

// words looks at what the values of a choice are called.
func (c *inspection) words(at string, s Shown, m *member) {
	if s.As != AsChoice {
		if s.Words != nil {
			c.note(at+"/words", "Only a choice has words.")
		}
		return
	}
	for _, v := range m.values {
		if !choiceValue.MatchString(v) {
			c.note(at+"/at", "A value of a choice is 1 to 40 of a-z, 0-9 and _.")
			continue
		}
		if s.Words[v] == nil && !slices.Contains(choices, v) {
			c.note(at+"/words", "Say what %s is called: add words for it.", v)
		}
	}
	for v, texts := range s.Words {
		if !slices.Contains(m.values, v) {
			c.note(at+"/words", "The schema allows no value of the name that has words here; correct its spelling.")
			continue
		}
		if texts == nil {
			texts = map[string]string{} // as null in JSON: no words, also none in English
		}
		c.texts(at+"/words/"+v, texts, longestWord)
	}
}

// texts looks at a tenant's own words, by language; nil is none.
func (c *inspection) texts(at string, texts map[string]string, longest int) {
	if texts == nil {
		return
	}
	if texts["en"] == "" {
		c.note(at, "Add a text for en; it stands in where a language has none.")
	}
	for lang, text := range texts {
		tag, err := language.Parse(lang)
		if err != nil || tag.String() != lang {
			c.note(at, "A language is written as in BCP 47, such as en or pt-BR.")
			continue
		}
		fault := textFault(text)
		switch {
		case fault != "":
			c.note(at+"/"+lang, "%s", fault)
		case !norm.NFC.IsNormalString(text):
			c.note(at+"/"+lang, "Write it in Unicode normal form C.")
		case utf8.RuneCountInString(text) > longest:
			c.note(at+"/"+lang, "Make it at most %d characters.", longest)
		}
	}
}

// hidden refuses members that could be sent and approved without being on the
// page. It is why types exist.
func (c *inspection) hidden() {
	c.shape.leaves("", func(pointer string) {
		shows := 0
		for _, s := range c.Show {
			if s.At == pointer || strings.HasPrefix(pointer, s.At+"/") && kinds[s.As].whole {
				shows++
			}
		}
		frame := pointer == "/type" || pointer == "/txn_id"
		if shows == 0 && !frame {
			c.note("/schema/properties"+strings.ReplaceAll(pointer, "/", "/properties/")[len("/properties"):],
				"The page does not show this member. Add it to show, or remove it: nothing is approved that was not shown.")
		}
		if shows > 1 {
			c.note("/show", "The member %s is shown twice; keep one of them.", pointer)
		}
	})
}

// message looks at where the words of a message come from.
func (c *inspection) message() {
	hasAmount := slices.ContainsFunc(c.Show, func(s Shown) bool { return s.As == AsAmount })
	if (c.Message.Amount != "" || hasAmount) && !c.shows(c.Message.Amount, AsAmount) {
		c.note("/message/amount", "Point to a member that is shown as an amount; a message says which money it is about.")
	}
	if c.Message.To != "" && !c.shows(c.Message.To, AsText) {
		c.note("/message/to", "Point to a member that is shown as a text.")
	}
	for i, at := range c.Message.Account {
		if !c.shows(at, AsIBAN, AsMasked, AsWallet) {
			c.note(place("/message/account", i), "Point to a member that is shown as iban, masked or wallet.")
		}
	}
}

func (c *inspection) shows(pointer string, as ...Kind) bool {
	return slices.ContainsFunc(c.Show, func(s Shown) bool { return s.At == pointer && slices.Contains(as, s.As) })
}
