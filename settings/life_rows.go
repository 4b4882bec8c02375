package settings

import (
	"context"
	"time"
)

// lifeRows is what the life cycle of the methods needs of the account's rows. It is
// a part of [Rows].
type lifeRows interface {
	// EndSessionsOf ends all sessions of a user but keep, and says how many.
	EndSessionsOf(ctx context.Context, tenantID, userID, keep string, now time.Time) (ended int, err error)
}
