package store

import (
	"context"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/provider/model"
)

// auditRow is table audit_events, to which triggers allow nothing but INSERT.
type auditRow struct{ model.AuditEvent }

func (r *auditRow) fields() []field {
	e := &r.AuditEvent
	return []field{
		col("tenant_id", &e.TenantID), col("id", &e.ID), timeCol("at", &e.At), col("actor_type", &e.ActorType),
		col("actor_id", &e.ActorID), col("subject", &e.Subject), col("type", &e.Type), col("result", &e.Result),
		col("ip", &e.IP), col("user_agent", &e.UserAgent), col("request_id", &e.RequestID), col("client_id", &e.ClientID),
		jsonCol("data", &e.Data),
	}
}

var auditColumns = names("", (&auditRow{}).fields())

// auditBatch bounds the parameters of one statement.
const auditBatch = 500

// AppendAudit adds events to the log, as few statements as that takes. They may
// be of several tenants.
func (s *Store) AppendAudit(ctx context.Context, events ...model.AuditEvent) error {
	return fail("append audit events", putAudit(ctx, s.DB.SQL, events))
}

func putAudit(ctx context.Context, q querier, events []model.AuditEvent) error {
	for len(events) > 0 {
		n := min(len(events), auditBatch)
		err := putAuditBatch(ctx, q, events[:n])
		if err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

func putAuditBatch(ctx context.Context, q querier, events []model.AuditEvent) error {
	var args []any
	var rows []string
	for _, e := range events {
		row := auditRow{e}
		values, err := from(row.fields())
		if err != nil {
			return err
		}
		rows = append(rows, "("+params(len(args)+1, len(values))+")")
		args = append(args, values...)
	}
	_, err := q.ExecContext(ctx, "insert into audit_events ("+auditColumns+") values "+strings.Join(rows, ", "), args...)
	return duplicate(err)
}

// AuditPage says which part of a tenant's log is wanted: the Limit newest events
// that are older than the one with time Before and id BeforeID. The zero time is
// the newest end.
type AuditPage struct {
	Before   time.Time
	BeforeID string
	Limit    int
}

// Audit lists events of a tenant, newest first.
func (s *Store) Audit(ctx context.Context, tenantID string, page AuditPage) ([]model.AuditEvent, error) {
	query := "select " + auditColumns + " from audit_events where tenant_id = $1"
	args := []any{tenantID, page.Limit}
	if !page.Before.IsZero() {
		query += " and (at < $3 or at = $3 and id < $4)"
		args = append(args, stamp(page.Before), page.BeforeID)
	}
	rows, err := s.DB.SQL.QueryContext(ctx, query+" order by at desc, id desc limit $2", args...)
	if err != nil {
		return nil, fail("list audit events", err)
	}
	defer rows.Close()
	var list []model.AuditEvent
	for rows.Next() {
		var row auditRow
		err = rows.Scan(into(row.fields())...)
		if err != nil {
			return nil, fail("list audit events", err)
		}
		list = append(list, row.AuditEvent)
	}
	return list, fail("list audit events", rows.Err())
}
