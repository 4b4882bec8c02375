package settings

import (
	"context"
	"time"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
)

// Rows is what the pages need of the account's own rows. Every method works on one
// user of one tenant; what belongs to another one is [identity.ErrNotFound].
type Rows interface {
	lifeRows

	// UpdateUser loads the account, lets change edit it, and saves it.
	UpdateUser(ctx context.Context, tenantID, userID string, change func(*identity.User) error) (identity.User, error)

	// SessionList returns the sessions that can be used at now, the current one first.
	SessionList(ctx context.Context, tenantID, userID, current string, now time.Time) ([]identity.SessionEntry, error)
	// EndSessionOf ends one session of the user. SignOutEverywhere ends all of them,
	// and with them every grant and the trust in devices.
	EndSessionOf(ctx context.Context, tenantID, userID, sessionID string, now time.Time) error
	SignOutEverywhere(ctx context.Context, tenantID, userID string, now time.Time) (ended int, err error)
	// VoidDevices ends the trust in every browser, and queues the notices with it.
	VoidDevices(ctx context.Context, tenantID, userID string, now time.Time, notices ...identity.Notice) error

	// Activity is what happened, newest first. LoginCodes counts the second steps of
	// logins since a time.
	Activity(ctx context.Context, tenantID, userID string, page identity.ActivityPage) ([]identity.Activity, error)
	LoginCodes(ctx context.Context, tenantID, userID string, since time.Time) (int, error)

	// AgreementsOf are the apps that the user shares something with; AppUse is when
	// each was last given tokens. RemoveApp takes back the agreement and all grants.
	AgreementsOf(ctx context.Context, tenantID, userID string) ([]consent.Agreement, error)
	AppUse(ctx context.Context, tenantID, userID string) (map[string]time.Time, error)
	RemoveApp(ctx context.Context, tenantID, userID, clientID string, now time.Time) error
}
