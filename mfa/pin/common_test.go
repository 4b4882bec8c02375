package pin_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/pin"
)

var update = flag.Bool("update", false, "write common.txt anew")

// head tells what common.txt is. No list of PINs that people really chose may be
// copied here, so the rules follow what studies of such lists found in them:
// lines on the keypad, runs in pairs and mirrors, words, and famous numbers.
const head = `# Common PINs, one a line. A PIN is refused if it, or its reverse, stands here.
#
# Source: derived from patterns, not taken from a leaked list. The rules are in
# common_test.go; "go test ./mfa/pin -run Common -update" writes this file.
#
#   1  two or three lines of the keypad: 147258, 159753, 147852369
#   2  walks around the keypad, its corners, its cross, its middle: 1478, 123698, 2580
#   3  runs of doubled digits, and runs that turn back: 112233, 123321
#   4  two runs of three: 123789
#   5  a run, with a digit again and again before or after it: 123000, 991234
#   6  words on the letters of the keypad (ITU-T E.161): 5683 is LOVE
#   7  numbers that many people know: 314159, 112358, 102030
#
# What the other rules of this package refuse is left out: runs, repeats, dates.
`

// TestTheListOfCommonPINsIsWhatItsRulesMake keeps rules and file together.
func TestTheListOfCommonPINsIsWhatItsRulesMake(t *testing.T) {
	want := head + strings.Join(common(), "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile("common.txt", []byte(want), 0o644))
	}

	have, err := os.ReadFile("common.txt")

	require.NoError(t, err)
	require.Equal(t, want, string(have))
	require.GreaterOrEqual(t, len(common()), 1000)
}

// TestEveryCommonPINIsRefused reads the list through the package.
func TestEveryCommonPINIsRefused(t *testing.T) {
	for _, p := range common() {
		for _, text := range []string{p, reverse(p)} {
			_, weak := pin.Weak(text, pin.Hints{})
			require.True(t, weak, text)
		}
	}
}

// common makes the list, sorted by length and value.
func common() []string {
	var all []string
	all = append(all, lines()...)
	all = append(all, walks()...)
	all = append(all, turns()...)
	all = append(all, tails()...)
	all = append(all, words()...)
	all = append(all, famous...)
	listed := map[string]bool{}
	var kept []string
	for _, p := range all {
		reason, weak := pin.Weak(p, pin.Hints{})
		if (weak && reason != pin.ReasonCommon) || listed[p] || listed[reverse(p)] {
			continue
		}
		listed[p] = true
		kept = append(kept, p)
	}
	slices.SortFunc(kept, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return kept
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// lines is rule 1. Three lines are of one family, and are cut to 7 and 8 as well.
func lines() []string {
	rows, columns, diagonals := []string{"123", "456", "789"}, []string{"147", "258", "369"}, []string{"159", "357"}
	var straight, all []string
	for _, line := range slices.Concat(rows, columns, diagonals) {
		straight = append(straight, line, reverse(line))
	}
	for _, a := range straight {
		for _, b := range straight {
			all = append(all, a+b)
		}
	}
	for _, family := range [][]string{rows, columns} {
		for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			for turned := range 8 {
				var b strings.Builder
				for i, n := range order {
					line := family[n]
					if turned>>i&1 == 1 {
						line = reverse(line)
					}
					b.WriteString(line)
				}
				all = append(all, b.String(), b.String()[:8], b.String()[:7])
			}
		}
	}
	return all
}

// walks is rule 2.
func walks() []string {
	all := []string{
		"2580", "25800", "258000", "25802", "258025", "0258", "02580", "025800", "002580", "25800852", "258085", "2580852",
		"5213", "5426", "52846", "528460", "1590", "3570", "1470", "3690", "1470", "14700", "147000", "369000",
	}
	for _, ring := range []string{"12369874", "1397", "2684"} {
		round := strings.Repeat(ring, 3)
		for start := range len(ring) {
			for size := 4; size <= max(len(ring), 6); size++ {
				all = append(all, round[start:start+size])
			}
			corner := round[start : start+4]
			all = append(all, corner+"5", "5"+corner, corner+"55", "55"+corner, corner+"50", corner+"00")
		}
	}
	return all
}

// run is size digits from start, step apart.
func run(start, step, size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte('0' + ((start+i*step)%10+10)%10)
	}
	return string(b)
}

// turns is rules 3 and 4.
func turns() []string {
	var all []string
	for start := range 10 {
		for _, step := range []int{1, 2, -1, -2} {
			for size := 2; size <= 4; size++ {
				r := run(start, step, size)
				var doubled strings.Builder
				for _, d := range r {
					doubled.WriteString(strings.Repeat(string(d), 2))
				}
				all = append(all, doubled.String(), r+reverse(r), r+reverse(r[:size-1]), r+r+reverse(r))
			}
		}
		for second := range 10 {
			for _, steps := range [][2]int{{1, 1}, {1, -1}, {-1, 1}, {-1, -1}} {
				all = append(all, run(start, steps[0], 3)+run(second, steps[1], 3))
			}
		}
	}
	return slices.DeleteFunc(all, func(p string) bool { return len(p) < 4 })
}

// tails is rule 5. The runs begin where people begin to count.
func tails() []string {
	var all []string
	for _, r := range []string{"123", "1234", "12345", "321", "4321", "54321", "012", "0123", "01234", "789", "6789", "56789", "987", "9876", "98765", "135", "1357", "246", "2468"} {
		for digit := '0'; digit <= '9'; digit++ {
			for again := 1; len(r)+again <= 6; again++ {
				more := strings.Repeat(string(digit), again)
				all = append(all, r+more, more+r)
			}
		}
	}
	return slices.DeleteFunc(all, func(p string) bool { return len(p) < 4 })
}

// words is rule 6.
func words() []string {
	const letters = "22233344455566677778889999"
	var all []string
	for _, word := range strings.Fields(`
		love lover lovely loveme iloveu iloveyou loveyou kiss kisses baby babe angel angels honey sweet heart happy smile lucky
		sexy girl girls boys secret password passwort passcode pass code login admin access letmein enter open unlock
		money cash bank gold rich power magic dream dreams star stars moon sunshine summer winter spring autumn
		flower flowers rose lily daisy cookie candy sugar apple orange banana cherry ginger pepper butter cheese
		dragon monkey tiger lion bear wolf horse eagle falcon shadow ninja pirate batman superman spider princess queen king prince master
		football soccer hockey tennis golf baseball basket racing runner player winner hello welcome goodbye
		mama papa mother father mommy daddy sister brother family friend friends home house
		amor amore teamo tequiero beso besos bonita hermosa corazon dinero casa familia mariposa princesa angela estrella
		amour jetaime bisous soleil bonjour coeur chat chien liebe liebling schatz hallo sommer sonne engel katze hund geheim
		jesus god heaven faith hope grace peace blessed freedom forever always never test testing qwerty computer internet
		january february march april june july august october november december monday friday sunday
	`) {
		var b strings.Builder
		for _, r := range word {
			b.WriteByte(letters[r-'a'])
		}
		if len(word) >= pin.Shortest {
			all = append(all, b.String())
		}
	}
	return all
}

// famous is rule 7: pi, e, roots, the golden ratio, Fibonacci, primes, powers,
// squares, tens, and what films, songs and the net have made known.
var famous = []string{
	"3141", "31415", "314159", "3141592", "31415926", "314159265", "2718", "27182", "271828", "2718281", "27182818",
	"1414", "14142", "141421", "1732", "173205", "1618", "16180", "161803", "1618033", "16180339",
	"1123", "11235", "112358", "1123581", "11235813", "2357", "23571", "235711", "2357111", "23571113",
	"1248", "12481", "124816", "1248163", "12481632", "1491", "14916", "1491625", "149162", "102030", "10203040", "203040", "304050", "405060",
	"506070", "607080", "708090", "100200", "100200300", "010203", "01020304", "001002", "001002003", "101112", "10111213", "111213",
	"0070", "007123", "1337", "13371", "133737", "31337", "8675309", "867530", "4815", "48151", "481516", "4815162", "48151623", "481516234", "90210",
	"1701", "1138", "2112", "5150", "420247", "247365", "24365", "112911", "911112", "1812", "1066", "1492", "1776", "1789",
	"5201314", "520131", "521314", "1314520", "131452", "147896325", "5318008", "0773", "07734",
	"121314", "131415", "141516", "151617", "161718", "171819", "181920", "192021", "202122", "212223", "222324",
	"123123", "124578", "145236", "142536", "152637", "142857", "142753", "159357", "159263", "753951", "951753", "357159",
	"124680", "135792", "246810", "246801", "2468101", "24681012", "1357911", "135791", "13579111",
}
