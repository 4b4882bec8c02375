package webauthn

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Kinds of keys, as Chromium can play them.
var (
	passkey = webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
		Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true, IsUserVerified: true,
		HasCmtgKey:               true, // without it Chromium takes no credential in that cdproto has encoded
		DefaultBackupEligibility: true, DefaultBackupState: true, AutomaticPresenceSimulation: true,
	}
	withoutVerification = webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
	}
	u2f = webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolU2f, Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
	}
)

// TestBrowser is the script and the server with Chromium between them.
func TestBrowser(t *testing.T) {
	start := chromium(t)
	tests := []struct {
		name string
		key  webauthn.VirtualAuthenticatorOptions
		run  func(*testing.T, *tab)
	}{
		{"a passkey is made once, and used", passkey, useAPasskey},
		{"a passkey is chosen in the autofill", passkey, chooseInAutofill},
		{"the button takes over from the autofill, and gives back", passkey, buttonAndAutofill},
		{"a key without user verification", withoutVerification, useASecurityKey},
		{"a key of the U2F kind", u2f, useASecurityKey},
		{"the person ends the waiting", passkey, endTheWaiting},
		{"the browser says no", passkey, browserSaysNo},
		{"a key that lies about user verification", passkey, badVerification},
		{"a copy of a key", passkey, copyOfAKey},
		{"a page that starts by itself", passkey, startsByItself},
		{"a page that comes back from the history", passkey, comesBack},
		{"an older browser", passkey, olderBrowser},
		{"a browser without keys", passkey, browserWithoutKeys},
		{"the password manager is told what is gone", passkey, tellWhatIsGone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, newSite(t))
			b.plug(t, tt.key)
			tt.run(t, b)
		})
	}
}

func useAPasskey(t *testing.T, b *tab) {
	b.open(t, "/create?uv=required")
	require.True(t, b.visible(t, "#needs"))
	require.False(t, b.visible(t, "#no"))
	require.False(t, b.visible(t, "#cancel"))
	b.press(t, "#submit")
	b.arrive(t, "done")
	made := b.site.last(t)
	require.Equal(t, "pressed", made.Button, "the button is sent as without script")
	require.True(t, made.Key.UserVerified)
	require.True(t, made.Key.Discoverable)
	require.True(t, made.Key.BackupEligible)
	require.Equal(t, []string{"internal"}, made.Key.Transports)

	b.open(t, "/create")
	b.press(t, "#submit")
	b.says(t, "exists")

	b.open(t, "/get?uv=required")
	b.press(t, "#submit")
	b.arrive(t, "done")
	got := b.site.last(t)
	require.Equal(t, "pressed", got.Button)
	require.Equal(t, made.Key.ID, got.Assertion.CredentialID)
	require.True(t, got.Assertion.UserVerified)
	require.True(t, got.Assertion.BackedUp)
	require.False(t, got.Assertion.Cloned)
	require.Greater(t, got.Assertion.SignCount, made.Key.SignCount)
}

func (b *tab) make(t *testing.T) result {
	t.Helper()
	b.open(t, "/create")
	b.press(t, "#submit")
	b.arrive(t, "done")
	return b.site.last(t)
}

func chooseInAutofill(t *testing.T, b *tab) {
	made := b.make(t)

	b.open(t, "/identify")
	b.arrive(t, "done") // the browser chooses at once, in place of a person

	got := b.site.last(t)
	require.Equal(t, "conditional", got.Form)
	require.Equal(t, made.Key.ID, got.Assertion.CredentialID)
	require.Equal(t, alice.Handle, got.Assertion.UserHandle)
}

func buttonAndAutofill(t *testing.T, b *tab) {
	b.make(t)
	b.presence(t, false)
	// Counts the requests, and those that are open.
	b.before(t, `let now = 0; window.asked = []; window.most = 0;
		const get = navigator.credentials.get.bind(navigator.credentials);
		navigator.credentials.get = async (o) => {
			asked.push(o.mediation || "modal"); most = Math.max(most, ++now);
			try { return await get(o); } finally { now--; }
		};`)

	b.open(t, "/identify")
	b.until(t, `asked.join() === "conditional"`)
	b.press(t, "#submit")
	b.until(t, `asked.join() === "conditional,modal"`)
	b.says(t, "waiting")
	b.press(t, "#cancel")
	b.says(t, "cancelled")
	b.until(t, `asked.join() === "conditional,modal,conditional"`)
	require.Equal(t, 1, eval[int](t, b, `most`), "only one may be open")

	b.presence(t, true)
	b.press(t, "#submit")
	b.arrive(t, "done")
}

func useASecurityKey(t *testing.T, b *tab) {
	for _, uv := range []string{"discouraged", "preferred"} {
		b.site.forget()
		b.open(t, "/create?uv="+uv)
		b.press(t, "#submit")
		b.arrive(t, "done")
		made := b.site.last(t)
		require.False(t, made.Key.UserVerified)
		require.False(t, made.Key.Discoverable)

		b.open(t, "/get?uv="+uv)
		b.press(t, "#submit")
		b.arrive(t, "done")
		require.Equal(t, made.Key.ID, b.site.last(t).Assertion.CredentialID)
		require.False(t, b.site.last(t).Assertion.UserVerified)
	}
}

func endTheWaiting(t *testing.T, b *tab) {
	b.make(t)
	b.presence(t, false)
	b.open(t, "/get")

	b.press(t, "#submit")
	b.says(t, "waiting")
	require.True(t, b.visible(t, "#cancel"))
	require.Equal(t, "true", eval[string](t, b, `document.querySelector("#submit").ariaDisabled`))
	b.press(t, "#submit") // which changes nothing
	b.press(t, "#cancel")

	b.says(t, "cancelled")
	require.False(t, b.visible(t, "#cancel"))
	require.Equal(t, "submit", eval[string](t, b, `document.activeElement.id`), "the focus is not lost")
	b.presence(t, true)
	b.press(t, "#submit")
	b.arrive(t, "done")
}

func browserSaysNo(t *testing.T, b *tab) {
	b.make(t)
	b.call(t, func() error {
		_, err := chromedp.Call(b.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: b.key, IsUserVerified: false})
		return err
	})

	b.open(t, "/get?uv=required")
	b.press(t, "#submit")
	b.says(t, "cancelled")

	b.open(t, "/get")
	eval[chromedp.Void](t, b, `document.querySelector("#get").dataset.options = "{"`)
	b.press(t, "#submit")
	b.says(t, "failed")
}

func badVerification(t *testing.T, b *tab) {
	b.make(t)
	b.call(t, func() error {
		_, err := chromedp.Call(b.ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: b.key, IsBadUV: new(true)})
		return err
	})

	b.open(t, "/get?uv=required")
	b.press(t, "#submit")
	b.arrive(t, "refused")

	require.Contains(t, b.site.last(t).Error, "did not verify its user")
}

func copyOfAKey(t *testing.T, b *tab) {
	b.make(t)
	use := func() result {
		b.open(t, "/get")
		b.press(t, "#submit")
		b.arrive(t, "done")
		return b.site.last(t)
	}
	use()
	original := b.credentials(t)[0]
	copied := &webauthn.Credential{
		CredentialID: original.CredentialID, PrivateKey: original.PrivateKey, SignCount: original.SignCount,
		RpID: original.RpID, UserHandle: original.UserHandle, IsResidentCredential: original.IsResidentCredential,
		BackupEligibility: original.BackupEligibility, BackupState: original.BackupState,
	}
	require.False(t, use().Assertion.Cloned)

	b.call(t, func() error {
		_, err := chromedp.Call(b.ctx, webauthn.RemoveCredential, webauthn.RemoveCredentialParams{AuthenticatorID: b.key, CredentialID: copied.CredentialID})
		return err
	})
	b.call(t, func() error {
		_, err := chromedp.Call(b.ctx, webauthn.AddCredential, webauthn.AddCredentialParams{AuthenticatorID: b.key, Credential: copied})
		return err
	})

	require.True(t, use().Assertion.Cloned, "the counter stands where it was")
}

func startsByItself(t *testing.T, b *tab) {
	b.make(t)

	b.open(t, "/get?autostart=1")
	b.until(t, `document.querySelector("#get").ariaBusy !== null`)
	require.Equal(t, "false", eval[string](t, b, `document.querySelector("#get").ariaBusy`), "nobody has touched the page")
	b.presence(t, false)
	b.press(t, "#on")
	b.says(t, "waiting")
	b.press(t, "#cancel")
	b.says(t, "cancelled")

	eval[chromedp.Void](t, b, `setTimeout(() => location.reload(), 0)`)
	b.until(t, `document.querySelector("#get")?.ariaBusy === "false" && document.querySelector("#status").textContent === ""`)
	b.presence(t, true)
	b.press(t, "#submit")
	b.arrive(t, "done")
}

func comesBack(t *testing.T, b *tab) {
	b.make(t)
	b.open(t, "/get")
	b.press(t, "#submit")
	b.arrive(t, "done")

	eval[chromedp.Void](t, b, `setTimeout(() => history.back(), 0)`)
	b.arrive(t, "get")
	b.until(t, `document.querySelector("#get").ariaBusy === "false"`)
	require.Empty(t, eval[string](t, b, `document.querySelector("#get").elements.credential.value`))
	b.press(t, "#submit")
	b.arrive(t, "done") // and not with the answer of before
}

func olderBrowser(t *testing.T, b *tab) {
	b.before(t, `delete PublicKeyCredential.parseCreationOptionsFromJSON;
		delete PublicKeyCredential.parseRequestOptionsFromJSON;
		delete PublicKeyCredential.prototype.toJSON;`)
	made := b.make(t)
	require.Equal(t, []string{"internal"}, made.Key.Transports)
	require.True(t, made.Key.Discoverable)
	b.open(t, "/create")
	b.press(t, "#submit")
	b.says(t, "exists")

	b.open(t, "/get")
	b.press(t, "#submit")
	b.arrive(t, "done")

	require.Equal(t, made.Key.ID, b.site.last(t).Assertion.CredentialID)
	require.Equal(t, alice.Handle, b.site.last(t).Assertion.UserHandle)
}

func browserWithoutKeys(t *testing.T, b *tab) {
	b.before(t, `delete window.PublicKeyCredential`)

	b.open(t, "/identify")

	b.until(t, `document.readyState === "complete"`)
	require.False(t, b.visible(t, "#needs"))
	require.True(t, b.visible(t, "#no"))
}

func tellWhatIsGone(t *testing.T, b *tab) {
	made := b.make(t)
	require.Len(t, b.credentials(t), 1)
	id, user := encode(made.Key.ID), encode(alice.Handle)

	b.open(t, "/none?accepted="+url.QueryEscape(fmt.Sprintf(`{"rpId":"localhost","userId":%q,"allAcceptedCredentialIds":[%q]}`, user, id)))
	require.Len(t, b.credentials(t), 1)
	b.open(t, "/none?signal="+url.QueryEscape(fmt.Sprintf(`{"rpId":"localhost","credentialId":%q}`, id)))
	b.eventually(t, "the key forgets it", func() bool { return len(b.credentials(t)) == 0 })

	b.site.forget()
	b.make(t)
	b.open(t, "/none?accepted="+url.QueryEscape(fmt.Sprintf(`{"rpId":"localhost","userId":%q,"allAcceptedCredentialIds":[]}`, user)))
	b.eventually(t, "the key forgets all but those", func() bool { return len(b.credentials(t)) == 0 })
}

// before has every later page run a script before its own.
func (b *tab) before(t *testing.T, script string) {
	t.Helper()
	b.call(t, func() error {
		_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	})
}
