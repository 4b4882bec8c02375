package mfa

import (
	"crypto/subtle"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// ChallengeStatus is the state of a challenge (mfa.md 3.2).
type ChallengeStatus string

// The states of a challenge. There is no way back from any but created and sent.
const (
	ChallengeCreated    ChallengeStatus = "created"
	ChallengeSent       ChallengeStatus = "sent"
	ChallengeVerified   ChallengeStatus = "verified"
	ChallengeUsed       ChallengeStatus = "used"
	ChallengeLocked     ChallengeStatus = "locked"
	ChallengeExpired    ChallengeStatus = "expired"
	ChallengeSuperseded ChallengeStatus = "superseded"
	ChallengeFailed     ChallengeStatus = "failed"
	ChallengeCancelled  ChallengeStatus = "cancelled"
)

// MaxChainAttempts is how many comparisons one chain of challenges allows in
// all its generations together: without it, resends would multiply guesses.
const MaxChainAttempts = 10

// Challenge is one ask for one proof. A resend or a switch of method makes the
// next generation of the same chain and supersedes this one.
type Challenge struct {
	ID            string
	ChainID       string
	Gen           int // 1 for the first of the chain
	Subject       Subject
	OwnerID       string // the one interaction that may use the proof
	Binding       []byte // hash of the browser's secret; checked before anything else
	Purpose       Purpose
	Action        string
	Method        Method
	FactorID      string
	ContactID     string
	Masked        string // where the code went
	GuardKey      string // the guard that counts wrong guesses; see Guard
	DetailsHash   string // "" where no details are bound
	CodeMAC       []byte
	PepperID      string
	Digits        int
	Status        ChallengeStatus
	Attempts      int
	ChainAttempts int
	MaxAttempts   int
	Sends         int
	MaxSends      int
	TTL           time.Duration
	ResendAfter   time.Duration
	CreatedAt     time.Time
	SentAt        time.Time // when the gateway accepted the message; zero before
	ResendAt      time.Time
	ExpiresAt     time.Time
	VerifiedAt    time.Time
	PolicyVersion int
	// Ceremony is what a key has to sign, and how its answer is checked; see
	// [Ceremony]. nil for other methods.
	Ceremony *Ceremony
	// Answer is what the verified challenge leaves for its effect: the credential
	// that a registration made, JSON. "" otherwise.
	Answer string
}

// Ceremony is a WebAuthn ceremony in progress.
type Ceremony struct {
	Options string `json:"options"`         // JSON for the browser
	Session string `json:"session"`         // what the server keeps of it
	Nonce   []byte `json:"nonce,omitempty"` // of the transaction that is signed, see [TransactionChallenge]
}

// Guard counts wrong guesses at one thing that can be guessed (a contact or a
// factor), over all challenges and all sessions of the user.
type Guard struct {
	Subject     Subject
	Key         string    // "contact:<id>" or "factor:<id>"
	FailsRun    int       // consecutive failures; only a success resets it
	WindowStart time.Time // start of the window that WindowFails counts in
	WindowFails int
	Delays      int       // how many delays were imposed since the last success
	LockedUntil time.Time // no comparison before it
	Dead        bool      // hard_fails reached: out of use until recovery
}

// Live reports whether a code of c can still be entered at now.
func (c Challenge) Live(now time.Time) bool {
	return c.Status == ChallengeSent && now.Before(c.ExpiresAt)
}

// TriesLeft is how many more comparisons c allows, whatever its guard says.
func (c Challenge) TriesLeft() int {
	if c.Status != ChallengeCreated && c.Status != ChallengeSent {
		return 0
	}
	return max(0, min(c.MaxAttempts-c.Attempts, MaxChainAttempts-c.ChainAttempts))
}

// closed says why no code can be entered into c, by its status alone; nil if it
// is sent.
func (c Challenge) closed() error {
	switch c.Status {
	case ChallengeSent:
		return nil
	case ChallengeVerified, ChallengeUsed:
		return ErrSpent
	case ChallengeLocked:
		return ErrExhausted
	case ChallengeExpired:
		return ErrExpired
	case ChallengeSuperseded, ChallengeCancelled:
		return ErrSuperseded
	case ChallengeCreated, ChallengeFailed:
		return ErrDelivery
	}
	return ErrNotFound // a status of a later version is not ours to judge
}

// answers reports whether c was begun for ask: by the same browser, for the
// same thing.
func (c Challenge) answers(ask Ask) bool {
	return c.Subject == ask.Subject && c.OwnerID == ask.OwnerID &&
		len(c.Binding) > 0 && subtle.ConstantTimeCompare(c.Binding, ask.Binding) == 1 &&
		c.Purpose == ask.Purpose && c.Action == ask.Action && c.DetailsHash == ask.DetailsHash && c.isOn(ask)
}

// isOn reports whether c is about the one thing that ask narrows it to, if it does.
func (c Challenge) isOn(ask Ask) bool {
	if ask.Proof != policy.ProofCodeNew && ask.Proof != policy.ProofCodeCurrent {
		return true
	}
	return c.ContactID == ask.ContactID && (c.Method != policy.TOTP || c.FactorID == ask.FactorID)
}
