package demo_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/mfa"
)

// TestThePeopleOfTheDemoAreSettled: a policy's hold keeps what is new from
// confirming an action, and nobody in the demo is to wait for it.
func TestThePeopleOfTheDemoAreSettled(t *testing.T) {
	r := run(t, func(o *demo.Options) { o.Data = t.TempDir() })
	month := time.Now().Add(-30*24*time.Hour + time.Minute)

	for _, tenant := range r.describe(t).Tenants {
		for _, u := range tenant.Users {
			e, err := r.Server.Factors.Enrolments(t.Context(), account(t, r, tenant.Slug, u.Name).Subject())
			require.NoError(t, err)
			require.NotEmpty(t, e.Contacts)
			for _, c := range e.Contacts {
				require.True(t, c.CreatedAt.Before(month), "%s %s %s", tenant.Slug, u.Name, c.Masked)
				require.True(t, c.Status != mfa.ContactConfirmed || c.ConfirmedAt.Before(month) && !c.ConfirmedAt.IsZero(), "%s %s", tenant.Slug, u.Name)
			}
			for _, f := range e.Factors {
				require.True(t, f.CreatedAt.Before(month), "%s %s %s", tenant.Slug, u.Name, f.Kind)
			}
		}
	}
}

// TestHelpAndPrivacyLeadSomewhere follows the links that live pages of each tenant
// have.
func TestHelpAndPrivacyLeadSomewhere(t *testing.T) {
	r := run(t, func(o *demo.Options) { o.Data = t.TempDir() })

	for _, tenant := range r.describe(t).Tenants {
		status, _, page := r.call(t, http.MethodGet, "/t/"+tenant.Slug+"/forgot", "")
		require.Equal(t, http.StatusOK, status)
		for _, about := range []string{"help", "privacy"} {
			address := r.URL + "/_demo/" + tenant.Slug + "/" + about
			require.Contains(t, page, `<a href="`+address+`">`)
			require.Contains(t, r.get(t, strings.TrimPrefix(address, r.URL)), `data-page="demo-paper"`)
		}
		require.Contains(t, r.get(t, "/t/"+tenant.Slug+"/.well-known/openid-configuration"), `"op_policy_uri":"`+r.URL+"/_demo/"+tenant.Slug+`/privacy"`)
	}
	for _, path := range []string{"/_demo/broker/terms", "/_demo/nobody/help"} {
		status, _, _ := r.call(t, http.MethodGet, path, "")
		require.Equal(t, http.StatusNotFound, status, path)
	}
}
