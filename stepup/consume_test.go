package stepup_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

// patient is a client that waits in no time, and tells how long it would have.
func patient(t *testing.T, p *provider) (*stepup.Client, *[]time.Duration) {
	t.Helper()
	var waited []time.Duration
	cfg := config(p)
	cfg.Wait = func(ctx context.Context, d time.Duration) error {
		waited = append(waited, d)
		return ctx.Err()
	}
	return must(stepup.New(t.Context(), cfg)), &waited
}

func TestConsume(t *testing.T) {
	const path = "/confirmations/"
	t.Run("it is tried again with the same key, and each pause is longer", func(t *testing.T) {
		p, _ := open(t)
		c, waited := patient(t, p)
		v, err := approved(t, c)
		require.NoError(t, err)
		var keys []string
		p.override[path+v.ID+"/consume"] = func(w http.ResponseWriter, r *http.Request) {
			keys = append(keys, r.Header.Get("Idempotency-Key"))
			switch len(keys) {
			case 1: // used up, and the answer is lost on the way
				p.serveLost(w, r, v.ID)
			case 2:
				w.WriteHeader(http.StatusBadGateway)
			default:
				r.SetPathValue("id", v.ID)
				p.serveConsume(w, r)
			}
		}
		r, err := c.ConsumeFor(t.Context(), v, aPayout("t1"))
		require.NoError(t, err)
		require.Equal(t, []string{v.Key, v.Key, v.Key}, keys)
		require.Equal(t, []time.Duration{250 * time.Millisecond, time.Second}, *waited)
		require.Equal(t, p.approvals[v.ID].receipt, r.JWS, "the receipt of the first try")
	})
	t.Run("it ends after four tries", func(t *testing.T) {
		p, _ := open(t)
		c, waited := patient(t, p)
		v, err := approved(t, c)
		require.NoError(t, err)
		tries := 0
		p.override[path+v.ID+"/consume"] = func(w http.ResponseWriter, _ *http.Request) {
			tries++
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, err = c.ConsumeFor(t.Context(), v, aPayout("t1"))
		require.ErrorIs(t, err, stepup.ErrUnavailable)
		require.Equal(t, 4, tries)
		require.Len(t, *waited, 3)
	})
	t.Run("it ends with its context", func(t *testing.T) {
		p, _ := open(t)
		c, waited := patient(t, p)
		v, err := approved(t, c)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		p.override[path+v.ID+"/consume"] = func(w http.ResponseWriter, _ *http.Request) {
			cancel()
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, err = c.ConsumeFor(ctx, v, aPayout("t1"))
		require.ErrorIs(t, err, stepup.ErrUnavailable)
		require.Len(t, *waited, 1)
	})
	for name, tt := range map[string]struct {
		status int
		code   string
		want   error
	}{
		"used before":         {409, "already_consumed", stepup.ErrConsumed},
		"taken back":          {409, "revoked", stepup.ErrRevoked},
		"not approved":        {409, "not_approved", stepup.ErrNotApproved},
		"too late":            {410, "expired", stepup.ErrExpired},
		"something else":      {422, "mismatch", stepup.ErrMismatch},
		"another app's":       {404, "not_found", stepup.ErrNotFound},
		"not who it says":     {401, "invalid_client", nil},
		"a page of a gateway": {404, "", nil},
	} {
		t.Run("an answer that is final: "+name, func(t *testing.T) {
			p, _ := open(t)
			c, waited := patient(t, p)
			v, err := approved(t, c)
			require.NoError(t, err)
			p.override[path+v.ID+"/consume"] = func(w http.ResponseWriter, _ *http.Request) {
				writeJSON(w, tt.status, map[string]any{"title": "Do not.", "error": tt.code})
			}
			_, err = c.ConsumeFor(t.Context(), v, aPayout("t1"))
			endpoint, ok := errors.AsType[*stepup.EndpointError](err)
			require.True(t, ok)
			require.Equal(t, stepup.EndpointError{Endpoint: "confirmation", Status: tt.status, Code: tt.code, Description: "Do not."}, *endpoint)
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
			}
			require.Empty(t, *waited)
		})
	}
	t.Run("what is not what was approved is not asked for", func(t *testing.T) {
		p, c := open(t)
		v, err := approved(t, c)
		require.NoError(t, err)
		other := aPayout("t1")
		other.Amount.Value = "1250.01"
		p.override["/confirmations/"+v.ID+"/consume"] = func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") }
		_, err = c.ConsumeFor(t.Context(), v, other)
		require.ErrorIs(t, err, stepup.ErrMismatch)
	})
	t.Run("nothing is consumed without a key, an id or a hash", func(t *testing.T) {
		_, c := open(t)
		for _, a := range [][3]string{{"", "h", "k"}, {"i", "", "k"}, {"i", "h", ""}, {"i", "h", "é"}, {"i", "h", strings.Repeat("k", 129)}} {
			_, err := c.Consume(t.Context(), a[0], a[1], a[2])
			require.ErrorContains(t, err, "missing")
		}
	})
}

// serveLost does its part, and hangs up without an answer.
func (p *provider) serveLost(w http.ResponseWriter, r *http.Request, id string) {
	r.SetPathValue("id", id)
	p.serveConsume(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}
