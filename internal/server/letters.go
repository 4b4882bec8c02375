package server

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// letterWriter finds out what a request is answered with. [*identity.Accounts] is
// one.
type letterWriter interface {
	Letter(ctx context.Context, realm *identity.Realm, n identity.Notice) (identity.Letter, error)
}

// letters are the text of each letter, and the page of the tenant that its link
// leads to.
var letters = map[string]struct{ text, page string }{
	identity.LetterReset:       {templates.LinkPasswordReset, "/reset"},
	identity.LetterVerify:      {templates.LinkEmailVerify, "/verify-email"},
	identity.LetterSignUp:      {templates.LinkSignUp, "/sign-up/finish"},
	identity.LetterSignUpKnown: {templates.LinkSignUpExists, "/settings"},
}

// answer sends the letter that a request asks for. The link is made now, and is
// nowhere but in the letter: a second try makes another one.
//
// Errors: [identity.ErrNoLetter] if there is nobody to write to.
func (p *noticePost) answer(ctx context.Context, realm *identity.Realm, n identity.Notice) error {
	if p.letters == nil {
		return errors.New("server: nobody writes letters")
	}
	l, err := p.letters.Letter(ctx, realm, n)
	if err != nil {
		return err
	}
	t, kind := realm.Tenant, letters[l.Kind]
	lang := p.composer.Set.Match(l.Lang, t.Locale)
	title, text, html, err := p.composer.Set.AccountText(lang, kind.text, templates.AccountData{
		TextData: templates.TextData{
			Channel: string(policy.Email), Tenant: t.Name, Now: p.now(), Zone: l.Zone, ExpiresAt: l.ExpiresAt,
			HelpURL: t.HelpURL, PrivacyURL: t.Privacy,
			Slip: templates.Slip{When: n.At, Device: n.Device},
		},
		LinkURL: linkURL(t, kind.page, l.Token),
	})
	if err != nil {
		return err
	}
	return p.hand(ctx, mfa.Message{
		// Each try is a letter of its own: a gateway that took the first one and was
		// not heard would otherwise leave out the only link that works.
		ID: n.ID + "-" + strconv.Itoa(n.Tries), Subject: l.Subject, Channel: policy.Email, To: l.To,
		Title: title, Text: mfa.Secret(text), HTML: mfa.Secret(html), Lang: lang,
	})
}

// linkURL is the address of a page of the tenant, from its record and never from a
// request (the Host header would be the sender's to choose).
func linkURL(t identity.Tenant, page string, token mfa.Secret) string {
	to := strings.TrimSuffix(t.Issuer, "/") + page
	if token == "" {
		return to
	}
	return to + "?" + url.Values{"token": {token.Reveal()}}.Encode()
}
