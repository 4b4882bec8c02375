package server

import (
	"context"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/provider"
	"github.com/sallyport-id/sallyport/settings"
)

// statusFrom tells apps about a user what the user sees in the settings.
func statusFrom(factors mfa.Store, now func() time.Time) provider.UserStatus {
	return func(ctx context.Context, realm *identity.Realm, u identity.User) (any, error) {
		enrolled, err := factors.Enrolments(ctx, u.Subject())
		if err != nil {
			return nil, err
		}
		return settings.StatusOf(realm.Policy, u, enrolled, now()), nil
	}
}
