package templates

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func accountData(channel string) AccountData {
	return AccountData{TextData: TextData{
		Channel: channel, Tenant: "Contractor", To: "alice@example.test", Now: noon, Zone: cet,
		Slip: Slip{When: noon, Device: "Chrome on Linux"},
	}}
}

func linkData() AccountData {
	d := accountData("email")
	d.LinkURL, d.ExpiresAt = "https://auth.example.com/t/contractor/reset?token=abc", noon.Add(30*time.Minute)
	return d
}

func TestAccountTextOfANotice(t *testing.T) {
	s := newTestSet(t)
	d := accountData("email")
	d.Method = "totp"

	subject, plain, _, err := s.AccountText("en", NoticeFactorAdded, d)

	require.NoError(t, err)
	require.Equal(t, "Authenticator app turned on", subject)
	require.Equal(t, `Authenticator app turned on

From now on it can be used to sign in to your account and to confirm actions.

Method  Authenticator app
When    today 14:31 CET
From    Chrome on Linux

If it wasn’t you, change your password now, then look at your security settings. Type the address of the site yourself. “Login and security” shows what happened under “Activity”, and has “Sign out everywhere” under “Devices”.

--
Contractor sends this about every change to the security of your account.
`, plain)
}

func TestAccountTextOfALink(t *testing.T) {
	s := newTestSet(t)

	subject, plain, html, err := s.AccountText("en", LinkPasswordReset, linkData())

	require.NoError(t, err)
	require.Equal(t, "Set a new password", subject)
	require.Equal(t, `Set a new password

Open the link to set a new password at Contractor. If you use a second step, it stays on.

The link works once, until 15:01 CET.

When  today 14:31 CET
From  Chrome on Linux

Set a new password: https://auth.example.com/t/contractor/reset?token=abc
Didn’t ask for this? Then do nothing: your password stays as it is.

--
Contractor sent this because someone entered this address.
`, plain)
	require.Contains(t, html, `href="https://auth.example.com/t/contractor/reset?token=abc"`)
}

func TestAccountTextOfAChangedNumber(t *testing.T) {
	s := newTestSet(t)
	d := accountData("email")
	d.Contact, d.Masked = "phone", "+49 ••• 142"

	_, toOwner, _, err := s.AccountText("en", NoticeContactChanged, d)
	require.NoError(t, err)
	d.OldOne = true
	_, toOld, _, err := s.AccountText("en", NoticeContactChanged, d)
	require.NoError(t, err)
	d.Channel = "sms"
	_, sms, _, err := s.AccountText("en", NoticeContactChanged, d)
	require.NoError(t, err)

	require.Contains(t, toOwner, "+49 ••• 142")
	require.NotContains(t, toOld, "142", "who held the old number learns nothing of the new one")
	require.Contains(t, toOld, "This number was replaced in your account")
	require.Equal(t, "Contractor: This number was replaced in your account. Not you? Sign in and change your password.", sms)
}

func TestAccountTextOfTheFirstTimeAndOfTheEnd(t *testing.T) {
	s := newTestSet(t)
	tests := []struct{ kind, contact, subject, says, never string }{
		{NoticeContactConfirmed, "phone", "Your phone number was confirmed", "+49 ••• 142", "changed"},
		{NoticeContactRemoved, "phone", "Your phone number was removed", "Codes", "changed"},
		{NoticeRecoveryCodesMade, "", "Backup codes were made", "no other method is at hand", "older"},
		{NoticeCodesReplaced, "", "New backup codes were made", "an older list", "first"},
		{NoticePINSet, "", "A PIN was set", "together with another method", "old PIN"},
		{NoticePINChanged, "", "Your PIN was changed", "The old PIN", "first"},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			d := accountData("email")
			d.Contact, d.Masked = tt.contact, "+49 ••• 142"

			subject, plain, _, err := s.AccountText("en", tt.kind, d)

			require.NoError(t, err)
			require.Equal(t, tt.subject, subject)
			body, _, _ := strings.Cut(plain, "If it wasn’t you")
			require.NotContains(t, body, tt.never)
			if tt.kind != NoticeContactRemoved {
				require.Contains(t, body, tt.says)
			}
		})
	}
}

func TestAccountTextOfWhatEndsWithIt(t *testing.T) {
	s := newTestSet(t)
	d := accountData("email")
	d.Contact, d.Also, d.TwoStep = "phone", []string{"sms", "voice", evil}, "off"

	_, plain, body, err := s.AccountText("en", NoticeContactRemoved, d)

	require.NoError(t, err)
	require.Contains(t, plain, "Also off  Text message, Phone call\n")
	require.Contains(t, plain, "Two-step sign-in is off with it: from now on the password alone opens your account.")
	require.NotContains(t, plain+body, "evil.example")
	for _, lang := range s.Languages() {
		_, without, _, err := s.AccountText(lang, NoticeContactRemoved, accountData("email"))
		require.NoError(t, err)
		d.TwoStep = "on"
		_, on, _, err := s.AccountText(lang, NoticeContactRemoved, d)
		require.NoError(t, err)
		require.NotContains(t, without, s.catalogs[lang].plain.fixed["mail.also_off"]+"  ")
		require.Contains(t, on, s.catalogs[lang].plain.fixed["mail.two_step_on"])
	}
}

// TestEveryNoticeSaysWhatToDo: the pages on which the owner finds what to do, and where
// the tenant helps. Only the tenant's own pages are linked.
func TestEveryNoticeSaysWhatToDo(t *testing.T) {
	s := newTestSet(t)
	for _, lang := range s.Languages() {
		fixed := s.catalogs[lang].plain.fixed
		for _, kind := range slices.Concat(notices, accountNotices) {
			d := accountData("email")
			d.HelpURL, d.PrivacyURL = "https://contractor.example/help", "javascript:alert(1)"

			_, plain, body, err := s.AccountText(lang, kind, d)

			require.NoError(t, err)
			for _, key := range []string{"settings.title", "inside.activity", "inside.devices", "do.sign_out_all"} {
				require.Contains(t, plain, fixed[key], "%s %s: %s", lang, kind, key)
			}
			colon := map[bool]string{true: "\u00a0: ", false: ": "}[lang == "fr"]
			require.True(t, strings.HasSuffix(plain, "\n"+fixed["frame.help"]+colon+"https://contractor.example/help\n"), plain)
			require.Contains(t, body, `href="https://contractor.example/help"`)
			require.NotContains(t, plain+body, "javascript")
		}
	}
	code := TextData{
		Channel: "email", Tenant: "Contractor", Code: "481206", Now: noon, ExpiresAt: noon.Add(time.Minute), PrivacyURL: "https://contractor.example/privacy",
	}
	_, plain, _, err := s.Text("en", TextLogin, code)
	require.NoError(t, err)
	require.Contains(t, plain, "Privacy: https://contractor.example/privacy\n")
}

func TestAccountTextOfAUsedBackupCode(t *testing.T) {
	s := newTestSet(t)
	d := accountData("email")
	d.CodesLeft = 7

	_, many, _, err := s.AccountText("en", NoticeRecoveryCodeUsed, d)
	require.NoError(t, err)
	d.CodesLeft = 0
	_, none, _, err := s.AccountText("en", NoticeRecoveryCodeUsed, d)
	require.NoError(t, err)

	require.Contains(t, many, "Codes left  7")
	require.NotContains(t, many, "Make new ones soon")
	require.Contains(t, none, "Codes left  0")
	require.Contains(t, none, "Make new ones soon")
}

func TestAccountTextHoldsItsRules(t *testing.T) {
	s := newTestSet(t)
	changes := map[string]func(*AccountData){
		"full": func(*AccountData) {},
		"bare": func(d *AccountData) { d.Tenant, d.To, d.Slip, d.Zone = "", "", Slip{}, nil },
		"evil": func(d *AccountData) {
			d.Tenant, d.App, d.To, d.Masked, d.Method, d.Contact = evil, evil, evil, evil, evil, evil
			d.Slip = Slip{Amount: evil, Payee: "pay.evil.example/x", App: evil, Device: "https://evil.example", When: noon, Facts: []Fact{{evil, "me@evil.example", false, false}}}
		},
		"a code is never told": func(d *AccountData) { d.Code = "481206" },
	}
	for _, kind := range append(append([]string{NoticePasswordChanged}, accountNotices...), linkMails...) {
		for what, change := range changes {
			t.Run(kind+" "+what, func(t *testing.T) {
				d := accountData("email")
				isLink := strings.Contains(strings.Join(linkMails, " "), kind)
				if isLink {
					d = linkData()
				}
				change(&d)

				subject, plain, body, err := s.AccountText("en", kind, d)

				require.NoError(t, err)
				require.NotEmpty(t, subject)
				require.NotContains(t, subject, "\n")
				require.NotContains(t, subject+plain+body, "\u202e")
				require.NotContains(t, plain+body, "evil.example", "no link that we did not make")
				require.NotContains(t, plain+body, "481206")
				require.NotContains(t, subject+plain+body, "<no value>")
				require.NotContains(t, body, "<script")
				require.Equal(t, isLink, strings.Contains(plain, "://"))
				require.Equal(t, isLink, strings.Contains(body, "<a "))
			})
		}
	}
}

// TestAccountTextSMSIsOneSegment tries every notice with every method.
func TestAccountTextSMSIsOneSegment(t *testing.T) {
	s := newTestSet(t)
	for _, kind := range accountNotices {
		for _, about := range append([]string{"", "phone", evil}, factorKinds...) {
			for _, name := range []string{"Acme", strings.Repeat("Long name ", 60), "Контрактор", evil} {
				d := accountData("sms")
				d.Tenant, d.Method, d.Contact, d.OldOne = name, about, about, true

				_, plain, _, err := s.AccountText("en", kind, d)

				require.NoError(t, err)
				n, ok := gsmLen(plain)
				require.True(t, ok, plain)
				require.LessOrEqual(t, n, gsmLimit, plain)
				require.NotContains(t, plain, "\n")
			}
		}
	}
}

func TestAccountTextRefuses(t *testing.T) {
	s := newTestSet(t)
	tests := []struct {
		name string
		kind string
		edit func(*AccountData)
	}{
		{"an unknown kind", "no_such_thing", func(*AccountData) {}},
		{"a code", TextLogin, func(d *AccountData) { d.Code = "481206" }},
		{"a notice by call", NoticePINChanged, func(d *AccountData) { d.Channel = "voice" }},
		{"a link by SMS", LinkPasswordReset, func(d *AccountData) { d.Channel = "sms" }},
		{"a notice with a link", NoticePINChanged, func(d *AccountData) { d.LinkURL = "https://auth.example.com/" }},
		{"a link without an address", LinkSignUp, func(d *AccountData) { d.LinkURL = "" }},
		{"a link that is a script", LinkSignUp, func(d *AccountData) { d.LinkURL = "javascript:alert(1)" }},
		{"a link without an end", LinkEmailVerify, func(d *AccountData) { d.ExpiresAt = time.Time{} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := accountData("email")
			if strings.Contains(strings.Join(linkMails, " "), tt.kind) {
				d = linkData()
			}
			tt.edit(&d)

			_, _, _, err := s.AccountText("en", tt.kind, d)

			require.Error(t, err)
		})
	}
}

func TestALinkThatWorksUntilTomorrowSaysTheDay(t *testing.T) {
	s := newTestSet(t)
	d := linkData()
	d.ExpiresAt = noon.Add(24 * time.Hour)

	_, plain, _, err := s.AccountText("en", LinkEmailVerify, d)

	require.NoError(t, err)
	require.Contains(t, plain, "until 22 November 2026, 14:31 CET.")
}
