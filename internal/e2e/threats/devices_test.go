package threats_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/mfa"
)

// trustedBrowser logs in and trusts the browser.
func trustedBrowser(t *testing.T, b *harness.Browser, name string) {
	t.Helper()
	v := mustSecondStep(t, b, name, "prompt", "login")
	page := v.mustPost(t, "/challenge", "code", code(t, b.Place, name), "trust_device", "1")
	require.Equal(t, http.StatusSeeOther, page.Status)
	require.NotNil(t, cookie(t, b, "td-"), "no cookie of a trusted device")
	require.NotEmpty(t, v.finish(t).Get("code"))
}

func devices(t *testing.T, p *harness.Place) int {
	t.Helper()
	return number(t, p, "select count(*) from mfa_devices where tenant_id = $1")
}

// trustPlace is a tenant that trusts devices, with two users.
func trustPlace(t *testing.T, h *harness.House, more ...string) *harness.Place {
	t.Helper()
	parts := append([]string{longCodes, noLimits, trusting}, more...)
	return h.Tenant(t, preset, patch(parts...), person(t, alice, phone), person(t, bob, bobPhone))
}

// editedDevice is T-17.
func editedDevice(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	clock := stillAt(h.Clock.Now()) // the verifier before is good for a minute, and all of this may take longer
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	b := a.browser(p)
	trustedBrowser(t, b, alice)
	good := cookie(t, b, "td-")
	require.False(t, askedForCode(t, copied(t, b), alice), "an untouched cookie spares the code")
	// That use has changed the verifier; the one before stays good for a minute,
	// so the copy that b has is still worth editing.
	require.False(t, askedForCode(t, copied(t, b), alice))

	t.Run("the cookie of another user", func(t *testing.T) {
		theirs := a.browser(p)
		trustedBrowser(t, theirs, bob)
		name, value := cookie(t, theirs, "td-").Name, cookie(t, theirs, "td-").Value
		require.NotEqual(t, good.Name, name)
		swapped := a.browser(p)
		plant(t, swapped, good.Name, value)
		plant(t, swapped, name, good.Value)
		require.True(t, askedForCode(t, swapped, alice))
		require.True(t, askedForCode(t, swapped, bob))
	})
	t.Run("another tenant", func(t *testing.T) {
		q := trustPlace(t, h)
		a.refresh(t)
		there := a.browser(q)
		trustedBrowser(t, there, alice)
		name := cookie(t, there, "td-").Name
		require.NotEqual(t, good.Name, name)
		moved := a.browser(q)
		plant(t, moved, name, good.Value)
		plant(t, moved, good.Name, good.Value)
		require.True(t, askedForCode(t, moved, alice))
	})
	t.Run("each bit flipped", func(t *testing.T) {
		edits := flips(t, good.Value)
		require.Len(t, edits, 8*(16+32))
		who := subject(t, p, alice)
		row := deviceOf(t, h, who, good.Value)
		for i, value := range edits {
			edited := a.browser(p)
			plant(t, edited, good.Name, value)
			require.True(t, askedForCode(t, edited, alice), "bit %d", i)
			if i < 8*16 {
				continue
			}
			// A wrong verifier for a known selector is a sign of theft, and costs
			// the device; it is put back for the next one.
			require.Zero(t, number(t, p, "select count(*) from mfa_devices where tenant_id = $1 and id = $2", row.ID), "bit %d", i)
			require.NoError(t, h.Server.Factors.CreateDevice(t.Context(), row, 5))
		}
		whole := a.browser(p)
		plant(t, whole, good.Name, good.Value)
		require.False(t, askedForCode(t, whole, alice), "the row that was edited against was good all the time")
	})
}

// flips are all values that differ from a device cookie in one bit.
func flips(t *testing.T, value string) []string {
	t.Helper()
	parts := strings.Split(value, ".")
	require.Len(t, parts, 3)
	var all []string
	for part := 1; part <= 2; part++ {
		raw, err := base64.RawURLEncoding.DecodeString(parts[part])
		require.NoError(t, err)
		for bit := range 8 * len(raw) {
			edited := append([]byte(nil), raw...)
			edited[bit/8] ^= 1 << (bit % 8)
			p := append([]string(nil), parts...)
			p[part] = base64.RawURLEncoding.EncodeToString(edited)
			all = append(all, strings.Join(p, "."))
		}
	}
	return all
}

func deviceOf(t *testing.T, h *harness.House, who mfa.Subject, value string) mfa.Device {
	t.Helper()
	selector, err := base64.RawURLEncoding.DecodeString(strings.Split(value, ".")[1])
	require.NoError(t, err)
	d, err := h.Server.Factors.DeviceBySelector(t.Context(), who, selector)
	require.NoError(t, err)
	return d
}

func passwordOf(name, password string) setup.Tenant {
	return setup.Tenant{Users: []setup.User{{Username: name, Password: password}}}
}

// threeEpochs is T-18.
func threeEpochs(t *testing.T, h *harness.House) {
	tests := []struct {
		name   string
		change func(t *testing.T, p *harness.Place)
		others bool // whether the other user of the tenant is asked, too
	}{
		{"password", func(t *testing.T, p *harness.Place) {
			apply(t, p, passwordOf(alice, "a-new-word-for-the-gate"))
			apply(t, p, passwordOf(alice, harness.Password))
		}, false},
		{"factor", func(t *testing.T, p *harness.Place) {
			require.NoError(t, h.Server.Store.BumpMFAEpoch(t.Context(), tenant(t, p), user(t, p, alice).ID))
		}, false},
		{"password, by its owner", func(t *testing.T, p *harness.Place) {
			b := browser(p)
			b.Login(t, alice, alice)
			const between = "a-word-for-the-time-between"
			for _, pair := range [][]string{{harness.Password, between}, {between, harness.Password}} {
				done(t, settle(t, b).mustPost(t, "/password", "password", pair[0], "new-password", pair[1]))
			}
		}, false},
		{"factor, by its owner", func(t *testing.T, p *harness.Place) {
			b := browser(p)
			b.Login(t, alice, alice)
			d := settle(t, b)
			op := d.begin(t, "kind", "sms", "verb", "disable", "confirm", "1")
			b.Get(t, op)
			done(t, d.mustPost(t, op+"/answer", "code", code(t, p, alice)))
		}, false},
		{"policy", func(t *testing.T, p *harness.Place) {
			apply(t, p, setup.Tenant{Policy: []byte(`{"methods": {"sms": {"enabled": false}}}`)})
		}, true},
	}
	unrelated := trustPlace(t, h)
	elsewhere := browser(unrelated)
	trustedBrowser(t, elsewhere, alice)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := trustPlace(t, h)
			hers, his := browser(p), browser(p)
			trustedBrowser(t, hers, alice)
			trustedBrowser(t, his, bob)
			require.False(t, askedForCode(t, hers, alice))
			require.False(t, askedForCode(t, his, bob))

			tt.change(t, p)

			require.True(t, askedForCode(t, hers, alice), "the device outlived the change")
			require.Equal(t, tt.others, askedForCode(t, his, bob))
			require.False(t, askedForCode(t, elsewhere, alice), "another tenant's user was asked")
		})
	}
}

// deviceForStepUp is T-19.
func deviceForStepUp(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	b := browser(p)
	trustedBrowser(t, b, alice)

	// A login that the device has let through is worth the device and no more.
	v, _ := mustOpen(t, b, p.Authorize(p.Own, "prompt", "login"))
	at, err := v.enter(alice)
	require.NoError(t, err)
	require.Contains(t, at, "/authorize/resume/")
	claims := harness.Claims(t, p.Exchange(t, v.auth, v.finish(t)).ID)
	require.Equal(t, "urn:sallyport:acr:td", claims["acr"])
	require.ElementsMatch(t, []any{"pwd", "rdev"}, claims["amr"])

	for _, tt := range []struct{ name, acr, page, silent string }{
		{"a stronger session", "urn:sallyport:acr:mfa", "challenge", "interaction_required"},
		{"two steps", "urn:sallyport:acr:2sv", "challenge", "interaction_required"},
		{"a payout", "urn:sallyport:action:payout.request", "confirm", "interaction_required"},
		{"new payment details", "urn:sallyport:action:payment_details.add", "confirm", "interaction_required"},
		{"switching it off", "urn:sallyport:action:mfa.disable", "", "unmet_authentication_requirements"},
		{"the device itself", "urn:sallyport:acr:td", "", "unmet_authentication_requirements"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page := b.Get(t, p.Authorize(p.Own, "acr_values", tt.acr).URL)
			silent := b.Get(t, p.Authorize(p.Own, "acr_values", tt.acr, "prompt", "none").URL)
			require.NotNil(t, silent.Callback)
			require.Equal(t, tt.silent, silent.Callback.Get("error"))
			if tt.page == "" {
				require.NotNil(t, page.Callback)
				require.Equal(t, tt.silent, page.Callback.Get("error"))
				return
			}
			require.Nil(t, page.Callback, "%v", page.Callback)
			require.Equal(t, tt.page, page.Name)
			// Neither does a fresh login in the trusted browser help.
			again, _ := mustOpen(t, b, p.Authorize(p.Own, "acr_values", tt.acr, "prompt", "login"))
			at, err := again.enter(alice)
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(at, "/"+tt.page), at)
			require.Nil(t, b.Get(t, again.resume()).Callback)
		})
	}
}

// slidingTrust is T-20.
func slidingTrust(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	clock := stillAt(h.Clock.Now())
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	b := a.browser(p)
	trustedBrowser(t, b, alice)
	for day := 1; day <= 31; day++ {
		clock.move(24 * time.Hour)
		require.Equal(t, day >= 30, askedForCode(t, b, alice), "day %d", day)
	}
}

// stolenDevice is T-21.
func stolenDevice(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	clock := stillAt(h.Clock.Now())
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	b := a.browser(p)
	trustedBrowser(t, b, alice)
	thief := copied(t, b)
	require.False(t, askedForCode(t, b, alice), "the owner's next login; the cookie changes")
	require.NotEqual(t, cookie(t, thief, "td-").Value, cookie(t, b, "td-").Value)

	clock.move(59 * time.Second)
	require.False(t, askedForCode(t, copied(t, thief), alice), "another tab may be a minute late")
	require.Equal(t, 1, devices(t, p))
	clock.move(2 * time.Second)
	require.True(t, askedForCode(t, thief, alice))

	require.Zero(t, devices(t, p), "the device is deleted")
	require.Equal(t, 1, events(t, p, mfa.EventDeviceTheft, "ok"))
	require.NoError(t, a.house.Server.Deliver(t.Context()))
	require.Contains(t, titles(p, alice), notice(t, h, p, "device_theft"))
	require.True(t, askedForCode(t, b, alice), "the owner is asked, too")
}

// deviceFromNothing is T-22. A login by recovery code is added with recovery
// codes.
func deviceFromNothing(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	b := browser(p)
	trustedBrowser(t, b, alice)
	require.Equal(t, 1, devices(t, p))

	t.Run("by a login that a device let through", func(t *testing.T) {
		v, _ := mustOpen(t, b, p.Authorize(p.Own, "prompt", "login"))
		v.mustPost(t, "/identify", "username", alice)
		page := v.mustPost(t, "/password", "password", harness.Password, "trust_device", "1")
		require.Contains(t, page.URL.Path, "/authorize/resume/")
		v.mustPost(t, "/challenge", "code", code(t, p, alice), "trust_device", "1")
		require.NotEmpty(t, v.finish(t).Get("code"))
		require.Equal(t, 1, devices(t, p))
	})
	t.Run("by the first factor alone", func(t *testing.T) {
		other := browser(p)
		v, _ := mustOpen(t, other, p.Authorize(p.Own))
		v.mustPost(t, "/identify", "username", alice)
		v.mustPost(t, "/password", "password", harness.Password, "trust_device", "1")
		v.mustPost(t, "/challenge", "code", wrong(code(t, p, alice), 0), "trust_device", "1")
		require.Nil(t, cookie(t, other, "td-"))
		require.Equal(t, 1, devices(t, p))
	})
	t.Run("by the confirmation of an action", func(t *testing.T) {
		fresh := browser(p)
		fresh.Login(t, bob, bob)
		v, page := mustOpen(t, fresh, p.Authorize(p.Own, "acr_values", "urn:sallyport:action:payout.request"))
		require.Equal(t, "confirm", page.Name)
		got := v.mustPost(t, "/confirm", "code", code(t, p, bob), "trust_device", "1")
		require.Equal(t, http.StatusSeeOther, got.Status)
		require.NotEmpty(t, v.finish(t).Get("code"))
		require.Nil(t, cookie(t, fresh, "td-"))
		require.Equal(t, 1, devices(t, p))
	})
	t.Run("by a step-up of the session", func(t *testing.T) {
		fresh := browser(p)
		fresh.Login(t, bob, bob)
		v, page := mustOpen(t, fresh, p.Authorize(p.Own, "acr_values", "urn:sallyport:acr:mfa"))
		require.Equal(t, "challenge", page.Name)
		require.NotContains(t, page.Form(t, "/challenge").Names, "trust_device")
		got := v.mustPost(t, "/challenge", "code", code(t, p, bobPhone), "trust_device", "1")
		require.Equal(t, http.StatusSeeOther, got.Status)
		require.Nil(t, cookie(t, fresh, "td-"))
		require.Equal(t, 1, devices(t, p))
	})
}

// shortenedTrust is T-23.
func shortenedTrust(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	clock := stillAt(h.Clock.Now())
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	old, young := a.browser(p), a.browser(p)
	trustedBrowser(t, old, alice)
	clock.move(47 * time.Hour)
	trustedBrowser(t, young, alice)
	clock.move(time.Hour)
	require.False(t, askedForCode(t, old, alice), "two days old, of thirty")

	apply(t, p, setup.Tenant{Policy: []byte(`{"trusted_device": {"lifetime": "P1D"}}`)})
	a.refresh(t)

	require.True(t, askedForCode(t, copied(t, old), alice))
	require.True(t, askedForCode(t, copied(t, young), alice), "the change voids every device")
	// Each control holds without the other one.
	exec(t, p, "update mfa_devices set policy_epoch = (select policy_epoch from tenants where id = $1) where tenant_id = $1")
	require.True(t, askedForCode(t, copied(t, old), alice), "two days old, of one")
	require.False(t, askedForCode(t, young, alice), "an hour old, of one day")
}
