package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// approved is a payout that alice has confirmed for the shop, and the tokens for it.
func (s *authServer) approved(t *testing.T) (consent.Confirmation, answer) {
	t.Helper()
	b := s.signedIn(time.Minute)
	id := interactionID(t, b.authorize(shopForm("acr_values=urn:sallyport:action:payout.request")))
	st := b.open(id)
	require.Equal(t, consent.StepConfirm, st.Step)
	_, _, err := s.flow.Answer(t.Context(), st, consent.Given{ChallengeID: st.In.State.ChallengeID, Input: s.mail.code}, consent.Browser{Hash: st.In.BrowserHash})
	require.NoError(t, err)
	_, got := told(t, b.resume(id))
	a := s.tokens(t, got.Get("code"))
	v, err := s.store.Confirmation(t.Context(), tenantA, st.In.State.ConfirmationID)
	require.NoError(t, err)
	return v, a
}

// fate is what the confirmation endpoints answer.
type fate struct {
	Code        int
	Header      http.Header
	ID          string `json:"confirmation_id"`
	Status      any    `json:"status"`
	ConsumedAt  string `json:"consumed_at"`
	ApprovedAt  string `json:"approved_at"`
	DetailsHash string `json:"details_hash"`
	Subject     string `json:"sub"`
	Receipt     string `json:"receipt"`
	Error       string `json:"error"`
	Type        string `json:"type"`
	Title       string `json:"title"`
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func idempotent(key string, by func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) { by(r); r.Header.Set("Idempotency-Key", key) }
}

func (s *authServer) fate(method, path, body string, by func(*http.Request)) fate {
	s.t.Helper()
	f, err := s.tryFate(s.t.Context(), method, path, body, by)
	require.NoError(s.t, err)
	return f
}

func (s *authServer) tryFate(ctx context.Context, method, path, body string, by func(*http.Request)) (fate, error) {
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if by != nil {
		by(r)
	}
	w := s.serve(r)
	f := fate{Code: w.Code, Header: w.Header()}
	err := json.Unmarshal(w.Body.Bytes(), &f)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, w.Body)
	}
	return f, err
}

func (s *authServer) consume(v consent.Confirmation, hash string, by func(*http.Request)) fate {
	s.t.Helper()
	return s.fate(http.MethodPost, "/t/a/confirmations/"+v.ID+"/consume", fmt.Sprintf(`{"details_hash": %q}`, hash), by)
}

func TestAnApprovalIsUsedOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		s.usePolicy("contractor-email-first")
		v, a := s.approved(t)
		require.Equal(t, consent.ConfirmationApproved, v.Status)
		require.Equal(t, v.ID, claimsIn(t, a.AccessToken)["txn"])

		first := s.consume(v, v.DetailsHash, idempotent("k1", asShop))

		require.Equal(t, http.StatusOK, first.Code, "%s", first.Title)
		require.Equal(t, "consumed", first.Status)
		require.Equal(t, v.ID, first.ID)
		s.advance(48 * time.Hour)
		again := s.consume(v, v.DetailsHash, idempotent("k1", asShop))
		require.Equal(t, http.StatusOK, again.Code)
		require.Equal(t, first.Receipt, again.Receipt, "the same answer, to the letter")
		require.Equal(t, first.ConsumedAt, again.ConsumedAt)
		for name, by := range map[string]func(*http.Request){"another key": idempotent("k2", asShop), "no key": asShop} {
			other := s.consume(v, v.DetailsHash, by)
			require.Equal(t, http.StatusConflict, other.Code, name)
			require.Equal(t, "already_consumed", other.Error, name)
			require.Equal(t, "application/problem+json", other.Header.Get("Content-Type"))
			require.Empty(t, other.Receipt)
		}
		var noted int
		require.NoError(t, s.store.DB.SQL.QueryRowContext(t.Context(), "select count(*) from audit_events where tenant_id = $1 and type = 'action.consumed'", tenantA).Scan(&noted))
		require.Equal(t, 1, noted)

		now := s.fate(http.MethodGet, "/t/a/confirmations/"+v.ID, "", asShop)
		require.Equal(t, http.StatusOK, now.Code)
		require.Equal(t, []any{"consumed", v.DetailsHash, userAlice, first.Receipt}, []any{now.Status, now.DetailsHash, now.Subject, now.Receipt})
	})
}

func TestWhoUsesAnApproval(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	machine, forAPI := "", ""
	s.register(appShop, func(c *identity.Client) {
		c.GrantTypes, c.Audiences = append(c.GrantTypes, grantCredentials), []string{"https://api.example"}
	})
	tests := []struct {
		name string
		by   func(a, other answer) func(*http.Request)
		code int
		says string
	}{
		{"the app", func(_, _ answer) func(*http.Request) { return asShop }, 200, ""},
		{"whoever has its access token", func(a, _ answer) func(*http.Request) { return bearer(a.AccessToken) }, 200, ""},
		{"nobody", func(_, _ answer) func(*http.Request) { return func(*http.Request) {} }, 401, "invalid_client"},
		{"the app with a wrong secret", func(_, _ answer) func(*http.Request) { return as(appShop, "wrong") }, 401, "invalid_client"},
		{"another app", func(_, _ answer) func(*http.Request) { return as(appPost, postSecret) }, 404, "not_found"},
		{"another app by a token of its own", func(_, _ answer) func(*http.Request) { return bearer(machine) }, 404, "not_found"},
		{"the app by a token for another approval", func(_, other answer) func(*http.Request) { return bearer(other.AccessToken) }, 404, "not_found"},
		{"an API that the app has called", func(_, _ answer) func(*http.Request) { return bearer(forAPI) }, 401, "invalid_token"},
		{"the app by an ID token", func(a, _ answer) func(*http.Request) { return bearer(a.IDToken) }, 401, "invalid_token"},
		{"a token that was made up", func(_, _ answer) func(*http.Request) { return bearer("x.y.z") }, 401, "invalid_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.advance(20 * time.Minute)
			machine = s.post(url.Values{"grant_type": {"client_credentials"}}, as(appMachine, robotSecret)).AccessToken
			forAPI = s.post(url.Values{"grant_type": {"client_credentials"}, "resource": {"https://api.example"}}, asShop).AccessToken
			require.NotEmpty(t, forAPI)
			_, other := s.approved(t)
			v, a := s.approved(t)
			got := s.consume(v, v.DetailsHash, tt.by(a, other))
			require.Equal(t, tt.code, got.Code, "%+v", got)
			require.Equal(t, tt.says, got.Error)
			status := s.fate(http.MethodGet, "/t/a/confirmations/"+v.ID, "", tt.by(a, other))
			require.Equal(t, tt.code, status.Code)
		})
	}
	t.Run("with a token of a login", func(t *testing.T) {
		b := s.signedIn(time.Minute)
		_, got := told(t, b.authorize(shopForm()))
		a := s.tokens(t, got.Get("code"))
		require.Equal(t, http.StatusForbidden, s.consume(consent.Confirmation{ID: "any"}, "any", bearer(a.AccessToken)).Code)
	})
	t.Run("with its access token, and a form", func(t *testing.T) {
		s.advance(20 * time.Minute)
		v, a := s.approved(t)
		form := func(r *http.Request) {
			bearer(a.AccessToken)(r)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		path, body := "/t/a/confirmations/"+v.ID+"/consume", "details_hash="+v.DetailsHash
		require.Equal(t, http.StatusBadRequest, s.fate(http.MethodPost, path, body+"&access_token="+a.AccessToken, form).Code, "two tokens are one too many")
		require.Equal(t, http.StatusOK, s.fate(http.MethodPost, path, body, form).Code)
	})
	t.Run("in another tenant", func(t *testing.T) {
		s.advance(20 * time.Minute)
		v, _ := s.approved(t)
		got := s.fate(http.MethodPost, "/t/b/confirmations/"+v.ID+"/consume", "{}", asShop)
		require.Equal(t, http.StatusNotFound, got.Code)
	})
}

func TestWhatIsNotUsedUp(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	v, _ := s.approved(t)
	path := "/t/a/confirmations/" + v.ID + "/consume"
	flipped := strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, v.DetailsHash[:1]) + v.DetailsHash[1:]

	t.Run("something else than what was approved", func(t *testing.T) {
		got := s.consume(v, flipped, asShop)
		require.Equal(t, http.StatusUnprocessableEntity, got.Code)
		require.Equal(t, "mismatch", got.Error)
	})
	t.Run("by what is no JSON", func(t *testing.T) {
		require.Equal(t, http.StatusBadRequest, s.fate(http.MethodPost, path, "[1", asShop).Code)
		require.Equal(t, http.StatusBadRequest, s.fate(http.MethodPost, path, `{"details_hash": 5}`, asShop).Code)
		require.Equal(t, http.StatusBadRequest, s.fate(http.MethodPost, path, strings.Repeat(" ", 20<<10), asShop).Code)
	})
	t.Run("under a key that is none", func(t *testing.T) {
		for _, key := range []string{strings.Repeat("k", 129), "a\x01b", ""} {
			require.Equal(t, http.StatusBadRequest, s.consume(v, v.DetailsHash, idempotent(key, asShop)).Code, "%q", key)
		}
	})
	t.Run("by GET", func(t *testing.T) {
		require.Equal(t, http.StatusMethodNotAllowed, s.fate(http.MethodGet, path, "", asShop).Code)
	})
	t.Run("what there is not", func(t *testing.T) {
		require.Equal(t, http.StatusNotFound, s.fate(http.MethodPost, "/t/a/confirmations/nothing/consume", "{}", asShop).Code)
		require.Equal(t, http.StatusNotFound, s.fate(http.MethodGet, "/t/a/confirmations?action=payout.request&txn_id=nothing", "", asShop).Code)
		require.Equal(t, http.StatusBadRequest, s.fate(http.MethodGet, "/t/a/confirmations?action=payout.request&txn_id=", "", asShop).Code)
	})
	t.Run("what the user did not approve", func(t *testing.T) {
		b := s.signedIn(time.Minute)
		id := interactionID(t, b.authorize(shopForm("acr_values=urn:sallyport:action:payout.request")))
		open, err := s.store.Confirmation(t.Context(), tenantA, b.open(id).In.State.ConfirmationID)
		require.NoError(t, err)
		got := s.consume(open, open.DetailsHash, asShop)
		require.Equal(t, http.StatusConflict, got.Code)
		require.Equal(t, "not_approved", got.Error)
	})
	t.Run("after its time", func(t *testing.T) {
		s.advance(v.ConsumeBefore.Sub(s.clock()) - time.Second)
		require.Equal(t, "approved", s.fate(http.MethodGet, "/t/a/confirmations/"+v.ID, "", asShop).Status)
		s.advance(time.Second)
		got := s.consume(v, v.DetailsHash, asShop)
		require.Equal(t, http.StatusGone, got.Code)
		require.Equal(t, "expired", got.Error)
		require.Equal(t, "expired", s.fate(http.MethodGet, "/t/a/confirmations/"+v.ID, "", asShop).Status)
	})
}

func TestOfManyConsumptionsAtOnceOneCounts(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		s.usePolicy("contractor-email-first")
		for _, same := range []bool{false, true} {
			v, _ := s.approved(t)
			s.advance(time.Minute)
			fates := make([]fate, 64)
			errs := make([]error, 64)
			var all sync.WaitGroup
			for i := range fates {
				all.Go(func() {
					key := "same"
					if !same {
						key = fmt.Sprint("key", i)
					}
					fates[i], errs[i] = s.tryFate(t.Context(), http.MethodPost, "/t/a/confirmations/"+v.ID+"/consume",
						fmt.Sprintf(`{"details_hash": %q}`, v.DetailsHash), idempotent(key, asShop))
				})
			}
			all.Wait()
			receipts := map[string]int{}
			for i, f := range fates {
				require.NoError(t, errs[i])
				if f.Code == http.StatusOK {
					receipts[f.Receipt]++
					continue
				}
				require.Equal(t, http.StatusConflict, f.Code, "%+v", f)
			}
			require.Len(t, receipts, 1, "one receipt, whoever asks")
			for _, n := range receipts {
				require.Equal(t, map[bool]int{false: 1, true: 64}[same], n)
			}
		}
	})
}

// TestAReceiptIsVerifiedYearsLater also after the key that signed it was removed.
func TestAReceiptIsVerifiedYearsLater(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	v, _ := s.approved(t)
	text := s.consume(v, v.DetailsHash, asShop).Receipt
	list, err := s.store.Keys(t.Context(), tenantA)
	require.NoError(t, err)
	s.advance(3 * 365 * 24 * time.Hour)
	for _, k := range list {
		require.NoError(t, s.store.SetState(t.Context(), tenantA, k.ID, keys.Removed, s.clock()))
	}
	s.poll()

	w := s.serve(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/a/receipts/jwks", nil))

	require.Equal(t, http.StatusOK, w.Code)
	published, err := keys.ParseUsable(w.Body.Bytes())
	require.NoError(t, err)
	claims := jwt.MapClaims{}
	token, err := jwt.NewParser(jwt.WithIssuer(issuerOf(tenantA)), jwt.WithAudience(appShop), jwt.WithTimeFunc(s.clock)).ParseWithClaims(text, claims, func(tok *jwt.Token) (any, error) {
		for _, k := range published {
			if k.ID == tok.Header["kid"] {
				return k.Key, nil
			}
		}
		return nil, fmt.Errorf("no key %v", tok.Header["kid"])
	})
	require.NoError(t, err)
	require.Equal(t, "confirmation-receipt+jwt", token.Header["typ"])
	require.Equal(t, []any{userAlice, v.ID, "payout.request", v.DetailsHash}, []any{claims["sub"], claims["jti"], claims["action"], claims["details_hash"]})
	require.NotContains(t, claims, "exp", "it is a statement about the past")
	proofs, ok := claims["proofs"].([]any)
	require.True(t, ok)
	require.Len(t, proofs, 1)
	proof, ok := proofs[0].(map[string]any)
	require.True(t, ok)
	require.Equal(t, []any{"delivered_code", "email"}, []any{proof["proof"], proof["method"]})
	require.NotContains(t, text, "alice@")
}
