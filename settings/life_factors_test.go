package settings

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // that of authenticator apps
	"encoding/binary"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/totp"
)

func TestACodeAndAPINAreEnteredTogether(t *testing.T) {
	d := newLifeDesk(t, "broker-security-identities")
	d.pin("482915")
	op := d.begin("kind", "sms", "verb", "enable")
	require.Equal(t, op, d.post(op+"/contact", "country", "DE", "phone", "015123456789", "confirmed", "1").to())
	code, _ := d.code()
	page := d.get(op)
	require.Equal(t, "enrol-code", page.page())
	page.says(`name="pin"`)

	empty := d.post(op+"/answer", "code", code)
	require.Equal(t, http.StatusUnprocessableEntity, empty.Code)
	empty.says("Enter the code and your PIN.")
	wrongPIN := d.post(op+"/answer", "code", code, "pin", "999999")
	wrongCode := d.post(op+"/answer", "code", flipped(code), "pin", "482915")

	require.Equal(t, http.StatusUnprocessableEntity, wrongPIN.Code)
	require.Equal(t, summaryOf(wrongPIN), strings.Replace(summaryOf(wrongCode), "3 tries", "4 tries", 1), "nobody learns which of them was wrong")
	require.Equal(t, "/t/acme/settings/done?method=sms&was=off", d.post(op+"/answer", "code", code, "pin", "482915").to())
	require.Equal(t, "enrol-done", d.get("/done?method=sms").page())
}

// summaryOf is what a page says on top about a mistake.
func summaryOf(a lifeAnswer) string {
	found := regexp.MustCompile(`(?s)id="summary".*?</div>`).FindString(a.Body.String())
	require.NotEmpty(a.t, found)
	return found
}

// flipped is another code of the same length.
func flipped(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

// pin sets the user's PIN by the pages.
func (d *lifeDesk) pin(chosen string) {
	d.t.Helper()
	op := d.begin("kind", "pin", "verb", "enable")
	require.Equal(d.t, "password", d.get(op).page())
	require.Equal(d.t, op, d.post(op+"/password", "password", lifePassword).to())
	require.Equal(d.t, "enrol-pin", d.get(op).page())
	to := d.post(op+"/finish", "new-pin", chosen).to()
	require.Equal(d.t, "/t/acme/settings?done=factor_added&method=pin", to)
}

func TestAPINThatWillNotDo(t *testing.T) {
	d := newLifeDesk(t, "broker-security-identities")
	d.number("bob-phone", "+4915123456789", mfa.ContactConfirmed)
	op := d.begin("kind", "pin", "verb", "enable")
	require.Equal(t, http.StatusConflict, d.post(op+"/finish", "new-pin", "482915").Code, "the password comes first")
	require.Equal(t, http.StatusUnprocessableEntity, d.post(op+"/password", "password", "").Code)
	require.Equal(t, http.StatusUnprocessableEntity, d.post(op+"/password", "password", "wrong").Code)
	d.post(op+"/password", "password", lifePassword)
	for name, typed := range map[string]string{
		"nothing": "", "too short": "12", "a run": "123456", "one digit": "111111", "a birthday": "190485", "of the number": "234567",
	} {
		page := d.post(op+"/finish", "new-pin", typed)
		require.Equal(t, http.StatusUnprocessableEntity, page.Code, name)
		require.Equal(t, "enrol-pin", page.page(), name)
		page.says(`id="new-pin-error"`)
	}

	d.json = true
	api := d.post(op+"/finish", "new-pin", "123456")
	require.Equal(t, http.StatusUnprocessableEntity, api.Code)
	require.Contains(t, api.Body.String(), "/problems/weak-pin")
	d.json = false
	require.Contains(t, d.post(op+"/finish", "new-pin", "482915").to(), "method=pin")

	change := d.begin("kind", "pin", "verb", "enable") // another one is a change
	require.Equal(t, change, d.post(change+"/password", "password", lifePassword).to())
	d.get(change).says(`name="pin"`)
	same := d.post(change+"/finish", "pin", "482915", "new-pin", "482 915")
	require.Equal(t, http.StatusUnprocessableEntity, same.Code)
	same.says(`id="new-pin-error"`)
	wrong := d.post(change+"/finish", "pin", "999991", "new-pin", "836492")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.Code)
	wrong.says(`id="pin-error"`)
	require.Equal(t, "/t/acme/settings?done=pin_changed&method=pin", d.post(change+"/answer", "pin", "482915", "new-pin", "836492").to())
}

func TestABlockedPINSaysUntilWhen(t *testing.T) {
	d := newLifeDesk(t, "broker-security-identities")
	d.pin("482915")
	op := d.begin("kind", "recovery_codes", "verb", "enable")
	for range d.policy().Lockout.PINFails {
		d.post(op+"/finish", "pin", "999991")
	}

	page := d.post(op+"/finish", "pin", "482915")

	require.Equal(t, http.StatusTooManyRequests, page.Code)
	require.NotEmpty(t, page.Header().Get("Retry-After"))
	require.NotContains(t, page.Body.String(), `name="pin"`)
}

func TestAForgottenPINHasAWayOn(t *testing.T) {
	d := newLifeDesk(t, "broker-security-identities")
	d.pin("482915")
	op := d.begin("kind", "recovery_codes", "verb", "enable")
	page := d.get(op)
	page.says("Forgot your PIN?")
	page.says("After 10 wrong tries it stops working")
	page.says(`href="/t/acme/settings#row-pin"`)
	for range 2 {
		for range d.policy().Lockout.PINFails {
			d.post(op+"/finish", "pin", "999991")
		}
		d.lab.Clock.Move(d.policy().Lockout.PINBlock.Duration())
		d.seat.Doer.LoginAt = d.lab.Clock.Now()
		op = d.begin("kind", "recovery_codes", "verb", "enable")
	}

	dead := d.post(op+"/finish", "pin", "482915")
	require.Equal(t, http.StatusTooManyRequests, dead.Code)
	dead.says("Your PIN no longer works.")
	dead.says(`<details id="forgot-pin" open>`)

	again := d.begin("kind", "pin", "verb", "change")
	require.Equal(t, "password", d.get(again).page())
	d.post(again+"/password", "password", lifePassword)
	for d.get(again).page() == "password" { // the reset asks for it, and so does a new PIN
		d.post(again+"/password", "password", lifePassword)
	}
	require.NotContains(t, d.get(again).Body.String(), `name="pin"`, "nobody can prove the old one")
	require.Contains(t, d.post(again+"/finish", "new-pin", "836492").to(), "/t/acme/settings?done=")
	require.Equal(t, "recovery-codes", d.post(d.begin("kind", "recovery_codes", "verb", "enable")+"/finish", "renew", "1", "pin", "836492").page())
}

func TestRecoveryCodesAreShownOnce(t *testing.T) {
	d := newLifeDesk(t, "broker-security-identities")
	d.pin("482915")
	d.number("bob-phone", "+4915123456789", mfa.ContactConfirmed)
	d.factor(mfa.Factor{ID: "bob-sms", Kind: policy.SMS, ContactID: "bob-phone"})
	op := d.begin("kind", "recovery_codes", "verb", "enable")
	require.Equal(t, "recovery-renew", d.get(op).page())

	sheet := d.post(op+"/finish", "renew", "1", "pin", "482915")

	require.Equal(t, http.StatusOK, sheet.Code)
	require.Equal(t, "recovery-codes", sheet.page())
	require.Equal(t, "no-store", sheet.Header().Get("Cache-Control"))
	codes := regexp.MustCompile(`\d\d-[0-9A-Z-]{14,}`).FindAllString(sheet.Body.String(), d.policy().Codes.Recovery.Count)
	require.Len(t, codes, d.policy().Codes.Recovery.Count)
	require.Equal(t, http.StatusNotFound, d.post(op+"/finish", "renew", "1", "pin", "482915").Code, "the form makes no second set")
	require.Equal(t, http.StatusNotFound, d.get(op).Code)

	file := d.post("/codes.txt", "codes", strings.Join(codes, " "))
	require.Equal(t, http.StatusOK, file.Code)
	require.Contains(t, file.Header().Get("Content-Disposition"), "attachment")
	require.Equal(t, "no-store", file.Header().Get("Cache-Control"))
	for _, code := range codes {
		require.Contains(t, file.Body.String(), code)
	}
	require.Equal(t, http.StatusBadRequest, d.post("/codes.txt", "codes", "pay 100 EUR to mallory").Code, "no other text leaves from here")
	require.Equal(t, http.StatusBadRequest, d.post("/codes.txt", "codes", strings.Repeat(codes[0]+" ", 21)).Code)

	again := d.post("/done", "codes", strings.Join(codes, " "))
	require.Equal(t, http.StatusUnprocessableEntity, again.Code, "nobody said that they are saved")
	require.Equal(t, "recovery-codes", again.page())
	again.says("Save your codes first")
	for _, code := range codes {
		again.says(code)
	}
	require.Equal(t, "/t/acme/settings#row-recovery_codes", d.post("/done").to(), "to where new ones are made")
	require.Equal(t, "/t/acme/settings#row-recovery_codes", d.post("/done", "codes", "pay 100 EUR to mallory").to())
	require.Equal(t, "/t/acme/settings?done=recovery_codes_made&method=recovery_codes", d.post("/done", "saved", "1", "codes", strings.Join(codes, " ")).to())
}

func TestAnAuthenticatorAppIsSetUp(t *testing.T) {
	d := newLifeDesk(t, "broker-security-identities")
	d.pin("482915")
	require.Equal(t, "/t/acme/settings/add/app", d.post("/add", "method", "totp").to())
	require.Equal(t, "/t/acme/settings/add/app", d.post("/start", "kind", "totp", "verb", "enable").to())
	require.Equal(t, "enrol-device", d.get("/add/app").page())
	require.Equal(t, "enrol-get-app", d.get("/add/app?os=ios").page())
	op := d.post("/add/app", "os", "ios").to()
	page := d.get(op)
	require.Equal(t, "enrol-app", page.page())
	page.says("data:image/png;base64,")
	page.says("otpauth://totp/Acme:bob")
	seed := pendingSeed(t, d)

	code := totpCode(t, seed, d.lab.Clock.Now())

	require.Equal(t, "/t/acme/settings/done?method=totp&was=off", d.post(op+"/answer", "code", code, "pin", "482915").to())
	d.get("/done?method=totp").says("/t/acme/settings/add")
	require.Equal(t, "/t/acme/settings", d.get("/done?method=webauthn").to(), "what is not on is not said to be")
}

func pendingSeed(t *testing.T, d *lifeDesk) []byte {
	t.Helper()
	for _, f := range d.have().Factors {
		if f.Kind == policy.TOTP && f.Status == mfa.FactorPending {
			return []byte(f.Secret.Reveal())
		}
	}
	t.Fatal("no app waits to be confirmed")
	return nil
}

// totpCode is what an authenticator app shows at now. Source: RFC 4226 section 5.3,
// RFC 6238 section 4.2.
func totpCode(t *testing.T, seed []byte, now time.Time) string {
	t.Helper()
	h := hmac.New(sha1.New, seed)
	require.NoError(t, binary.Write(h, binary.BigEndian, now.Unix()/totp.Period))
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

func TestAKeyIsRegisteredUnderAName(t *testing.T) {
	d := newLifeDesk(t, "account-admin-sms-default")
	d.policy().Methods[policy.WebAuthn] = policy.Method{Enabled: true, Uses: d.policy().Methods[policy.SMS].Uses}
	d.seat.Doer.Enrolling = true // what comes before a first method was given
	op := d.post("/add", "method", "webauthn").to()

	page := d.get(op)

	require.Equal(t, "enrol-key", page.page())
	page.says(`data-webauthn="create"`)
	page.says(`value="Chrome on Linux"`)
	page.says(`"rp":{"name":"Acme","id":"login.example"}`)
	for _, credential := range []string{"", "no json"} {
		wrong := d.post(op+"/answer", "name", "my key", "credential", credential)
		require.Equal(t, http.StatusUnprocessableEntity, wrong.Code)
		require.Equal(t, "enrol-key", wrong.page())
	}
}
