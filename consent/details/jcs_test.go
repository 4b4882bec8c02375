package details

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/npm"
)

// TestASecondImplementationAgrees compares 100,000 documents with what the npm
// package canonicalize makes of them. It reads them with JSON.parse, so the test
// is also about how texts and numbers are read.
func TestASecondImplementationAgrees(t *testing.T) {
	const seed = 8785
	documents := 100_000
	if testing.Short() {
		documents = 1_000
	}
	node := npm.Program(t, "node")
	npm.Install(t, jcsFolder)
	c := exec.CommandContext(t.Context(), node, "canonical.mjs")
	c.Dir = jcsFolder
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())

	written := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(in)
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		for range documents {
			_, _ = w.WriteString(g.value(0) + "\n") // Flush tells of a failure
		}
		err := w.Flush()
		_ = in.Close()
		written <- err
	}()

	g := generator{rand.New(rand.NewPCG(seed, 1))}
	theirs := bufio.NewReader(out)
	for i := range documents {
		document := g.value(0)
		ours, err := Canonical([]byte(document))
		require.NoError(t, err, "document %d: %s", i, document)
		line, err := theirs.ReadString('\n')
		require.NoError(t, err, "document %d: %s", i, document)
		require.Equal(t, strings.TrimSuffix(line, "\n"), string(ours), "document %d: %s", i, document)
	}
	require.NoError(t, <-written)
	require.NoError(t, c.Wait())
}

const jcsFolder = "testdata/jcs"

// generator writes JSON on one line, in all the ways that JSON has.
type generator struct{ *rand.Rand }

func (g generator) value(depth int) string {
	kind := g.IntN(8)
	if depth == 4 {
		kind %= 5
	}
	switch kind {
	case 0:
		return []string{"null", "true", "false"}[g.IntN(3)]
	case 1, 2:
		return g.number()
	case 3, 4:
		return g.text(g.letters())
	case 5:
		values := make([]string, g.IntN(5))
		for i := range values {
			values[i] = g.space() + g.value(depth+1) + g.space()
		}
		return "[" + strings.Join(values, ",") + g.space() + "]"
	default:
		seen := map[string]bool{}
		var members []string
		for range g.IntN(7) {
			name := g.letters()
			if !seen[name] {
				members = append(members, g.space()+g.text(name)+g.space()+":"+g.space()+g.value(depth+1))
			}
			seen[name] = true
		}
		return "{" + strings.Join(members, ",") + g.space() + "}"
	}
}

func (g generator) space() string { return []string{"", "", "", " ", "\t", "  "}[g.IntN(6)] }

// number returns a double in one of its forms: any bits, or a size that people
// use.
func (g generator) number() string {
	switch g.IntN(5) {
	case 0:
		return strconv.Itoa(g.IntN(2_000_000) - 1_000_000)
	case 1:
		return []string{"0", "-0", "0.0", "-0e7", "1e21", "1E+21", "999999999999999900000", "1e-6", "1e-7", "0.000001", "5e-324", "9007199254740992"}[g.IntN(12)]
	case 2:
		return strconv.FormatFloat(math.Pow(10, g.Float64()*50-25), "feE"[g.IntN(3)], 1+g.IntN(25), 64)
	}
	for {
		f := math.Float64frombits(g.Uint64())
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'e', -1, 64)
		}
	}
}

// letters returns a short text. Many are of one letter, so that names of one
// object are close to one another.
func (g generator) letters() string {
	ranges := [][2]rune{
		{0, 0x7F},
		{0, 0x1F},
		{'a', 'e'},
		{'a', 'z'},
		{0x80, 0x7FF},
		{0x2020, 0x202F},
		{0xD700, 0xD7FF},
		{0xE000, 0xF8FF},
		{0xFB00, 0xFDCF},
		{0xFFF0, 0xFFFD},
		{0x10000, 0x1FFFD},
		{0x1F600, 0x1F64F},
		{0x10FF00, 0x10FFFD},
	}
	var b strings.Builder
	for range g.IntN(6) {
		r := ranges[g.IntN(len(ranges))]
		b.WriteRune(r[0] + g.Int32N(r[1]-r[0]+1))
	}
	return b.String()
}

// text writes s with escapes where they are needed, and here and there where
// they are not.
func (g generator) text(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		short := strings.IndexRune("\"\\/\b\f\n\r\t", r)
		switch {
		case short >= 0 && g.IntN(2) == 0:
			b.WriteString(`\` + string(`"\/bfnrt`[short]))
		case r < ' ', r == '"', r == '\\', g.IntN(4) == 0:
			for _, unit := range units(r) {
				fmt.Fprintf(&b, []string{`\u%04x`, `\u%04X`}[g.IntN(2)], unit)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// units are the UTF-16 units of r.
func units(r rune) []rune {
	if r < 0x10000 {
		return []rune{r}
	}
	r -= 0x10000
	return []rune{0xD800 + r>>10, 0xDC00 + r&0x3FF}
}
