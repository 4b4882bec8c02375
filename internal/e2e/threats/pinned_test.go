package threats_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// pinnedToAnother is T-40 for what is used up by a wrong try: the verifier of the code,
// and the user for whom the app has pushed.
func pinnedToAnother(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
	b := browser(p)
	b.Login(t, alice, alice)
	sub := user(t, p, alice).ID
	used := func() int {
		return number(t, p, "select count(*) from confirmations where tenant_id = $1 and (status = 'consumed' or receipt <> '')")
	}
	txn := 0
	push := func(t *testing.T, pairs ...string) harness.Auth {
		t.Helper()
		txn++
		return p.Push(t, p.Own, pay(fmt.Sprint("order-", txn)), pairs...)
	}
	pinned := func(sub string) string { return fmt.Sprintf(`{"id_token":{"sub":{"value":%q}}}`, sub) }

	for _, tt := range []struct {
		name string
		edit func(form url.Values)
	}{
		{"the verifier", func(form url.Values) { form.Set("code_verifier", bent(form.Get("code_verifier"))) }},
		{"no verifier", func(form url.Values) { form.Del("code_verifier") }},
		{"the redirect URI", func(form url.Values) { form.Set("redirect_uri", bent(form.Get("redirect_uri"))) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, _ := mustOpen(t, b, push(t))
			require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", code(t, p, alice)).Status)
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {v.finish(t).Get("code")}, "redirect_uri": {harness.Callback}, "code_verifier": {v.auth.Verifier},
			}
			right := url.Values{}
			for name := range form {
				right.Set(name, form.Get(name))
			}
			tt.edit(form)
			refused := p.Token(t, p.Own, form)
			require.Equal(t, "invalid_grant", refused.Error)
			require.Equal(t, "invalid_grant", p.Token(t, p.Own, right).Error, "a code is tried once")
			var now struct {
				ID   string `json:"confirmation_id"`
				Hash string `json:"details_hash"`
			}
			require.Equal(t, http.StatusOK, p.Call(t, p.Own, http.MethodGet, "/confirmations?action=payout.request&txn_id="+fmt.Sprint("order-", txn), "", "", nil, &now))
			require.Equal(t, http.StatusConflict, paid{place: p, id: now.ID}.use(t, p.Own, now.Hash, ""), "its grant has ended")
			require.Zero(t, used())
		})
	}
	h.Clock.Advance(time.Minute)
	for name, wanted := range map[string]string{"nobody's subject": bent(sub), "somebody else's subject": user(t, p, bob).ID} {
		t.Run(name, func(t *testing.T) {
			sent := codes(p, alice) + codes(p, phone)
			page := b.Get(t, push(t, "claims", pinned(wanted), "scope", "openid").URL)
			require.Contains(t, []string{"identify", "password"}, page.Name, "somebody else may sign in")
			require.NotContains(t, page.Body, bob)
			require.Equal(t, sent, codes(p, alice)+codes(p, phone), "alice is asked nothing")
			v := visit{browser: b, id: interactionOf(page.URL), csrf: page.Forms[0].Fields.Get("csrf")}
			v.mustPost(t, "/identify", "username", alice)
			v.mustPost(t, "/password", "username", alice, "password", harness.Password)
			require.Equal(t, "login_required", b.Get(t, v.path("")).Callback.Get("error"), "and she does not count")
			require.Zero(t, number(t, p, "select count(*) from confirmations where tenant_id = $1 and interaction_id = $2", v.id))
		})
	}
	t.Run("her own subject", func(t *testing.T) {
		v, page := mustOpen(t, b, push(t, "claims", pinned(sub), "scope", "openid"))
		require.Equal(t, "confirm", page.Name)
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", code(t, p, alice)).Status)
		require.NotEmpty(t, v.finish(t).Get("code"))
	})
}

// bent is text with its last byte changed.
func bent(text string) string {
	last := byte('A')
	if text[len(text)-1] == last {
		last = 'B'
	}
	return text[:len(text)-1] + string(last)
}
