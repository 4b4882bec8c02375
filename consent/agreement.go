package consent

import (
	"slices"
	"time"
)

// Agreement is what a user has agreed to share with one app: one row for each
// (tenant, user, client). Transaction details are never remembered in it.
type Agreement struct {
	TenantID  string
	UserID    string
	ClientID  string
	Scopes    []string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Covers reports whether everything in scopes was agreed to.
func (a *Agreement) Covers(scopes []string) bool {
	for _, s := range scopes {
		if a == nil || !slices.Contains(a.Scopes, s) {
			return false
		}
	}
	return true
}
