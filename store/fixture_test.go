package store_test

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

const tenant = storetest.TenantID

var start = storetest.Start

// onBoth runs a test on both databases, each with the fixture in it.
func onBoth(t *testing.T, test func(t *testing.T, f *storetest.Fixture)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url string) { test(t, storetest.New(t, url)) })
}

// onPostgres is for what is counted: there every statement is a trip.
func onPostgres(t *testing.T) *storetest.Fixture {
	t.Helper()
	return storetest.New(t, testdb.Postgres(t))
}

var serial atomic.Int64

// id is different each time.
func id(prefix string) string { return fmt.Sprintf("%s-%04d", prefix, serial.Add(1)) }

func hashOf(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

func sampleSession() identity.Session {
	s := identity.Session{
		ID: id("session"), TenantID: tenant, UserID: storetest.AliceID,
		Events:    []identity.AuthEvent{{Method: "password", At: start}, {Method: "email", FactorID: "f1", At: start}},
		CreatedAt: start, LastSeen: start, ExpiresAt: start.Add(24 * time.Hour), IdleFor: time.Hour,
		PasswordEpoch: 3, MFAEpoch: 4, Persistent: true, IP: "203.0.113.7", UserAgent: "Chrome on Linux",
	}
	s.TokenHash = hashOf(s.ID)
	return s
}

func sampleGrant() model.Grant {
	g := model.Grant{
		ID: id("grant"), TenantID: tenant, ClientID: storetest.Confidential, UserID: storetest.AliceID,
		SessionID: "session-0", InteractionID: "interaction-0",
		RedirectURI: "https://app.example/callback", Nonce: "n-0", CodeChallenge: "cc", CodeChallengeMethod: "S256",
		CodeExpiresAt: start.Add(time.Minute), JKT: "jkt-0",
		Scopes: []string{"openid", "email"}, Audience: []string{"https://api.example"},
		Claims: []byte(`{"id_token":{"acr":null}}`), IDClaims: []byte(`{"email":"alice@example.com"}`),
		ACR: "urn:sallyport:acr:2sv", AMR: []string{"pwd", "otp"}, AuthTime: start, SID: "sid-0",
		Action: "payout.request", ConfirmationID: "confirmation-0", Details: []byte(`{"type":"payout.request"}`), DetailsHash: "dh",
		Vouched:        []byte(`{"by":"shop"}`),
		GrantExpiresAt: start.Add(90 * 24 * time.Hour), CreatedAt: start,
	}
	g.CodeHash = hashOf(g.ID)
	return g
}

func sampleInteraction() consent.Interaction {
	age := 5 * time.Minute
	return consent.Interaction{
		ID: id("interaction"), TenantID: tenant, BrowserHash: hashOf("browser"),
		Request: consent.Request{
			ClientID: storetest.Confidential, Form: map[string][]string{"state": {"s"}}, RequestedAt: start,
			Scopes: []string{"openid"}, MaxAge: &age, LoginHint: storetest.AliceName,
		},
		SessionID: "session-0", State: consent.State{Identifier: storetest.AliceName},
		CreatedAt: start, ExpiresAt: start.Add(consent.InteractionLife),
	}
}

// samplePushed is a request that waits for its browser.
func samplePushed() consent.Interaction {
	in := sampleInteraction()
	in.BrowserHash, in.SessionID, in.RequestURIHash = []byte{}, "", hashOf("request uri "+in.ID)
	return in
}

func sampleConfirmation() consent.Confirmation {
	c := consent.Confirmation{
		ID: id("confirmation"), TenantID: tenant, UserID: storetest.AliceID, ClientID: storetest.Confidential,
		InteractionID: "interaction-0", Action: "payout.request",
		Details: []byte(`{"payee":"Dolores Planted"}`), DetailsHash: "dh", Status: consent.ConfirmationRequested,
		StageIndex: 1, PolicyVersion: 1, CreatedAt: start, ExpiresAt: start.Add(5 * time.Minute),
	}
	c.TxnID = c.ID
	return c
}

// sampleLink is for alice, or for nobody yet if it is for a sign-up.
func sampleLink(purpose identity.LinkPurpose) identity.Link {
	l := identity.Link{
		ID: id("link"), TenantID: tenant, UserID: storetest.AliceID, Purpose: purpose, Address: storetest.AliceName,
		CreatedAt: start, ExpiresAt: start.Add(30 * time.Minute),
	}
	if purpose == identity.LinkSignUp {
		l.UserID, l.Address = "", "new@example.com"
	}
	l.TokenHash = hashOf(l.ID)
	return l
}

func sampleEvent() model.AuditEvent {
	return model.AuditEvent{
		ID: id("event"), TenantID: tenant, At: start, ActorType: "user", ActorID: storetest.AliceID, Subject: storetest.AliceID,
		Type: "login.completed", Result: "ok", IP: "203.0.113.7", UserAgent: "Chrome on Linux", RequestID: "r1",
		ClientID: storetest.Confidential, Data: map[string]string{"method": "email"},
	}
}

// startSession writes a session in the way that a login does.
func startSession(t *testing.T, f *storetest.Fixture) identity.Session {
	t.Helper()
	s := sampleSession()
	must(t, f.Store.Complete(t.Context(), model.Completion{TenantID: tenant, Now: start, NewSession: &s}))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func page(last model.AuditEvent, limit int) store.AuditPage {
	return store.AuditPage{Before: last.At, BeforeID: last.ID, Limit: limit}
}
