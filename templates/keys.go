package templates

import (
	"errors"
	"fmt"
	"html/template"
	"slices"
	"text/template/parse"
)

// checkKeys fails when a page or a table of this package names a message that
// does not exist.
func (s *Set) checkKeys() error {
	have := s.catalogs[defaultLanguage]
	var errs []error
	for _, key := range s.keysInUse() {
		if !have.has(key) {
			errs = append(errs, fmt.Errorf("templates: message %q is missing", key))
		}
	}
	return errors.Join(errs...)
}

// keysInUse lists the messages that pages and texts ask for by name, and those
// that they compose from a family and one of its members.
func (s *Set) keysInUse() []string {
	var keys []string
	for _, page := range s.pages[defaultLanguage] {
		keys = append(keys, literalKeys(page)...)
	}
	for _, f := range slices.Concat(families, enrolFamilies, settingsFamilies, noticeFamilies) {
		for _, name := range f.names {
			for _, part := range f.parts {
				keys = append(keys, f.prefix+"."+name+part)
			}
		}
	}
	return slices.Concat(keys, textKeys, accountKeys)
}

// family is messages whose keys are composed: prefix, a name, and a part.
type family struct {
	prefix string
	names  []string
	parts  []string
}

var whole = []string{""}

var families = []family{
	{"problem", problems, []string{".what", ".do"}},
	{"problem", []string{ProblemTooMany, ProblemTooSoon, ProblemLocked, ProblemMaintenance}, []string{".do_soon"}},
	{"error", errorPages, []string{".title", ".body"}},
	{
		"action", append(actions[:len(actions):len(actions)], "other"),
		[]string{".title", ".gate", ".code", ".submit", ".subject", ".subject_plain", ".sms", ".sms_plain", ".voice", ".voice_plain", ".name"},
	},
	{"action", []string{"bid.place", "other"}, []string{".subject_amount", ".sms_amount", ".voice_amount"}},
	{"action", []string{"other"}, []string{".subject_to", ".sms_to", ".voice_to"}},
	{"code.label", methods, whole},
	{"way", methods, []string{".name", ".hint"}},
	{"way", []string{"pin"}, []string{".name"}}, // a companion of others, never a way by itself
	{"reason", []string{ReasonBlocked, ReasonUnverified, ReasonUsedUp, ReasonNotYet}, whole},
	{"trust", []string{"P1D", "P7D", "P30D"}, whole},
	{"fact", []string{
		"account", "reference", "holder", "iban", "change", "current", "new", "amount", "current_account", "destination", "item",
		"item_id", "network", "new_account", "offer", "payee", "seller", "wallet",
	}, whole},
	{"choice", []string{"add_payout_account", "replace_payout_account", "bitcoin", "ethereum"}, whole},
	{"scope", []string{"openid", "profile", "email", "phone", "address", "offline_access"}, []string{".name", ".hint"}},
	{"channel", []string{"email", "sms", "voice"}, whole},
	{"phone", []string{"confirmed", "unverified", "pending"}, whole},
	{"shop.do", append(shopActions[:len(shopActions):len(shopActions)], "other"), whole},
	{"shop.done", append(shopActions[:len(shopActions):len(shopActions)], "acr", "refresh", "signin", "signout", "other"), whole},
	{"month", []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}, whole},
	{"digit", []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, whole},
	{"screen", screens, whole},
	{"notice", notices, []string{".subject", ".what", ".do"}},
}

// shopActions are the actions that the demo shop has words for; any other is called
// by its name.
var shopActions = []string{"payout.request", "payment_details.add", "withdrawal.confirm", "operation.confirm", "bid.place"}

// screens are the pages of the plan, as the demo lists them.
var screens = []string{
	"identify", "password", "challenge", "choose", "confirm", "enrol", "contact", "codes", "settings", "change", "devices",
	"activity", "apps", "account", "consent", "logout", "error", "interstitial", "banner", "demo",
}

var methods = []string{"email", "sms", "voice", "totp", "webauthn", "recovery_codes"}

// literalKeys walks the parsed files of a page for {{t "key"}} and {{text "key"}}.
func literalKeys(page *template.Template) []string {
	var keys []string
	for _, t := range page.Templates() {
		if t.Tree != nil {
			walk(t.Tree.Root, &keys)
		}
	}
	return keys
}

func walk(n parse.Node, keys *[]string) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			walk(child, keys)
		}
	case *parse.ActionNode:
		walk(n.Pipe, keys)
	case *parse.TemplateNode:
		walk(n.Pipe, keys)
	case *parse.IfNode:
		walkBranch(n.BranchNode, keys)
	case *parse.RangeNode:
		walkBranch(n.BranchNode, keys)
	case *parse.WithNode:
		walkBranch(n.BranchNode, keys)
	case *parse.PipeNode:
		if n == nil {
			return
		}
		for _, cmd := range n.Cmds {
			walkCommand(cmd, keys)
		}
	}
}

func walkBranch(n parse.BranchNode, keys *[]string) {
	walk(n.Pipe, keys)
	walk(n.List, keys)
	walk(n.ElseList, keys)
}

func walkCommand(cmd *parse.CommandNode, keys *[]string) {
	for _, arg := range cmd.Args {
		walk(arg, keys)
	}
	if len(cmd.Args) < 2 {
		return
	}
	f, isFunc := cmd.Args[0].(*parse.IdentifierNode)
	key, isString := cmd.Args[1].(*parse.StringNode)
	if isFunc && isString && (f.Ident == "t" || f.Ident == "text") {
		*keys = append(*keys, key.Text)
	}
}
