package samples

import (
	"reflect"
	"strings"

	"github.com/sallyport-id/sallyport/templates"
)

// Spoken is s as a server would fill it in for a reader of lang: amounts are written
// as lang writes them, and the switcher stands at lang.
func (s Sample) Spoken(set *templates.Set, lang string) Sample {
	page := reflect.New(reflect.TypeOf(s.Page)).Elem()
	page.Set(reflect.ValueOf(s.Page))
	for _, at := range [][2]string{{"Slip", "Amount"}, {"", "Balance"}} {
		amount, ok := field[string](page, at[0], at[1])
		if ok {
			value, currency, _ := strings.Cut(strings.ReplaceAll(*amount, ",", ""), " ")
			*amount = set.Amount(lang, value, currency)
		}
	}
	langs, ok := field[[]templates.Lang](page, "Frame", "Langs")
	if ok {
		*langs = append([]templates.Lang(nil), *langs...)
		for i := range *langs {
			(*langs)[i].Current = (*langs)[i].Code == lang
		}
	}
	s.Page, _ = page.Interface().(templates.Page)
	return s
}

// field is where a page, or a part of it, keeps one of its values.
func field[T any](page reflect.Value, part, name string) (*T, bool) {
	if part != "" {
		page = page.FieldByName(part)
	}
	if !page.IsValid() || !page.FieldByName(name).IsValid() {
		return nil, false
	}
	at, ok := page.FieldByName(name).Addr().Interface().(*T)
	return at, ok
}
