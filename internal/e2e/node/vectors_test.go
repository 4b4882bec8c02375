package node_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/stepup"
)

// TestTheVectorsAreThoseOfTheServer: what the package is tested against is what the
// server makes, and the library in Go.
func TestTheVectorsAreThoseOfTheServer(t *testing.T) {
	raw, err := os.ReadFile(folder + "/test/vectors.json")
	require.NoError(t, err)
	var vectors []struct {
		Name      string `json:"name"`
		Issuer    string `json:"issuer"`
		ClientID  string `json:"clientId"`
		Subject   string `json:"subject"`
		Canonical string `json:"canonical"`
		Hash      string `json:"hash"`
	}
	require.NoError(t, json.Unmarshal(raw, &vectors))
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			canonical, err := details.Canonical([]byte(v.Canonical))
			require.NoError(t, err)
			require.Equal(t, v.Canonical, string(canonical))
			require.Equal(t, v.Hash, consent.DetailsHash(v.Issuer, v.ClientID, v.Subject, canonical))
			ours, err := stepup.DetailsHash(v.Issuer, v.ClientID, v.Subject, json.RawMessage(v.Canonical))
			require.NoError(t, err)
			require.Equal(t, v.Hash, ours)
		})
	}
}
