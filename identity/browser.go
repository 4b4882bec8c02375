package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// KnownFor is how long a browser is known after a complete login.
const KnownFor = 90 * 24 * time.Hour

// maxMarks is how many accounts a browser can be known for at once.
const maxMarks = 5

// A KnownBrowser is what a browser keeps to be told from a stranger's at the next
// sign-in: a mark for each account that completed a login on it, as one text for a
// cookie. It lets nobody in; it only says on whose limit a wrong password counts.
// "" is a browser that nobody knows.
//
// Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
type KnownBrowser string

// Browsers makes and reads marks. No database has to be asked: a mark is bound by
// a MAC to tenant, identifier, the state of the password, its own random name and
// its time.
type Browsers struct {
	Keys MarkKeys
	Now  func() time.Time
}

// MarkKeys makes the MACs of marks.
type MarkKeys interface {
	// CurrentMarkKey names the key of new marks. It holds no dot.
	CurrentMarkKey() string
	// MarkMAC is the MAC of parts under a key, and under one that nobody has, for
	// a name that is not known.
	MarkMAC(keyID, tenantID string, parts ...string) []byte
}

// mark is one account that a browser is known for.
type mark struct {
	key, name string
	epoch     int64 // the password's
	at        time.Time
	mac       string
}

// Remember is what a browser that showed had keeps after a complete login of u:
// its marks of other accounts and a fresh one of u. Nothing less than a complete login
// may come here.
func (b *Browsers) Remember(had KnownBrowser, u User) KnownBrowser {
	m := mark{key: b.Keys.CurrentMarkKey(), name: rand.Text(), epoch: u.PasswordEpoch, at: b.Now()}
	m.mac = b.sign(m, u.TenantID, u.Username)
	texts := []string{m.String()}
	for _, text := range had.split() {
		old, ok := readMark(text)
		if ok && len(texts) < maxMarks && !b.signed(old, u.TenantID, u.Username) {
			texts = append(texts, text)
		}
	}
	return KnownBrowser(strings.Join(texts, "~"))
}

// find is the mark for an account of that name, if there is a good one.
func (b *Browsers) find(known KnownBrowser, tenantID, username string) (mark, bool) {
	if b == nil {
		return mark{}, false
	}
	for _, text := range known.split() {
		m, ok := readMark(text)
		if ok && b.Now().Before(m.at.Add(KnownFor)) && b.signed(m, tenantID, username) {
			return m, true
		}
	}
	return mark{}, false
}

func (k KnownBrowser) split() []string {
	const most = maxMarks * 200
	if k == "" || len(k) > most {
		return nil
	}
	parts := strings.SplitN(string(k), "~", maxMarks+1)
	return parts[:min(len(parts), maxMarks)]
}

func (b *Browsers) sign(m mark, tenantID, username string) string {
	mac := b.Keys.MarkMAC(m.key, tenantID, "known-browser/1", username, m.name, m.epochText(), m.atText())
	return base64.RawURLEncoding.EncodeToString(mac)
}

func (b *Browsers) signed(m mark, tenantID, username string) bool {
	return hmac.Equal([]byte(b.sign(m, tenantID, username)), []byte(m.mac))
}

func (m mark) epochText() string { return strconv.FormatInt(m.epoch, 10) }

func (m mark) atText() string { return strconv.FormatInt(m.at.Unix(), 10) }

// String is m as it stands in the cookie.
func (m mark) String() string {
	return strings.Join([]string{m.key, m.name, m.epochText(), m.atText(), m.mac}, ".")
}

// readMark is the way back of String. It says nothing about who made the mark.
func readMark(text string) (mark, bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 5 {
		return mark{}, false
	}
	epoch, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return mark{}, false
	}
	at, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil {
		return mark{}, false
	}
	return mark{key: parts[0], name: parts[1], epoch: epoch, at: time.Unix(at, 0), mac: parts[4]}, true
}
