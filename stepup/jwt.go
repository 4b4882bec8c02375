package stepup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxToken   = 64 << 10     // bytes of a token that is looked at
	maxSeconds = 253402300799 // the last second of the year 9999
	maxSpan    = 1<<31 - 1    // seconds; a longer max_age or lifetime means nothing, and could overflow
)

// signed is a token whose signature is right. Its claims are not yet checked.
type signed struct {
	alg    string
	claims claims
}

// openToken checks type and signature of raw and returns its claims.
//
// The order tells nothing and costs little: size, algorithm and type are judged
// before a key is looked for, and only the server's published keys are used,
// never one that the header offers.
//
// Errors: [ErrToken]; [ErrUnavailable] if the keys could not be read.
//
// Source: RFC 8725 sections 3.1, 3.2, 3.10 and 3.11; RFC 7515 section 4.1.11.
func (s *authServer) openToken(ctx context.Context, raw string, algs []string, isType func(string) bool) (signed, error) {
	if len(raw) > maxToken {
		return signed{}, badToken("too large")
	}
	var keyErr error
	findKey := func(t *jwt.Token) (any, error) {
		key, err := s.keyFor(ctx, t, isType)
		keyErr = err
		return key, err
	}
	parser := jwt.NewParser(jwt.WithValidMethods(algs), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	body := jwt.MapClaims{}
	token, err := parser.ParseWithClaims(raw, body, findKey)
	switch {
	case keyErr != nil:
		return signed{}, keyErr
	case errors.Is(err, jwt.ErrTokenMalformed):
		return signed{}, badToken("not a JWT")
	case err != nil:
		return signed{}, badToken("signature or algorithm refused")
	}
	return signed{alg: token.Method.Alg(), claims: claims(body)}, nil
}

// keyFor returns the published key that t says it was signed with.
func (s *authServer) keyFor(ctx context.Context, t *jwt.Token, isType func(string) bool) (any, error) {
	typ, isText := t.Header["typ"].(string)
	if _, present := t.Header["typ"]; present && !isText {
		return nil, badToken("typ is not text")
	}
	if !isType(strings.TrimPrefix(strings.ToLower(typ), "application/")) {
		return nil, badToken("typ %q is another kind of token", printable(typ, 40))
	}
	if _, present := t.Header["crit"]; present {
		return nil, badToken("it has extensions that are not understood")
	}
	kid, isText := t.Header["kid"].(string)
	if _, present := t.Header["kid"]; present && (!isText || kid == "") {
		return nil, badToken("kid is not text")
	}
	key, err := s.keys.find(ctx, kid, t.Method.Alg())
	if err != nil {
		return nil, err
	}
	return key.public, nil
}

// claims is the body of a token. Each reader refuses a value of the wrong type,
// so that a claim is either right, absent or the end of the token.
type claims map[string]any

// text returns the string claim name, or "" if it is absent.
func (c claims) text(name string) (string, error) {
	v, present := c[name]
	if !present {
		return "", nil
	}
	s, ok := v.(string)
	if !ok {
		return "", badToken("%s is not text", name)
	}
	return s, nil
}

// texts returns the claim name, an array of strings, or nil if it is absent.
func (c claims) texts(name string) ([]string, error) {
	v, present := c[name]
	if !present {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, badToken("%s is not a list", name)
	}
	var out []string
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return nil, badToken("%s is not a list of texts", name)
		}
		out = append(out, s)
	}
	return out, nil
}

// audience returns the claim aud, which may be one string or several.
// Source: RFC 7519 section 4.1.3.
func (c claims) audience() ([]string, error) {
	one, ok := c["aud"].(string)
	if ok {
		return []string{one}, nil
	}
	return c.texts("aud")
}

// time returns the claim name, which is in seconds since 1970, or the zero time
// if it is absent.
func (c claims) time(name string) (time.Time, error) {
	v, present := c[name]
	if !present {
		return time.Time{}, nil
	}
	seconds, ok := v.(float64)
	if !ok || seconds <= 0 || seconds > maxSeconds {
		return time.Time{}, badToken("%s is not a time", name)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

// common is what every token of the server has.
type common struct {
	subject            string
	audience           []string
	acr                string
	amr                []string
	authTime           time.Time // zero if absent
	issuedAt, expireAt time.Time
}

// common reads and checks issuer, audience, subject and times.
//
// Source: OpenID Connect Core section 3.1.3.7; RFC 9068 section 4.
func (s *authServer) common(c claims, audience string) (common, error) {
	r := reader{claims: c}
	out := common{
		subject:  r.text("sub"),
		acr:      r.text("acr"),
		amr:      r.texts("amr"),
		authTime: r.time("auth_time"),
		issuedAt: r.time("iat"),
		expireAt: r.time("exp"),
	}
	issuer, notBefore := r.text("iss"), r.time("nbf")
	if r.err != nil {
		return common{}, r.err
	}
	var err error
	out.audience, err = c.audience()
	if err != nil {
		return common{}, err
	}
	now := s.now()
	switch {
	case issuer != s.meta.Issuer:
		return common{}, badToken("another issuer")
	case !slices.Contains(out.audience, audience):
		return common{}, badToken("it is for another audience")
	case out.subject == "":
		return common{}, badToken("sub is missing")
	case out.expireAt.IsZero() || !now.Before(out.expireAt.Add(s.leeway)):
		return common{}, badToken("expired, or exp is missing")
	case out.issuedAt.IsZero() || out.issuedAt.After(now.Add(s.leeway)):
		return common{}, badToken("issued in the future, or iat is missing")
	case notBefore.After(now.Add(s.leeway)):
		return common{}, badToken("not valid yet")
	case out.authTime.After(now.Add(s.leeway)):
		return common{}, badToken("auth_time is in the future")
	}
	return out, nil
}

// reader reads several claims and keeps the first error.
type reader struct {
	claims claims
	err    error
}

func (r *reader) text(name string) string {
	v, err := r.claims.text(name)
	r.keep(err)
	return v
}

func (r *reader) texts(name string) []string {
	v, err := r.claims.texts(name)
	r.keep(err)
	return v
}

func (r *reader) time(name string) time.Time {
	v, err := r.claims.time(name)
	r.keep(err)
	return v
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}
