package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/internal/seal"
)

// interactionRow is table interactions. The request and what was done in it name
// people (login_hint, what was typed), so both are sealed, as one.
type interactionRow struct {
	consent.Interaction
	content string // sealed
}

type interactionContent struct {
	Request json.RawMessage `json:"request"`
	State   consent.State   `json:"state"`
}

func (r *interactionRow) fields() []field {
	in := &r.Interaction
	return []field{
		col("tenant_id", &in.TenantID), col("id", &in.ID), col("browser_hash", &in.BrowserHash), col("content_enc", &r.content),
		col("session_id", &in.SessionID), col("request_uri_hash", &in.RequestURIHash), timeCol("created_at", &in.CreatedAt), timeCol("expires_at", &in.ExpiresAt),
		timeCol("finished_at", &in.FinishedAt),
	}
}

func (r *interactionRow) place() seal.AD {
	return place("interactions", "content_enc", r.TenantID, "", r.ID)
}

var (
	insertInteraction = insertInto("interactions", (&interactionRow{}).fields())
	selectInteraction = "select " + names("", (&interactionRow{}).fields()) + " from interactions where tenant_id = $1 and id = $2"
)

// CreateInteraction implements [consent.Store].
func (s *Store) CreateInteraction(ctx context.Context, in consent.Interaction) error {
	request, err := json.Marshal(in.Request)
	if err != nil {
		return fmt.Errorf("%w: interaction: %w", errRow, err)
	}
	row := interactionRow{Interaction: in}
	row.content, err = s.hideContent(row.place(), interactionContent{request, in.State})
	if err != nil {
		return err
	}
	args, err := from(row.fields())
	if err != nil {
		return err
	}
	_, err = s.DB.SQL.ExecContext(ctx, insertInteraction, args...)
	return fail("create interaction", duplicate(err))
}

// Interaction implements [consent.Store].
func (s *Store) Interaction(ctx context.Context, tenantID, id string) (consent.Interaction, error) {
	row, _, err := s.interaction(ctx, s.DB.SQL, selectInteraction, tenantID, id)
	return row.Interaction, notFound("read interaction", err, consent.ErrNotFound)
}

// claimPushed gives a pushed request to the first browser that comes with it. The same
// browser may come again, as long as the request was not answered.
var claimPushed = `update interactions set
		expires_at = case when length(browser_hash) = 0 then $5 else expires_at end, browser_hash = $3
	where tenant_id = $1 and request_uri_hash = $2 and finished_at is null and expires_at > $4
		and (length(browser_hash) = 0 or browser_hash = $3)
	returning ` + names("", (&interactionRow{}).fields())

// ClaimPushed implements [consent.Store].
func (s *Store) ClaimPushed(ctx context.Context, tenantID string, requestURIHash, browserHash []byte, now, expires time.Time) (consent.Interaction, error) {
	if len(requestURIHash) == 0 || len(browserHash) == 0 {
		return consent.Interaction{}, fmt.Errorf("claim pushed request: %w", consent.ErrNotFound)
	}
	row, _, err := s.interaction(ctx, s.DB.SQL, claimPushed, tenantID, requestURIHash, browserHash, stamp(now), stamp(expires))
	return row.Interaction, notFound("claim pushed request", err, consent.ErrNotFound)
}

// PushAgain implements [consent.Store].
func (s *Store) PushAgain(ctx context.Context, tenantID, id string, requestURIHash []byte, req *consent.Request, now time.Time) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		row, content, err := s.interaction(ctx, q, selectInteraction+s.forUpdate(), tenantID, id)
		if err != nil {
			return err
		}
		if !row.Pushed() || !row.Open(now) {
			return sql.ErrNoRows
		}
		if req != nil {
			content.Request, err = json.Marshal(req)
			if err == nil {
				err = s.saveState(ctx, q, row, content)
			}
		}
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, "update interactions set request_uri_hash = $3 where tenant_id = $1 and id = $2", tenantID, id, requestURIHash)
		return err
	})
	return notFound("push again", err, consent.ErrNotFound)
}

// UpdateInteraction implements [consent.Store]. Of what change does, only the
// State is kept, and the SessionID of one that had none.
func (s *Store) UpdateInteraction(ctx context.Context, tenantID, id string, change func(*consent.Interaction) error) (consent.Interaction, error) {
	var after consent.Interaction
	var refused error
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		row, content, err := s.interaction(ctx, raw(tx), selectInteraction+s.forUpdate(), tenantID, id)
		if err != nil {
			return err
		}
		after = row.Interaction
		refused = consent.ErrOver
		if after.FinishedAt.IsZero() {
			refused = change(&after)
		}
		if refused != nil {
			return refused
		}
		// Whatever change did to anything else is not saved, so it is not returned.
		row.State = after.State
		if row.SessionID == "" {
			row.SessionID = after.SessionID
		}
		row.Request = consent.Request{}
		err = json.Unmarshal(content.Request, &row.Request)
		if err != nil {
			return err
		}
		after = row.Interaction
		return s.saveState(ctx, raw(tx), row, content)
	})
	switch {
	case refused != nil:
		return consent.Interaction{}, refused
	case err != nil:
		return consent.Interaction{}, notFound("update interaction", err, consent.ErrNotFound)
	}
	return after, nil
}

func (s *Store) saveState(ctx context.Context, q querier, row interactionRow, content interactionContent) error {
	content.State = row.State
	sealed, err := s.hideContent(row.place(), content)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, "update interactions set content_enc = $3, session_id = $4 where tenant_id = $1 and id = $2",
		row.TenantID, row.ID, sealed, row.SessionID)
	return err
}

func (s *Store) interaction(ctx context.Context, q querier, query string, args ...any) (row interactionRow, content interactionContent, err error) {
	err = q.QueryRowContext(ctx, query, args...).Scan(into(row.fields())...)
	if err != nil {
		return interactionRow{}, content, err
	}
	text, err := s.reveal(row.place(), row.content)
	if err == nil {
		err = json.Unmarshal(text, &content)
	}
	if err == nil {
		err = json.Unmarshal(content.Request, &row.Request)
	}
	if err != nil {
		return interactionRow{}, content, fmt.Errorf("%w: interaction %s: %w", errRow, row.ID, err)
	}
	row.State = content.State
	return row, content, nil
}

func (s *Store) hideContent(at seal.AD, content interactionContent) (string, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("%w: interaction: %w", errRow, err)
	}
	return s.hide(at, text)
}
