package setup_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/internal/testdb"
)

func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/apply.md")
	require.NoError(t, err)
	return string(text)
}

// section is the part of the reference under a heading.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
	require.True(t, ok, "no section %q", heading)
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

var inCode = regexp.MustCompile("`([^`]+)`")

// rows are the names in the first cell of each row of the tables in part, and in the last
// one of address, whose members stand in one row.
func rows(part string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(part) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		from := cells[1]
		if strings.Contains(from, "`address`") {
			from += cells[3]
		}
		for _, m := range inCode.FindAllStringSubmatch(from, -1) {
			names[m[1]] = true
		}
	}
	return names
}

// TestTheReferenceNamesEveryMember keeps docs/apply.md whole.
func TestTheReferenceNamesEveryMember(t *testing.T) {
	text := reference(t)
	for heading, structs := range map[string][]any{
		"File":        {setup.File{}},
		"Tenant":      {setup.Tenant{}},
		"Client":      {identity.Client{}},
		"User":        {setup.User{}},
		"Profile":     {identity.Profile{}, identity.Address{}},
		"Detail type": {details.Type{}, details.Shown{}, details.Message{}},
	} {
		t.Run(heading, func(t *testing.T) {
			told, has := rows(section(t, text, heading)), map[string]bool{}
			if heading == "Client" { // which are split off before the rest is read
				has["client_id"], has["client_secret"] = true, true
			}
			for _, s := range structs {
				for i := range reflect.TypeOf(s).NumField() {
					name, _, _ := strings.Cut(reflect.TypeOf(s).Field(i).Tag.Get("json"), ",")
					if name != "-" {
						has[name] = true
					}
				}
			}
			require.Equal(t, has, told)
		})
	}
}

// TestTheExamplesOfTheReferenceApply pastes each of them.
func TestTheExamplesOfTheReferenceApply(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(reference(t), -1)
	require.Len(t, examples, 2)
	for _, example := range examples {
		changes := h.apply(t, example[1])

		require.NotEmpty(t, changes)
		for _, line := range changes {
			require.NotRegexp(t, `(client|detail type) .*warning|policy warning actions`, line)
		}
		require.Empty(t, h.apply(t, example[1]))
	}
}
