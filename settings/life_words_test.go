package settings

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

func TestTheQuestionTellsWhatIsLeft(t *testing.T) {
	p, err := policy.Preset("broker-security-identities")
	require.NoError(t, err)
	e := mfa.Enrolments{
		Contacts: []mfa.Contact{{ID: "m", Kind: mfa.ContactEmail, Masked: "a•••@example.test", Status: mfa.ContactConfirmed, Registered: true}},
		Factors:  []mfa.Factor{{ID: "e", Kind: policy.Email, ContactID: "m", Status: mfa.FactorActive}},
	}
	off := mfa.Start{Kind: policy.Email, Verb: mfa.VerbDisable}

	page := confirmPage(off, &p, e, 0)
	require.True(t, page.Alone, "it is the only second step")
	require.Equal(t, "a•••@example.test", page.NextTo, "the last code goes to the mailbox that is turned off")

	e.Factors = append(e.Factors, mfa.Factor{ID: "t", Kind: policy.TOTP, Status: mfa.FactorActive})
	require.False(t, confirmPage(off, &p, e, 0).Alone)
	require.Empty(t, confirmPage(mfa.Start{Verb: mfa.VerbSwitchOff}, &p, e, 0).NextTo, "any second step confirms that")
}

func TestWhoIsToldOfANewNumber(t *testing.T) {
	p, err := policy.Preset("contractor-email-first")
	require.NoError(t, err)
	code, old := []policy.Proof{policy.ProofCodeNew}, []policy.Proof{policy.ProofCodeCurrent}

	require.Equal(t, templates.TellBoth, toldOf(viewOf(policy.SMS, mfa.VerbChange, 0, code), &p))
	require.Empty(t, toldOf(viewOf(policy.SMS, mfa.VerbChange, 1, old, code), &p), "the old number has agreed")
	p.Notify.OldContactToo = false
	require.Equal(t, templates.TellEmail, toldOf(viewOf(policy.SMS, mfa.VerbChange, 0, code), &p))
	p.Notify.EmailEvents = nil
	require.Empty(t, toldOf(viewOf(policy.SMS, mfa.VerbChange, 0, code), &p), "nobody is told, and the page says nothing")
}
