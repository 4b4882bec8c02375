package templates

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pseudoLocale is a language of the English one that a reader of English can
// still read: accented, so that text from elsewhere shows; 40 % longer, as
// translations are; in brackets, so that a sentence put together from pieces
// shows, too. Values put into a sentence are kept.
func pseudoLocale(t *testing.T) string {
	t.Helper()
	body, err := fs.ReadFile(files, "i18n/en.json")
	require.NoError(t, err)
	var messages map[string]any
	require.NoError(t, json.Unmarshal(body, &messages))
	for key, v := range messages {
		switch v := v.(type) {
		case string:
			if key != "lang.dir" && !strings.HasPrefix(key, "number.") {
				messages[key] = pseudo(v)
			}
		case map[string]any:
			for form, text := range v {
				v[form] = pseudo(text.(string))
			}
		}
	}
	out, err := json.Marshal(messages)
	require.NoError(t, err)
	return string(out)
}

var accents = strings.NewReplacer("a", "å", "e", "ë", "i", "ï", "o", "ø", "u", "ü", "A", "Å", "E", "Ë", "I", "Ï", "O", "Ø", "U", "Ü")

// pseudo is one message of [pseudoLocale].
func pseudo(s string) string {
	between := regexp.MustCompile(`\{\{[^}]*\}\}|[^{]+`)
	accented := between.ReplaceAllStringFunc(s, func(part string) string {
		if strings.HasPrefix(part, "{{") {
			return part
		}
		return accents.Replace(part)
	})
	return "[" + accented + strings.Repeat("·", (letters(s)*2+4)/5) + "]"
}

func TestPseudo(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Confirm", "[Cønfïrm···]"},
		{"Sign in to {{.App}}", "[Sïgn ïn tø {{.App}}····]"},
		{"{{.N}} left", "[{{.N}} lëft··]"},
		{"", "[]"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) { require.Equal(t, tt.want, pseudo(tt.in)) })
	}
}
