package pin

import (
	_ "embed"
	"strings"
	"sync"
)

// commonText is the list of common PINs: one a line, lines with # are remarks. Its
// head tells the rules by which it was made; a test makes it again.
//
//go:embed common.txt
var commonText string

// common returns the list as a set, which nothing changes.
var common = sync.OnceValue(readCommon)

func readCommon() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(commonText) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			set[line] = true
		}
	}
	return set
}

// isCommon is true for a PIN on the list, forwards or backwards.
func isCommon(pin string) bool { return common()[pin] || common()[backwards(pin)] }

func backwards(pin string) string {
	b := []byte(pin)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
