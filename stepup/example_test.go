package stepup_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-id/sallyport/stepup"
)

// shop is an app with its own login and session. It keeps, for each session,
// who is signed in and the payout that waits for a confirmation.
type shop struct {
	sallyport *stepup.Client

	mu       sync.Mutex
	sessions map[string]*session // by cookie
	paid     []string
}

type session struct {
	subject string // the "sub" that the shop's own login began with
	amount  string // what the user wants to be paid
	tx      string // the transaction under way, as Transaction.Encode wrote it
}

// payout sends the user to confirm. The amount stays in the shop's session; the
// browser never carries it again.
func (s *shop) payout(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, ok := s.session(r)
	if !ok {
		http.Error(w, "sign in first", http.StatusForbidden)
		return
	}
	address, tx, err := s.sallyport.Start(stepup.StartOptions{
		ACR:     []string{stepup.Action("payout.request")},
		Subject: sess.subject,
	})
	if err != nil {
		http.Error(w, "cannot start", http.StatusInternalServerError)
		return
	}
	sess.amount, sess.tx = r.PostFormValue("amount"), tx.Encode()
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// callback is the redirect URI. It takes the transaction out of the session
// before anything else, so that one confirmation pays once.
func (s *shop) callback(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, ok := s.session(r)
	if !ok {
		http.Error(w, "sign in first", http.StatusForbidden)
		return
	}
	amount, kept := sess.amount, sess.tx
	sess.amount, sess.tx = "", ""
	tx, err := stepup.DecodeTransaction(kept)
	if err != nil {
		http.Error(w, "nothing waits for a confirmation", http.StatusConflict)
		return
	}

	proof, err := s.sallyport.Finish(r.Context(), tx, r.URL.Query())
	switch {
	case errors.Is(err, stepup.ErrDenied):
		http.Error(w, "you cancelled the payout", http.StatusOK)
		return
	case errors.Is(err, stepup.ErrUnmet):
		http.Error(w, "your account cannot confirm payouts", http.StatusForbidden)
		return
	case err != nil:
		http.Error(w, "the payout was not confirmed", http.StatusBadGateway)
		return
	}
	s.paid = append(s.paid, amount)
	_, _ = fmt.Fprintf(w, "paid %s to %s, confirmed as %s by %s", amount, proof.Subject, proof.Action(), strings.Join(proof.AMR, "+"))
}

func (s *shop) session(r *http.Request) (*session, bool) {
	cookie, err := r.Cookie("shop")
	if err != nil {
		return nil, false
	}
	sess, ok := s.sessions[cookie.Value]
	return sess, ok
}

// A payout from the button to the money: the shop sends its user to Sallyport,
// the user confirms there, and the shop checks what comes back.
func Example() {
	idp := newProvider() // stands for a Sallyport tenant with a user who confirms everything
	defer idp.Close()
	s := &shop{sessions: map[string]*session{"cookie-1": {subject: "alice"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payout", s.payout)
	mux.HandleFunc("GET /callback", s.callback)
	app := httptest.NewServer(mux)
	defer app.Close()

	var err error
	s.sallyport, err = stepup.New(context.Background(), stepup.Config{
		Issuer:       idp.issuer(),
		ClientID:     clientID,
		ClientSecret: secret,
		RedirectURI:  app.URL + "/callback",
		Now:          idp.clock.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	browser := signedIn(app.URL)
	show(browser.PostForm(app.URL+"/payout", url.Values{"amount": {"120.00 EUR"}}))

	// The same answer again, as from the browser's back button, pays nothing.
	show(browser.Get(app.URL + "/callback?code=code-1&state=x"))

	// A user who cancels at Sallyport comes back with an error.
	idp.answer = func(q url.Values) {
		q.Del("code")
		q.Set("error", "access_denied")
	}
	show(browser.PostForm(app.URL+"/payout", url.Values{"amount": {"80.00 EUR"}}))
	fmt.Println("paid in all:", s.paid)

	// Output:
	// paid 120.00 EUR to alice, confirmed as payout.request by pwd+otp
	// nothing waits for a confirmation
	// you cancelled the payout
	// paid in all: [120.00 EUR]
}

// An API demands a multi-factor login of the last five minutes. Its client reads
// the demand, sends the user through it and calls again.
func ExampleVerifier_Require() {
	idp := newProvider()
	defer idp.Close()
	ctx := context.Background()
	verifier, err := stepup.NewVerifier(ctx, stepup.VerifierConfig{Issuer: idp.issuer(), Audience: apiName, Now: idp.clock.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	demand := verifier.Require(stepup.Requirement{ACR: []string{stepup.ACRMFA}, MaxAge: 5 * time.Minute})
	api := httptest.NewServer(demand(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := stepup.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "hello %s, you proved %s", token.Subject, token.ACR)
	})))
	defer api.Close()

	client, err := stepup.New(ctx, config(idp))
	if err != nil {
		fmt.Println(err)
		return
	}
	address, tx, _ := client.Start(stepup.StartOptions{})
	proof, err := client.Finish(ctx, tx, browse(address))
	fmt.Println("login:", proof.ACR, err)

	res := call(api.URL, proof.AccessToken)
	fmt.Println(res.Status)
	challenge, ok := stepup.ParseChallenge(res.Header.Get("WWW-Authenticate"))
	fmt.Println(ok, challenge.ACR, *challenge.MaxAge)

	opts := challenge.StartOptions()
	opts.Subject, opts.IDTokenHint = proof.Subject, proof.IDToken
	address, tx, _ = client.Start(opts)
	proof, err = client.Finish(ctx, tx, browse(address))
	fmt.Println("step-up:", proof.ACR, err)
	show(call(api.URL, proof.AccessToken), nil)

	// Output:
	// login: urn:sallyport:acr:1fa <nil>
	// 401 Unauthorized
	// true [urn:sallyport:acr:mfa] 5m0s
	// step-up: urn:sallyport:acr:mfa <nil>
	// hello alice, you proved urn:sallyport:acr:mfa
}

// An app that keeps the proof in its session guards a page with it. Whoever comes
// without one is sent to Sallyport and lands on the page afterwards.
func ExampleClient_RequireProof() {
	idp := newProvider()
	defer idp.Close()
	mux := http.NewServeMux()
	app := httptest.NewServer(mux)
	defer app.Close()
	cfg := config(idp)
	cfg.RedirectURI = app.URL + "/callback"
	client, err := stepup.New(context.Background(), cfg)
	if err != nil {
		fmt.Println(err)
		return
	}

	var pending, proven string // stand for the app's session
	need := stepup.Requirement{ACR: []string{stepup.ACRMFA}, MaxAge: 10 * time.Minute}
	fromSession := func(*http.Request) (stepup.Proof, bool) {
		proof, err := stepup.DecodeProof(proven)
		return proof, err == nil
	}
	ask := func(w http.ResponseWriter, r *http.Request) {
		address, tx, err := client.Start(need.StartOptions())
		if err != nil {
			http.Error(w, "cannot start", http.StatusInternalServerError)
			return
		}
		fmt.Println("asking")
		pending = tx.Encode()
		http.Redirect(w, r, address, http.StatusSeeOther)
	}
	callback := func(w http.ResponseWriter, r *http.Request) {
		tx, err := stepup.DecodeTransaction(pending)
		pending = ""
		if err != nil {
			http.Error(w, "nothing was asked", http.StatusConflict)
			return
		}
		proof, err := client.Finish(r.Context(), tx, r.URL.Query())
		if err != nil {
			http.Error(w, "not confirmed", http.StatusForbidden)
			return
		}
		proven = proof.Encode()
		http.Redirect(w, r, "/settings", http.StatusSeeOther)
	}
	settings := func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "your settings") }
	guard := client.RequireProof(fromSession, need, http.HandlerFunc(ask))
	mux.Handle("GET /settings", guard(http.HandlerFunc(settings)))
	mux.HandleFunc("GET /callback", callback)

	show(http.Get(app.URL + "/settings"))
	show(http.Get(app.URL + "/settings"))
	idp.clock.Move(10*time.Minute + time.Second)
	show(http.Get(app.URL + "/settings"))

	// Output:
	// asking
	// your settings
	// your settings
	// asking
	// your settings
}

// signedIn is a browser with a session at the shop.
func signedIn(address string) *http.Client {
	jar := must(cookiejar.New(nil))
	jar.SetCookies(must(url.Parse(address)), []*http.Cookie{{Name: "shop", Value: "cookie-1"}})
	return &http.Client{Jar: jar}
}

func call(address string, token stepup.Secret) *http.Response {
	req := must(http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil))
	req.Header.Set("Authorization", "Bearer "+string(token))
	return must(http.DefaultClient.Do(req))
}

// show prints the body of an answer.
func show(res *http.Response, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	body := must(io.ReadAll(res.Body))
	_ = res.Body.Close()
	fmt.Println(strings.TrimSpace(string(body)))
}
