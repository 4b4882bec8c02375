package templates

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAChangedPayoutAccountIsCalledSo: whose account, and which one. The words are true of
// an account that is replaced and of one that is added.
func TestAChangedPayoutAccountIsCalledSo(t *testing.T) {
	s := newTestSet(t)
	tests := []struct{ lang, subject, sms, call string }{
		{
			"en", "Code to change your payout account: Ada Lovelace, …6819, at Demo Shop",
			"Code 481206 to change your payout account: Ada Lovelace ...6819, at Demo Shop. Don't share it. Until 14:36 CET.",
			"to change your payout account: Ada Lovelace, account ending in six eight one nine, at Demo Shop.",
		},
		{
			"es", "Código para cambiar su cuenta de cobros: Ada Lovelace, …6819, en Demo Shop",
			"Use 481206 para cambiar su cuenta de cobros: Ada Lovelace ...6819, en Demo Shop. No lo comparta. Vence a las 14:36 CET.",
			"para cambiar su cuenta de cobros: Ada Lovelace, cuenta que termina en seis ocho uno nueve, en Demo Shop.",
		},
		{
			"fr", "Code pour modifier votre compte de versement\u00a0: Ada Lovelace, …6819, sur Demo Shop",
			"Code 481206 pour modifier votre compte de versement : Ada Lovelace ...6819, sur Demo Shop. Ne le partagez pas. Expire à 14:36 CET.",
			"pour modifier votre compte de versement\u00a0: Ada Lovelace, compte se terminant par six huit un neuf, sur Demo Shop.",
		},
		{
			"de", "Code zum Ändern Ihres Auszahlungskontos: Ada Lovelace, …6819, bei Demo Shop",
			"Code 481206 zum Ändern Ihres Auszahlungskontos: Ada Lovelace ...6819, bei Demo Shop. Nicht weitergeben. Bis 14:36 CET.",
			"zum Ändern Ihres Auszahlungskontos: Ada Lovelace, Konto mit der Endung sechs acht eins neun, bei Demo Shop.",
		},
		{
			"ar", "رمز لتغيير حساب دفعاتك: Ada Lovelace، …6819، في Demo Shop",
			"الرمز 481206 لتغيير حساب دفعاتك: Ada Lovelace ...6819، في Demo Shop. لا تشاركه. حتى 14:36 CET.",
			"لتغيير حساب دفعاتك: Ada Lovelace، حساب ينتهي بـ",
		},
	}
	for _, tt := range tests {
		t.Run(tt.lang, func(t *testing.T) {
			text := func(channel string) (subject, plain string) {
				d := edit(payoutText(channel), func(d *TextData) {
					d.ActionName = "payment_details.add"
					d.Slip = Slip{Payee: "Ada Lovelace", App: "Demo Shop", Facts: []Fact{{"new_account", "••6819", true, false}}}
				})
				subject, plain, _, err := s.Text(tt.lang, TextAction, d)
				require.NoError(t, err)
				return subject, plain
			}

			subject, mail := text("email")
			require.Equal(t, tt.subject, subject)
			require.Contains(t, mail, s.catalogs[tt.lang].plain.fixed["fact.new_account"]+"  ")
			require.Contains(t, mail, "  ••6819\n")
			_, sms := text("sms")
			require.Equal(t, tt.sms+"\n@auth.example.com #481206", sms)
			fitsItsSegments(t, tt.lang, sms)
			_, call := text("voice")
			require.Contains(t, call, tt.call)
		})
	}
}

// TestANoticeOfWhatWasStoppedSaysSo: the user has told us, so nothing asks "Not you?".
func TestANoticeOfWhatWasStoppedSaysSo(t *testing.T) {
	s := newTestSet(t)
	named := func(d *AccountData) {
		d.ActionName, d.Slip.Amount, d.Slip.Payee = "payout.request", "1,250.00 EUR", "ACME GmbH"
	}
	tests := []struct {
		name, lang   string
		change       func(*AccountData)
		subject, sms string
	}{
		{
			"nothing is known of it", "en", func(*AccountData) {}, "An action that you didn’t start was stopped",
			"Contractor: We stopped an action because you said you didn't start it. Someone may be signed in as you: change your password.",
		},
		{
			"a payout", "en", named, "Stopped, because you didn’t start it: Payout, 1,250.00 EUR, ACME GmbH",
			"Contractor: We stopped this because you said you didn't start it: Payout, 1,250.00 EUR, ACME GmbH. Someone may be signed in as you: change your password.",
		},
		{
			"an action of the tenant's own", "en", func(d *AccountData) { d.ActionName, d.ActionTitle = "prescription.sign", "Sign a prescription" },
			"Stopped, because you didn’t start it: Sign a prescription",
			"Contractor: We stopped this because you said you didn't start it: Sign a prescription. Someone may be signed in as you: change your password.",
		},
		{"nothing, in Spanish", "es", func(*AccountData) {}, "Se detuvo una acción que usted no inició", "Contractor: Se detuvo una orden que usted dijo no haber dado."},
		{"a payout, in Spanish", "es", named, "Se detuvo porque usted no lo inició: Pago, 1,250.00 EUR, ACME GmbH", "Pago, 1,250.00 EUR, ACME"},
		{"nothing, in French", "fr", func(*AccountData) {}, "Une action que vous n’avez pas demandée a été bloquée", "Contractor : Action bloquée, car vous avez dit ne pas l'avoir demandée."},
		{"a payout, in French", "fr", named, "Bloqué, car vous ne l’avez pas demandé\u00a0: Versement, 1,250.00 EUR, ACME GmbH", "Versement, 1,250.00 EUR"},
		{"nothing, in German", "de", func(*AccountData) {}, "Eine Aktion, die Sie nicht begonnen haben, wurde gestoppt", "Contractor: Eine Aktion wurde gestoppt, weil sie laut Ihrer Meldung nicht von Ihnen kam."},
		{"a payout, in German", "de", named, "Gestoppt, weil nicht von Ihnen begonnen: Auszahlung, 1,250.00 EUR, ACME GmbH", "Auszahlung, 1,250.00 EUR, ACME"},
		{"nothing, in Arabic", "ar", func(*AccountData) {}, "أُوقفت عملية لم تبدأها أنت", "Contractor: أوقفنا عملية لأنك أبلغتنا أنك لم تبدأها."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mail, text := accountData("email"), accountData("sms")
			tt.change(&mail)
			tt.change(&text)

			subject, _, _, err := s.AccountText(tt.lang, NoticeActionDisowned, mail)
			require.NoError(t, err)
			_, sms, _, err := s.AccountText(tt.lang, NoticeActionDisowned, text)
			require.NoError(t, err)

			require.Equal(t, tt.subject, subject)
			require.Contains(t, sms, tt.sms)
			require.False(t, strings.ContainsAny(sms, "?؟"), "it asks nothing: %s", sms)
			fitsItsSegments(t, tt.lang, sms)
		})
	}
	mail := accountData("email")
	named(&mail)
	_, plain, _, err := s.AccountText("en", NoticeActionDisowned, mail)
	require.NoError(t, err)
	require.Contains(t, plain, "You told us that you didn’t start it. It was stopped, and nothing was confirmed.\n\nAction  Payout\nAmount  1,250.00 EUR\nTo      ACME GmbH\nWhen ")
}

func TestWhoDidNotAskForACodeIsToldWhoseAccountIsMeant(t *testing.T) {
	s := newTestSet(t)
	for lang, want := range map[string]string{
		"en": "If you use Contractor, someone may be signed in as you: change your password.",
		"es": "Si usa Contractor, puede que alguien haya entrado en su lugar: cambie su contraseña.",
		"fr": "Si vous utilisez Contractor, quelqu’un est peut-être connecté à votre place\u00a0: changez votre mot de passe.",
		"de": "Wenn Sie Contractor nutzen, ist vielleicht jemand unter Ihrem Namen angemeldet: Ändern Sie Ihr Passwort.",
		"ar": "وإن كنت تستخدم Contractor فربما سجّل شخص آخر الدخول باسمك: غيّر كلمة مرورك.",
	} {
		_, plain, body, err := s.Text(lang, TextAction, payoutText("email"))

		require.NoError(t, err)
		require.Contains(t, plain, want)
		require.Contains(t, body, want)
	}
}

// TestALinkStandsAfterTheColonOfItsLanguage: French has a blank before it.
func TestALinkStandsAfterTheColonOfItsLanguage(t *testing.T) {
	s := newTestSet(t)
	for lang, want := range map[string]string{"en": "Help: https", "fr": "Aide\u00a0: https", "de": "Hilfe: https"} {
		_, plain, _, err := s.Text(lang, TextLogin, edit(loginText("email"), func(d *TextData) {
			d.HelpURL, d.StopURL = "https://contractor.example/help", "https://auth.example.com/stop"
		}))

		require.NoError(t, err)
		require.Contains(t, plain, want)
		require.Contains(t, plain, s.catalogs[lang].plain.fixed["mail.stop_link"]+strings.TrimPrefix(want, s.catalogs[lang].plain.fixed["frame.help"]))
	}
}

func TestPagesSayWhole(t *testing.T) {
	s := newTestSet(t)
	tests := []struct{ name, lang, sample, has, not string }{
		{"no example, no sentence about it", "en", "enrol-phone-nowhere", `id="phone-example" data-text="For example []." hidden></span>`, "For example ."},
		{"an example", "en", "enrol-phone", `For example <bdi dir="ltr">`, ""},
		{"a name", "en", "sign-up-finish", "As apps will show it.", "shall"},
		{"the language, in German", "de", "identify", `aria-label="Sprache ändern"`, "der Sprache<"},
		{"a gate that was passed, in French", "fr", "confirm", "Qui vous êtes<span class=\"sr\">, c’est fait<", "franchie"},
		{"a gate that was passed, in Spanish", "es", "confirm", "Quién es usted<span class=\"sr\">, hecho<", "completada"},
		{"a gate that is shut, in French", "fr", "identify", ", à suivre<", "suivante"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			require.NoError(t, s.Render(&b, tt.lang, sampleOf(tt.sample)))

			require.Contains(t, b.String(), tt.has)
			if tt.not != "" {
				require.NotContains(t, b.String(), tt.not)
			}
		})
	}
}
