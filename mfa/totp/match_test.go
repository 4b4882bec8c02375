package totp_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/totp"
)

// seed is the shared secret of the test vectors of RFC 6238.
var seed = []byte("12345678901234567890")

var (
	six   = policy.TOTPCodes{Period: 30, Digits: 6, Back: 1}
	eight = policy.TOTPCodes{Period: 30, Digits: 8, Back: 1}
)

// noon is at the first second of a step.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// code computes what an app shows, straight from RFC 4226 section 5.3 and without
// the library that the package uses.
func code(secret []byte, step int64, digits int) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	h := hmac.New(sha1.New, secret)
	h.Write(counter[:])
	sum := h.Sum(nil)
	value := binary.BigEndian.Uint32(sum[sum[19]&0xf:]) & 0x7fffffff
	text := fmt.Sprintf("%010d", value)
	return text[len(text)-digits:]
}

func TestMatchGivesTheVectorsOfRFC6238(t *testing.T) {
	for _, tt := range []struct {
		unix int64
		code string
	}{
		{59, "94287082"},
		{1111111109, "07081804"},
		{1111111111, "14050471"},
		{1234567890, "89005924"},
		{2000000000, "69279037"},
		{20000000000, "65353130"},
	} {
		t.Run(tt.code, func(t *testing.T) {
			now := time.Unix(tt.unix, 0)

			step, ok := totp.Match(seed, tt.code, now, eight, totp.NoStep)
			require.True(t, ok)
			require.Equal(t, tt.unix/30, step)

			step, ok = totp.Match(seed, tt.code[2:], now, six, totp.NoStep)
			require.True(t, ok)
			require.Equal(t, tt.unix/30, step)
		})
	}
}

// TestTheWindow is threat T-11: the step of now and one back, and nothing else.
func TestTheWindow(t *testing.T) {
	current := noon.Unix() / 30
	window := func(back, ahead int) policy.TOTPCodes {
		return policy.TOTPCodes{Period: 30, Digits: 6, Back: back, Ahead: ahead}
	}
	tests := []struct {
		name string
		set  policy.TOTPCodes
		pass map[int64]bool // by distance from the step of now
	}{
		{"one back and none ahead, as the presets have it", window(1, 0), map[int64]bool{-1: true, 0: true}},
		{"the step of now alone", window(0, 0), map[int64]bool{0: true}},
		{"one to either side", window(1, 1), map[int64]bool{-1: true, 0: true, 1: true}},
		{"no window is wider than the policy may ask for", window(9, 9), map[int64]bool{-1: true, 0: true, 1: true}},
		{"nor is one negative", window(-3, -3), map[int64]bool{0: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for away := int64(-3); away <= 3; away++ {
				for _, second := range []time.Duration{0, 29 * time.Second} {
					step, ok := totp.Match(seed, code(seed, current+away, 6), noon.Add(second), tt.set, totp.NoStep)

					require.Equal(t, tt.pass[away], ok, "step %+d", away)
					if ok {
						require.Equal(t, current+away, step)
					}
				}
			}
		})
	}
}

// TestACodePassesOnce is threat T-09, with what the caller keeps played by a variable.
func TestACodePassesOnce(t *testing.T) {
	current := noon.Unix() / 30
	a, b := code(seed, current-1, 6), code(seed, current, 6)
	last := totp.NoStep
	for _, tt := range []struct {
		name string
		code string
		want bool
	}{
		{"A passes", a, true},
		{"A again does not", a, false},
		{"B, the next one, passes", b, true},
		{"A does not come back after B", a, false},
		{"nor does B after A", b, false},
	} {
		step, ok := totp.Match(seed, tt.code, noon, six, last)

		require.Equal(t, tt.want, ok, tt.name)
		require.NotEqual(t, totp.NoStep, step, "%s: used is told from wrong", tt.name)
		if ok {
			last = step
		}
	}
	step, ok := totp.Match(seed, a, noon, six, current)
	require.False(t, ok, "an earlier code that was never used does not pass after a later one")
	require.Equal(t, current-1, step)
}

func TestWhatCannotBeRightMatchesNothing(t *testing.T) {
	current := noon.Unix() / 30
	right := code(seed, current, 6)
	tests := []struct {
		name   string
		secret []byte
		code   string
		now    time.Time
		set    policy.TOTPCodes
	}{
		{"no code", seed, "", noon, six},
		{"a digit too few", seed, right[1:], noon, six},
		{"a digit too many", seed, right + "0", noon, six},
		{"eight digits where six are asked for", seed, code(seed, current, 8), noon, six},
		{"digits of another script", seed, "１２３４５６", noon, six},
		{"no secret", nil, code(nil, current, 6), noon, six},
		{"a secret that was cut", seed[:15], code(seed[:15], current, 6), noon, six},
		{"no settings", seed, right, noon, policy.TOTPCodes{}},
		{"settings that no policy can have", seed, code(seed, current, 7), noon, policy.TOTPCodes{Digits: 7}},
		{"a clock at the beginning of all times", seed, right, time.Time{}, six},
		{"a clock just before 1970", seed, code(seed, 0, 6), time.Unix(-1, 0), six},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			step, ok := totp.Match(tt.secret, tt.code, tt.now, tt.set, totp.NoStep)

			require.False(t, ok)
			require.Equal(t, totp.NoStep, step)
		})
	}
}

func TestTheFirstStepOfAllHasNoneBeforeIt(t *testing.T) {
	step, ok := totp.Match(seed, code(seed, 0, 6), time.Unix(0, 0), six, totp.NoStep)

	require.True(t, ok)
	require.Zero(t, step)
}

// TestACodeOfTwoStepsIsUsedUpForBoth takes the first step of the secret at which
// the code is the same as in the step before, which happens once in a million.
func TestACodeOfTwoStepsIsUsedUpForBoth(t *testing.T) {
	const step = int64(910738)
	require.Equal(t, code(seed, step-1, 6), code(seed, step, 6))
	now := time.Unix(step*30, 0)

	got, ok := totp.Match(seed, code(seed, step, 6), now, six, totp.NoStep)
	require.True(t, ok)
	require.Equal(t, step, got)

	_, ok = totp.Match(seed, code(seed, step, 6), now, six, got)
	require.False(t, ok)
}

// TestMatchIsWhatTheRFCSays compares Match with the definition: any secret, any
// time, any window, any code near it, whatever was used before.
func TestMatchIsWhatTheRFCSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 16, 40).Draw(t, "secret")
		now := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "now"), 0)
		current := now.Unix() / 30
		set := policy.TOTPCodes{
			Period: 30, Digits: rapid.SampledFrom([]int{6, 8}).Draw(t, "digits"),
			Back: rapid.IntRange(0, 1).Draw(t, "back"), Ahead: rapid.IntRange(0, 1).Draw(t, "ahead"),
		}
		typed := code(secret, max(0, current+rapid.Int64Range(-3, 3).Draw(t, "away")), set.Digits)
		last := max(totp.NoStep, current+rapid.Int64Range(-4, 4).Draw(t, "last"))
		want := totp.NoStep
		for s := max(0, current-int64(set.Back)); s <= current+int64(set.Ahead); s++ {
			if code(secret, s, set.Digits) == typed {
				want = s
			}
		}

		step, ok := totp.Match(secret, typed, now, set, last)

		if step != want || ok != (want > last && want >= 0) {
			t.Fatalf("Match = %d, %v; want step %d after %d", step, ok, want, last)
		}
	})
}
