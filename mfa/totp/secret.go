package totp

import (
	"encoding/base32"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// secretBytes is 160 bits, what RFC 4226 section 4 (R6) recommends.
const secretBytes = 20

const (
	longestIssuer  = 32 // characters; more than apps show
	longestAccount = 64 // characters
	// nobody stands where an account name has no character that may be shown.
	// The Key URI Format demands a name.
	nobody = "user"
)

// NewSecret returns 160 bits from random. It fails only if random does.
func NewSecret(random io.Reader) ([]byte, error) {
	secret := make([]byte, secretBytes)
	_, err := io.ReadFull(random, secret)
	if err != nil {
		return nil, fmt.Errorf("totp: new secret: %w", err)
	}
	return secret, nil
}

// Key returns secret as a person copies it: base32 without padding, in lower
// case, in groups of four. Apps ignore case and spaces, and on a telephone
// lower-case letters need no second key.
func Key(secret []byte) string {
	text := strings.ToLower(unpadded(secret))
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// URL returns secret as an otpauth URL. issuer and account are what the app
// shows: characters that cannot be seen, or that turn the direction of writing,
// are left out, a colon becomes a space, because it divides the two, and both
// are cut to a length that a QR code can hold.
//
// Source: Key URI Format. Algorithm, digits and period are written even where
// they are the defaults: some apps demand them.
func URL(secret []byte, issuer, account string, digits int) string {
	issuer, account = clean(issuer, longestIssuer), clean(account, longestAccount)
	if account == "" {
		account = nobody
	}
	label := escape(account)
	var b strings.Builder
	b.WriteString("otpauth://totp/")
	if issuer != "" {
		b.WriteString(escape(issuer) + ":")
	}
	b.WriteString(label + "?secret=" + unpadded(secret))
	if issuer != "" {
		b.WriteString("&issuer=" + escape(issuer))
	}
	b.WriteString("&algorithm=SHA1&digits=" + strconv.Itoa(digits) + "&period=" + strconv.Itoa(Period))
	return b.String()
}

func unpadded(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// escape is safe in a path and in a query alike. Apps show a plus sign as it is,
// so a space must not become one.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// clean returns what of name may stand in a label, with single spaces, in at most
// so many characters.
func clean(name string, longest int) string {
	var b strings.Builder
	kept, gap := 0, false
	for _, r := range name {
		switch {
		case r == ':' || r == '：' || unicode.IsSpace(r):
			gap = true
			continue
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			continue
		}
		if gap && kept > 0 {
			b.WriteByte(' ')
			kept++
		}
		gap = false
		if kept >= longest {
			break
		}
		b.WriteRune(r)
		kept++
	}
	return strings.TrimSpace(b.String())
}
