package identity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
)

var (
	acme  = identity.Tenant{Name: "Acme Corp", Slug: "acme"}
	alice = identity.User{Username: "alice.smith@example.com", Profile: identity.Profile{Name: "Alice Smith", Nickname: "Al"}}
)

func reason(err error) identity.PasswordReason {
	refused, ok := errors.AsType[*identity.PasswordError](err)
	if !ok {
		return ""
	}
	return refused.Reason
}

func TestPasswordRules(t *testing.T) {
	words := identity.Words(acme, alice, "Demo Shop")
	beside, alone, lax := identity.RulesFor(true, words...), identity.RulesFor(false, words...), identity.LaxRules(words...)
	tests := []struct {
		name, password     string
		beside, alone, lax identity.PasswordReason
	}{
		{"seven random characters", "xk3vq9z", "too_short", "too_short", "too_short"},
		{"eight random characters", "xk3vq9zl", "", "too_short", ""},
		{"fourteen random characters", "xk3vq9zlm4tbw8", "", "too_short", ""},
		{"fifteen random characters", "xk3vq9zlm4tbw8c", "", "", ""},
		{"eight letters of two bytes count as eight", "жщцъфэюй", "", "too_short", ""},
		{"accents behind their letters do not count", "e\u0301i\u0301o\u0301u\u0301x", "too_short", "too_short", "too_short"},
		{"lower case and spaces only", "correct horse battery staple", "", "", ""},
		{"a sentence with a name in it", "correct horse acme battery", "", "", ""},
		{"64 characters", strings.Repeat("k7 ", 21) + "x", "", "", ""},
		{"1024 bytes", random(1024), "", "", ""},
		{"1025 bytes", random(1025), "too_long", "too_long", "too_long"},
		{"the most common one", "password", "common", "too_short", "common"},
		{"in capitals, with what rules of composition ask for", "Password1!", "common", "too_short", "common"},
		{"with signs for letters", "P@ssw0rd", "common", "too_short", "common"},
		{"the name of the tenant and the year", "acme2026!", "context", "too_short", "context"},
		{"the user's own names and a year", "alice.smith1990", "context", "context", "context"},
		{"the app with signs for letters", "Dem0-Sh0p-2026", "context", "too_short", "context"},
		{"the whole identifier", "alice.smith@example.com", "context", "context", "context"},
		{"a season and a year", "Summer2026!", "guessable", "too_short", ""},
		{"one letter", "aaaaaaaaaaaaaaa", "guessable", "guessable", "guessable"},
		{"digits in a row", "123456789012345", "guessable", "guessable", "guessable"},
		{"the alphabet", "abcdefghijklmnop", "guessable", "guessable", "guessable"},
		{"a row of keys", "qwertyuiopasdfghjkl", "guessable", "guessable", ""},
		{"a word three times", "hunter2hunter2hunter2", "", "guessable", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.beside, reason(identity.CheckPassword(tt.password, beside)), "beside a second factor")
			require.Equal(t, tt.alone, reason(identity.CheckPassword(tt.password, alone)), "alone")
			require.Equal(t, tt.lax, reason(identity.CheckPassword(tt.password, lax)), "lax")
		})
	}
}

func TestARefusalTellsTheLeastLength(t *testing.T) {
	err := identity.CheckPassword("short", identity.RulesFor(false))

	require.Equal(t, &identity.PasswordError{Reason: identity.PasswordTooShort, Min: 15}, err)
}

// random is n characters without a pattern, the same each time.
func random(n int) string {
	var b strings.Builder
	x := uint32(1)
	for range n {
		x = x*1664525 + 1013904223
		b.WriteByte('!' + byte(x>>24)%90)
	}
	return b.String()
}

// TestJudgingAPasswordIsCheap gives it what its search takes longest for.
func TestJudgingAPasswordIsCheap(t *testing.T) {
	for _, p := range []string{
		strings.Repeat("4@8({[<3691!|7105$+%2", 48), strings.Repeat("a", 1024), strings.Repeat("İ", 500),
		strings.Repeat("01/01/2001", 100), strings.Repeat("\u0301", 500), strings.Repeat("\xff", 1000), strings.Repeat("qwerty", 170),
	} {
		begun := time.Now()
		_ = identity.CheckPassword(p, identity.RulesFor(false, "Acme"))
		require.Less(t, time.Since(begun), time.Second, "%.10q", p)
	}
}

func FuzzCheckPassword(f *testing.F) {
	for _, s := range []string{"", "password", "İstanbul 2026", "a\u0301\u0301", "\xff\xfe", "𝐩𝐚𝐬𝐬", "ﷺﷺﷺ", "1/1/2001"} {
		f.Add(s, "Acme")
	}
	f.Fuzz(func(t *testing.T, password, word string) {
		first := identity.CheckPassword(password, identity.RulesFor(false, word))
		require.Equal(t, first, identity.CheckPassword(password, identity.RulesFor(false, word)), "the same password is judged the same")
	})
}
