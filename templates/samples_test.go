package templates

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample is a page in one of its states.
type sample struct {
	name string
	page Page
}

// Lent is what package samples lends to the tests of this package. It imports this
// package, so only a test from outside can hand it over: see TestMain.
var Lent struct {
	House      func() Frame
	Inside     func() Inside
	EmailCode  func() CodeField
	PayoutSlip func() Slip
	PhonePage  func() EnrolPhonePage

	// Each calls use with every sample. They are new each time: a test may spoil them.
	Each func(use func(name string, p Page))
}

func samples() []sample {
	var all []sample
	Lent.Each(func(name string, p Page) { all = append(all, sample{name, p}) })
	return all
}

func sampleOf(name string) Page {
	all := samples()
	return all[slices.IndexFunc(all, func(s sample) bool { return s.name == name })].page
}

func house() Frame              { return Lent.House() }
func inside() Inside            { return Lent.Inside() }
func emailCode() CodeField      { return Lent.EmailCode() }
func payoutSlip() Slip          { return Lent.PayoutSlip() }
func phonePage() EnrolPhonePage { return Lent.PhonePage() }

func at(gates []Gate) Frame {
	f := house()
	f.Gates = gates
	return f
}

func stranger(gates []Gate) Frame {
	f := at(gates)
	f.Account, f.NotYou = "", ""
	return f
}

func task(helpURL string) Frame {
	f := inside().Frame
	f.HelpURL = helpURL
	return f
}

const day = 24 * time.Hour

// noon is the clock of all samples.
var noon = time.Date(2026, 11, 21, 13, 31, 8, 0, time.UTC)

var cet = time.FixedZone("CET", 3600)

// TestEveryStateHasASample holds package samples to the lists of this one, which it
// cannot see.
func TestEveryStateHasASample(t *testing.T) {
	all := samples()
	for prefix, states := range map[string][]string{
		"error-": errorPages, "confirm-change-": questions, "settings-done-": doneNews, "settings-advice-": advices,
		"password-change-": accountProblems, "reset-": accountProblems, "sign-up-finish-": accountProblems,
	} {
		for _, state := range states {
			require.True(t, slices.ContainsFunc(all, func(s sample) bool { return s.name == prefix+state }), "%s%s", prefix, state)
		}
	}
	shown := map[string]bool{}
	for _, s := range all {
		shown[s.page.file()] = true
	}
	for file := range newTestSet(t).pages["en"] {
		require.True(t, shown[file], "no sample of %s", file)
	}
}
