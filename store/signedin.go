package store

import (
	"context"

	"github.com/sallyport-id/sallyport/consent"
)

// agreementRow is table agreements.
type agreementRow struct{ consent.Agreement }

func (r *agreementRow) fields() []field {
	a := &r.Agreement
	return []field{
		col("tenant_id", &a.TenantID), col("user_id", &a.UserID), col("client_id", &a.ClientID),
		wordsCol("scopes", &a.Scopes), timeCol("created_at", &a.CreatedAt), timeCol("updated_at", &a.UpdatedAt),
	}
}

// agreement is nil if the row is the empty side of an outer join.
func (r *agreementRow) agreement() *consent.Agreement {
	if r.TenantID == "" {
		return nil
	}
	a := r.Agreement
	return &a
}

var (
	agreementColumns = names("a.", (&agreementRow{}).fields())

	putAgreement = insertInto("agreements", (&agreementRow{}).fields()) +
		" on conflict (tenant_id, user_id, client_id) do update set scopes = excluded.scopes, updated_at = excluded.updated_at"

	// The tenant leads, so that its version comes back also where nobody is
	// signed in.
	selectSignedIn = "select " + sessionColumns + ", " + userColumns + ", " + agreementColumns + `, t.version
		from tenants t
		left join sessions s on s.tenant_id = t.id and s.token_hash = $2
		left join users u on u.tenant_id = s.tenant_id and u.id = s.user_id
		left join agreements a on a.tenant_id = s.tenant_id and a.user_id = s.user_id and a.client_id = $3
		where t.id = $1`
)

// SignedIn implements [consent.People]. Whether the session is live is for
// [identity.Session.Live] to say.
func (s *Store) SignedIn(ctx context.Context, tenantID string, tokenHash []byte, clientID string) (consent.SignedIn, error) {
	var session sessionRow
	var user userRow
	var agreed agreementRow
	var in consent.SignedIn
	fields := append(append(session.fields(), user.fields()...), agreed.fields()...)
	err := s.DB.SQL.QueryRowContext(ctx, selectSignedIn, tenantID, tokenHash, clientID).Scan(into(fields, &in.RealmVersion)...)
	if absent(err) {
		return consent.SignedIn{}, nil // there is no such tenant
	}
	if err != nil {
		return consent.SignedIn{}, fail("read session", err)
	}
	if session.ID == "" || user.ID == "" {
		return in, nil
	}
	u, err := s.revealUser(user)
	if err != nil {
		return consent.SignedIn{}, err
	}
	in.Session, in.User, in.Agreement = session.session(), &u, agreed.agreement()
	return in, nil
}

// Agreement implements [consent.People].
func (s *Store) Agreement(ctx context.Context, tenantID, userID, clientID string) (*consent.Agreement, error) {
	var row agreementRow
	err := s.DB.SQL.QueryRowContext(ctx, "select "+agreementColumns+" from agreements a where a.tenant_id = $1 and a.user_id = $2 and a.client_id = $3",
		tenantID, userID, clientID).Scan(into(row.fields())...)
	if absent(err) {
		return nil, nil //nolint:nilnil // the interface says so
	}
	if err != nil {
		return nil, fail("read agreement", err)
	}
	return row.agreement(), nil
}

func agree(ctx context.Context, q querier, a consent.Agreement) error {
	row := agreementRow{a}
	args, err := from(row.fields())
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, putAgreement, args...)
	return err
}
