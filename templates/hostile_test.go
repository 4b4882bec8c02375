package templates

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// evil is what someone might call an app, a payee or himself: markup, an
// attribute's end, an override that turns the rest of the line around, a zero
// width space, a line break.
const evil = "<script>alert(1)</script>\" onclick='x' \u202e\u2066gro.live\u200b\nnext & {{.CSRF}}"

// poison puts evil into every string of v that shows foreign text.
func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).Kind() == reflect.String && !shown[name] {
				continue
			}
			if v.Field(i).CanSet() {
				poison(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Type().Elem().PkgPath() == reflect.TypeFor[Frame]().PkgPath() {
			poison(v.Elem())
		}
	case reflect.String:
		v.SetString(evil)
	}
}

// shown are the fields whose text comes from people or apps.
var shown = map[string]bool{
	"Name": true, "AppName": true, "Account": true, "Label": true, "Value": true, "Payee": true, "Amount": true,
	"App": true, "Device": true, "Masked": true, "Username": true, "ActionName": true, "Text": true, "Subject": true,
	"To": true, "Note": true, "Description": true, "Error": true, "Email": true, "Phone": true, "ShopName": true,
	"AppHost": true, "Password": true, "ACR": true, "Short": true, "Secret": true, "RequestID": true, "TrustDevice": true,
	"Problem": true, "Code": true, "ID": true, "Scopes": true, "Tenant": true, "CSRF": true, "Preset": true, "Issuer": true,
	"Key": true, "Current": true, "Number": true, "Country": true, "Codes": true, "KeyOptions": true, "Options": true,
	"PasskeyOptions": true, "Change": true, "Example": true, "Strength": true,
}

func TestForeignTextStaysText(t *testing.T) {
	s := newTestSet(t)
	for _, tt := range samples() {
		t.Run(tt.name, func(t *testing.T) {
			p := reflect.New(reflect.TypeOf(tt.page)).Elem()
			p.Set(reflect.ValueOf(tt.page))
			poison(p)

			text := render(t, s, p.Interface().(Page))

			doc, err := html.Parse(strings.NewReader(text))
			require.NoError(t, err)
			held := page{t, doc}
			held.isBalanced(text)
			held.hasNothingInline()
			for _, n := range held.tags("script") {
				require.NotEmpty(t, attr(n, "src"))
			}
			for _, n := range held.all(func(*html.Node) bool { return true }) {
				// What stands in a value is the user's own and not rendered.
				if n.Data != "input" && n.Data != "option" && attr(n, "data-copy") == "" {
					require.NotContains(t, directText(n), "\u202e", "in %s", n.Data)
				}
			}
		})
	}
}

func directText(n *html.Node) string {
	var b strings.Builder
	for c := range n.ChildNodes() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// TestForeignTextIsIsolated finds each foreign name of the confirm page in a
// <bdi> of its own.
func TestForeignTextIsIsolated(t *testing.T) {
	s := newTestSet(t)
	p := ConfirmPage{Frame: at(ActionGates("x.y", true)), ActionName: "تأكيد", Slip: Slip{
		Amount: "1.00 EUR", Payee: "أكمي", App: "متجر", Device: "جهاز", Same: true, Facts: []Fact{{"تسمية", "قيمة", false, false}},
	}}
	p.Tenant.Name, p.Account = "مستأجر", "أليس"

	doc, err := html.Parse(strings.NewReader(render(t, s, p)))
	require.NoError(t, err)

	isolated := map[string]bool{}
	for _, n := range (page{t, doc}).tags("bdi") {
		isolated[content(n)] = true
	}
	for _, name := range []string{"تأكيد", "1.00 EUR", "أكمي", "متجر", "جهاز", "تسمية", "قيمة", "مستأجر", "أليس"} {
		require.True(t, isolated[name], name)
	}
}

func TestWayBack(t *testing.T) {
	s := newTestSet(t)
	tests := []struct {
		name string
		url  string
		want string // "" is refused
	}{
		{"https with a query", "https://shop.example.test/cb?code=a&state=b", "https://shop.example.test/cb?code=a&state=b"},
		{"an app's own scheme", "com.example.app:/back?code=a", "com.example.app:/back?code=a"},
		{"what could end the refresh", `https://shop.example.test/cb?state=a;b,c"'d`, "https://shop.example.test/cb?state=a;b,c%22%27d"},
		{"a script", "javascript:alert(1)", ""},
		{"a script in disguise", " Java\tScript:alert(1)", ""},
		{"data", "data:text/html,x", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			err := s.Render(&b, "en", InterstitialPage{URL: tt.url})
			if tt.want == "" {
				require.Error(t, err)
				require.Empty(t, b.String(), "nothing is sent when a page fails")
				return
			}
			require.NoError(t, err)

			doc, err := html.Parse(strings.NewReader(b.String()))
			require.NoError(t, err)
			held := page{t, doc}
			require.Equal(t, tt.want, attr(held.byID("continue"), "href"))
			refresh := held.all(func(n *html.Node) bool { return attr(n, "http-equiv") == "refresh" })
			require.Len(t, refresh, 1)
			require.Equal(t, "0; url="+tt.want, attr(refresh[0], "content"))
		})
	}
}
