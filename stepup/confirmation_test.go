package stepup_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestFinishConfirmation(t *testing.T) {
	t.Run("what was approved is told", func(t *testing.T) {
		p, c := open(t)
		v, err := approved(t, c)
		require.NoError(t, err)
		require.Equal(t, "payout.request", v.Action)
		require.Equal(t, []any{"t1", "alice", "email", start}, []any{v.TxnID, v.Subject, v.Method, v.ApprovedAt})
		require.Equal(t, must(c.DetailsHash("alice", aPayout("t1"))), v.DetailsHash)
		require.Contains(t, p.approvals, v.ID)
		require.NotEmpty(t, string(v.AccessToken))
		kept, err := stepup.DecodeConfirmation(v.Encode())
		require.NoError(t, err)
		require.Equal(t, v, kept)
		require.NotContains(t, fmt.Sprintf("%+v", v), string(v.AccessToken))
		again, err := approved(t, c)
		require.NoError(t, err)
		require.NotEqual(t, v.Key, again.Key)
	})
	inClaim := func(name string, value any) func(*provider) {
		return func(p *provider) {
			p.claims = func(m map[string]any) { m["urn:sallyport:confirmation"].(map[string]any)[name] = value }
		}
	}
	beside := func(name string, value any) func(*provider) {
		return func(p *provider) { p.enrich = func(m map[string]any) { m[name] = value } }
	}
	inAnswer := func(name string, value any) func(*provider) {
		return func(p *provider) { p.tokens = func(m map[string]any) { m[name] = value } }
	}
	for _, tt := range []struct {
		name string
		bend func(*provider)
		want error
	}{
		{"another hash is signed", inClaim("details_hash", "x"), stepup.ErrMismatch},
		{"another hash stands beside it", beside("details_hash", "x"), stepup.ErrMismatch},
		{"another transaction stands beside it", beside("txn_id", "t2"), stepup.ErrMismatch},
		{"another type stands beside it", beside("type", "bid.place"), stepup.ErrMismatch},
		{"another acr stands beside it", beside("acr", stepup.ACRMFA), stepup.ErrMismatch},
		{"another id stands beside it", beside("confirmation_id", "x"), stepup.ErrToken},
		{"the token names another confirmation", inClaim("id", "x"), stepup.ErrToken},
		{"the token names none", func(p *provider) { p.claims = func(m map[string]any) { delete(m, "urn:sallyport:confirmation") } }, stepup.ErrToken},
		{"the token has no txn", func(p *provider) { p.claims = func(m map[string]any) { delete(m, "txn") } }, stepup.ErrToken},
		{"the confirmation is no object", func(p *provider) { p.claims = func(m map[string]any) { m["urn:sallyport:confirmation"] = "x" } }, stepup.ErrToken},
		{"it was approved in the future", inClaim("approved_at", "2026-01-02T15:05:00Z"), stepup.ErrToken},
		{"it was approved before it was asked for", inClaim("approved_at", "2026-01-02T14:59:00Z"), stepup.ErrToken},
		{"it was approved at no time", inClaim("approved_at", "soon"), stepup.ErrToken},
		{"a level instead of the action", func(p *provider) { p.claims = func(m map[string]any) { m["acr"] = stepup.ACRPHRH } }, stepup.ErrUnmet},
		{"another action", func(p *provider) { p.claims = func(m map[string]any) { m["acr"] = stepup.Action("bid.place") } }, stepup.ErrUnmet},
		{"another user", func(p *provider) { p.user = "mallory" }, stepup.ErrOtherSubject},
		{"a refresh token", inAnswer("refresh_token", "r"), stepup.ErrToken},
		{"no details in the answer", inAnswer("authorization_details", nil), stepup.ErrToken},
		{"two of them", inAnswer("authorization_details", []any{map[string]any{}, map[string]any{}}), stepup.ErrToken},
	} {
		t.Run("refused: "+tt.name, func(t *testing.T) {
			p, c := open(t)
			tt.bend(p)
			_, err := approved(t, c)
			require.ErrorIs(t, err, tt.want)

			address, tx, err := c.Push(t.Context(), pushing("t1"))
			require.NoError(t, err)
			proof, err := c.Finish(t.Context(), tx, browse(address))
			require.ErrorIs(t, err, tt.want, "Finish is no way around it")
			require.Zero(t, proof)
		})
	}
	t.Run("a session that lost a part of the transaction does not weaken it", func(t *testing.T) {
		_, c := open(t)
		for name, bend := range map[string]func(*stepup.Transaction){
			"the hash":  func(tx *stepup.Transaction) { tx.DetailsHash = "" },
			"the id":    func(tx *stepup.Transaction) { tx.TxnID = "" },
			"both":      func(tx *stepup.Transaction) { tx.DetailsHash, tx.TxnID = "", "" },
			"the acr":   func(tx *stepup.Transaction) { tx.ACR = nil },
			"the user":  func(tx *stepup.Transaction) { tx.Subject = "" },
			"the nonce": func(tx *stepup.Transaction) { tx.Nonce = "" },
		} {
			address, tx, err := c.Push(t.Context(), pushing("t1"))
			require.NoError(t, err)
			bend(&tx)
			_, err = c.FinishConfirmation(t.Context(), tx, browse(address))
			require.Error(t, err, name)
		}
	})
	t.Run("a damaged confirmation is not read", func(t *testing.T) {
		for _, text := range []string{"", "x", "e30", (stepup.Confirmation{ID: "a"}).Encode()} {
			_, err := stepup.DecodeConfirmation(text)
			require.Error(t, err)
		}
	})
}
