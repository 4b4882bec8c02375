package store

import (
	"context"

	"github.com/sallyport-id/sallyport/identity"
)

// mostActivity is how much of it one page shows.
const mostActivity = 50

// Activity lists what happened to an account, newest first, of the types that are
// meant for its owner ([identity.ActivityTypes] and [identity.ActivityFailures]).
func (s *Store) Activity(ctx context.Context, tenantID, userID string, page identity.ActivityPage) ([]identity.Activity, error) {
	limit := page.Limit
	if limit <= 0 || limit > mostActivity {
		limit = mostActivity
	}
	query := "select " + auditColumns + " from audit_events where tenant_id = $1 and subject = $2"
	args := []any{tenantID, userID, limit}
	if !page.Before.IsZero() {
		query += " and (at < $4 or at = $4 and id < $5)"
		args = append(args, stamp(page.Before), page.BeforeID)
	}
	query += " and (type in (" + params(len(args)+1, len(identity.ActivityTypes)) + ")"
	for _, t := range identity.ActivityTypes {
		args = append(args, t)
	}
	query += " or result <> 'ok' and type in (" + params(len(args)+1, len(identity.ActivityFailures)) + "))"
	for _, t := range identity.ActivityFailures {
		args = append(args, t)
	}
	rows, err := s.DB.SQL.QueryContext(ctx, query+" order by at desc, id desc limit $3", args...)
	if err != nil {
		return nil, fail("list activity", err)
	}
	defer rows.Close()
	var list []identity.Activity
	for rows.Next() {
		var row auditRow
		err = rows.Scan(into(row.fields())...)
		if err != nil {
			return nil, fail("list activity", err)
		}
		e := row.AuditEvent
		list = append(list, identity.Activity{
			ID: e.ID, At: e.At, Type: e.Type, Result: e.Result, IP: e.IP, UserAgent: e.UserAgent, ClientID: e.ClientID, Data: e.Data,
		})
	}
	return list, fail("list activity", rows.Err())
}
