package templates

import (
	"fmt"
	"strings"
	"time"
)

// RecoveryCodesPage shows new backup codes, once. It posts saved=1 and codes,
// separated by blanks, so that a page without the tick can be shown again: the server
// has none of them any more. The list is downloaded from DownloadURL, or by a form that
// posts codes to DownloadAction.
type RecoveryCodesPage struct {
	Frame
	Wizard
	Action         string
	Codes          []string // as the user types them, such as "07-ABCD-EFGH-JKMN-PQ"
	MadeAt         time.Time
	Replaced       bool // older codes have just stopped
	DownloadURL    string
	DownloadAction string
	Problem        string // ProblemNotSaved
}

func (RecoveryCodesPage) file() string { return "recovery-codes.html" }

// Joined is all codes in one text.
func (p RecoveryCodesPage) Joined(by string) string { return strings.Join(p.Codes, by) }

// RecoverySheet is the sheet of codes as plain text, for a download: what the
// printed one says, in lang, or in English where there is no such language.
func (s *Set) RecoverySheet(lang string, p RecoveryCodesPage) (string, error) {
	c, ok := s.catalogs[lang]
	if !ok {
		c = s.catalogs[s.langs[0]]
	}
	title, err := c.text("recovery.paper_title", "Tenant", p.Tenant.Name)
	if err != nil {
		return "", err
	}
	whose, err := c.sheetOf(p)
	if err != nil {
		return "", err
	}
	use, err := c.text("recovery.paper_use")
	if err != nil {
		return "", err
	}
	keep, err := c.text("recovery.paper_keep")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s %s\n\n", title, whose, use)
	for _, code := range p.Codes {
		fmt.Fprintf(&b, "[ ] %s\n", clean(code))
	}
	fmt.Fprintf(&b, "\n%s\n", keep)
	return b.String(), nil
}

// sheetOf says whose sheet it is, of which day, and, where there was one before, that
// this one no longer works.
func (c *catalog) sheetOf(p RecoveryCodesPage) (string, error) {
	whose, err := c.sheetFor(p)
	if err != nil || !p.Replaced {
		return whose, err
	}
	older, err := c.text("recovery.paper_older")
	return whose + " " + older, err
}

func (c *catalog) sheetFor(p RecoveryCodesPage) (string, error) {
	if p.MadeAt.IsZero() {
		return c.text("recovery.paper_for_undated", "Account", p.Account)
	}
	day, err := c.dateIn(p.Frame, p.MadeAt)
	if err != nil {
		return "", err
	}
	return c.text("recovery.paper_for", "Account", p.Account, "Day", day)
}

// RecoveryRenewPage asks whether to make new backup codes. It posts renew=1,
// and pin when AskPIN. Reached with LaterURL it is the reminder after sign-in.
type RecoveryRenewPage struct {
	Frame
	Wizard
	Action      string
	Left        int // codes that still work
	Total       int // of the set; 0 is: none were ever made
	MadeAt      time.Time
	AskPIN      bool
	PINHelp     PINHelp // with AskPIN
	Problem     string  // ProblemWrongCode, ProblemEmpty, ProblemPINBlocked, ProblemPINDead
	TriesLeft   int
	LockedUntil time.Time
}

func (RecoveryRenewPage) file() string { return "recovery-renew.html" }

// fewCodes is when the page begins to warn.
const fewCodes = 3

// State is none (never made), used (none left), low or some.
func (p RecoveryRenewPage) State() string {
	switch {
	case p.Total == 0:
		return "none"
	case p.Left == 0:
		return "used"
	case p.Left <= fewCodes:
		return "low"
	}
	return "some"
}

// Field is the id of the field that Problem is about; "" when it is about none.
func (p RecoveryRenewPage) Field() string {
	if p.Problem == "" || p.Over() || !p.AskPIN {
		return ""
	}
	return "pin"
}

// Says is the problem in the words for a PIN.
func (p RecoveryRenewPage) Says() string { return saysOfPIN(p.AskPIN, p.Problem) }

// Over reports whether no PIN is taken now.
func (p RecoveryRenewPage) Over() bool {
	return p.Problem == ProblemPINBlocked || p.Problem == ProblemPINDead || p.Problem == ProblemTooMany
}
