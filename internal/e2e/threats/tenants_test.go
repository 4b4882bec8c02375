package threats_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/store"
)

// crossTenant is T-45.
func crossTenant(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	q := trustPlace(t, h)
	a := build(t, h, nil)

	// Everything that a tenant can hold is there in p, and the browser that made
	// it carries all its cookies again under the names that q reads.
	b := a.browser(p)
	trustedBrowser(t, b, alice)
	open, page := mustOpen(t, b, b.Place.Authorize(p.Own, "acr_values", payoutACR))
	require.Equal(t, "confirm", page.Name)
	intruder := a.browser(q)
	trustedBrowser(t, intruder, alice)
	mustOpen(t, intruder, intruder.Place.Authorize(q.Own, "acr_values", payoutACR))
	for _, kind := range []string{"sp-session-", "sp-browser-", "td-"} {
		plant(t, intruder, cookie(t, intruder, kind).Name, cookie(t, b, kind).Value)
	}

	t.Run("ids of another tenant in every route", func(t *testing.T) {
		ids := objects(t, p)
		require.Contains(t, ids, open.id)
		require.Greater(t, len(ids), 10)
		routes := 0
		for _, route := range a.engine.Routes() {
			if !strings.Contains(route.Path, ":id") {
				continue
			}
			routes++
			for _, id := range ids {
				address := a.house.URL + fill(route.Path, q.Slug, id)
				status, _ := bare(t, intruder, route.Method, address, url.Values{"csrf": {open.csrf}, "code": {code(t, p, alice)}})
				if strings.Contains(route.Path, "/confirmations/") {
					foreignConfirmation(t, q, route.Method, strings.TrimPrefix(route.Path, "/t/:tenant"), id, status)
					continue
				}
				require.Equal(t, http.StatusNotFound, status, "%s %s with %s", route.Method, route.Path, id)
			}
		}
		require.Greater(t, routes, 15)
		parked := park(t, browser(p))
		got, _ := bare(t, intruder, http.MethodGet, a.house.URL+"/t/"+p.Slug+"/authorize?parked="+parked, nil)
		require.NotEqual(t, http.StatusNotFound, got)
		got, _ = bare(t, intruder, http.MethodGet, a.house.URL+"/t/"+q.Slug+"/authorize?parked="+parked, nil)
		require.Equal(t, http.StatusNotFound, got)
	})
	t.Run("cookies of another tenant", func(t *testing.T) {
		require.Empty(t, whoIs(t, intruder), "a session of one tenant was taken in another")
		require.True(t, askedForCode(t, intruder, alice))
	})
	t.Run("tokens of another tenant", func(t *testing.T) { foreignTokens(t, p, q) })
	t.Run("unique indexes begin with the tenant", func(t *testing.T) {
		indexes := uniqueIndexes(t, h)
		require.Greater(t, len(indexes), 20)
		for _, i := range indexes {
			if shared[i.table] {
				continue
			}
			require.Equal(t, "tenant_id", i.first, "index %s of table %s", i.name, i.table)
		}
	})
}

// foreignConfirmation: the endpoints of confirmations ask first which app it is, and know
// nothing of another tenant's then.
func foreignConfirmation(t *testing.T, q *harness.Place, method, path, id string, unknown int) {
	t.Helper()
	if method != http.MethodGet && method != http.MethodPost || strings.HasSuffix(path, "/consume") != (method == http.MethodPost) {
		require.Equal(t, http.StatusMethodNotAllowed, unknown, "%s %s", method, path)
		return
	}
	require.Equal(t, http.StatusUnauthorized, unknown, "%s %s", method, path)
	status := q.Call(t, q.Own, method, fill(path, "", id), "application/json", "{}", nil, &map[string]any{})
	require.Equal(t, http.StatusNotFound, status, "%s %s with %s", method, path, id)
}

// shared are the tables that are not one tenant's: the list of tenants, whose
// names are unique on the whole server; counters, whose keys hold the tenant;
// and what concerns the database itself.
var shared = map[string]bool{"tenants": true, "buckets": true, "keyring": true, "goose_db_version": true}

// objects are the ids of every row of a tenant.
func objects(t *testing.T, p *harness.Place) []string {
	t.Helper()
	var ids []string
	for _, table := range []string{
		"users", "sessions", "interactions", "confirmations", "grants", "signing_keys", "clients", "notifications",
		"mfa_contacts", "mfa_factors", "mfa_challenges", "mfa_deliveries", "mfa_devices",
	} {
		rows, err := p.House.Server.Store.DB.SQL.QueryContext(t.Context(), "select id from "+table+" where tenant_id = $1", tenant(t, p))
		require.NoError(t, err)
		for rows.Next() {
			var id string
			require.NoError(t, rows.Scan(&id))
			ids = append(ids, id)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	return append(ids, tenant(t, p))
}

// park posts a request that is too long to be repeated in a query, and returns
// the id under which it is kept.
func park(t *testing.T, b *harness.Browser) string {
	t.Helper()
	auth := b.Place.Authorize(b.Place.Own, "ui_locales", strings.Repeat("en ", 2500))
	form, err := url.ParseQuery(parameters(t, auth))
	require.NoError(t, err)
	status, location := bare(t, b, http.MethodPost, b.Place.Issuer+"/authorize", form)
	require.Equal(t, http.StatusSeeOther, status)
	u, err := url.Parse(location)
	require.NoError(t, err)
	require.NotEmpty(t, u.Query().Get("parked"), "%s", location)
	return u.Query().Get("parked")
}

// foreignTokens shows everything that p issued to q.
func foreignTokens(t *testing.T, p, q *harness.Place) {
	t.Helper()
	b := browser(p)
	auth, answer := b.Login(t, bob, bob, "scope", "openid offline_access")
	tokens := p.Exchange(t, auth, answer)
	require.NotEmpty(t, tokens.Refresh)
	_, unused := b.Login(t, bob, bob, "prompt", "login")

	for _, tt := range []struct {
		name, path, token string
		status            int
	}{
		{"at home", p.Issuer, tokens.Access, http.StatusOK},
		{"elsewhere", q.Issuer, tokens.Access, http.StatusUnauthorized},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.path+"/userinfo", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+tt.token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, tt.status, resp.StatusCode, "%s", tt.name)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}}
	require.Equal(t, "invalid_grant", q.Token(t, q.Own, refresh).Error)
	exchange := url.Values{
		"grant_type": {"authorization_code"}, "code": {unused.Get("code")}, "redirect_uri": {harness.Callback},
		"code_verifier": {auth.Verifier},
	}
	require.Equal(t, "invalid_grant", q.Token(t, q.Own, exchange).Error)
	stranger := *q
	stranger.Secret = p.Secret
	require.Equal(t, "invalid_client", stranger.Token(t, q.Own, refresh).Error)
	hint := browser(q).Get(t, q.Authorize(q.Own, "id_token_hint", tokens.ID).URL)
	require.NotNil(t, hint.Callback)
	require.Equal(t, "invalid_request", hint.Callback.Get("error"))
	require.Equal(t, http.StatusOK, p.Token(t, p.Own, refresh).Status, "at home it is good")
}

type index struct{ table, name, first string }

// uniqueIndexes are those of the whole schema, primary keys among them.
func uniqueIndexes(t *testing.T, h *harness.House) []index {
	t.Helper()
	query := `select m.name, l.name, i.name from sqlite_master m
		join pragma_index_list(m.name) l on l."unique" = 1
		join pragma_index_info(l.name) i on i.seqno = 0
		where m.type = 'table'`
	if h.Server.Store.DB.Dialect == store.Postgres {
		query = `select c.relname, i.relname, a.attname from pg_index x
			join pg_class c on c.oid = x.indrelid
			join pg_class i on i.oid = x.indexrelid
			join pg_namespace n on n.oid = c.relnamespace
			join pg_attribute a on a.attrelid = x.indexrelid and a.attnum = 1
			where x.indisunique and n.nspname = current_schema()`
	}
	rows, err := h.Server.Store.DB.SQL.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	var list []index
	for rows.Next() {
		var i index
		require.NoError(t, rows.Scan(&i.table, &i.name, &i.first))
		list = append(list, i)
	}
	require.NoError(t, rows.Err())
	return list
}
