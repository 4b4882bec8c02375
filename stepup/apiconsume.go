package stepup

import (
	"context"
	"crypto/hmac"
	"fmt"
)

// Consume uses up the approval that token was given for, for d, which is what this API
// is about to execute: read from what it executes, and not from the token. key, of 1 to
// 128 printable characters of ASCII, is the API's own name for this one execution; it
// is kept before the call. Execute only if the error is nil.
//
// The server is asked with the token itself, so the API needs no registration. After
// [ErrUnavailable] the approval may be used: the same call yields the same receipt while
// the token lives, which is two minutes. Later only the app can tell, by
// [Client.Status]. Who calls it twice with one key gets the receipt twice, so an API
// that may do so in two places has to keep them apart itself.
//
// A token that is bound to a key is of use to the holder of that key alone: the API has
// it, and cannot make the proof that the server wants. Then the app consumes, by
// [Client.ConsumeFor], and sends the receipt along; see [Verifier.VerifyReceipt].
//
// Errors: [ErrBound], [ErrNotApproved] if the token is of no approval, and [ErrMismatch]
// if d has another hash, all before the server is asked; [*EndpointError] as
// [Client.Consume] has it, with status 401 when the token is no longer good;
// [ErrUnavailable]; [ErrToken] if the receipt is not good, after which nothing may be
// executed.
//
// Source: RFC 9449 section 7.1 (a bound token needs a proof of its key at every
// resource).
func (v *Verifier) Consume(ctx context.Context, token AccessToken, d Detail, key string) (Receipt, error) {
	err := v.executes(token, d)
	if err != nil {
		return Receipt{}, err
	}
	if token.JKT != "" {
		return Receipt{}, ErrBound
	}
	return v.receipts.consume(ctx, consumption{
		id: token.ConfirmationID, hash: token.DetailsHash, key: key, clientID: token.ClientID, token: token.Raw, wait: v.cfg.Wait,
	})
}

// VerifyReceipt checks that jws is the receipt of the approval that token was given for,
// and that d, which is what this API is about to execute, is what was approved. It is
// for an app that has consumed the approval itself.
//
// A receipt stays good, and says nothing of how often it was shown: execute each
// ConfirmationID once.
//
// Errors: [ErrNotApproved], [ErrMismatch], [ErrToken]; [ErrUnavailable] if the keys of
// receipts could not be read.
func (v *Verifier) VerifyReceipt(ctx context.Context, token AccessToken, jws string, d Detail) (Receipt, error) {
	err := v.executes(token, d)
	if err != nil {
		return Receipt{}, err
	}
	r, err := v.receipts.openReceipt(ctx, jws, token.ClientID)
	if err != nil {
		return Receipt{}, err
	}
	// The hash stands for the user, too: it was computed from the receipt's own.
	if r.ConfirmationID != token.ConfirmationID || r.DetailsHash != token.DetailsHash {
		return Receipt{}, badToken("the receipt is for another confirmation")
	}
	return r, nil
}

// executes reports whether token is of the approval of d.
func (v *Verifier) executes(token AccessToken, d Detail) error {
	if token.ConfirmationID == "" {
		return fmt.Errorf("%w: the token is of no confirmation", ErrNotApproved)
	}
	hash, err := DetailsHash(v.cfg.Issuer, token.ClientID, token.Subject, d)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(hash), []byte(token.DetailsHash)) {
		return errOtherHash
	}
	return nil
}
