package web_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// sentinels are the errors of the core that a caller can act on. told is false for
// those that no request can end with: they stay a 500 that says nothing, and the
// reason stands beside them.
var sentinels = map[string]struct {
	err  error
	told bool
}{
	"mfa.ErrNotFound":          {mfa.ErrNotFound, true},
	"mfa.ErrMalformed":         {mfa.ErrMalformed, true},
	"mfa.ErrMismatch":          {mfa.ErrMismatch, true},
	"mfa.ErrExpired":           {mfa.ErrExpired, true},
	"mfa.ErrExhausted":         {mfa.ErrExhausted, true},
	"mfa.ErrSpent":             {mfa.ErrSpent, true},
	"mfa.ErrSuperseded":        {mfa.ErrSuperseded, true},
	"mfa.ErrNoSends":           {mfa.ErrNoSends, true},
	"mfa.ErrNoMethod":          {mfa.ErrNoMethod, true},
	"mfa.ErrNotOffered":        {mfa.ErrNotOffered, true},
	"mfa.ErrPolicyChanged":     {mfa.ErrPolicyChanged, true},
	"mfa.ErrDelivery":          {mfa.ErrDelivery, true},
	"mfa.ErrBudget":            {mfa.ErrBudget, true},
	"mfa.ErrOpen":              {mfa.ErrOpen, true},
	"mfa.ErrContactInUse":      {mfa.ErrContactInUse, true},
	"mfa.ErrTooSoon":           {mfa.ErrTooSoon, true},
	"mfa.ErrFactorExists":      {mfa.ErrFactorExists, true},
	"mfa.ErrForbidden":         {mfa.ErrForbidden, true},
	"mfa.ErrStaleLogin":        {mfa.ErrStaleLogin, true},
	"mfa.ErrTooMany":           {mfa.ErrTooMany, true},
	"mfa.ErrInUse":             {mfa.ErrInUse, true},
	"mfa.ErrOrder":             {mfa.ErrOrder, true},
	"mfa.ErrUnchanged":         {mfa.ErrUnchanged, true},
	"mfa.ErrAlready":           {mfa.ErrAlready, true},
	"mfa.ErrKeyExists":         {mfa.ErrKeyExists, true},
	"mfa.ErrUnknownKey":        {mfa.ErrUnknownKey, true},
	"mfa.ErrUnverified":        {mfa.ErrUnverified, true},
	"mfa.ErrNoPIN":             {mfa.ErrNoPIN, true},
	"mfa.ErrChanged":           {mfa.ErrChanged, true},
	"mfa.ErrReplayed":          {mfa.ErrReplayed, true},
	"mfa.ErrCloned":            {mfa.ErrCloned, true},
	"mfa.ErrImmutable":         {mfa.ErrImmutable, false}, // a mistake of ours
	"identity.ErrNotFound":     {identity.ErrNotFound, true},
	"identity.ErrCredentials":  {identity.ErrCredentials, true},
	"identity.ErrAddress":      {identity.ErrAddress, true},
	"identity.ErrLinkUnknown":  {identity.ErrLinkUnknown, true},
	"identity.ErrLinkExpired":  {identity.ErrLinkExpired, true},
	"identity.ErrLinkUsed":     {identity.ErrLinkUsed, true},
	"identity.ErrSignUpClosed": {identity.ErrSignUpClosed, true},
	"identity.ErrTaken":        {identity.ErrTaken, false},    // the page says that the link was used
	"identity.ErrNoLetter":     {identity.ErrNoLetter, false}, // of the outbox; nobody asks for it
	"identity.ErrHash":         {identity.ErrHash, false},     // a broken row; imports refuse it
	"consent.ErrNotFound":      {consent.ErrNotFound, true},
	"consent.ErrOneOpen":       {consent.ErrOneOpen, false}, // likewise
	"consent.ErrTxnUsed":       {consent.ErrTxnUsed, false}, // the flow ends with it, in the words of the app
	"consent.ErrOver":          {consent.ErrOver, true},
	"consent.ErrOtherUser":     {consent.ErrOtherUser, true},
	"ratelimit.ErrCharge":      {ratelimit.ErrCharge, false}, // a mistake of ours
}

// declared are the exported errors that the sources of a package declare.
func declared(t *testing.T, name string) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", name, "*.go"))
	require.NoError(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					if strings.HasPrefix(n.Name, "Err") {
						all = append(all, name+"."+n.Name)
					}
				}
			}
		}
	}
	require.NotEmpty(t, all, "package %s declares errors", name)
	return all
}

func TestEveryErrorOfTheCoreIsToldOrDeliberatelyNot(t *testing.T) {
	seen := 0
	for _, name := range []string{"mfa", "identity", "consent", "ratelimit"} {
		for _, sentinel := range declared(t, name) {
			_, decided := sentinels[sentinel]
			require.True(t, decided, "%s is new: decide what a user is told, in problem.go and here", sentinel)
			seen++
		}
	}
	require.Len(t, sentinels, seen, "an error that is gone")
}

func TestWhatIsToldOfEachError(t *testing.T) {
	for name, s := range sentinels {
		p := web.ProblemFor(errors.Join(errors.New("somewhere"), s.err))
		require.Equal(t, !s.told, p.Status == http.StatusInternalServerError, "%s: %d", name, p.Status)
		if !s.told {
			continue
		}
		require.GreaterOrEqual(t, p.Status, 400, name)
		require.True(t, strings.HasPrefix(p.Type, "/problems/"), name)
		require.NotEmpty(t, p.Title, name)
		require.NotContains(t, p.Title, ":", "%s: words for people, not the text of the error", name)
	}
}
