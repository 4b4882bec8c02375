package settings

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func TestANumberIsShownBeforeAnythingIsSentToIt(t *testing.T) {
	d := newLifeDesk(t, "marketplace-phone-verification")
	op := d.begin("kind", "sms", "verb", "enable")
	form := d.get(op)
	require.Equal(t, "enrol-phone", form.page())

	check := d.post(op+"/contact", "country", "DE", "phone", "0151 2345 6789", "method", "sms")

	require.Equal(t, "enrol-phone-check", check.page())
	check.says("+49\u00a01512\u00a03456789")
	require.Empty(t, d.lab.Mailbox.Messages())

	back := d.post(op+"/contact", "country", "DE", "phone", "0151 2345 6789", "method", "sms", "change", "1")
	require.Equal(t, "enrol-phone", back.page())
	back.says("0151 2345 6789")
	require.Empty(t, d.lab.Mailbox.Messages())

	require.Equal(t, op, d.post(op+"/contact", "country", "DE", "phone", "0151 2345 6789", "method", "sms", "confirmed", "1").to())
	code, to := d.code()
	require.Equal(t, "+4915123456789", to)
	require.Equal(t, "enrol-code", d.get(op).page())
	d.get(op)
	require.Len(t, d.lab.Mailbox.Messages(), 1, "a page that is opened again sends nothing")

	require.Equal(t, "/t/acme/settings?done=contact_confirmed&method=sms", d.post(op+"/answer", "code", code).to())
	require.Equal(t, mfa.ContactConfirmed, d.have().Phone().Status)
	require.Equal(t, http.StatusNotFound, d.post(op+"/answer", "code", code).Code, "a second submit finds it done")
}

func TestANumberThatCannotBeUsed(t *testing.T) {
	tests := []struct {
		name, preset, kind string
		fields             []string
		status             int
		says, problem      string
	}{
		{"no country", "marketplace-phone-verification", "sms", []string{"phone", "151 23456789"}, 422, "country-error", "phone-invalid"},
		{"no number", "marketplace-phone-verification", "sms", []string{"country", "DE", "phone", "12"}, 422, "phone-error", "phone-invalid"},
		{"an extension", "marketplace-phone-verification", "sms", []string{"country", "DE", "phone", "030 901820 ext. 12"}, 422, "phone-error", "phone-extension-not-allowed"},
		{"a text to a landline", "marketplace-phone-verification", "sms", []string{"country", "DE", "phone", "030 901820", "method", "sms"}, 422, "method-sms", "sms-not-possible-for-line"},
		{"a line that is not said", "marketplace-phone-verification", "sms", []string{"country", "MX", "phone", "644 183 2399"}, 422, "line-mobile-error", "phone-type-not-allowed"},
		{"a text to what the user says is a landline", "marketplace-phone-verification", "sms", []string{"country", "MX", "phone", "644 183 2399", "line", "fixed"}, 422, "method-sms", "sms-not-possible-for-line"},
		{"a country without text messages", "contract-exclusive-method", "sms", []string{"country", "MX", "phone", "644 183 2399"}, 422, "phone-error", "sms-country-unavailable"},
		{"a premium number", "contract-exclusive-method", "sms", []string{"country", "DE", "phone", "0900 1 123456"}, 422, "phone-error", "phone-type-not-allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newLifeDesk(t, tt.preset)
			op := d.begin("kind", tt.kind, "verb", "enable")

			page := d.post(op+"/contact", append(tt.fields, "confirmed", "1")...)

			require.Equal(t, tt.status, page.Code)
			require.Equal(t, "enrol-phone", page.page())
			page.says(tt.says)
			require.Empty(t, d.lab.Mailbox.Messages())
			d.json = true
			api := d.post(op+"/contact", append(tt.fields, "confirmed", "1")...)
			require.Equal(t, tt.status, api.Code)
			require.Equal(t, "application/problem+json", api.Header().Get("Content-Type"))
			require.Contains(t, api.Body.String(), `"/problems/`+tt.problem+`"`)
		})
	}
}

func TestANumberOfAnotherAccountIsToldAfterTheRightCodeOnly(t *testing.T) {
	d := newLifeDesk(t, "marketplace-phone-verification")
	other := mfa.Contact{
		ID: "theirs", Subject: mfa.Subject{TenantID: d.lab.Who.TenantID, UserID: "carol"}, Kind: mfa.ContactPhone, Value: "+4915123456789",
		Status: mfa.ContactConfirmed, Unique: true, CreatedAt: d.lab.Clock.Now(), ConfirmedAt: d.lab.Clock.Now(),
	}
	require.NoError(t, d.lab.Store.AddContact(t.Context(), other))
	op := d.begin("kind", "sms", "verb", "enable")
	require.Equal(t, op, d.post(op+"/contact", "country", "DE", "phone", "015123456789", "confirmed", "1").to())
	code, _ := d.code()

	page := d.post(op+"/answer", "code", code)

	require.Equal(t, http.StatusConflict, page.Code)
	require.Equal(t, "enrol-phone", page.page())
	again := d.get(op)
	require.Equal(t, "enrol-phone", again.page(), "and so says the page that is opened again")
	require.Equal(t, op, d.post(op+"/contact", "country", "DE", "phone", "015123456780", "confirmed", "1").to(), "another number goes")
	code, to := d.code()
	require.Equal(t, "+4915123456780", to)
	require.Contains(t, d.post(op+"/answer", "code", code).to(), "done=contact_confirmed")
}

func TestAFlagKeepsTheNumber(t *testing.T) {
	d := newLifeDesk(t, "marketplace-phone-verification")
	d.number("bob-phone", "+4915123456789", mfa.ContactConfirmed)
	d.factor(mfa.Factor{ID: "bob-sms", Kind: policy.SMS, ContactID: "bob-phone"})
	op := d.begin("kind", "sms", "verb", "change")
	d.seat.Doer.Flags = []string{"identity_verification_pending"}

	require.Equal(t, "/t/acme/settings?refused=identity_verification_pending", d.post("/start", "kind", "sms", "verb", "change").to())
	require.Equal(t, "/t/acme/settings?refused=identity_verification_pending", d.get(op).to(), "it is looked at again on the way")
	d.json = true
	api := d.post(op+"/contact", "country", "DE", "phone", "015123456780", "confirmed", "1")
	require.Equal(t, http.StatusConflict, api.Code)
	var problem map[string]any
	require.NoError(t, json.Unmarshal(api.Body.Bytes(), &problem))
	require.Equal(t, "/problems/change-blocked", problem["type"])
	require.Equal(t, "identity_verification_pending", problem["flag"])
}

func TestANumberIsNeverRemovedWhereThePolicySaysSo(t *testing.T) {
	d := newLifeDesk(t, "marketplace-phone-verification")
	d.number("bob-phone", "+4915123456789", mfa.ContactConfirmed)

	require.Equal(t, "/t/acme/settings?refused=never_removed", d.post("/start", "kind", "sms", "verb", "remove", "confirm", "1").to())
	d.json = true
	api := d.post("/start", "kind", "sms", "verb", "remove", "confirm", "1")
	require.Equal(t, http.StatusConflict, api.Code)
	require.Contains(t, api.Body.String(), `"/problems/phone-removal-forbidden"`)
}

func TestTheOldContactIsProvedBeforeTheNewOneIsTyped(t *testing.T) {
	d := newLifeDesk(t, "contract-exclusive-method")
	d.number("bob-phone", "+4915123456789", mfa.ContactConfirmed)
	d.factor(mfa.Factor{ID: "bob-sms", Kind: policy.SMS, ContactID: "bob-phone", Exclusive: true})
	op := d.begin("kind", "sms", "verb", "change")
	require.Equal(t, http.StatusConflict, d.post(op+"/contact", "country", "DE", "phone", "015123456780", "confirmed", "1").Code)
	page := d.get(op)
	require.Equal(t, "challenge", page.page())
	page.says("Step 1 of 3")
	code, to := d.code()
	require.Equal(t, "+4915123456789", to)

	require.Equal(t, http.StatusUnprocessableEntity, d.post(op+"/answer", "code", flipped(code)).Code)
	require.Equal(t, op, d.post(op+"/answer", "code", code).to())

	form := d.get(op)
	require.Equal(t, "enrol-phone", form.page())
	form.says("Step 2 of 3")
	same := d.post(op+"/contact", "country", "DE", "phone", "015123456789", "confirmed", "1")
	require.Equal(t, http.StatusUnprocessableEntity, same.Code)
	same.says(`id="phone-error"`)
	require.Equal(t, op, d.post(op+"/contact", "country", "DE", "phone", "015123456780", "confirmed", "1").to())
	require.Equal(t, "bob-phone", d.have().Phone().ID, "the old one stays in force")
	code, to = d.code()
	require.Equal(t, "+4915123456780", to)
	require.Equal(t, "/t/acme/settings?done=contact_changed&method=sms", d.post(op+"/answer", "code", code).to())
	require.Equal(t, mfa.Secret("+4915123456780"), d.have().Phone().Value)
}

func TestWhatTakesSomethingAwayAsksFirst(t *testing.T) {
	d := newLifeDesk(t, "contract-exclusive-method")
	d.seat.Doer.MFAEnabled = true
	d.number("bob-phone", "+4915123456789", mfa.ContactConfirmed)
	d.factor(mfa.Factor{ID: "bob-sms", Kind: policy.SMS, ContactID: "bob-phone", Exclusive: true})
	ask := d.post("/start", "method", "off").to()
	require.Equal(t, "/t/acme/settings/confirm?verb=switch_off", ask)
	page := d.get(ask)
	require.Equal(t, "confirm-change", page.page())
	page.says("1 way to confirm")
	require.Empty(t, d.lab.Mailbox.Messages())

	op := d.begin("verb", "switch_off", "confirm", "1")
	require.Equal(t, "challenge", d.get(op).page())
	code, _ := d.code()

	require.Equal(t, "/t/acme/settings?done=mfa_disabled", d.post(op+"/answer", "code", code).to())
	require.Empty(t, d.have().SecondFactors())
}

func TestOtherSessionsEndWhereThePolicySaysSo(t *testing.T) {
	for setting, want := range map[string][]string{"offer_revoke_others": nil, "revoke_others": {"session-1"}} {
		d := newLifeDesk(t, "contract-exclusive-method")
		d.policy().Session.OnFactorChange = setting
		op := d.begin("kind", "email", "verb", "enable")
		require.Equal(t, op, d.post(op+"/contact", "email", "").to(), "the address on file")
		code, to := d.code()
		require.Equal(t, "bob@example.com", to)

		require.Equal(t, "/t/acme/settings/done?method=email&was=off", d.post(op+"/answer", "code", code).to())
		require.Equal(t, want, d.kept)
	}
}

func TestALoginTakesTheOperationAndGoesOn(t *testing.T) {
	d := newLifeDesk(t, "account-admin-sms-default")
	d.policy().Methods[policy.TOTP] = d.policy().Methods[policy.SMS]
	d.inLogin(policy.SMS)
	page := d.get("/add")
	require.Equal(t, "enrol", page.page())
	require.NotContains(t, page.Body.String(), "recovery_codes")
	page.says(`action="/later"`)
	require.Equal(t, http.StatusForbidden, d.post("/start", "kind", "totp", "verb", "enable", "os", "ios").Code, "only what the login takes")
	require.Equal(t, http.StatusForbidden, d.post("/start", "kind", "email", "verb", "change").Code)
	require.Equal(t, http.StatusTemporaryRedirect, d.post("/add", "cancel", "1").Code)
	op := d.post("/add", "method", "sms").to()
	require.Equal(t, op, d.post(op+"/contact", "country", "DE", "phone", "015123456789", "confirmed", "1").to())
	code, _ := d.code()

	require.Equal(t, "/t/acme/interaction/1", d.post(op+"/answer", "code", code).to())
	require.Len(t, d.done, 1)
	require.Equal(t, mfa.OperationDone, d.done[0].Status)
}

func TestAnOperationBelongsToItsBrowser(t *testing.T) {
	d := newLifeDesk(t, "contract-exclusive-method")
	op := d.begin("kind", "sms", "verb", "enable")
	d.seat.Doer.Binding = []byte("session/session-2")
	for _, path := range []string{"/contact", "/answer", "/password", "/switch", "/resend", "/finish", "/cancel"} {
		require.Equal(t, http.StatusNotFound, d.post(op+path, "phone", "+4915123456789", "code", "123456", "password", "x").Code, path)
	}
	require.Equal(t, http.StatusNotFound, d.get(op).Code)
	d.seat.CSRF = "another"
	require.Equal(t, http.StatusForbidden, d.post(op+"/cancel").Code)
}

func TestAResendWaitsForItsTime(t *testing.T) {
	d := newLifeDesk(t, "contract-exclusive-method")
	op := d.begin("kind", "sms", "verb", "enable")
	d.post(op+"/contact", "country", "DE", "phone", "015123456789", "confirmed", "1")

	early := d.post(op + "/resend")

	require.Equal(t, http.StatusTooManyRequests, early.Code)
	require.NotEmpty(t, early.Header().Get("Retry-After"))
	require.Equal(t, "enrol-code", early.page())
	d.json = true
	api := d.post(op + "/resend")
	require.Equal(t, http.StatusTooManyRequests, api.Code)
	require.Equal(t, early.Header().Get("Retry-After"), api.Header().Get("Retry-After"))
	d.json = false
	d.lab.Clock.Move(5 * time.Minute)
	require.Equal(t, op, d.post(op+"/resend").to())
	require.Len(t, d.lab.Mailbox.Messages(), 2)
	d.lab.Mailbox.Broken = map[mfa.Method]bool{policy.SMS: true}
	d.lab.Clock.Move(5 * time.Minute)
	require.Equal(t, op, d.post(op+"/resend").to())
	require.Equal(t, "enrol-code", d.get(op).page(), "a delivery that failed is told by the page")
	require.Equal(t, "/t/acme/settings?done=cancelled", d.post(op+"/cancel").to())
}

func TestAStaleLoginIsAProblemForAProgram(t *testing.T) {
	d := newLifeDesk(t, "contract-exclusive-method")
	d.lab.Clock.Move(time.Hour)
	d.json = true

	api := d.post("/start", "kind", "sms", "verb", "enable")

	require.Equal(t, http.StatusForbidden, api.Code)
	require.Contains(t, api.Body.String(), `"/problems/insufficient-user-authentication"`)
	d.json = false
	d.inLogin(policy.SMS)
	page := d.post("/start", "kind", "sms", "verb", "enable")
	require.Equal(t, "error", page.page(), "a login that is too old begins no other one")
}

func TestACountryIsPreselected(t *testing.T) {
	d := newLifeDesk(t, "contract-exclusive-method")
	d.lang = "es-MX, en;q=0.5"
	op := d.begin("kind", "sms", "verb", "enable")

	require.Regexp(t, `<option value="MX"[^>]* selected`, d.get(op).Body.String())
	d.policy().Contacts.Phone.CountryGuess = "tenant"
	require.Regexp(t, `<option value="DE"[^>]* selected`, d.get(op).Body.String())
	d.policy().Contacts.Phone.CountryGuess = "none"
	require.NotRegexp(t, `<option value="[A-Z]{2}"[^>]* selected`, d.get(op).Body.String())
}

func TestANumberOnFileIsConfirmedAsItIs(t *testing.T) {
	d := newLifeDesk(t, "contractor-email-first")
	d.number("bob-phone", "+4915123456789", mfa.ContactUnverified)
	op := d.begin("kind", "sms", "verb", "enable")
	page := d.get(op)
	require.Equal(t, "enrol-phone-check", page.page())
	for _, shown := range []lifeAnswer{page, d.post(op+"/contact", "method", "sms")} {
		shown.says("+49\u00a0•••\u00a0••89")
		require.NotContains(t, shown.Body.String(), "3456789")
	}
	require.Equal(t, "enrol-phone", d.post(op+"/contact", "change", "1").page(), "or another one is typed")

	require.Equal(t, op, d.post(op+"/contact", "method", "sms", "confirmed", "1").to())

	code, to := d.code()
	require.Equal(t, "+4915123456789", to)
	require.Equal(t, "enrol-phone", d.get(op+"/contact").page(), "the code's page leads back")
	require.Equal(t, "/t/acme/settings/done?method=sms&was=off", d.post(op+"/answer", "code", code).to())
	require.Equal(t, "bob-phone", d.have().Phone().ID)
}

func TestAnotherRegisteredAddressIsProved(t *testing.T) {
	d := newLifeDesk(t, "contractor-email-first")
	d.factor(mfa.Factor{ID: "bob-email", Kind: policy.Email, ContactID: "bob-mail"})
	op := d.begin("kind", "email", "verb", "change")
	require.Equal(t, "challenge", d.get(op).page())
	code, to := d.code()
	require.Equal(t, "bob@example.com", to)
	require.Equal(t, op, d.post(op+"/answer", "code", code).to())
	require.Equal(t, "enrol-email", d.get(op).page())
	for _, bad := range []string{"", "bob", "bob@", "Bob <bob@example.org>", "bob@example.com"} {
		page := d.post(op+"/contact", "email", bad)
		require.Equal(t, http.StatusUnprocessableEntity, page.Code, bad)
		page.says(`id="email-error"`)
	}

	require.Equal(t, op, d.post(op+"/contact", "email", " Bob@Example.org ").to())

	code, to = d.code()
	require.Equal(t, "bob@example.org", to)
	require.Equal(t, "/t/acme/settings?done=contact_changed&method=email", d.post(op+"/answer", "code", code).to())
	require.Equal(t, mfa.Secret("bob@example.org"), d.have().Registered().Value)
}

func TestThePINComesBetweenTheAddressAndItsCode(t *testing.T) {
	d := newLifeDesk(t, "broker-security-identities")
	d.pin("482915")
	op := d.begin("kind", "email", "verb", "enable")
	require.Equal(t, op, d.post(op+"/contact", "email", "bob@example.org").to())
	require.Empty(t, d.lab.Mailbox.Messages(), "no code before the PIN")
	page := d.get(op)
	require.Equal(t, "challenge", page.page())
	require.NotContains(t, page.Body.String(), `id="step"`, "an address on file may need no form, so nothing is counted")
	require.Equal(t, http.StatusUnprocessableEntity, d.post(op+"/answer", "pin", "999991").Code)
	require.Empty(t, d.lab.Mailbox.Messages())
	require.Equal(t, op, d.post(op+"/answer", "pin", "482915").to())

	require.Equal(t, "enrol-code", d.get(op).page())

	code, to := d.code()
	require.Equal(t, "bob@example.org", to)
	require.Equal(t, "/t/acme/settings/done?method=email&was=off", d.post(op+"/answer", "code", code).to())
}

func TestALockedCodeSendsNoOtherByItself(t *testing.T) {
	d := newLifeDesk(t, "contract-exclusive-method")
	op := d.begin("kind", "sms", "verb", "enable")
	d.post(op+"/contact", "country", "DE", "phone", "015123456789", "confirmed", "1")
	code, _ := d.code()
	var last lifeAnswer
	for range d.policy().Code(policy.SMS, policy.Purpose(mfa.PurposeContactVerify)).Attempts {
		last = d.post(op+"/answer", "code", flipped(code))
	}

	require.Equal(t, http.StatusTooManyRequests, last.Code)
	require.Equal(t, "enrol-code", last.page())
	require.NotContains(t, last.Body.String(), `name="code"`)
	require.Len(t, d.lab.Mailbox.Messages(), 1)
}
