package store_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

var listTables = map[store.Dialect]string{
	store.SQLite:   "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'",
	store.Postgres: "select tablename from pg_tables where schemaname = current_schema()",
}

// dump is every value of every row of every table, as text: bytes as they are,
// in hexadecimal and in base64.
func dump(t *testing.T, db *store.DB) []string {
	t.Helper()
	var lines []string
	for _, table := range column(t, db, listTables[db.Dialect]) {
		rows, err := db.SQL.QueryContext(t.Context(), "select * from "+table)
		require.NoError(t, err)
		names, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			values := make([]any, len(names))
			at := make([]any, len(names))
			for i := range values {
				at[i] = &values[i]
			}
			require.NoError(t, rows.Scan(at...))
			line := table
			for i, v := range values {
				line += fmt.Sprintf(" %s=%s", names[i], text(v))
			}
			lines = append(lines, line)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	slices.Sort(lines)
	return lines
}

func text(v any) string {
	b, ok := v.([]byte)
	if !ok {
		return fmt.Sprint(v)
	}
	return string(b) + "|" + hex.EncodeToString(b) + "|" + base64.StdEncoding.EncodeToString(b)
}

func column(t *testing.T, db *store.DB, query string, args ...any) (list []string) {
	t.Helper()
	rows, err := db.SQL.QueryContext(t.Context(), query, args...)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var v sql.NullString
		require.NoError(t, rows.Scan(&v))
		list = append(list, v.String)
	}
	require.NoError(t, rows.Err())
	return list
}

// T-47: a copy of the database tells nobody's name, address or number.
func TestT47DumpHoldsNothingPersonal(t *testing.T) {
	const name, mail, phone, payee = "Dolores Planted", "dolores.planted@example.com", "+525598172399", "Payee Planted SA"
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		u := identity.User{
			ID: id("user"), TenantID: tenant, Username: mail, PasswordHash: "h", Status: identity.UserActive,
			Profile: identity.Profile{Name: name, GivenName: name, Email: mail, PhoneNumber: phone, Address: &identity.Address{Formatted: name}},
		}
		_, err := s.PutUser(ctx, u)
		must(t, err)
		in := sampleInteraction()
		in.Request.LoginHint, in.Request.Form = mail, map[string][]string{"login_hint": {phone}}
		in.Request.Details = []byte(payee)
		in.State.Identifier = mail
		must(t, s.CreateInteraction(ctx, in))
		_, err = s.UpdateInteraction(ctx, tenant, in.ID, func(in *consent.Interaction) error {
			in.State.Identifier = phone
			return nil
		})
		must(t, err)
		c := sampleConfirmation()
		c.Details = []byte(`{"payee":"` + payee + `"}`)
		must(t, s.CreateConfirmation(ctx, c))
		g := sampleGrant()
		g.UserID = u.ID
		g.IDClaims, g.Claims, g.Details = []byte(`{"email":"`+mail+`"}`), []byte(`{"value":"`+phone+`"}`), c.Details
		must(t, s.CreateGrant(ctx, g))
		must(t, s.QueueNotices(ctx, identity.Notice{TenantID: tenant, UserID: u.ID, Kind: "factor_added", Device: name, At: start},
			identity.Notice{TenantID: tenant, Kind: identity.RequestReset, To: mail, At: start}))
		for _, purpose := range []identity.LinkPurpose{identity.LinkPasswordReset, identity.LinkSignUp} {
			l := sampleLink(purpose)
			l.Address = mail
			must(t, s.PutLink(ctx, l))
		}

		lines := dump(t, f.DB)

		require.NotEmpty(t, lines)
		for _, line := range lines {
			for _, planted := range []string{"planted", "dolores", phone, phone[1:], storetest.AliceName} {
				for _, form := range []string{planted, hex.EncodeToString([]byte(planted)), base64.RawStdEncoding.EncodeToString([]byte(planted))} {
					require.NotContains(t, strings.ToLower(line), strings.ToLower(form))
				}
			}
		}
	})
}

// T-46: a sealed value opens in the row that it was made for, and nowhere else.
func TestT46SealedValueOfAnotherRowDoesNotOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		bob := f.AddUser(t, tenant, id("user"), "bob@example.com")
		var grants []model.Grant
		var interactions []consent.Interaction
		var confirmations []consent.Confirmation
		for i := range 2 {
			grants = append(grants, sampleGrant())
			must(t, s.CreateGrant(ctx, grants[len(grants)-1]))
			interactions = append(interactions, sampleInteraction())
			must(t, s.CreateInteraction(ctx, interactions[len(interactions)-1]))
			confirmations = append(confirmations, sampleConfirmation())
			confirmations[i].Action += strconv.Itoa(i)
			must(t, s.CreateConfirmation(ctx, confirmations[len(confirmations)-1]))
		}
		grant := func() error { _, _, err := s.Grant(ctx, tenant, grants[0].ID, start); return err }
		user := func() error { _, err := s.User(ctx, tenant, storetest.AliceID); return err }
		links := []identity.Link{sampleLink(identity.LinkPasswordReset), sampleLink(identity.LinkSignUp)}
		for _, l := range links {
			must(t, s.PutLink(ctx, l))
		}
		tests := []struct {
			table, column, from, to, other string // to gets from's value, or its own of column other
			read                           func() error
		}{
			{"users", "username_enc", bob.ID, storetest.AliceID, "", user},
			{"users", "profile_enc", bob.ID, storetest.AliceID, "", user},
			{"users", "profile_enc", storetest.AliceID, storetest.AliceID, "username_enc", user},
			{"grants", "id_claims_enc", grants[1].ID, grants[0].ID, "", grant},
			{"grants", "claims_enc", grants[1].ID, grants[0].ID, "", grant},
			{"grants", "details_enc", grants[1].ID, grants[0].ID, "", grant},
			{"grants", "details_enc", grants[0].ID, grants[0].ID, "claims_enc", grant},
			{"interactions", "content_enc", interactions[1].ID, interactions[0].ID, "", func() error {
				_, err := s.Interaction(ctx, tenant, interactions[0].ID)
				return err
			}},
			{"links", "address_enc", links[1].ID, links[0].ID, "", func() error {
				_, _, err := s.LinkByToken(ctx, tenant, links[0].TokenHash)
				return err
			}},
			{"confirmations", "details_enc", confirmations[1].ID, confirmations[0].ID, "", func() error {
				_, err := s.Confirmation(ctx, tenant, confirmations[0].ID)
				return err
			}},
		}
		for _, tt := range tests {
			t.Run(tt.table+"."+tt.column+" from "+tt.from+" "+tt.other, func(t *testing.T) {
				must(t, tt.read())
				source := tt.column
				if tt.other != "" {
					source = tt.other
				}
				mine := column(t, f.DB, "select "+tt.column+" from "+tt.table+" where id = $1", tt.to)[0]
				theirs := column(t, f.DB, "select "+source+" from "+tt.table+" where id = $1", tt.from)[0]
				put := func(v string) {
					_, err := f.DB.SQL.ExecContext(ctx, "update "+tt.table+" set "+tt.column+" = $1 where id = $2", v, tt.to)
					must(t, err)
				}
				put(theirs)

				err := tt.read()

				require.ErrorIs(t, err, seal.ErrSealed)
				put(mine)
				must(t, tt.read())
			})
		}
	})
}

// T-46 between tenants: the signing key of one is no key of the other.
func TestT46SigningKeyOfAnotherTenantDoesNotOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		f.AddTenant(t, "tenant-other", "other", "contractor-email-first")
		theirs := column(t, f.DB, "select private_enc from signing_keys where tenant_id = $1", "tenant-other")[0]
		_, err := f.DB.SQL.ExecContext(t.Context(), "update signing_keys set private_enc = $1 where tenant_id = $2", theirs, tenant)
		must(t, err)

		_, err = f.Store.Keys(t.Context(), tenant)
		require.ErrorIs(t, err, seal.ErrSealed)
		_, err = f.Catalog.BySlug(t.Context(), storetest.Slug)
		require.ErrorIs(t, err, seal.ErrSealed, "nothing is served without its keys")
		_, err = f.Catalog.BySlug(t.Context(), "other")
		require.NoError(t, err)
	})
}

func TestLogAndPoliciesAreAppendOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		must(t, f.Store.AppendAudit(t.Context(), sampleEvent()))
		before := dump(t, f.DB)
		for _, statement := range []string{
			"update audit_events set result = 'changed'", "delete from audit_events",
			"update tenant_policies set author = 'nobody'", "delete from tenant_policies",
		} {
			_, err := f.DB.SQL.ExecContext(t.Context(), statement)
			require.ErrorContains(t, err, "append-only", statement)
		}
		if f.DB.Dialect == store.Postgres {
			_, err := f.DB.SQL.ExecContext(t.Context(), "truncate audit_events")
			require.ErrorContains(t, err, "append-only")
		}
		require.Equal(t, before, dump(t, f.DB))
	})
}
