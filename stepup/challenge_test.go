package stepup_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestParseChallenge(t *testing.T) {
	age := func(d time.Duration) *time.Duration { return &d }
	const code = `error="insufficient_user_authentication"`
	tests := []struct {
		name   string
		header string
		want   *stepup.Challenge // nil: there is none
	}{
		{
			"the example of RFC 9470 for acr_values",
			`Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="myACR"`,
			&stepup.Challenge{ACR: []string{"myACR"}, Description: "A different authentication level is required"},
		},
		{
			"the example of RFC 9470 for max_age",
			`Bearer error="insufficient_user_authentication", error_description="More recent authentication is required", max_age="5"`,
			&stepup.Challenge{MaxAge: age(5 * time.Second), Description: "More recent authentication is required"},
		},
		{"values without quotes", `bearer error=insufficient_user_authentication,max_age=0`, &stepup.Challenge{MaxAge: age(0)}},
		{"several values and scopes", `Bearer ` + code + `, acr_values="a  b", scope="x  y"`, &stepup.Challenge{ACR: []string{"a", "b"}, Scope: "x y"}},
		{"names in capitals, spaces around =", `BEARER ERROR = "insufficient_user_authentication" , ACR_VALUES= "a"`, &stepup.Challenge{ACR: []string{"a"}}},
		{"DPoP", `DPoP ` + code + `, algs="ES256"`, &stepup.Challenge{}},
		{"behind other schemes", `Negotiate, Basic YWJj==, Digest realm="a,b \"Bearer\" " , Bearer ` + code, &stepup.Challenge{}},
		{"behind a Bearer that asks for something else", `Bearer error="invalid_token", Bearer ` + code + `, max_age=1`, &stepup.Challenge{MaxAge: age(time.Second)}},
		{"before another scheme", `Bearer ` + code + `, max_age=1, Basic realm="x"`, &stepup.Challenge{MaxAge: age(time.Second)}},
		{"an escape in the description", `Bearer ` + code + `, error_description="a\bc\"d\\e"`, &stepup.Challenge{Description: "abcde"}},
		{"empty", ``, nil},
		{"bare", `Bearer`, nil},
		{"another error", `Bearer error="invalid_token"`, nil},
		{"another scheme", `Basic ` + code, nil},
		{"only in a quoted text", `Basic realm="Bearer error=insufficient_user_authentication"`, nil},
		{"a parameter twice", `Bearer ` + code + `, max_age=1, max_age=9999`, nil},
		{"a parameter twice in another case", `Bearer ` + code + `, max_age=1, Max_Age=9999`, nil},
		{"a negative max_age", `Bearer ` + code + `, max_age="-1"`, nil},
		{"a max_age in words", `Bearer ` + code + `, max_age="soon"`, nil},
		{"a max_age that overflows", `Bearer ` + code + `, max_age="99999999999"`, nil},
		{"an empty max_age", `Bearer ` + code + `, max_age=""`, nil},
		{"an acr that cannot be one", `Bearer ` + code + `, acr_values="ä"`, nil},
		{"quotes that never end", `Bearer ` + code + `, acr_values="a`, nil},
		{"an escape that never ends", `Bearer ` + code + `, acr_values="a\`, nil},
		{"a control character", "Bearer " + code + ", acr_values=\"a\x01\"", nil},
		{"a parameter without a scheme", code, nil},
		{"two values without a comma", `Bearer ` + code + ` max_age=1`, nil},
		{"more than 8 kB", `Bearer ` + code + `, x="` + strings.Repeat("x", 8<<10) + `"`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := stepup.ParseChallenge(tt.header)

			require.Equal(t, tt.want != nil, ok)
			if ok {
				require.Empty(t, cmp.Diff(*tt.want, got, cmpopts.EquateEmpty()))
			}
		})
	}
}

func TestChallengeBecomesARequest(t *testing.T) {
	_, c := open(t)
	age := time.Minute
	challenge := stepup.Challenge{ACR: []string{stepup.ACRMFA}, MaxAge: &age, Scope: "pay"}

	opts := challenge.StartOptions()

	require.Equal(t, stepup.StartOptions{ACR: []string{stepup.ACRMFA}, MaxAge: &age, Scopes: []string{"pay"}}, opts)
	_, tx, err := c.Start(opts)
	require.NoError(t, err)
	require.Equal(t, "openid pay", tx.Scope)

	req := stepup.Requirement{ACR: []string{stepup.ACRMFA}, MaxAge: age, Scope: "pay"}
	require.Equal(t, opts, req.StartOptions())
}

func TestHeaderCannotBeBrokenOutOf(t *testing.T) {
	c := stepup.Challenge{ACR: []string{`a", max_age="9999`}, Description: "x\r\nSet-Cookie: a=b\"\\", Scope: "s\n"}

	require.Equal(t,
		`Bearer error="insufficient_user_authentication", error_description="xSet-Cookie: a=b", acr_values="a, max_age=9999", scope="s"`,
		c.Header())
}

// FuzzParseChallenge checks that whatever is read can be written and read again
// as the same, and that the request it leads to is one that Start judges
// without surprise.
func FuzzParseChallenge(f *testing.F) {
	for _, seed := range []string{
		`Bearer error="insufficient_user_authentication", acr_values="a b", max_age="5", scope="x"`,
		`Negotiate, Basic YWJj==, DPoP error=insufficient_user_authentication, error_description="\"\\"`,
		`Bearer error="invalid_token"`, `Bearer`, `,,=`, `a b=c, d "`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, ok := stepup.ParseChallenge(header)
		if !ok {
			if diff := cmp.Diff(stepup.Challenge{}, got); diff != "" {
				t.Fatalf("a refused header leaves a challenge: %s", diff)
			}
			return
		}
		again, ok := stepup.ParseChallenge(got.Header())
		if !ok {
			t.Fatalf("%q was read from %q and cannot be read again", got.Header(), header)
		}
		if diff := cmp.Diff(got, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("read from %q: %s", header, diff)
		}
	})
}
