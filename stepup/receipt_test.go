package stepup_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestVerifyReceipt(t *testing.T) {
	receipt := func(t *testing.T, p *provider, c *stepup.Client) string {
		t.Helper()
		v, err := approved(t, c)
		require.NoError(t, err)
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.receiptOf(p.approvals[v.ID])
	}
	t.Run("all that it says is told", func(t *testing.T) {
		p, c := open(t)
		raw := receipt(t, p, c)
		r, err := c.VerifyReceipt(t.Context(), raw)
		require.NoError(t, err)
		require.Equal(t, []string{raw, p.issuer(), clientID, "alice", "payout.request", "t1"}, []string{r.JWS, r.Issuer, r.ClientID, r.Subject, r.Action, r.TxnID})
		require.Equal(t, string(must(stepup.Canonical(aPayout("t1")))), string(r.Detail))
		require.Equal(t, []stepup.ReceiptProof{{Proof: "delivered_code", Method: "email", At: start}}, r.Proofs)
		require.Equal(t, []time.Time{start, start, start}, []time.Time{r.RequestedAt, r.ApprovedAt, r.ConsumedAt})
		p.clock.Move(20 * 365 * 24 * time.Hour)
		again, err := c.VerifyReceipt(t.Context(), raw)
		require.NoError(t, err, "a receipt does not expire")
		require.Equal(t, r, again)
	})
	t.Run("a key that is new is looked for once", func(t *testing.T) {
		p, c := open(t)
		_, err := c.VerifyReceipt(t.Context(), receipt(t, p, c))
		require.NoError(t, err)
		p.clock.Move(time.Minute)
		reads := p.keyReads.Load()
		p.signers = append(p.signers, newES256("es-2"))
		p.signers[0], p.signers[1] = p.signers[1], p.signers[0]
		raw := receipt(t, p, c) // reads the other key set once, for the ID token
		_, err = c.VerifyReceipt(t.Context(), raw)
		require.NoError(t, err)
		require.Equal(t, reads+2, p.keyReads.Load())
		stranger := newES256("es-3").signed(map[string]any{"typ": "confirmation-receipt+jwt", "kid": "es-3"}, map[string]any{})
		for range 3 {
			_, err = c.VerifyReceipt(t.Context(), stranger)
			require.ErrorIs(t, err, stepup.ErrToken)
		}
		require.Equal(t, reads+2, p.keyReads.Load())
	})
	set := func(name string, value any) func(header, claims map[string]any) {
		return func(_, claims map[string]any) { claims[name] = value }
	}
	for name, bend := range map[string]func(header, claims map[string]any){
		"another kind of token":          func(header, _ map[string]any) { header["typ"] = "JWT" },
		"an extension":                   func(header, _ map[string]any) { header["crit"] = []string{"x"} },
		"another issuer":                 set("iss", "https://elsewhere.example"),
		"another app":                    set("aud", "another"),
		"several apps":                   set("aud", []string{clientID, "another"}),
		"nobody":                         set("sub", ""),
		"another user":                   set("sub", "mallory"),
		"no confirmation":                set("jti", ""),
		"another hash":                   set("details_hash", "x"),
		"another action":                 set("action", "bid.place"),
		"another id of the transaction":  set("txn", "t2"),
		"no details":                     func(_, claims map[string]any) { delete(claims, "authorization_details") },
		"details of another form":        set("authorization_details", "x"),
		"details that were changed":      set("authorization_details", []any{aPayout("t2")}),
		"proofs that cannot be read":     set("proofs", "x"),
		"no time of consumption":         set("consumed_at", ""),
		"a consumption that is to come":  set("consumed_at", "2026-01-02T15:05:00Z"),
		"a time of approval in a number": set("approved_at", 7),
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			p, c := open(t)
			p.receipt = bend
			_, err := c.VerifyReceipt(t.Context(), receipt(t, p, c))
			require.ErrorIs(t, err, stepup.ErrToken)
		})
	}
	t.Run("an app does not take a receipt of something else for its own", func(t *testing.T) {
		p, c := open(t)
		other := receipt(t, p, c)
		v, err := approved(t, c)
		require.NoError(t, err)
		p.override["/confirmations/"+v.ID+"/consume"] = func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, 200, map[string]any{"receipt": other})
		}
		_, err = c.ConsumeFor(t.Context(), v, aPayout("t1"))
		require.ErrorIs(t, err, stepup.ErrToken)
	})
}

func TestStatus(t *testing.T) {
	p, c := open(t)
	v, err := approved(t, c)
	require.NoError(t, err)
	byID, err := c.Status(t.Context(), v.ID)
	require.NoError(t, err)
	byTxn, err := c.StatusByTxn(t.Context(), "payout.request", "t1")
	require.NoError(t, err)
	require.Equal(t, byID, byTxn)
	require.Equal(t, []any{v.ID, stepup.StateApproved, v.DetailsHash, start, true},
		[]any{byID.ID, byID.State, byID.DetailsHash, byID.ApprovedAt, byID.ConsumedAt.IsZero()})
	_, err = c.Status(t.Context(), "another")
	require.ErrorIs(t, err, stepup.ErrNotFound)
	_, err = c.StatusByTxn(t.Context(), "bid.place", "t1")
	require.ErrorIs(t, err, stepup.ErrUnavailable, "an answer about something else")
	p.override["/confirmations/"+v.ID] = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }
	_, err = c.Status(t.Context(), v.ID)
	require.ErrorIs(t, err, stepup.ErrUnavailable)
}
