package stepup_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func pushing(txn string) stepup.StartOptions {
	return stepup.StartOptions{Subject: "alice", Detail: aPayout(txn)}
}

// approved is a payout that the user has approved.
func approved(t *testing.T, c *stepup.Client) (stepup.Confirmation, error) {
	t.Helper()
	address, tx, err := c.Push(t.Context(), pushing("t1"))
	require.NoError(t, err)
	return c.FinishConfirmation(t.Context(), tx, browse(address))
}

func TestPush(t *testing.T) {
	t.Run("the browser carries a name, and what is asked goes to the server", func(t *testing.T) {
		p, c := open(t)
		p.discovery = func(m map[string]any) { m["authorization_endpoint"] = p.issuer() + "/authorize?tenant=acme" }
		c = connect(t, p)
		opts := pushing("t1")
		opts.Resources, opts.Resume = []string{"https://a.example", "https://b.example"}, "order 7"

		address, tx, err := c.Push(t.Context(), opts)

		require.NoError(t, err)
		name := "urn:ietf:params:oauth:request_uri:1"
		require.Equal(t, url.Values{"tenant": {"acme"}, "client_id": {clientID}, "request_uri": {name}}, must(url.Parse(address)).Query())
		sent := p.pushes[name]
		canonical := must(stepup.Canonical(aPayout("t1")))
		require.Equal(t, "["+string(canonical)+"]", sent.Get("authorization_details"))
		require.Equal(t, []string{"https://a.example", "https://b.example"}, sent["resource"])
		require.Equal(t, `{"id_token":{"sub":{"value":"alice"}}}`, sent.Get("claims"))
		require.Equal(t, string(tx.State), sent.Get("state"))
		require.NotContains(t, fmt.Sprint(sent), "order 7")
		require.Equal(t, must(c.DetailsHash("alice", aPayout("t1"))), tx.DetailsHash)
		require.Equal(t, []any{"t1", "order 7", []string{stepup.Action("payout.request")}}, []any{tx.TxnID, tx.Resume, tx.ACR})
		kept, err := stepup.DecodeTransaction(tx.Encode())
		require.NoError(t, err)
		require.Equal(t, tx, kept)
	})
	t.Run("a login can be pushed too", func(t *testing.T) {
		_, c := open(t)
		address, tx, err := c.Push(t.Context(), stepup.StartOptions{})
		require.NoError(t, err)
		_, err = c.Finish(t.Context(), tx, browse(address))
		require.NoError(t, err)
		_, err = c.FinishConfirmation(t.Context(), tx, url.Values{})
		require.ErrorIs(t, err, stepup.ErrResponse)
	})
	for name, bend := range map[string]func(*stepup.StartOptions){
		"a detail of nobody":                func(o *stepup.StartOptions) { o.Subject = "" },
		"a detail beside another action":    func(o *stepup.StartOptions) { o.ACR = []string{stepup.Action("bid.place")} },
		"a detail beside a level":           func(o *stepup.StartOptions) { o.ACR = []string{stepup.ACRMFA} },
		"a detail without a page":           func(o *stepup.StartOptions) { o.Prompt = "none" },
		"a detail that is no object":        func(o *stepup.StartOptions) { o.Detail = []string{"a"} },
		"a detail without a type":           func(o *stepup.StartOptions) { o.Detail = map[string]string{"txn_id": "1"} },
		"a detail without an id":            func(o *stepup.StartOptions) { o.Detail = stepup.PlainAction("payout.request") },
		"a detail with an id of many kinds": func(o *stepup.StartOptions) { o.Detail = aPayout("a b") },
		"a detail of five kilobytes": func(o *stepup.StartOptions) {
			o.Detail = stepup.Payout{TxnID: "t", Reference: strings.Repeat("x", 5000)}
		},
		"a detail that cannot be written":      func(o *stepup.StartOptions) { o.Detail = stepup.Withdrawal{TxnID: "t"} },
		"a detail with a text that is no text": func(o *stepup.StartOptions) { o.Detail = stepup.Payout{TxnID: "t", Reference: "\xff"} },
	} {
		t.Run("refused before it is sent: "+name, func(t *testing.T) {
			p, c := open(t)
			opts := pushing("t1")
			bend(&opts)

			_, tx, err := c.Push(t.Context(), opts)

			require.Error(t, err)
			require.Zero(t, tx)
			require.Empty(t, p.pushes)
		})
	}
	t.Run("a detail does not go through the browser", func(t *testing.T) {
		_, c := open(t)
		_, _, err := c.Start(pushing("t1"))
		require.Error(t, err)
	})
	t.Run("a server without the endpoint", func(t *testing.T) {
		p := newProvider()
		t.Cleanup(p.Close)
		p.discovery = func(m map[string]any) { delete(m, "pushed_authorization_request_endpoint") }
		_, _, err := connect(t, p).Push(t.Context(), pushing("t1"))
		require.Error(t, err)
	})
	for name, tt := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"details that are not taken": {400, `{"error":"invalid_authorization_details","error_description":"Send an IBAN."}`, stepup.ErrBadDetail},
		"too many requests":          {429, ``, stepup.ErrTooOften},
		"a server that is down":      {503, ``, stepup.ErrUnavailable},
		"an answer without a name":   {201, `{}`, stepup.ErrUnavailable},
		"an answer that is no JSON":  {201, `<`, stepup.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			p, c := open(t)
			p.override["/par"] = func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}
			_, _, err := c.Push(t.Context(), pushing("t1"))
			require.ErrorIs(t, err, tt.want)
		})
	}
}

// TestADetailThatCannotBeSent is told like one that the server does not take, and in words
// that say what to change.
func TestADetailThatCannotBeSent(t *testing.T) {
	const begins = "stepup: the details are not acceptable: "
	for name, tt := range map[string]struct {
		detail stepup.Detail
		want   string
	}{
		"a type that is none":    {map[string]string{"type": "nosuch", "txn_id": "1"}, `type "nosuch" is not a type of transaction (such as payout.request)`},
		"no type":                {map[string]string{"txn_id": "1"}, `type "" is not a type of transaction (such as payout.request)`},
		"no object":              {[]string{"a"}, "it is no object with the texts type and txn_id"},
		"an id of many kinds":    {aPayout("a b"), "txn_id has to be 1 to 64 of A-Z a-z 0-9 . _ : -"},
		"five kilobytes":         {stepup.Payout{TxnID: "t", Reference: strings.Repeat("x", 5000)}, "more than 4096 bytes"},
		"what cannot be written": {stepup.Withdrawal{TxnID: "t"}, "either an account or a wallet"},
		"a text that is no text": {stepup.Payout{TxnID: "t", Reference: "\xff"}, "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := open(t)
			opts := pushing("t1")
			opts.Detail = tt.detail
			demand := stepup.Challenge{ACR: []string{stepup.Action("payout.request")}}
			_, _, pushed := c.Push(t.Context(), opts)
			_, _, answered := c.Answer(t.Context(), demand, opts)
			for _, err := range []error{pushed, answered} {
				require.ErrorIs(t, err, stepup.ErrBadDetail)
				require.ErrorContains(t, err, tt.want)
				require.True(t, strings.HasPrefix(err.Error(), begins), "%v", err)
				require.Equal(t, 1, strings.Count(err.Error(), "stepup: "), "%v", err)
			}
		})
	}
}

// TestAnAppThatAsksTooOften is told when it may ask again. No page was shown, so nobody
// has denied anything.
func TestAnAppThatAsksTooOften(t *testing.T) {
	for after, want := range map[string]time.Duration{"90": 90 * time.Second, "": 0, "soon": 0, "-1": 0, "99999999999999999999": 0} {
		p, c := open(t)
		p.override["/par"] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"error":"access_denied","error_description":"The app has asked too often."}`))
		}

		_, _, err := c.Push(t.Context(), pushing("t1"))

		require.ErrorIs(t, err, stepup.ErrTooOften)
		require.NotErrorIs(t, err, stepup.ErrDenied)
		require.NotErrorIs(t, err, stepup.ErrUnavailable, "the same call does not pass a moment later")
		said, ok := errors.AsType[*stepup.EndpointError](err)
		require.True(t, ok)
		require.Equal(t, []any{"access_denied", "The app has asked too often.", want}, []any{said.Code, said.Description, said.RetryAfter}, after)
	}
}

// kept is a key that the app does not hold itself. Its signatures begin with zeros,
// which makes them shorter in ASN.1, and must not in a JWT.
type kept struct{ *ecdsa.PrivateKey }

func (k kept) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	for {
		der, err := k.PrivateKey.Sign(random, digest, opts)
		if err != nil || der[3] < 32 { // the length of the first number
			return der, err
		}
	}
}

func TestAnAppThatSigns(t *testing.T) {
	p, _ := open(t)
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	seen := map[string]bool{}
	p.assertion = func(raw string) bool {
		claims := jwt.MapClaims{}
		token, err := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithTimeFunc(p.clock.Now)).ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil })
		jti, _ := claims["jti"].(string)
		fresh := !seen[jti]
		seen[jti] = true
		return err == nil && token.Header["kid"] == "k1" && fresh && len(jti) > 20 && claims["aud"] == p.issuer() && claims["iss"] == clientID &&
			claims["sub"] == clientID && claims["exp"] == float64(start.Add(time.Minute).Unix()) && claims["iat"] == float64(start.Unix())
	}
	cfg := config(p)
	cfg.AuthMethod, cfg.ClientSecret, cfg.Key, cfg.KeyID = stepup.AuthPrivateKeyJWT, "", kept{key}, "k1"
	c, err := stepup.New(t.Context(), cfg)
	require.NoError(t, err)

	v, err := approved(t, c)
	require.NoError(t, err)
	_, err = c.ConsumeFor(t.Context(), v, aPayout("t1"))
	require.NoError(t, err)

	for name, bend := range map[string]func(*stepup.Config){
		"a secret beside the key": func(c *stepup.Config) { c.ClientSecret = "s" },
		"no key":                  func(c *stepup.Config) { c.Key = nil },
		"a key on another curve":  func(c *stepup.Config) { c.Key = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) },
	} {
		other := cfg
		bend(&other)
		_, err := stepup.New(t.Context(), other)
		require.Error(t, err, name)
	}
}
