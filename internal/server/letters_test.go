package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// logged is everything that is logged until the test ends.
func logged(t *testing.T) *bytes.Buffer {
	t.Helper()
	var all bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&all, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &all
}

func request(f *storetest.Fixture, kind, to string) identity.Notice {
	return identity.Notice{TenantID: storetest.TenantID, Kind: kind, To: mfa.Secret(to), Lang: "fr", At: f.Clock.Now()}
}

func openSignUp(t *testing.T, f *storetest.Fixture) {
	t.Helper()
	tenant := f.Tenant
	tenant.SignUp = true
	_, err := f.Store.UpdateTenant(t.Context(), tenant)
	require.NoError(t, err)
}

var linkIn = regexp.MustCompile(`https?://\S+`)

func TestALetterHoldsTheOneLinkThatIsItsPoint(t *testing.T) {
	verify := func(f *storetest.Fixture) identity.Notice {
		n := request(f, identity.RequestVerify, "")
		n.UserID = storetest.AliceID
		return n
	}
	tests := []struct {
		name   string
		notice func(f *storetest.Fixture) identity.Notice
		to     string
		link   string
		token  bool
	}{
		{"a reset", func(f *storetest.Fixture) identity.Notice {
			return request(f, identity.RequestReset, storetest.AliceName)
		}, storetest.AliceName, storetest.Issuer + "/reset", true},
		{"an address to be confirmed", verify, storetest.AliceName, storetest.Issuer + "/verify-email", true},
		{"a sign-up", func(f *storetest.Fixture) identity.Notice {
			return request(f, identity.RequestSignUp, "bob@example.net")
		}, "bob@example.net", storetest.Issuer + "/sign-up/finish", true},
		{"a sign-up of somebody who has an account", func(f *storetest.Fixture) identity.Notice {
			return request(f, identity.RequestSignUp, storetest.AliceName)
		}, storetest.AliceName, storetest.Issuer + "/settings", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, address string) {
				f, mail, log := storetest.New(t, address), &post{}, logged(t)
				s := newServer(t, f, mail, nil)
				withAddress(t, s, f)
				openSignUp(t, f)
				_, err := f.Store.UpdateUser(t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error {
					u.Profile.EmailVerified = false
					return nil
				})
				require.NoError(t, err)
				require.NoError(t, f.Store.QueueNotices(t.Context(), tt.notice(f)))

				require.NoError(t, s.Deliver(t.Context()))

				require.Len(t, mail.sent, 1)
				m := mail.sent[0]
				require.Equal(t, tt.to, m.To.Reveal())
				require.Equal(t, "fr", m.Lang, "the language of the page on which it was asked for")
				require.Empty(t, m.Code)
				links := linkIn.FindAllString(m.Text.Reveal(), -1)
				require.Len(t, links, 1)
				require.Contains(t, strings.ReplaceAll(m.HTML.Reveal(), "&amp;", "&"), links[0])
				page, query, _ := strings.Cut(links[0], "?")
				require.Equal(t, tt.link, page)
				values, err := url.ParseQuery(query)
				require.NoError(t, err)
				require.Equal(t, tt.token, len(values.Get("token")) == 43)
				if tt.token {
					require.NotContains(t, m.Title+fmt.Sprintf("%v %+v", m, m)+log.String(), values.Get("token"), "it is in the mail alone")
				}
				require.NotContains(t, log.String(), tt.to)
				require.Equal(t, "sent", outcome(t, f))
			})
		})
	}
}

func TestNobodyIsWrittenToWhoHasNoAccount(t *testing.T) {
	f, mail, log := storetest.New(t, testdb.SQLite(t)), &post{}, logged(t)
	s := newServer(t, f, mail, nil)
	require.NoError(t, f.Store.QueueNotices(t.Context(), request(f, identity.RequestReset, "nobody@example.com")))

	require.NoError(t, s.Deliver(t.Context()))

	require.Empty(t, mail.sent)
	require.Equal(t, "failed", outcome(t, f))
	require.Empty(t, log.String(), "who asks about whom is nothing for a log")
}

func TestASecondTryIsALetterOfItsOwn(t *testing.T) {
	f, log := storetest.New(t, testdb.SQLite(t)), logged(t)
	mail := &deaf{}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	require.NoError(t, f.Store.QueueNotices(t.Context(), request(f, identity.RequestReset, storetest.AliceName)))
	for range 2 {
		require.NoError(t, s.Deliver(t.Context()))
		f.Clock.Move(noticeLease)
	}

	require.Len(t, mail.sent, 2)
	first, second := mail.sent[0], mail.sent[1]
	require.NotEqual(t, first.ID, second.ID, "a gateway that knows the first must not leave out the second")
	require.NotEqual(t, linkIn.FindString(first.Text.Reveal()), linkIn.FindString(second.Text.Reveal()))
	require.Contains(t, log.String(), "notice not sent yet")
	require.NotContains(t, log.String(), storetest.AliceName)
	require.NotContains(t, log.String(), "token=")
}

// deaf is a gateway that takes a message and fails to say so.
type deaf struct{ post }

// Send implements [mfa.Sender].
func (d *deaf) Send(ctx context.Context, m mfa.Message) (string, error) {
	_, _ = d.post.Send(ctx, m)
	return "", errors.New("connection reset")
}

// TestTheLinkInAMailOpensItsPage goes the whole way through the whole server: the
// form, the outbox, the mail, the page without the token.
func TestTheLinkInAMailOpensItsPage(t *testing.T) {
	f, mail := storetest.New(t, testdb.SQLite(t)), &post{}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	jar := map[string]string{}
	send := func(r *http.Request) *httptest.ResponseRecorder {
		for name, value := range jar {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			jar[c.Name] = c.Value
		}
		return w
	}
	page := send(httptest.NewRequest(http.MethodGet, "/t/acme/forgot", nil))
	csrf := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page.Body.String())
	require.NotNil(t, csrf)
	form := url.Values{"csrf": {csrf[1]}, "username": {storetest.AliceName}}
	r := httptest.NewRequest(http.MethodPost, "/t/acme/forgot", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusSeeOther, send(r).Code)
	require.NoError(t, s.Deliver(t.Context()))
	require.Len(t, mail.sent, 1)
	link, err := url.Parse(linkIn.FindString(mail.sent[0].Text.Reveal()))
	require.NoError(t, err)
	require.Equal(t, "login.example", link.Host)

	hop := send(httptest.NewRequest(http.MethodGet, link.RequestURI(), nil))

	require.Equal(t, "/t/acme/reset", hop.Header().Get("Location"))
	require.Contains(t, send(httptest.NewRequest(http.MethodGet, "/t/acme/reset", nil)).Body.String(), `data-state="open"`)
}
