package demo

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/stepup"
	"github.com/sallyport-id/sallyport/templates"
)

func (s *Shop) frame(c *gin.Context, v *visitor) templates.Demo {
	f := s.pages.Frame(c)
	f.Tenant, f.CSRF = templates.Tenant{Name: shopName}, v.csrf
	f.Zone = zone()
	return templates.Demo{Frame: f, StartURL: s.startURL, ShopURL: "/", MailboxURL: s.startURL + "_mailbox"}
}

// front is the shop, signed out or signed in, with how the last action ended.
func (s *Shop) front(c *gin.Context, v *visitor) error {
	s.mu.Lock()
	result, acr := v.result, v.acr
	v.result = nil
	s.mu.Unlock()
	tenant, login := s.login(v)
	page := templates.ShopPage{
		Demo: s.frame(c, v), ShopName: shopName, SignInAction: "/signin", Result: result, ActionAction: "/action",
		ACRAction: "/acr", ACR: acr, RefreshAction: "/refresh", SignOutAction: "/signout", ClaimsURL: "/claims",
	}
	chosen := c.Query("tenant")
	for i, d := range s.doors {
		page.Doors = append(page.Doors, templates.ShopDoor{Tenant: d.slug, Name: d.name, Current: d.slug == chosen || chosen == "" && i == 0})
	}
	if login == nil {
		return s.pages.Render(c, http.StatusOK, page)
	}
	user := s.user(v, tenant, *login)
	page.User = &user
	client, err := s.client(c.Request.Context(), tenant)
	if err != nil {
		return err
	}
	for _, name := range client.Actions() {
		action := templates.ShopAction{Name: name, ID: buttonID(name)}
		if name != "payout.request" && name != "withdrawal.confirm" {
			page.Actions = append(page.Actions, action)
			continue
		}
		page.Actions = slices.Insert(page.Actions, 0, action) // what pays out comes first
		page.Balance = s.pages.Set.Amount(s.pages.Lang(c), payoutValue, currency)
	}
	return s.pages.Render(c, http.StatusOK, page)
}

// buttonID is the id of the button that asks for an action. The first two are what
// people's scripts know them by.
func buttonID(action string) string {
	switch action {
	case "payout.request":
		return "payout"
	case "payment_details.add":
		return "payment-details"
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(action)
}

// introduced is how the shop may call its user: by the claims of the ID token, or
// those of userinfo, where the scopes that were granted bring more. A user of whom
// nothing is told goes by the subject.
func introduced(ctx context.Context, client *stepup.Client, p stepup.Proof) (name, email string) {
	claims := maps.Clone(p.Claims)
	info, err := client.Userinfo(ctx, p)
	if err == nil { // else the shop goes on with what it has
		maps.Copy(claims, info)
	}
	email, _ = claims["email"].(string)
	for _, claim := range []string{"name", "preferred_username", "email"} {
		name, _ = claims[claim].(string)
		if name != "" {
			return name, email
		}
	}
	return p.Subject, email
}

func (s *Shop) user(v *visitor, tenant string, p stepup.Proof) templates.ShopUser {
	s.mu.Lock()
	u := templates.ShopUser{Name: v.name, Email: v.email, Tenant: tenant, ACR: p.ACR, AMR: p.AMR, AuthTime: p.AuthTime}
	s.mu.Unlock()
	i := slices.IndexFunc(s.doors, func(d door) bool { return d.slug == tenant })
	if i >= 0 {
		u.Tenant = s.doors[i].name
	}
	return u
}

// claims shows everything that the shop was given.
func (s *Shop) claims(c *gin.Context, v *visitor) error {
	tenant, login := s.login(v)
	if login == nil {
		c.Redirect(http.StatusSeeOther, "/")
		return nil
	}
	page := templates.ShopClaimsPage{
		Demo: s.frame(c, v), ShopName: shopName, User: s.user(v, tenant, *login), Claims: fields(login.Claims),
		ClaimsURL: "/claims", BackURL: "/", Tokens: tokens(*login),
	}
	client, err := s.client(c.Request.Context(), tenant)
	if err != nil {
		return err
	}
	info, err := client.Userinfo(c.Request.Context(), *login)
	if err != nil {
		info = map[string]any{"error": err.Error()}
	}
	page.Userinfo = fields(info)
	return s.pages.Render(c, http.StatusOK, page)
}

// fields lists claims by name.
func fields(claims map[string]any) []templates.Field {
	var list []templates.Field
	for name, value := range claims {
		list = append(list, templates.Field{Name: name, Value: text(value)})
	}
	slices.SortFunc(list, func(a, b templates.Field) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func text(value any) string {
	switch v := value.(type) {
	case float64:
		return fmt.Sprintf("%.0f", v)
	case []any:
		var words []string
		for _, w := range v {
			words = append(words, text(w))
		}
		return strings.Join(words, " ")
	}
	return fmt.Sprint(value)
}

// tokens are shown by their beginning and end only.
func tokens(p stepup.Proof) []templates.ShopToken {
	var list []templates.ShopToken
	for _, t := range []struct {
		name  string
		value stepup.Secret
		until time.Time
	}{{"id_token", p.IDToken, time.Time{}}, {"access_token", p.AccessToken, p.ExpiresAt}, {"refresh_token", p.RefreshToken, time.Time{}}} {
		v := string(t.value)
		if len(v) > 24 {
			list = append(list, templates.ShopToken{Name: t.name, Short: v[:10] + "…" + v[len(v)-6:], ExpiresAt: t.until})
		}
	}
	return list
}
