package demo

import (
	"fmt"
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
	return templates.Demo{Frame: f, StartURL: s.startURL, ShopURL: "/", MailboxURL: s.startURL + "_mailbox"}
}

// front is the shop, signed out or signed in, with how the last action ended.
func (s *Shop) front(c *gin.Context, v *visitor) error {
	s.mu.Lock()
	tenant, login, result, acr := v.tenant, v.proof, v.result, v.acr
	v.result = nil
	s.mu.Unlock()
	page := templates.ShopPage{
		Demo: s.frame(c, v), ShopName: shopName, SignInAction: "/signin", Result: result, ActionAction: "/action",
		ACRAction: "/acr", ACR: acr, RefreshAction: "/refresh", SignOutAction: "/signout", ClaimsURL: "/claims",
		Balance: "1,250.00 EUR",
	}
	chosen := c.Query("tenant")
	for i, d := range s.doors {
		page.Doors = append(page.Doors, templates.ShopDoor{Tenant: d.slug, Name: d.name, Current: d.slug == chosen || chosen == "" && i == 0})
	}
	if login != nil {
		user := s.user(tenant, *login)
		page.User = &user
	}
	return s.pages.Render(c, http.StatusOK, page)
}

func (s *Shop) user(tenant string, p stepup.Proof) templates.ShopUser {
	u := templates.ShopUser{Name: p.Subject, Tenant: tenant, ACR: p.ACR, AMR: p.AMR, AuthTime: p.AuthTime}
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
		Demo: s.frame(c, v), ShopName: shopName, User: s.user(tenant, *login), Claims: fields(login.Claims),
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
