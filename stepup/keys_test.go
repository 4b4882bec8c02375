package stepup_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

// rotate makes the provider publish and use other keys.
func (p *provider) rotate(signers ...*signer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signers = signers
}

func TestKeyRotation(t *testing.T) {
	older, newer := newES256("older"), newES256("newer")
	p, c := open(t, older)
	_, err := run(t, c, stepup.StartOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 1, p.keyReads.Load())

	t.Run("a known key is not read again", func(t *testing.T) {
		_, err := run(t, c, stepup.StartOptions{})

		require.NoError(t, err)
		require.EqualValues(t, 1, p.keyReads.Load())
	})

	t.Run("a new key is read when it is first seen", func(t *testing.T) {
		p.clock.Move(5 * time.Second)
		p.rotate(newer, older)

		_, err := run(t, c, stepup.StartOptions{})

		require.NoError(t, err)
		require.EqualValues(t, 2, p.keyReads.Load())
	})

	t.Run("a withdrawn key is forgotten within an hour", func(t *testing.T) {
		p.rotate(newES256("newest"))
		p.sign = func(header, claims map[string]any) string {
			header["kid"] = newer.kid
			return newer.signed(header, claims)
		}
		_, err := run(t, c, stepup.StartOptions{})
		require.NoError(t, err)
		p.clock.Move(time.Hour)

		_, err = run(t, c, stepup.StartOptions{})

		require.ErrorIs(t, err, stepup.ErrToken)
		require.EqualValues(t, 3, p.keyReads.Load())
	})
}

func TestKeysWhileTheServerIsAway(t *testing.T) {
	p, c := open(t)
	_, err := run(t, c, stepup.StartOptions{})
	require.NoError(t, err)
	p.override["/jwks"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }

	p.clock.Move(24*time.Hour - time.Second)
	_, err = run(t, c, stepup.StartOptions{})
	require.NoError(t, err, "known keys are used for a day")

	p.clock.Move(5 * time.Second)
	_, err = run(t, c, stepup.StartOptions{})
	require.ErrorIs(t, err, stepup.ErrUnavailable, "and not longer")
}

func TestUnknownKeysDoNotFloodTheServer(t *testing.T) {
	p, _ := open(t)
	v := verifier(t, p)
	stranger := newES256("stranger")
	forged := func() stepup.Secret {
		return stepup.Secret(stranger.signed(map[string]any{"typ": "at+jwt", "kid": stranger.kid}, map[string]any{"iss": p.issuer()}))
	}

	flood := func() {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				_, err := v.Verify(t.Context(), forged())
				if err == nil {
					t.Error("a forged token passed")
				}
			})
		}
		wg.Wait()
	}
	flood()
	require.EqualValues(t, 1, p.keyReads.Load(), "at start")

	p.clock.Move(5*time.Second - time.Millisecond)
	flood()
	require.EqualValues(t, 1, p.keyReads.Load(), "just before 5 s")

	p.clock.Move(time.Millisecond)
	flood()
	require.EqualValues(t, 2, p.keyReads.Load(), "after 5 s")

	_, err := v.Verify(t.Context(), accessToken(p, nil))
	require.NoError(t, err, "good tokens pass all the while")
}

func TestKeysAreReadOnceForAllWhoWait(t *testing.T) {
	p, _ := open(t)
	v := verifier(t, p)
	token := accessToken(p, nil)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := v.Verify(t.Context(), token)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, p.keyReads.Load())
}

func TestKeyReadGoesOnWhenTheCallerGivesUp(t *testing.T) {
	p, _ := open(t)
	v := verifier(t, p)
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.override["/jwks"] = func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(entered) })
		<-leave
		p.serveKeys(w, r)
	}
	token := accessToken(p, nil)
	ctx, cancel := cancelable(t)
	first := make(chan error)
	go func() {
		_, err := v.Verify(ctx, token)
		first <- err
	}()
	<-entered
	cancel()
	close(leave)
	<-first

	_, err := v.Verify(t.Context(), token)

	require.NoError(t, err)
	require.EqualValues(t, 1, p.keyReads.Load())
}

func TestKeySetThatCannotBeTrusted(t *testing.T) {
	elsewhere := newProvider(newES256("es-1"))
	t.Cleanup(elsewhere.Close)
	tests := []struct {
		name  string
		serve http.HandlerFunc
		want  error
	}{
		{"redirects to another host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.issuer()+"/jwks", http.StatusFound)
		}, stepup.ErrUnavailable},
		{"is larger than 256 kB", func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, map[string]any{"keys": []any{}, "x": strings.Repeat("x", 257<<10)})
		}, stepup.ErrUnavailable},
		{"is an error page", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, stepup.ErrUnavailable},
		{"is not JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("keys")) }, stepup.ErrUnavailable},
		{"is empty", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, map[string]any{}) }, stepup.ErrToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, c := open(t)
			p.override["/jwks"] = tt.serve

			_, err := run(t, c, stepup.StartOptions{})
			require.ErrorIs(t, err, tt.want)

			_, err = run(t, c, stepup.StartOptions{})
			require.ErrorIs(t, err, tt.want, "and so it is at once after")
		})
	}
	require.Zero(t, elsewhere.keyReads.Load())
}

func TestTokenWithoutKeyID(t *testing.T) {
	noKid := func(p *provider) { p.header = func(m map[string]any) { delete(m, "kid") } }

	t.Run("passes if one key alone could have signed it", func(t *testing.T) {
		p, c := open(t, newES256("a"), newRSA("b", jwt.SigningMethodRS256))
		noKid(p)

		_, err := run(t, c, stepup.StartOptions{})

		require.NoError(t, err)
	})

	t.Run("is refused if several could", func(t *testing.T) {
		p, c := open(t, newES256("a"), newES256("b"))
		noKid(p)

		_, err := run(t, c, stepup.StartOptions{})

		require.ErrorIs(t, err, stepup.ErrToken)
	})
}

func TestKeysThatAreNotUsed(t *testing.T) {
	tests := []struct {
		name string
		edit func(map[string]any)
	}{
		{"for encryption", func(m map[string]any) { m["use"] = "enc" }},
		{"for signing only", func(m map[string]any) { m["key_ops"] = []string{"sign"} }},
		{"for another algorithm", func(m map[string]any) { m["alg"] = "ES384" }},
		{"on another curve", func(m map[string]any) { m["crv"] = "P-384" }},
		{"not on the curve", func(m map[string]any) { m["x"] = b64(make([]byte, 32)) }},
		{"cut short", func(m map[string]any) { m["y"] = "AAAA" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newES256("k")
			tt.edit(s.public)
			_, c := open(t, s)

			_, err := run(t, c, stepup.StartOptions{})

			require.ErrorIs(t, err, stepup.ErrToken)
		})
	}

	t.Run("an RSA key of 1024 bits", func(t *testing.T) {
		s := newRSA("k", jwt.SigningMethodRS256)
		s.public["n"] = s.public["n"].(string)[:170]
		_, c := open(t, s)

		_, err := run(t, c, stepup.StartOptions{})

		require.ErrorContains(t, err, "does not publish")
	})

	t.Run("an RSA key for PS256 alone does not check RS256", func(t *testing.T) {
		s := newRSA("k", jwt.SigningMethodRS256)
		s.public["alg"] = "PS256"
		_, c := open(t, s)

		_, err := run(t, c, stepup.StartOptions{})

		require.ErrorContains(t, err, "does not publish")
	})
}
