package settings

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func TestAKeyGetsAnotherNameAndStaysWhatItIs(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		d := newHubDesk(t, address, trusting)
		b := d.browser(t, "one")
		key := func(id string, who mfa.Subject) mfa.Factor {
			return mfa.Factor{
				ID: id, Subject: who, Kind: policy.WebAuthn, Label: "Old name", Status: mfa.FactorActive, CreatedAt: d.f.Clock.Now().Truncate(time.Millisecond),
				Credential: &mfa.Credential{ID: []byte(id), PublicKey: []byte("public"), SignCount: 7},
			}
		}
		mine, bobs := key("k-mine", d.f.Alice.Subject()), key("k-bobs", d.bob.Subject())
		require.NoError(t, d.factors.AddFactor(t.Context(), mine))
		require.NoError(t, d.factors.AddFactor(t.Context(), bobs))

		require.Equal(t, http.StatusNotFound, b.get("/keys/k-bobs/rename").Code)
		require.Equal(t, http.StatusNotFound, b.post(t, "/keys/k-mine/rename", "/keys/k-bobs/rename", "name", "mine now").Code)
		require.Equal(t, http.StatusUnprocessableEntity, b.post(t, "/keys/k-mine/rename", "/keys/k-mine/rename", "name", " ").Code)
		page := b.follow(t, b.post(t, "/keys/k-mine/rename", "/keys/k-mine/rename", "name", "Blue key"))

		require.Contains(t, page, `data-done="saved"`)
		e, err := d.factors.Enrolments(t.Context(), d.f.Alice.Subject())
		require.NoError(t, err)
		want := mine
		want.Label = "Blue key"
		require.Contains(t, e.Factors, want)
		e, err = d.factors.Enrolments(t.Context(), d.bob.Subject())
		require.NoError(t, err)
		require.Contains(t, e.Factors, bobs)
	})
}
