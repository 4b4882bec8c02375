package totp

import (
	"crypto/subtle"
	"encoding/base32"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Period is the length of a step in seconds. Apps know no other reliably.
const Period = 30

// NoStep is what [Match] returns for a code that is of no step in the window. It
// is also the lastStep of a factor that has not been used.
const NoStep int64 = -1

const (
	// leastSecret is 128 bits, the least that RFC 4226 section 4 (R6) allows. A
	// shorter one, the empty one above all, is a row that was not read right.
	leastSecret = 16
	// widest is the most steps that a window reaches to either side. It is the
	// policy's ceiling, kept here as well because every step more is a guess more.
	widest = 1
)

// Match returns the step of time that code belongs to, and whether it may pass.
//
// The window is set.Back steps before the step of now to set.Ahead steps after
// it. There are three answers:
//
//	step > lastStep, true    right; the caller stores step as the new lastStep
//	step <= lastStep, false  right, but it was used before, or an earlier one was
//	NoStep, false            wrong
//
// If a code belongs to two steps of the window by chance, the later one counts,
// so that it is used up for both. The clock is the server's; a time before 1970
// has no steps. Every candidate is computed and compared in constant time, and
// code is compared as it is: the caller has brought it into ASCII digits.
//
// An empty or short secret, and digits other than 6 and 8, match nothing.
//
// Source: RFC 6238 sections 4.2 and 5.2; RFC 4226 section 5.
func Match(secret []byte, code string, now time.Time, set policy.TOTPCodes, lastStep int64) (step int64, ok bool) {
	if len(secret) < leastSecret || (set.Digits != 6 && set.Digits != 8) || now.Unix() < 0 {
		return NoStep, false
	}
	key := base32.StdEncoding.EncodeToString(secret)
	current := now.Unix() / Period
	found := int(NoStep)
	for s := current - reach(set.Back); s <= current+reach(set.Ahead); s++ {
		if s < 0 {
			continue
		}
		candidate, err := hotp.GenerateCodeCustom(key, uint64(s), hotp.ValidateOpts{
			Digits: otp.Digits(set.Digits), Algorithm: otp.AlgorithmSHA1,
		})
		if err != nil {
			return NoStep, false // it fails for a key that is not base32 alone
		}
		same := subtle.ConstantTimeCompare([]byte(candidate), []byte(code))
		found = subtle.ConstantTimeSelect(same, int(s), found)
	}
	step = int64(found)
	return step, step > NoStep && step > lastStep
}

// reach is n within the bounds of a window.
func reach(n int) int64 { return int64(min(max(n, 0), widest)) }
