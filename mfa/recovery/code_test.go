package recovery_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/recovery"
)

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name        string
		count, bits int
		form        string
	}{
		{"as the presets have it", 10, 70, `^\d\d-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{2}$`},
		{"as many and as long as there are", 20, 112, `^\d\d(-[0-9A-HJKMNP-TV-Z]{4}){5}-[0-9A-HJKMNP-TV-Z]{3}$`},
		{"one", 1, 70, `^01-`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := recovery.New(rand.Reader, tt.count, tt.bits)

			require.NoError(t, err)
			require.Len(t, set, tt.count)
			seen := map[string]bool{}
			for i, c := range set {
				require.Equal(t, fmt.Sprintf("%02d", i+1), c.Slot)
				require.Regexp(t, regexp.MustCompile(tt.form), c.Text())
				require.GreaterOrEqual(t, 5*len(c.Secret.Reveal()), tt.bits)
				seen[c.Secret.Reveal()] = true
			}
			require.Len(t, seen, tt.count, "no two are the same")
		})
	}
}

func TestNewRefusesWhatNoPolicyMayAskFor(t *testing.T) {
	for _, tt := range []struct {
		name        string
		count, bits int
		err         error
	}{
		{"none", 0, 70, recovery.ErrCount},
		{"less than none", -1, 70, recovery.ErrCount},
		{"more than there are slots", 21, 70, recovery.ErrCount},
		{"no bits", 10, 0, recovery.ErrBits},
		{"other bits", 10, 64, recovery.ErrBits},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := recovery.New(rand.Reader, tt.count, tt.bits)
			require.ErrorIs(t, err, tt.err)
			require.Empty(t, set)
		})
	}
	broken := errors.New("broken")
	_, err := recovery.New(iotest.ErrReader(broken), 10, 70)
	require.ErrorIs(t, err, broken)
	_, err = recovery.New(io.LimitReader(rand.Reader, 100), 10, 70)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a source that ends makes no half set")
}

// TestEveryLetterIsAsLikely feeds each byte there is, equally often, and counts.
func TestEveryLetterIsAsLikely(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	source := bytes.NewReader(bytes.Repeat(all, 7)) // 1792 letters are 128 codes of 14

	counts := map[rune]int{}
	for range 128 {
		set, err := recovery.New(source, 1, 70)
		require.NoError(t, err)
		for _, r := range set[0].Secret.Reveal() {
			counts[r]++
		}
	}

	require.Len(t, counts, 32)
	for r, n := range counts {
		require.Equal(t, 1792/32, n, "%c", r)
	}
	require.InDelta(t, 70, 14*math.Log2(float64(len(counts))), 1e-9)
}

func TestACodeDoesNotPrintByAccident(t *testing.T) {
	set, err := recovery.New(rand.Reader, 2, 70)
	require.NoError(t, err)
	c := set[0]
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("made", "code", c, "secret", c.Secret, "set", set)
	text := slog.New(slog.NewTextHandler(&log, nil))
	text.Info("made", "code", c, "secret", c.Secret, "set", set)
	data, err := json.Marshal(map[string]any{"code": c, "set": set, "secret": c.Secret, "pointer": &c})
	require.NoError(t, err)
	_, _ = log.Write(data)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10.3s", "%T"} {
		_, _ = fmt.Fprintf(&log, verb, c)
		_, _ = fmt.Fprintf(&log, verb, &c)
		_, _ = fmt.Fprintf(&log, verb, c.Secret)
		_, _ = fmt.Fprintf(&log, verb, set)
	}
	_, _ = fmt.Fprint(&log, c, c.Secret, c.String(), c.GoString(), c.Secret.String(), c.Secret.GoString(), fmt.Errorf("no: %v", c))

	require.Equal(t, "[secret] [secret] [secret]", fmt.Sprintf("%v %+v %d", c, &c, c), "nor does its slot")
	require.Contains(t, log.String(), "[secret]")
	for _, code := range set {
		secret := code.Secret.Reveal()
		require.NotContains(t, log.String(), secret)
		require.NotContains(t, log.String(), secret[:4])
		require.NotContains(t, strings.ToLower(log.String()), fmt.Sprintf("%x", secret))
	}
}
