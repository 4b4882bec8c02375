package pin_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/pin"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, input       string
		shortest, longest int
		want              string
		ok                bool
	}{
		{"six digits", "482915", 6, 8, "482915", true},
		{"eight digits", "48291573", 6, 8, "48291573", true},
		{"leading noughts stay", "004829", 6, 8, "004829", true},
		{"spaces and hyphens as in a code", " 48 29-15\t", 6, 8, "482915", true},
		{"full-width digits", "４８２９１５", 6, 8, "482915", true},
		{"Arabic-Indic digits", "٤٨٢٩١٥", 6, 8, "482915", true},
		{"eastern Arabic-Indic digits", "۴۸۲۹۱۵", 6, 8, "482915", true},
		{"marks of direction", "\u200f482915\u200e", 6, 8, "482915", true},
		{"one too few", "48291", 6, 8, "", false},
		{"one too many", "482915738", 6, 8, "", false},
		{"a letter", "48291a", 6, 8, "", false},
		{"a point", "482.915", 6, 8, "", false},
		{"a letter beside enough digits", "482915a", 6, 8, "", false},
		{"digits of a script that no keyboard here has", "४८२९१५", 6, 8, "", false},
		{"nothing", "", 6, 8, "", false},
		{"nothing, with no bounds", "", 0, 0, "", false},
		{"three digits, whatever a policy says", "482", 1, 12, "", false},
		{"thirteen digits, whatever a policy says", "4829157304826", 4, 99, "", false},
		{"bounds that leave nothing", "482915", 8, 6, "", false},
		{"bytes that are no text", "48291\xff5", 6, 8, "", false},
		{"a flood", strings.Repeat(" ", 1000) + "482915", 6, 8, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := pin.Parse(tt.input, tt.shortest, tt.longest)

			require.Equal(t, tt.ok, ok)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestWeak(t *testing.T) {
	alice := pin.Hints{Phones: []string{"+52 644 183 2399", ""}, Password: "Corridor-7390-wheat-52"}
	tests := []struct {
		name, pin, reason string
	}{
		{"up", "123456", "run"},
		{"up, over the nine", "890123", "run"},
		{"down", "987654", "run"},
		{"down, over the nought", "210987", "run"},
		{"in steps of two", "024680", "run"},
		{"in steps of three", "147036", "run"},
		{"down, four digits", "4321", "run"},
		{"eight up", "23456789", "run"},
		{"one digit", "111111", "repeat"},
		{"two digits in turn", "121212", "repeat"},
		{"two digits five apart in turn", "050505", "repeat"},
		{"two digits in any order", "122111", "repeat"},
		{"a group of three", "482482", "repeat"},
		{"a group of four", "48294829", "repeat"},
		{"a group that is not written to its end", "48248248", "repeat"},
		{"a day, European", "241285", "date"},
		{"a day, American", "122485", "date"},
		{"a day, sortable", "851224", "date"},
		{"a day with its century", "24121985", "date"},
		{"the same, American", "12241985", "date"},
		{"the same, sortable", "19851224", "date"},
		{"the same, year, day, month", "19852412", "date"},
		{"a leap day", "290284", "date"},
		{"month and year", "071985", "date"},
		{"year and month", "198507", "date"},
		{"a day without noughts", "741985", "date"},
		{"a day of three digits", "2471985", "date"},
		{"month and year without a nought", "71985", "date"},
		{"day and month", "2412", "date"},
		{"month and day", "1224", "date"},
		{"a year of birth", "1985", "date"},
		{"a year of birth and more", "198548", "date"},
		{"a year of birth after something", "482004", "date"},
		{"the end of the number", "482399", "phone"},
		{"the middle of the number", "441839", "phone"},
		{"the number itself", "6441832399", "phone"},
		{"the digits of the password", "739052", "password"},
		{"some digits of the password", "7390", "password"},
		{"across the keypad", "147963", "common"},
		{"down its middle", "2580", "common"},
		{"up its middle", "008520", "common"},
		{"around it", "1478", "common"},
		{"a run there and back", "123321", "common"},
		{"doubled", "334455", "common"},
		{"two runs", "123789", "common"},
		{"a run and the same again", "789000", "common"},
		{"a word", "5683968", "common"},
		{"pi", "314159", "common"},
		{"nothing", "", "common"},
		{"too short for any", "482", "common"},
		{"no digits", "48291a", "common"},
		{"digits that Parse has not read", "４８２９１５", "common"},

		{"an ordinary one", "482915", ""},
		{"an ordinary one of four", "4829", ""},
		{"an ordinary one of eight", "48291573", ""},
		{"an ordinary one of twelve", "482915730481", ""},
		{"a month too many", "481385", ""},
		{"a day too many", "310485", ""},
		{"the thirty-first of April", "31041985", ""},
		{"a century that nobody was born in", "24121785", ""},
		{"three digits of the number", "239481", ""},
		{"the digits of the password in another order", "905273", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reason, weak := pin.Weak(tt.pin, alice)

			require.Equal(t, tt.reason, reason)
			require.Equal(t, tt.reason != "", weak)
		})
	}
}

// TestWhatIsWeakForOneIsNotForAll takes the hints away.
func TestWhatIsWeakForOneIsNotForAll(t *testing.T) {
	for _, p := range []string{"482399", "441839", "739052"} {
		reason, weak := pin.Weak(p, pin.Hints{})
		require.False(t, weak, "%s: %s", p, reason)
	}
	reason, _ := pin.Weak("482915", pin.Hints{Password: "４８２９１５"})
	require.Equal(t, pin.ReasonPassword, reason, "a password in digits of another script")
}

// TestMostPINsAreGood counts: a user who takes a PIN by chance is seldom refused,
// or the rules would drive people to the few that are left.
func TestMostPINsAreGood(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		digits int
		most   float64 // refused of a hundred
	}{{4, 40}, {6, 22}, {8, 10}} {
		refused, limit := 0, 1
		for range tt.digits {
			limit *= 10
		}
		const tries = 5000
		for range tries {
			_, weak := pin.Weak(fmt.Sprintf("%0*d", tt.digits, chance.IntN(limit)), pin.Hints{Phones: []string{"+526441832399"}})
			if weak {
				refused++
			}
		}
		t.Logf("%d digits: %.1f of 100 are refused", tt.digits, 100*float64(refused)/tries)
		require.Less(t, 100*float64(refused)/tries, tt.most, "%d digits", tt.digits)
	}
}

// FuzzPIN holds for any input and any user: no panic, what is read is a PIN that
// reads the same, and a reason is one of the six.
func FuzzPIN(f *testing.F) {
	f.Add("48 29-15", 6, 8, "+52 644 183 2399", "secret482915")
	f.Add("４８２９１５", 4, 12, "", "")
	f.Add("19851224", 8, 8, "1", "\xff")
	reasons := []string{"run", "repeat", "date", "phone", "password", "common"}
	f.Fuzz(func(t *testing.T, input string, shortest, longest int, phone, password string) {
		about := pin.Hints{Phones: []string{phone}, Password: password}
		reason, weak := pin.Weak(input, about)
		require.Equal(t, weak, reason != "")

		p, ok := pin.Parse(input, shortest, longest)
		if !ok {
			require.Empty(t, p)
			return
		}
		require.Regexp(t, `^[0-9]{4,12}$`, p)
		again, ok := pin.Parse(p, shortest, longest)
		require.True(t, ok)
		require.Equal(t, p, again)
		reason, weak = pin.Weak(p, about)
		if weak {
			require.Contains(t, reasons, reason)
		}
		reason, weak = pin.Weak(p, pin.Hints{Phones: []string{p}, Password: p})
		require.True(t, weak, "its own telephone number")
		require.Contains(t, reasons, reason)
	})
}
