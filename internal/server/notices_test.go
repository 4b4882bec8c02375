package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/store/storetest"
	"github.com/sallyport-id/sallyport/templates"
)

// withAddress gives alice a registered address.
func withAddress(t *testing.T, s *Server, f *storetest.Fixture) {
	t.Helper()
	require.NoError(t, s.Factors.AddContact(t.Context(), mfa.Contact{
		ID: "c1", Subject: f.Alice.Subject(), Kind: mfa.ContactEmail, Value: storetest.AliceName, Status: mfa.ContactConfirmed,
		Source: mfa.SourceSelf, Registered: true, CreatedAt: storetest.Start,
	}))
}

func queue(t *testing.T, f *storetest.Fixture, kinds ...string) {
	t.Helper()
	for _, k := range kinds {
		require.NoError(t, f.Store.QueueNotices(t.Context(), identity.Notice{
			TenantID: storetest.TenantID, UserID: storetest.AliceID, Kind: k, Device: "Chrome on Linux", At: f.Clock.Now(),
		}))
	}
}

func TestNoticesGoToTheRegisteredAddress(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	mail := &post{}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	queue(t, f, "device_trusted", "factor_locked", "second_step_failed", "device_theft")

	require.NoError(t, s.Deliver(t.Context()))
	require.NoError(t, s.Deliver(t.Context()))

	require.Len(t, mail.sent, 4)
	for _, m := range mail.sent {
		require.Equal(t, storetest.AliceName, m.To.Reveal())
		require.NotEmpty(t, m.Title)
		require.NotEmpty(t, m.HTML)
		require.Empty(t, m.Code)
	}
	texts := mail.sent[0].Text.Reveal() + mail.sent[1].Text.Reveal() + mail.sent[2].Text.Reveal() + mail.sent[3].Text.Reveal()
	require.Contains(t, texts, "Chrome on Linux")
}

// TestANoticeSaysWhatElseEndedAndWhereHelpIs goes through the outbox.
func TestANoticeSaysWhatElseEndedAndWhereHelpIs(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	mail := &post{}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	tenant, err := f.Store.Tenant(t.Context(), storetest.TenantID)
	require.NoError(t, err)
	tenant.HelpURL = "https://acme.example/help"
	_, err = f.Store.UpdateTenant(t.Context(), tenant)
	require.NoError(t, err)
	require.NoError(t, s.Realms.Refresh(t.Context()))
	require.NoError(t, f.Store.QueueNotices(t.Context(), identity.Notice{
		TenantID: storetest.TenantID, UserID: storetest.AliceID, Kind: mfa.NoticeContactRemoved, Method: "sms", At: f.Clock.Now(),
		Also: []string{"sms", "voice"}, TwoStep: "off",
	}))

	require.NoError(t, s.Deliver(t.Context()))

	require.Len(t, mail.sent, 1)
	text := mail.sent[0].Text.Reveal()
	require.Equal(t, "Your phone number was removed", mail.sent[0].Title)
	require.Contains(t, text, "Text message, Phone call")
	require.Contains(t, text, "Two-step sign-in is off with it")
	require.Contains(t, text, "Help: https://acme.example/help")
}

// TestEveryNoticeOfTheEngineHasItsWords: what package mfa queues, package templates has
// a text for.
func TestEveryNoticeOfTheEngineHasItsWords(t *testing.T) {
	set, err := templates.New()
	require.NoError(t, err)
	for _, kind := range []string{mfa.NoticeContactConfirmed, mfa.NoticeContactRemoved, mfa.NoticePINSet, mfa.NoticeCodesReplaced} {
		subject, _, _, err := set.AccountText("en", kind, templates.AccountData{TextData: templates.TextData{Channel: "email", Tenant: "Acme"}})
		require.NoError(t, err, kind)
		require.NotEmpty(t, subject, kind)
	}
}

// TestANoticeIsTriedEverMoreSeldom moves the clock minute by minute.
func TestANoticeIsTriedEverMoreSeldom(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		f := storetest.New(t, address)
		mail := &post{refuses: errors.New("421 try again")}
		s := newServer(t, f, mail, nil)
		withAddress(t, s, f)
		queue(t, f, "factor_locked")
		var tries []int

		for minute := range 70 {
			before := mail.asked
			require.NoError(t, s.Deliver(t.Context()))
			require.NoError(t, s.Deliver(t.Context()), "not again before the lease is over")
			if mail.asked > before {
				tries = append(tries, minute)
			}
			f.Clock.Move(noticeLease)
		}

		require.Equal(t, []int{0, 1, 3, 7, 15, 31, 63}, tries, "in minutes: 1, 2, 4, 8, 16 and 32 between them")
		require.Equal(t, len(tries), mail.asked)
		require.Equal(t, "failed", outcome(t, f))
	})
}

func TestANoticeIsSentOnceTheGatewayIsBack(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	mail := &post{refuses: errors.New("421 try again")}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	queue(t, f, "factor_locked")
	for range 2 {
		require.NoError(t, s.Deliver(t.Context()))
		f.Clock.Move(noticeLease)
	}
	mail.refuses = nil
	require.NoError(t, s.Deliver(t.Context()))
	require.Empty(t, mail.sent, "it waits two minutes after its second try")
	f.Clock.Move(noticeLease)

	require.NoError(t, s.Deliver(t.Context()))

	require.Len(t, mail.sent, 1)
	require.Equal(t, "sent", outcome(t, f))
}

// outcome is what became of the only notice there is.
func outcome(t *testing.T, f *storetest.Fixture) (status string) {
	t.Helper()
	require.NoError(t, f.DB.SQL.QueryRowContext(t.Context(), "select status from notifications").Scan(&status))
	return status
}

func TestANoticeToNobodyIsGivenUpAtOnce(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	s := newServer(t, f, &post{}, nil)
	queue(t, f, "factor_locked")

	require.NoError(t, s.Deliver(t.Context()))

	require.Equal(t, "failed", outcome(t, f))
}

func TestASuspendedTenantSendsNothing(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	mail := &post{}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	queue(t, f, "factor_locked")
	tenant := f.Tenant
	tenant.Status = identity.TenantSuspended
	_, err := f.Store.UpdateTenant(t.Context(), tenant)
	require.NoError(t, err)

	require.NoError(t, s.Deliver(t.Context()))

	require.Empty(t, mail.sent)
	require.Equal(t, "failed", outcome(t, f))
}

// contactChanged tells of a number that took the place of another one.
func contactChanged(f *storetest.Fixture, to string) identity.Notice {
	return identity.Notice{
		TenantID: storetest.TenantID, UserID: storetest.AliceID, Kind: templates.NoticeContactChanged, At: f.Clock.Now(),
		ContactID: to, Method: string(policy.SMS), Masked: "+49 ••• 1000", Device: "Chrome on Linux",
	}
}

func addContact(t *testing.T, s *Server, f *storetest.Fixture, c mfa.Contact) {
	t.Helper()
	c.Subject, c.Source, c.CreatedAt = f.Alice.Subject(), mfa.SourceSelf, storetest.Start
	require.NoError(t, s.Factors.AddContact(t.Context(), c))
}

func TestTheOldContactIsToldToo(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		f := storetest.New(t, address)
		mail := &post{}
		s := newServer(t, f, mail, nil)
		withAddress(t, s, f)
		addContact(t, s, f, mfa.Contact{ID: "old-phone", Kind: mfa.ContactPhone, Value: "+4915735991000", Status: mfa.ContactReplaced, ReplacedBy: "p2"})
		addContact(t, s, f, mfa.Contact{ID: "old-mail", Kind: mfa.ContactEmail, Value: "old@example.com", Status: mfa.ContactReplaced, ReplacedBy: "c1"})
		require.NoError(t, f.Store.QueueNotices(t.Context(),
			contactChanged(f, ""), contactChanged(f, "old-phone"), contactChanged(f, "old-mail")))

		require.NoError(t, s.Deliver(t.Context()))

		require.Len(t, mail.sent, 3)
		to := map[string]mfa.Message{}
		for _, m := range mail.sent {
			to[m.To.Reveal()] = m
		}
		require.Equal(t, "Your phone number was changed", to[storetest.AliceName].Title)
		require.Contains(t, to[storetest.AliceName].Text.Reveal(), "+49 ••• 1000")
		sms := to["+4915735991000"]
		require.Equal(t, policy.SMS, sms.Channel)
		require.Contains(t, sms.Text.Reveal(), "This number was replaced in your account")
		require.Empty(t, sms.HTML)
		require.Equal(t, "This address was replaced in your account", to["old@example.com"].Title)
		for _, number := range []string{"+4915735991000", "old@example.com"} {
			require.NotContains(t, to[number].Text.Reveal(), "1000", "the old contact is not told the new one")
		}
	})
}

func TestAContactThatCannotBeToldIsGivenUp(t *testing.T) {
	for name, c := range map[string]mfa.Contact{
		"it was never confirmed":    {ID: "p", Kind: mfa.ContactPhone, Value: "+4915735991000", Status: mfa.ContactPending},
		"it takes no text messages": {ID: "p", Kind: mfa.ContactPhone, Value: "+4915735991000", Status: mfa.ContactReplaced, SMSIncapable: true},
		"it is not there any more":  {ID: "other", Kind: mfa.ContactPhone, Value: "+4915735991000", Status: mfa.ContactReplaced},
	} {
		t.Run(name, func(t *testing.T) {
			f := storetest.New(t, testdb.SQLite(t))
			mail := &post{}
			s := newServer(t, f, mail, nil)
			addContact(t, s, f, c)
			require.NoError(t, f.Store.QueueNotices(t.Context(), contactChanged(f, "p")))

			require.NoError(t, s.Deliver(t.Context()))

			require.Empty(t, mail.sent)
			require.Equal(t, "failed", outcome(t, f))
		})
	}
}

func TestANoticeTellsWhatItIsAbout(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	mail := &post{}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	require.NoError(t, f.Store.QueueNotices(t.Context(),
		identity.Notice{TenantID: storetest.TenantID, UserID: storetest.AliceID, Kind: templates.NoticeFactorAdded, Method: "totp", At: f.Clock.Now()},
		identity.Notice{TenantID: storetest.TenantID, UserID: storetest.AliceID, Kind: templates.NoticeRecoveryCodeUsed, Count: 2, At: f.Clock.Now()},
	))

	require.NoError(t, s.Deliver(t.Context()))

	require.Len(t, mail.sent, 2)
	all := mail.sent[0].Title + mail.sent[1].Title + strings.Join(strings.Fields(mail.sent[0].Text.Reveal()+mail.sent[1].Text.Reveal()), " ")
	require.Contains(t, all, "Authenticator app turned on")
	require.Regexp(t, `[Cc]odes left:? 2`, all)
}

func TestANoticeIsInTheLanguageAndZoneOfTheUser(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	mail := &post{}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	_, err := f.Store.UpdateUser(t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error {
		u.Profile.Locale, u.Profile.Zoneinfo = "de-AT", "Asia/Tokyo"
		return nil
	})
	require.NoError(t, err)
	queue(t, f, "device_trusted")

	require.NoError(t, s.Deliver(t.Context()))

	require.Len(t, mail.sent, 1)
	require.Equal(t, "de", mail.sent[0].Lang)
	require.Contains(t, mail.sent[0].HTML.Reveal(), `lang="de"`)
	require.Contains(t, mail.sent[0].Text.Reveal(), storetest.Start.In(time.FixedZone("JST", 9*3600)).Format("15:04")+" JST")
}
