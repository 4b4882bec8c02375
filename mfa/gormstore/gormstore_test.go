package gormstore_test

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/gormstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/storetest"
	"github.com/sallyport-id/sallyport/store"
)

// ring is the key ring of the server in the words of [gormstore.Sealer].
type ring struct{ *seal.Ring }

func (r ring) Seal(table, column, tenant, user, row string, plain []byte) (string, error) {
	return r.Ring.Seal(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, plain)
}

func (r ring) Open(table, column, tenant, user, row, sealed string) ([]byte, error) {
	return r.Ring.Open(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, sealed)
}

func (r ring) BlindIndex(tenant, kind, value string) string {
	return hex.EncodeToString(r.Index(tenant, kind, value))
}

func open(t *testing.T, url string) (*gormstore.Store, *store.DB) {
	t.Helper()
	db, err := store.Open(t.Context(), url, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return gormstore.New(db.Gorm, ring{seal.New(time.Now())}, store.Fail), db
}

// hooked is a store whose hook a test may set.
type hooked struct{ *gormstore.Store }

// OnChange implements [storetest.Hooked].
func (h hooked) OnChange(hook func(mfa.Change) error) {
	h.Hook = nil
	if hook != nil {
		h.Hook = func(_ context.Context, _ *gorm.DB, c mfa.Change) error { return hook(c) }
	}
}

func TestStore(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		s, _ := open(t, url)
		storetest.Run(t, func(*testing.T) storetest.Stores { return hooked{s} })
	})
}

func TestContactsAreSealedAndBoundToTheirRow(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		s, db := open(t, url)
		now := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
		who := mfa.Subject{TenantID: "t1", UserID: "u1"}
		for id, number := range map[string]mfa.Secret{"p1": "+526441832399", "p2": "+526441832398"} {
			require.NoError(t, s.AddContact(t.Context(), mfa.Contact{
				ID: id, Subject: who, Kind: mfa.ContactPhone, Value: number,
				Status: mfa.ContactConfirmed, Source: mfa.SourceSelf, CreatedAt: now,
			}))
		}
		var rows []string
		require.NoError(t, db.Gorm.Raw(`SELECT value_enc || value_bidx || masked FROM mfa_contacts`).Scan(&rows).Error)
		require.Len(t, rows, 2)
		for _, row := range rows {
			require.NotContains(t, row, "52644183")
		}

		require.NoError(t, db.Gorm.Exec(`UPDATE mfa_contacts SET value_enc =
			(SELECT value_enc FROM mfa_contacts WHERE tenant_id = 't1' AND id = 'p1') WHERE tenant_id = 't1' AND id = 'p2'`).Error)
		_, err := s.Enrolments(t.Context(), who)
		require.ErrorIs(t, err, seal.ErrSealed, "a value moved to another row does not open")
	})
}

func TestSecretsOfFactorsAreSealedAndBoundToTheirRow(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		s, db := open(t, url)
		who := mfa.Subject{TenantID: "t1", UserID: "u1"}
		for user, seed := range map[string]mfa.Secret{"u1": "the seed of the first", "u2": "the seed of another"} {
			require.NoError(t, s.AddFactor(t.Context(), mfa.Factor{
				ID: "app-" + user, Subject: mfa.Subject{TenantID: "t1", UserID: user}, Kind: policy.TOTP, Status: mfa.FactorActive,
				Secret: seed, LastStep: -1, CreatedAt: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC),
			}))
		}
		require.NoError(t, s.AddFactor(t.Context(), mfa.Factor{
			ID: "key", Subject: who, Kind: policy.WebAuthn, Status: mfa.FactorActive,
			Credential: &mfa.Credential{ID: []byte("id"), PublicKey: []byte("a public key")},
		}))
		var rows []string
		require.NoError(t, db.Gorm.Raw(`SELECT secret_enc FROM mfa_factors`).Scan(&rows).Error)
		require.Len(t, rows, 3)
		for _, row := range rows {
			require.NotContains(t, row, "seed")
			require.NotContains(t, row, "public")
		}

		require.NoError(t, db.Gorm.Exec(`UPDATE mfa_factors SET secret_enc =
			(SELECT secret_enc FROM mfa_factors WHERE tenant_id = 't1' AND id = 'app-u2') WHERE tenant_id = 't1' AND id = 'app-u1'`).Error)
		_, err := s.Enrolments(t.Context(), who)
		require.ErrorIs(t, err, seal.ErrSealed, "a seed moved to another row does not open")

		require.NoError(t, s.DisableFactor(t.Context(), who, "app-u1", time.Now()))
		var left string
		require.NoError(t, db.Gorm.Raw(`SELECT secret_enc FROM mfa_factors WHERE tenant_id = 't1' AND id = 'app-u1'`).Scan(&left).Error)
		require.Empty(t, left, "a disabled factor is wiped")
	})
}

func TestEveryStatementNamesTheTenant(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		s, _ := open(t, url)
		ctx, counter := store.Count(t.Context())
		lab := storetest.NewLab(t, s)
		ask := lab.Login("i1")

		c, err := lab.Begin(ctx, ask, "")
		require.NoError(t, err)
		_, err = lab.Verify(ctx, mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: lab.Wrong(c)})
		require.ErrorIs(t, err, mfa.ErrMismatch)
		lab.Clock.Move(time.Minute)
		c, err = lab.Resend(ctx, ask, c.ID)
		require.NoError(t, err)
		_, err = lab.Verify(ctx, mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: lab.Code(c)})
		require.NoError(t, err)
		_, err = lab.Use(ctx, lab.Who, c.ID, "i1")
		require.NoError(t, err)

		require.NotEmpty(t, counter.Statements())
		for _, statement := range counter.Statements() {
			require.Contains(t, statement, "tenant_id", statement)
			require.NotRegexp(t, `(?i)now\(\)|current_timestamp|datetime\(`, statement, "the database's clock")
		}
	})
}
