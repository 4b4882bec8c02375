package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/store"
)

const secret = "a-secret-of-the-app-that-pays-out"

// perUser stays below the number of confirmations that an app may ask one user for
// within an hour.
const perUser = 8

// bank is an app whose users approve payouts at a server that gets killed.
type bank struct {
	*process
	place *harness.Place
	db    *store.DB
	users []*harness.Browser
	made  int // approvals so far
}

func newBank(t *testing.T, database string, users int) *bank {
	t.Helper()
	b := &bank{process: newProcess(t, database, tenantFile(t, users))}
	b.place = &harness.Place{
		House: &harness.House{Demo: &demo.Demo{URL: b.url()}}, Slug: "bank", Issuer: b.url() + "/t/bank", Own: "app", Secret: secret,
	}
	var err error
	b.db, err = store.Open(t.Context(), database, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.db.Close()) })
	for i := range users {
		browser := b.place.NewBrowser()
		auth := b.place.Authorize(b.place.Own)
		page := browser.Password(t, auth, name(i), harness.Password)
		page = browser.Submit(t, page, "/challenge", "code", b.mail.code(t, name(i)))
		require.NotNil(t, page.Callback, "%s", page.Name)
		b.users = append(b.users, browser)
	}
	return b
}

func name(user int) string { return fmt.Sprintf("user%d@example.test", user) }

// tenantFile is what `sallyport apply` is given.
func tenantFile(t *testing.T, users int) string {
	t.Helper()
	hashes, err := identity.NewHasher(identity.Cost{Memory: 64, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	hash, err := hashes.Hash(t.Context(), harness.Password)
	require.NoError(t, err)
	list := []map[string]any{}
	for i := range users {
		list = append(list, map[string]any{"username": name(i), "password_hash": hash, "mfa_enabled": true, "factors": []string{"email"}})
	}
	many := []map[string]int{{"n": 1000000, "per_s": 86400}}
	text, err := json.Marshal(map[string]any{"tenants": []any{map[string]any{
		"slug": "bank", "name": "Bank", "preset": "contractor-email-first", "users": list,
		"policy": map[string]any{
			"codes": map[string]any{"default": map[string]int{"ttl_s": 600}},
			"limits": map[string]any{
				"send_per_contact": many, "send_per_user": many, "send_per_ip": many, "send_per_prefix": many,
				"verify_per_user": many, "verify_per_ip": many,
			},
		},
		"clients": []any{map[string]any{
			"client_id": "app", "client_name": "App", "client_secret": secret, "first_party": true,
			"redirect_uris": []string{harness.Callback}, "scopes": []string{"openid"}, "auth_methods": []string{"client_secret_basic"},
		}},
	}}})
	require.NoError(t, err)
	return string(text)
}

// approval is a payout that its user has confirmed.
type approval struct {
	ID     string `json:"confirmation_id"`
	Hash   string `json:"details_hash"`
	Status string `json:"status"`

	txn    string
	auth   harness.Auth
	answer url.Values // what the app was sent
}

// approve takes one payout to its approval.
func (b *bank) approve(t *testing.T) approval {
	t.Helper()
	user := b.made / perUser
	a := approval{txn: fmt.Sprintf("order-%d", b.made)}
	b.made++
	a.auth = b.place.Push(t, b.place.Own, `[{"type":"payout.request","txn_id":"`+a.txn+`","amount":{"value":"1250.00","currency":"EUR"},`+
		`"payee":{"name":"ACME GmbH","account":{"iban":"DE89370400440532013000"}}}]`)
	page := b.users[user].Get(t, a.auth.URL)
	page = b.users[user].Submit(t, page, "/confirm", "code", b.mail.code(t, name(user)))
	require.NotEmpty(t, page.Callback.Get("code"), "page %s (%d)", page.Name, page.Status)
	a.answer = page.Callback
	now := b.status(t, a)
	require.Equal(t, "approved", now.Status)
	a.ID, a.Hash = now.ID, now.Hash
	return a
}

// status is what the server says of a.
func (b *bank) status(t *testing.T, a approval) approval {
	t.Helper()
	var now approval
	require.Equal(t, http.StatusOK, b.place.Call(t, b.place.Own, http.MethodGet,
		"/confirmations?action=payout.request&txn_id="+a.txn, "", "", nil, &now))
	return now
}

// outcome is what an app was told about its consumption.
type outcome struct {
	status int
	body   string
}

func (o outcome) receipt(t *testing.T) string {
	t.Helper()
	var body struct {
		Receipt string `json:"receipt"`
	}
	require.NoError(t, json.Unmarshal([]byte(o.body), &body))
	require.NotEmpty(t, body.Receipt)
	return body.Receipt
}

// consume asks once, under key.
func (b *bank) consume(a approval, key string) (outcome, error) {
	var body json.RawMessage
	status, err := b.place.TryCall(b.place.Own, http.MethodPost, "/confirmations/"+a.ID+"/consume", "application/json",
		fmt.Sprintf(`{"details_hash": %q}`, a.Hash), http.Header{"Idempotency-Key": {key}}, &body)
	return outcome{status, string(body)}, err
}

func (b *bank) mustConsume(t *testing.T, a approval, key string) outcome {
	t.Helper()
	o, err := b.consume(a, key)
	require.NoError(t, err)
	return o
}

// stored is what the database holds of a: its status, its receipt, and how often it was
// noted as used.
func (b *bank) stored(t *testing.T, a approval) (status, receipt string, used int) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, b.db.SQL.QueryRowContext(ctx, "select status, coalesce(receipt, '') from confirmations where id = $1", a.ID).Scan(&status, &receipt))
	require.NoError(t, b.db.SQL.QueryRowContext(ctx,
		"select count(*) from audit_events where type = 'action.consumed' and cast(data as text) like $1", "%"+a.ID+"%").Scan(&used))
	return status, receipt, used
}

// TestKilled kills the server between approval and consumption, between consumption and
// its answer, and in the middle of many of them.
func TestKilled(t *testing.T) {
	testdb.Each(t, func(t *testing.T, database string) {
		b := newBank(t, database, 6)
		t.Run("between approval and consumption", func(t *testing.T) { approvalStays(t, b) })
		t.Run("between consumption and answer", func(t *testing.T) { answerLost(t, b) })
		t.Run("among many consumptions", func(t *testing.T) { neverTwiceNeverLost(t, b) })
	})
}

func approvalStays(t *testing.T, b *bank) {
	a := b.approve(t)

	b.restart(t)

	require.Equal(t, a.Hash, b.status(t, a).Hash)
	require.Equal(t, "approved", b.status(t, a).Status)
	tokens := b.place.Exchange(t, a.auth, a.answer)
	require.Equal(t, a.ID, harness.Claims(t, tokens.Access)["txn"], "the code of the answer is still good")
	first := b.mustConsume(t, a, "k1")
	require.Equal(t, http.StatusOK, first.status, first.body)
	require.Equal(t, http.StatusConflict, b.mustConsume(t, a, "k2").status)
	require.Equal(t, first, b.mustConsume(t, a, "k1"))
}

// answerLost: the server has used the approval up and dies before anybody reads its
// answer.
func answerLost(t *testing.T, b *bank) {
	a := b.approve(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", b.listen)
	require.NoError(t, err)
	defer conn.Close()
	body := fmt.Sprintf(`{"details_hash": %q}`, a.Hash)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.place.Issuer+"/confirmations/"+a.ID+"/consume", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", "k1")
	req.SetBasicAuth(b.place.Own, b.place.Secret)
	require.NoError(t, req.Write(conn))
	require.Eventually(t, func() bool {
		status, _, _ := b.stored(t, a)
		return status == "consumed"
	}, patience, time.Millisecond)

	b.restart(t)

	_, receipt, used := b.stored(t, a)
	again := b.mustConsume(t, a, "k1")
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, receipt, again.receipt(t), "the receipt of the first try")
	require.Equal(t, http.StatusConflict, b.mustConsume(t, a, "k2").status)
	require.Equal(t, 1, used)
}

// rival is one of two workers of an app that both mean to execute the same payout.
type rival struct {
	approval
	key  string
	seen *outcome // before the server died; nil where no answer came
}

// neverTwiceNeverLost: two workers for each of many approvals, and a server that is
// killed once some answers, from none to most, have come.
func neverTwiceNeverLost(t *testing.T, b *bank) {
	const rounds, each = 4, 10
	answered, lost := 0, 0
	for range rounds {
		rivals := make([]*rival, 0, 2*each)
		for range each {
			a := b.approve(t)
			rivals = append(rivals, &rival{approval: a, key: "left"}, &rival{approval: a, key: "right"})
		}

		b.killAmong(rivals, rand.IntN(2*each-4))
		b.start(t)

		for i := 0; i < len(rivals); i += 2 {
			b.judge(t, rivals[i], rivals[i+1])
		}
		for _, r := range rivals {
			if r.seen == nil {
				lost++
			} else {
				answered++
			}
		}
	}
	t.Logf("%d answers came before the server died, %d did not", answered, lost)
	require.Positive(t, lost, "the server was never killed in the middle")
}

// killAmong has all rivals ask at once, and kills the server when after answers have
// come.
func (b *bank) killAmong(rivals []*rival, after int) {
	gate, came := make(chan struct{}), make(chan struct{}, len(rivals))
	var all sync.WaitGroup
	for _, r := range rivals {
		all.Go(func() {
			<-gate
			o, err := b.consume(r.approval, r.key)
			if err == nil {
				r.seen = &o
			}
			came <- struct{}{}
		})
	}
	close(gate)
	for range after {
		<-came
	}
	b.kill()
	all.Wait()
}

// judge lets both workers ask again: one of them may execute, and the same one as before.
func (b *bank) judge(t *testing.T, left, right *rival) {
	t.Helper()
	won := 0
	for _, r := range []*rival{left, right} {
		again := b.mustConsume(t, r.approval, r.key)
		if r.seen != nil {
			require.Equal(t, *r.seen, again, "the same question has the same answer")
		}
		if again.status != http.StatusOK {
			require.Equal(t, http.StatusConflict, again.status, again.body)
			require.Contains(t, again.body, "already_consumed")
			continue
		}
		won++
		_, receipt, _ := b.stored(t, r.approval)
		require.Equal(t, receipt, again.receipt(t))
	}
	require.Equal(t, 1, won, "of two workers one may execute")
	status, _, used := b.stored(t, left.approval)
	require.Equal(t, "consumed", status)
	require.Equal(t, 1, used, "it is noted once")
	require.Equal(t, http.StatusConflict, b.mustConsume(t, left.approval, "a third one").status)
}
