package storetest

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var deviceThreats = []promise{
	{"T-17 a cookie of somebody else, or an edited one, spares nothing", cookieSwapped},
	{"T-18 T-23 a device ends with each epoch and with a shorter policy", deviceVoid},
	{"a device does not live longer because the policy does now", longerPolicy},
	{"T-20 trust is not extended by use", slidingTrust},
	{"T-21 an old verifier is good for a minute, then it is theft", replayed},
	{"T-22 a device is minted only by the real second step of a login", minted},
	{"20 tabs at once with one cookie are all let in, and one rotates", tabs},
	{"a forgotten device spares nothing", forgotten},
}

var epochs = mfa.Epochs{Policy: 1, MFA: 2, Password: 3}

// trusting is a lab whose policy trusts devices for a time.
func trusting(t *testing.T, s Stores, lifetime policy.Lifetime) *Lab {
	lab := NewLab(t, s)
	lab.NoLimits()
	lab.Policy.TrustedDevice = policy.TrustedDevice{Enabled: true, Lifetime: lifetime, MaxPerUser: 5}
	return lab
}

func (l *Lab) loginProof(method mfa.Method) mfa.Proof {
	return mfa.Proof{
		ChallengeID: "c1", Subject: l.Who, Purpose: mfa.PurposeLogin, Action: policy.ActionLogin, Method: method,
		ContactID: "mail", At: l.Clock.Now(),
	}
}

func (l *Lab) trusted(t *testing.T) mfa.Secret {
	t.Helper()
	cookie, err := l.Trust(t.Context(), mfa.TrustRequest{Proof: l.loginProof(policy.Email), Policy: l.Policy, Epochs: epochs, Label: "test"})
	require.NoError(t, err)
	require.Equal(t, l.DeviceCookieName(l.Who), cookie.Name)
	require.Regexp(t, `^td-[A-Z2-7]{10}$`, cookie.Name)
	require.Regexp(t, `^v1\.[\w-]{22}\.[\w-]{43}$`, cookie.Value.Reveal())
	return cookie.Value
}

func (l *Lab) recognise(value mfa.Secret) (mfa.Secret, error) {
	_, next, err := l.Recognise(context.Background(), l.Who, epochs, l.Policy, value)
	return next, err
}

func cookieSwapped(t *testing.T, s Stores) {
	lab := trusting(t, s, policy.LifetimeMonth)
	value := lab.trusted(t)
	other := *lab
	for name, who := range strangers(lab.Who) {
		other.Who = who
		_, err := other.recognise(value)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		require.NotEqual(t, lab.DeviceCookieName(lab.Who), lab.DeviceCookieName(who), "several users of one browser")
	}
	for name, text := range map[string]string{
		"empty": "", "no parts": "v1", "another version": "v2" + value.Reveal()[2:], "longer": value.Reveal() + "A",
		"a part more": value.Reveal() + ".x", "padded": value.Reveal() + "=",
		"another spelling of the same bytes": respelt(value),
	} {
		_, err := lab.recognise(mfa.Secret(text))
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
	}
	flipBits(t, lab, value)
	require.Equal(t, 0, lab.Log.Count(mfa.EventDeviceTheft, ""))

	_, err := lab.recognise(value)
	require.NoError(t, err, "the owner's own still works")

	verifier := value.Reveal()[len("v1.")+22+1:]
	raw, err := base64.RawURLEncoding.DecodeString(verifier)
	require.NoError(t, err)
	for bit := range 8 * len(raw) {
		value = lab.trusted(t)
		_, err = lab.recognise(flipped(value, 2, bit))
		require.ErrorIs(t, err, mfa.ErrNotFound, "verifier bit %d", bit)
	}
}

// respelt is value with spare bits set at the end of its verifier, which a lax
// decoder ignores.
func respelt(value mfa.Secret) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	text := value.Reveal()
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return text[:len(text)-1] + string(alphabet[last|1])
}

// flipBits tries every bit of the selector; none of them names a device.
func flipBits(t *testing.T, lab *Lab, value mfa.Secret) {
	for bit := range 8 * 16 {
		_, err := lab.recognise(flipped(value, 1, bit))
		require.ErrorIs(t, err, mfa.ErrNotFound, "selector bit %d", bit)
	}
}

// flipped is value with one bit of a part turned.
func flipped(value mfa.Secret, part, bit int) mfa.Secret {
	parts := strings.Split(value.Reveal(), ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		panic(err)
	}
	raw[bit/8] ^= 1 << (bit % 8)
	parts[part] = base64.RawURLEncoding.EncodeToString(raw)
	return mfa.Secret(strings.Join(parts, "."))
}

func deviceVoid(t *testing.T, s Stores) {
	lab := trusting(t, s, policy.LifetimeMonth)
	value := lab.trusted(t)
	ctx := t.Context()
	for name, other := range map[string]mfa.Epochs{
		"policy":   {Policy: 2, MFA: 2, Password: 3},
		"factors":  {Policy: 1, MFA: 3, Password: 3},
		"password": {Policy: 1, MFA: 2, Password: 4},
	} {
		_, _, err := lab.Recognise(ctx, lab.Who, other, lab.Policy, value)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
	}

	lab.Clock.Move(48 * time.Hour)
	for _, lifetime := range []policy.Lifetime{policy.LifetimeDay, policy.LifetimeSession} {
		shorter := *lab.Policy
		shorter.TrustedDevice.Lifetime = lifetime
		_, _, err := lab.Recognise(ctx, lab.Who, epochs, &shorter, value)
		require.ErrorIs(t, err, mfa.ErrNotFound, lifetime)
	}
	young := *lab
	young.Clock = &Clock{at: t0.Add(-time.Millisecond)}
	before := *lab.Service
	before.Now = young.Clock.Now
	young.Service = &before
	_, err := young.recognise(value)
	require.ErrorIs(t, err, mfa.ErrNotFound, "a clock before its making")

	off := *lab.Policy
	off.TrustedDevice.Enabled = false
	_, _, err = lab.Recognise(ctx, lab.Who, epochs, &off, value)
	require.ErrorIs(t, err, mfa.ErrNotFound)

	waiver, _, err := lab.Recognise(ctx, lab.Who, epochs, lab.Policy, value)
	require.NoError(t, err)
	require.Equal(t, lab.Who, waiver.Subject)
	require.Equal(t, lab.Clock.Now(), waiver.At)
}

func longerPolicy(t *testing.T, s Stores) {
	lab := trusting(t, s, policy.LifetimeDay)
	value := lab.trusted(t)
	lab.Policy.TrustedDevice.Lifetime = policy.LifetimeMonth
	lab.Clock.Move(24 * time.Hour)

	_, err := lab.recognise(value)

	require.ErrorIs(t, err, mfa.ErrNotFound)
}

func slidingTrust(t *testing.T, s Stores) {
	lab := trusting(t, s, policy.LifetimeMonth)
	value := lab.trusted(t)
	for day := 1; day < 30; day++ {
		lab.Clock.Move(24 * time.Hour)
		next, err := lab.recognise(value)
		require.NoError(t, err, "day %d", day)
		require.NotEmpty(t, next)
		value = next
	}
	lab.Clock.Move(24*time.Hour - time.Millisecond)
	value, err := lab.recognise(value)
	require.NoError(t, err)

	lab.Clock.Move(time.Millisecond)
	_, err = lab.recognise(value)
	require.ErrorIs(t, err, mfa.ErrNotFound, "on day 30")
}

func replayed(t *testing.T, s Stores) {
	lab := trusting(t, s, policy.LifetimeMonth)
	old := lab.trusted(t)
	lab.Clock.Move(time.Hour)
	fresh, err := lab.recognise(old)
	require.NoError(t, err)
	lab.Clock.Move(59_999 * time.Millisecond)
	next, err := lab.recognise(old)
	require.NoError(t, err, "another tab")
	require.Empty(t, next, "it leaves the cookie as it is")

	lab.Clock.Move(time.Millisecond)
	_, err = lab.recognise(old)
	require.ErrorIs(t, err, mfa.ErrNotFound)
	require.Equal(t, 1, lab.Log.Count(mfa.EventDeviceTheft, ""))

	_, err = lab.recognise(fresh)
	require.ErrorIs(t, err, mfa.ErrNotFound, "the device is gone")
	require.Equal(t, 1, lab.Log.Count(mfa.EventDeviceTheft, ""))
}

func minted(t *testing.T, s Stores) {
	lab := trusting(t, s, policy.LifetimeMonth)
	tests := map[string]func(*mfa.Proof){
		"a recovery code":                 func(p *mfa.Proof) { p.Method = policy.RecoveryCodes },
		"a confirmation":                  func(p *mfa.Proof) { p.Purpose, p.Action = mfa.PurposeAction, "payout.request" },
		"a login of another name":         func(p *mfa.Proof) { p.Action = "payout.request" },
		"a change of the account":         func(p *mfa.Proof) { p.Purpose = mfa.PurposeLifecycle },
		"no challenge":                    func(p *mfa.Proof) { p.ChallengeID = "" },
		"the verification of a new phone": func(p *mfa.Proof) { p.Purpose = mfa.PurposeContactVerify },
	}
	for name, edit := range tests {
		proof := lab.loginProof(policy.Email)
		edit(&proof)
		cookie, err := lab.Trust(t.Context(), mfa.TrustRequest{Proof: proof, Policy: lab.Policy, Epochs: epochs})
		require.ErrorIs(t, err, mfa.ErrNotOffered, name)
		require.Empty(t, cookie, name)
	}
	lab.Policy.TrustedDevice.Lifetime = policy.LifetimeSession
	cookie, err := lab.Trust(t.Context(), mfa.TrustRequest{Proof: lab.loginProof(policy.Email), Policy: lab.Policy, Epochs: epochs})
	require.NoError(t, err)
	require.Empty(t, cookie, "lifetime session stores nothing")
	require.Equal(t, 0, lab.Log.Count(mfa.EventDeviceTrusted, ""))
}

func tabs(t *testing.T, s Stores) {
	lab := trusting(t, s, policy.LifetimeMonth)
	value := lab.trusted(t)

	rotated := inParallel(20, func(int) bool {
		next, err := lab.recognise(value)
		if err != nil {
			t.Errorf("Recognise: %v", err)
		}
		return next != ""
	})

	require.Equal(t, 1, rotated)
}

func forgotten(t *testing.T, s Stores) {
	lab := trusting(t, s, policy.LifetimeMonth)
	value := lab.trusted(t)
	stranger := mfa.Subject{TenantID: lab.Who.TenantID, UserID: "u2"}

	require.NoError(t, lab.Forget(t.Context(), stranger, value))
	require.NoError(t, lab.Forget(t.Context(), lab.Who, flipped(value, 2, 0)))
	value, err := lab.recognise(value)
	require.NoError(t, err, "nobody else ends it")

	require.NoError(t, lab.Forget(t.Context(), lab.Who, value))
	_, err = lab.recognise(value)
	require.ErrorIs(t, err, mfa.ErrNotFound)
	require.NoError(t, lab.Forget(t.Context(), lab.Who, value))
}
