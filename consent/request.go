package consent

import (
	"time"
)

// Request is an authorization request after the provider has checked and
// normalised it. It is stored with the interaction and judged anew at each
// step; what the browser says later can only add to what was done in it.
type Request struct {
	ClientID    string              `json:"client_id"`
	Form        map[string][]string `json:"form"` // normalised parameters, replayed when the interaction is over
	RequestedAt time.Time           `json:"requested_at"`
	Scopes      []string            `json:"scopes,omitempty"`

	// ACRValues are the acr values asked for, in order of preference: from an
	// essential acr claim, else acr_values, else the client's default.
	ACRValues []string `json:"acr_values,omitempty"`
	// Required makes it an error if none of ACRValues can be reached. It is set
	// for an essential claim, and for acr_values of a client whose acr_mode is
	// required (RFC 9470 section 4).
	Required bool `json:"required,omitempty"`
	// MaxAge is the oldest active verification allowed; nil for any age.
	MaxAge *time.Duration `json:"max_age,omitempty"`
	// Login asks for a login in this interaction: prompt=login or max_age=0.
	Login bool `json:"login,omitempty"`
	// SelectAccount and AskConsent are prompt=select_account and prompt=consent.
	SelectAccount bool `json:"select_account,omitempty"`
	AskConsent    bool `json:"ask_consent,omitempty"`
	// Silent is prompt=none: nothing may be shown.
	Silent bool `json:"silent,omitempty"`
	// Subject is the only user that may come out of this request, from
	// id_token_hint or an essential sub claim; "" for anyone.
	Subject   string   `json:"subject,omitempty"`
	LoginHint string   `json:"login_hint,omitempty"`
	UILocales []string `json:"ui_locales,omitempty"`
	// ReturnTo is the path below the tenant's own pages that a login without an app
	// comes back to; "" where an app has asked.
	ReturnTo string `json:"return_to,omitempty"`
	// Details is the canonical transaction detail of a pushed request, nil
	// without one; TxnID the app's own id of it.
	Details []byte `json:"details,omitempty"`
	TxnID   string `json:"txn_id,omitempty"`
	// Vouched is set where the app vouches for Subject, who then has to log in nowhere
	// here; nil else.
	Vouched *Vouched `json:"vouched,omitempty"`
	// Least is the class that the session has to have beside the action.
	Least Class `json:"least,omitempty"`
}

// AccountRequest asks for a login on the way to the account's own pages.
type AccountRequest struct {
	ReturnTo string // path, with the query; below the tenant's own pages
	Login    bool   // although there is a session
}
