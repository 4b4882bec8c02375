package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// The budget of protocol.md 1.5: what an operation may send to the database.
func TestStatementBudgets(t *testing.T) {
	f := onPostgres(t)
	s := f.Store
	session := startSession(t, f)
	newGrant := func() model.Grant {
		g := sampleGrant()
		g.RTGen, g.RTExpiresAt = 1, start.Add(time.Hour)
		must(t, s.CreateGrant(t.Context(), g))
		return g
	}
	used := newGrant()
	_, _, err := s.RedeemCode(t.Context(), redeem(used, tenant))
	must(t, err)
	tests := []struct {
		name   string
		budget int
		do     func(ctx context.Context) error
		want   error
	}{
		{"SignedIn", 1, func(ctx context.Context) error {
			in, err := s.SignedIn(ctx, tenant, session.TokenHash, storetest.Public)
			require.NotNil(t, in.Session)
			return err
		}, nil},
		{"CreateGrant", 1, func(ctx context.Context) error { return s.CreateGrant(ctx, sampleGrant()) }, nil},
		{"RedeemCode", 1, func(ctx context.Context) error {
			_, _, err := s.RedeemCode(ctx, redeem(newGrant(), tenant))
			return err
		}, nil},
		{"RedeemCode of a code that was used", 2, func(ctx context.Context) error {
			_, _, err := s.RedeemCode(ctx, redeem(used, tenant))
			return err
		}, model.ErrReplayed},
		{"RedeemCode of an unknown code", 2, func(ctx context.Context) error {
			_, _, err := s.RedeemCode(ctx, model.Redeem{TenantID: tenant, CodeHash: hashOf("none"), Now: start})
			return err
		}, model.ErrNotFound},
		{"Grant", 1, func(ctx context.Context) error {
			_, _, err := s.Grant(ctx, tenant, newGrant().ID, start)
			return err
		}, nil},
		{"GrantAndUser", 1, func(ctx context.Context) error {
			_, _, _, err := s.GrantAndUser(ctx, tenant, newGrant().ID, start)
			return err
		}, nil},
		{"Rotate", 1, func(ctx context.Context) error {
			return s.Rotate(ctx, tenant, newGrant().ID, 1, start, start.Add(time.Hour))
		}, nil},
		{"Revoke", 1, func(ctx context.Context) error { return s.Revoke(ctx, tenant, newGrant().ID, "test", start) }, nil},
		{"CreateInteraction", 1, func(ctx context.Context) error { return s.CreateInteraction(ctx, sampleInteraction()) }, nil},
		{"Interaction", 1, func(ctx context.Context) error {
			_, err := s.Interaction(ctx, tenant, "none")
			return err
		}, consent.ErrNotFound},
		{"TouchSession", 1, func(ctx context.Context) error { return s.TouchSession(ctx, tenant, session.ID, start) }, nil},
		{"AppendAudit of twenty", 1, func(ctx context.Context) error {
			var events []model.AuditEvent
			for range 20 {
				events = append(events, sampleEvent())
			}
			return s.AppendAudit(ctx, events...)
		}, nil},
		{"a tenant that is in memory", 0, func(ctx context.Context) error {
			_, err := f.Catalog.BySlug(t.Context(), storetest.Slug)
			must(t, err)
			_, err = f.Catalog.BySlug(ctx, storetest.Slug)
			return err
		}, nil},
		{"one look at all tenants", 1, func(ctx context.Context) error { return f.Catalog.Refresh(ctx) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, count := store.Count(t.Context())
			require.ErrorIs(t, tt.do(ctx), tt.want)
			require.Len(t, count.Statements(), tt.budget)
			require.Zero(t, count.Begins(), "BEGIN and COMMIT are trips as well")
		})
	}
}
