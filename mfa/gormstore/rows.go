package gormstore

import (
	"encoding/json"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// challengeRow is table mfa_challenges. It never leaves this package.
type challengeRow struct {
	TenantID      string `gorm:"primaryKey"`
	UserID        string
	ID            string `gorm:"primaryKey"`
	ChainID       string
	Gen           int
	OwnerID       string
	Binding       []byte
	Purpose       string
	Action        string
	Method        string
	FactorID      string
	ContactID     string
	Masked        string
	GuardKey      string
	DetailsHash   string
	CodeMAC       []byte `gorm:"column:code_mac"`
	PepperID      string
	Digits        int
	Status        string
	Attempts      int
	ChainAttempts int
	MaxAttempts   int
	Sends         int
	MaxSends      int
	TTLMs         int64 `gorm:"column:ttl_ms"`
	ResendAfterMs int64 `gorm:"column:resend_after_ms"`
	CreatedAt     time.Time
	SentAt        *time.Time
	ResendAt      *time.Time
	ExpiresAt     *time.Time
	VerifiedAt    *time.Time
	PolicyVersion int
	Ceremony      string
	Answer        string
}

func (challengeRow) TableName() string { return "mfa_challenges" }

func challengeOf(r challengeRow) mfa.Challenge {
	return mfa.Challenge{
		ID: r.ID, ChainID: r.ChainID, Gen: r.Gen,
		Subject: mfa.Subject{TenantID: r.TenantID, UserID: r.UserID}, OwnerID: r.OwnerID, Binding: r.Binding,
		Purpose: mfa.Purpose(r.Purpose), Action: r.Action, Method: mfa.Method(r.Method),
		FactorID: r.FactorID, ContactID: r.ContactID, Masked: r.Masked, GuardKey: r.GuardKey,
		DetailsHash: r.DetailsHash, CodeMAC: r.CodeMAC, PepperID: r.PepperID, Digits: r.Digits,
		Status: mfa.ChallengeStatus(r.Status), Attempts: r.Attempts, ChainAttempts: r.ChainAttempts,
		MaxAttempts: r.MaxAttempts, Sends: r.Sends, MaxSends: r.MaxSends,
		TTL: time.Duration(r.TTLMs) * time.Millisecond, ResendAfter: time.Duration(r.ResendAfterMs) * time.Millisecond,
		CreatedAt: r.CreatedAt.UTC(), SentAt: fromNull(r.SentAt), ResendAt: fromNull(r.ResendAt),
		ExpiresAt: fromNull(r.ExpiresAt), VerifiedAt: fromNull(r.VerifiedAt), PolicyVersion: r.PolicyVersion,
		Ceremony: ceremonyOf(r.Ceremony), Answer: r.Answer,
	}
}

func rowOf(c mfa.Challenge) challengeRow {
	return challengeRow{
		TenantID: c.Subject.TenantID, UserID: c.Subject.UserID, ID: c.ID, ChainID: c.ChainID, Gen: c.Gen,
		OwnerID: c.OwnerID, Binding: notNil(c.Binding), Purpose: string(c.Purpose), Action: c.Action,
		Method: string(c.Method), FactorID: c.FactorID, ContactID: c.ContactID, Masked: c.Masked, GuardKey: c.GuardKey,
		DetailsHash: c.DetailsHash, CodeMAC: notNil(c.CodeMAC), PepperID: c.PepperID, Digits: c.Digits,
		Status: string(c.Status), Attempts: c.Attempts, ChainAttempts: c.ChainAttempts,
		MaxAttempts: c.MaxAttempts, Sends: c.Sends, MaxSends: c.MaxSends,
		TTLMs: c.TTL.Milliseconds(), ResendAfterMs: c.ResendAfter.Milliseconds(),
		CreatedAt: c.CreatedAt.UTC(), SentAt: toNull(c.SentAt), ResendAt: toNull(c.ResendAt),
		ExpiresAt: toNull(c.ExpiresAt), VerifiedAt: toNull(c.VerifiedAt), PolicyVersion: c.PolicyVersion,
		Ceremony: textOf(c.Ceremony), Answer: c.Answer,
	}
}

// ceremonyOf reads what [textOf] wrote. What cannot be read is no ceremony, so no
// answer to it is right.
func ceremonyOf(text string) *mfa.Ceremony {
	if text == "" {
		return nil
	}
	var c mfa.Ceremony
	err := json.Unmarshal([]byte(text), &c)
	if err != nil {
		return nil
	}
	return &c
}

func textOf(c *mfa.Ceremony) string {
	if c == nil {
		return ""
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "" // two strings; it does not happen
	}
	return string(text)
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
