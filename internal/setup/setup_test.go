package setup_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/gormstore"
	"github.com/sallyport-id/sallyport/store"
)

// house is a setup over a real database with nothing in it.
type house struct {
	*setup.Setup
	rows    *store.Store
	factors *gormstore.Store
	now     time.Time
}

func newHouse(t *testing.T, url string) *house {
	t.Helper()
	db, err := store.Open(t.Context(), url, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	hashes, err := identity.NewHasher(identity.Cost{Memory: 8, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	h := &house{now: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return h.now }
	ring := seal.New(h.now)
	h.rows, h.factors = &store.Store{DB: db, Seal: ring, Now: clock}, server.NewFactors(db, ring)
	h.Setup = &setup.Setup{
		Rows: h.rows, Factors: h.factors, Ring: ring, Peppers: server.Peppers(ring), Hashes: hashes, PublicURL: public(t, "http://localhost:8080"), Now: clock, Author: "test",
	}
	return h
}

func public(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

// apply applies text, and moves the clock on, so that what is written twice is
// seen.
func (h *house) apply(t *testing.T, text string) []string {
	t.Helper()
	changes, err := h.try(t, text)
	require.NoError(t, err)
	return changes
}

func (h *house) try(t *testing.T, text string) ([]string, error) {
	t.Helper()
	f, err := setup.Parse([]byte(strings.ReplaceAll(text, "\t", "  ")))
	if err != nil {
		return nil, err
	}
	h.now = h.now.Add(time.Minute)
	return h.Apply(t.Context(), f)
}

func (h *house) tenant(t *testing.T, slug string) identity.Tenant {
	t.Helper()
	row, err := h.rows.TenantBySlug(t.Context(), slug)
	require.NoError(t, err)
	return row
}

func (h *house) user(t *testing.T, name string) (identity.User, mfa.Enrolments) {
	t.Helper()
	u, err := h.rows.UserByName(t.Context(), h.tenant(t, "acme").ID, name)
	require.NoError(t, err)
	e, err := h.factors.Enrolments(t.Context(), u.Subject())
	require.NoError(t, err)
	return u, e
}

func (h *house) contact(t *testing.T, name string, kind mfa.ContactKind) mfa.Contact {
	t.Helper()
	_, enrolled := h.user(t, name)
	for _, c := range enrolled.Contacts {
		if c.Kind == kind {
			return c
		}
	}
	require.Fail(t, "no such contact")
	return mfa.Contact{}
}

const secret = "a-secret-of-more-than-32-characters"

// acme is a tenant with everything that a file can say.
const acme = `
tenants:
- slug: acme
	name: Acme Payments
	brand: "#0b5563"
	locale: de
	time_zone: Europe/Berlin
	help_url: https://acme.example/help
	privacy_url: https://acme.example/privacy
	preset: contractor-email-first
	reason: first set-up
	policy: {methods: {recovery_codes: {enabled: false}}}
	clients:
	- client_id: billing
		client_name: Acme Billing
		client_secret: ` + secret + `
		redirect_uris: ["https://billing.example/callback", "http://127.0.0.1:9999/cb", "com.example.app:/cb"]
		grant_types: [authorization_code, refresh_token, client_credentials]
		scopes: [openid, email]
		first_party: true
	- client_id: spa
		auth_methods: [none]
		redirect_uris: ["https://spa.example/cb"]
	users:
	- username: Dora@Example.com
		password: a-long-passphrase-of-hers
		phone: "+52 644 183 2399"
		phone_status: confirmed
		phone_source: self
		mfa_enabled: true
		factors: [email, sms]
		admin: true
		profile: {name: Dora, phone_number: "+526441832399", phone_number_verified: true, address: {country: MX}}
	- username: carl@example.com
		email_status: unverified
`

func TestApplyTwiceChangesNothing(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		h := newHouse(t, url)

		first := h.apply(t, acme)

		require.Contains(t, first, "acme: created, issuer http://localhost:8080/t/acme")
		require.Contains(t, first, "acme: policy is version 1")
		require.Contains(t, first, "acme: client billing created")
		require.Contains(t, first, "acme: client spa created")
		require.Contains(t, strings.Join(first, "\n"), "acme: user d•••@example.com created, sub ")
		require.Contains(t, strings.Join(first, "\n"), "signing key ES256 is ")
		before, beforeEnrolled := h.user(t, "dora@example.com")
		require.Empty(t, h.apply(t, acme))
		after, afterEnrolled := h.user(t, "dora@example.com")
		require.Equal(t, before, after)
		require.Equal(t, beforeEnrolled, afterEnrolled)
	})
}

func TestATenantsOwnTexts(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	own := "tenants:\n- slug: acme\n  texts:\n    en:\n      sms.login: \"{code} opens {tenant}, until {until}\"\n    ar:\n      sms.action: \"{code} " + strings.Repeat("ع", 80) + "\"\n"
	h.apply(t, acme)

	changes := h.apply(t, own)

	require.Contains(t, changes, "acme: changed: texts")
	require.Contains(t, strings.Join(changes, "\n"), "texts.ar.sms.action takes 2 SMS each time")
	require.Contains(t, h.tenant(t, "acme").Texts, "{code} opens {tenant}, until {until}")
	require.Empty(t, h.apply(t, own))
	require.Empty(t, h.apply(t, "tenants: [{slug: acme}]"), "what is not mentioned stays")
	for text, says := range map[string]string{
		"{en: {sms.login: 'Hello'}}":                          "texts.en.sms.login: templates: text cannot be used: it lacks {code}",
		"{en: {sms.hello: '{code}'}}":                         "texts.en.sms.hello: no such text",
		"{xx: {sms.login: '{code}'}}":                         "texts.xx: no such language",
		"{en: {sms.login: '{code} @acme.example #{code}'}}":   "texts.en.sms.login: templates: text cannot be used",
		"{en: {sms.login: '{code}" + strings.Repeat("x", 160): "shorten it to one",
	} {
		if !strings.HasSuffix(text, "}}") {
			text += "'}}"
		}
		f, err := setup.Parse([]byte("tenants: [{slug: acme, texts: " + text + "}]"))
		require.NoError(t, err)
		_, err = h.Apply(t.Context(), f)
		require.ErrorContains(t, err, "tenant acme: ")
		require.ErrorContains(t, err, says)
	}
	require.Equal(t, []string{"acme: changed: texts"}, h.apply(t, "tenants: [{slug: acme, texts: {}}]"))
	require.Empty(t, h.tenant(t, "acme").Texts)
}

func TestWhatIsWrittenIsWhatTheFileSays(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)

	tenant := h.tenant(t, "acme")
	require.Equal(t, "Acme Payments", tenant.Name)
	require.Equal(t, "de", tenant.Locale)
	require.Equal(t, "https://acme.example/privacy", tenant.Privacy)
	require.Equal(t, "contractor-email-first", tenant.Preset)
	dora, enrolled := h.user(t, "dora@example.com")
	require.True(t, dora.Admin && dora.MFAEnabled)
	require.Equal(t, "dora@example.com", dora.Profile.Email)
	require.True(t, dora.Profile.EmailVerified)
	ok, err := h.Hashes.Verify(t.Context(), dora.PasswordHash, "a-long-passphrase-of-hers")
	require.NoError(t, err)
	require.True(t, ok)
	require.Len(t, enrolled.Contacts, 2)
	require.Len(t, enrolled.Factors, 2)
	phone := h.contact(t, "dora@example.com", mfa.ContactPhone)
	require.Equal(t, "+526441832399", phone.Value.Reveal())
	require.Equal(t, "MX", phone.Country)
	require.Equal(t, mfa.ContactConfirmed, phone.Status)
	require.Equal(t, mfa.SourceSelf, phone.Source)
	carl, _ := h.user(t, "carl@example.com")
	require.False(t, carl.Profile.EmailVerified)
	require.Empty(t, carl.PasswordHash)
	require.Equal(t, mfa.ContactUnverified, h.contact(t, "carl@example.com", mfa.ContactEmail).Status)
	spa, err := h.rows.Client(t.Context(), tenant.ID, "spa")
	require.NoError(t, err)
	require.Equal(t, identity.ACRRequired, spa.ACRMode)
	require.Empty(t, spa.Secrets)
}

// TestWhatAFileDoesNotMentionStays applies a second file that names the same
// things and little about them, after the world has moved on.
func TestWhatAFileDoesNotMentionStays(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	h.apply(t, `{tenants: [{slug: acme, users: [{username: carl@example.com, phone: "+49 1573 5991000"}]}]}`)
	carl, _ := h.user(t, "carl@example.com")
	number := h.contact(t, "carl@example.com", mfa.ContactPhone)
	require.Equal(t, mfa.ContactUnverified, number.Status)
	require.Equal(t, mfa.SourceAdmin, number.Source)
	require.NoError(t, h.factors.ConfirmContact(t.Context(), carl.Subject(), number.ID, false, h.now))
	tenant, before := h.tenant(t, "acme"), [2]any{}
	before[0], before[1] = h.user(t, "dora@example.com")
	app, err := h.rows.Client(t.Context(), tenant.ID, "billing")
	require.NoError(t, err)

	changes := h.apply(t, `
tenants:
- slug: acme
	clients: [{client_id: billing}, {client_id: spa}]
	users:
	- {username: dora@example.com, factors: [sms], profile: {}}
	- {username: carl@example.com, phone: "+4915735991000"}
`)

	require.Empty(t, changes)
	require.Equal(t, tenant, h.tenant(t, "acme"))
	after := [2]any{}
	after[0], after[1] = h.user(t, "dora@example.com")
	require.Equal(t, before, after)
	require.Equal(t, mfa.ContactConfirmed, h.contact(t, "carl@example.com", mfa.ContactPhone).Status, "what the user proved stays proved")
	carl, _ = h.user(t, "carl@example.com")
	require.False(t, carl.Profile.EmailVerified, "an address is not verified by not being mentioned")
	still, err := h.rows.Client(t.Context(), tenant.ID, "billing")
	require.NoError(t, err)
	require.Equal(t, app, still)
}

func TestMentionedThingsChange(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	dora, _ := h.user(t, "dora@example.com")

	changes := h.apply(t, `
tenants:
- slug: acme
	name: Acme
	clients: [{client_id: billing, redirect_uris: ["https://new.example/cb"], disabled: true}]
	users:
	- {username: dora@example.com, password: another-passphrase, mfa_enabled: false, admin: false, disabled: true, profile: {nickname: Do}}
	- {username: carl@example.com, email_status: confirmed, factors: [email]}
`)

	app, err := h.rows.Client(t.Context(), h.tenant(t, "acme").ID, "billing")
	require.NoError(t, err)
	require.Equal(t, []string{"https://new.example/cb"}, app.RedirectURIs)
	require.True(t, app.Disabled)
	require.Equal(t, "Acme Billing", app.Name)
	after, _ := h.user(t, "dora@example.com")
	require.Equal(t, identity.UserDisabled, after.Status)
	require.Equal(t, dora.PasswordEpoch+1, after.PasswordEpoch, "a new password ends the sessions")
	require.Equal(t, "Dora", after.Profile.Name)
	require.Equal(t, "Do", after.Profile.Nickname)
	require.True(t, after.Profile.PhoneNumberVerified)
	require.False(t, after.Admin || after.MFAEnabled)
	carl, _ := h.user(t, "carl@example.com")
	require.True(t, carl.Profile.EmailVerified)
	require.Equal(t, []string{
		"acme: changed: name", "acme: client billing changed: disabled, redirect_uris",
		"acme: user d•••@example.com changed, sub " + dora.ID, "acme: user c•••@example.com changed, sub " + carl.ID,
	}, changes)
	require.EqualValues(t, 1, carl.MFAEpoch, "a factor that comes to an account voids its devices")
	require.NotZero(t, h.contact(t, "carl@example.com", mfa.ContactEmail).ConfirmedAt)
}

func TestANewNumberInTheProfileIsNotVerifiedByTheOldOne(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)

	h.apply(t, `{tenants: [{slug: acme, users: [{username: dora@example.com, profile: {phone_number: "+526441832300"}}]}]}`)

	dora, _ := h.user(t, "dora@example.com")
	require.Equal(t, "+526441832300", dora.Profile.PhoneNumber)
	require.False(t, dora.Profile.PhoneNumberVerified)
}

// TestADisabledFactorComesBackAsANewRow states how an admin gives a factor back:
// key material and counters of the old one are never used again.
func TestADisabledFactorComesBackAsANewRow(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	dora, enrolled := h.user(t, "dora@example.com")
	require.NoError(t, h.factors.DisableFactor(t.Context(), dora.Subject(), enrolled.Factors[0].ID, time.Now()))

	require.Equal(t, []string{"acme: user d•••@example.com changed, sub " + dora.ID}, h.apply(t, acme))

	_, after := h.user(t, "dora@example.com")
	require.Len(t, after.Factors, 2)
	require.NotContains(t, []string{after.Factors[0].ID, after.Factors[1].ID}, enrolled.Factors[0].ID)
}

func TestANumberIsUniqueWhereThePolicySaysSo(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	h.apply(t, `{tenants: [{slug: acme, policy: {contacts: {phone: {unique: confirmed_in_tenant}}}}]}`)
	require.Len(t, h.apply(t, acme), 1, "dora's number is one that nobody else can have from now on")

	_, err := h.try(t, `{tenants: [{slug: acme, users: [{username: carl@example.com, phone: "+526441832399", phone_status: confirmed}]}]}`)

	require.ErrorIs(t, err, mfa.ErrContactInUse)
	require.ErrorContains(t, err, "tenant acme: user carl@example.com")
}
