package provider

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
)

// begun is a page that asks alice to confirm a payout.
func (b *browser) begun(t *testing.T, txn string) string {
	t.Helper()
	id := interactionID(t, b.authorize(reference(b.s.mustPush(payout(txn)))))
	require.Equal(t, consent.StepConfirm, b.open(id).Step)
	return id
}

func (s *authServer) statusOf(t *testing.T, txn string) consent.ConfirmationStatus {
	t.Helper()
	v, err := s.store.ConfirmationOf(t.Context(), tenantA, appShop, "payout.request", txn)
	require.NoError(t, err)
	return v.Status
}

func TestOneConfirmationOfAnActionIsOpenAtATime(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	own := s.signedIn(time.Minute)

	first := own.begun(t, "order-1")
	require.Equal(t, consent.ConfirmationChallenged, s.statusOf(t, "order-1"))

	t.Run("in another browser, there is no second one", func(t *testing.T) {
		code := s.mail.code
		_, got := told(t, s.signedIn(time.Minute).authorizeOnce(t, payout("order-2")))
		require.Equal(t, "access_denied", got.Get("error"))
		require.Contains(t, got.Get("error_description"), "another browser")
		require.Equal(t, code, s.mail.code, "nothing is sent")
		require.Equal(t, consent.StepConfirm, own.open(first).Step, "the first one goes on")
	})
	t.Run("in the same browser, it gives way", func(t *testing.T) {
		second := own.begun(t, "order-3")
		require.Equal(t, consent.ConfirmationCancelled, s.statusOf(t, "order-1"))
		_, got := told(t, own.resume(first))
		require.Equal(t, "access_denied", got.Get("error"))
		require.Contains(t, got.Get("error_description"), "has begun another")
		_, _, err := s.flow.Answer(t.Context(), own.open(second), consent.Given{
			ChallengeID: own.open(second).In.State.ChallengeID, Input: s.mail.code,
		}, consent.Browser{})
		require.NoError(t, err)
		_, got = told(t, own.resume(second))
		require.NotEmpty(t, got.Get("code"))
	})
	t.Run("once it was decided or is past its time, the way is free", func(t *testing.T) {
		own.begun(t, "order-4")
		s.advance(11 * time.Minute)
		s.signedIn(time.Minute).begun(t, "order-5")
		require.Equal(t, consent.ConfirmationExpired, s.statusOf(t, "order-4"))
	})
	t.Run("a page that only an app vouches for gives way to a user who is there", func(t *testing.T) {
		s.vouches(func(c *identity.Client) { c.Actions = append(c.Actions, "payment_details.add") })
		s.advance(11 * time.Minute)
		thief := s.browser()
		id := interactionID(t, thief.authorize(reference(s.mustPush(s.vouched("order-6")))))
		s.signedIn(time.Minute).begun(t, "order-7")
		require.Equal(t, consent.StepRefuse, thief.open(id).Step)
		_, got := told(t, thief.authorizeOnce(t, s.vouched("order-8")))
		require.Equal(t, "access_denied", got.Get("error"), "and not the other way round")
	})
	t.Run("what a crash left behind is taken up", func(t *testing.T) {
		s.advance(11 * time.Minute)
		b := s.signedIn(time.Minute)
		id := b.begun(t, "order-9")
		had := b.open(id).In.State.ConfirmationID
		_, err := s.store.UpdateInteraction(t.Context(), tenantA, id, func(in *consent.Interaction) error {
			in.State.ConfirmationID, in.State.ConfirmBy = "", time.Time{} // the row was written, and this was not
			return nil
		})
		require.NoError(t, err)
		_, err = s.flow.Arrive(t.Context(), b.open(id), consent.Browser{Hash: b.open(id).In.BrowserHash})
		require.NoError(t, err)
		require.Equal(t, had, b.open(id).In.State.ConfirmationID)
	})
	t.Run("another action is another matter", func(t *testing.T) {
		other := s.signedIn(time.Minute)
		interactionID(t, other.authorize(shopForm("acr_values=urn:sallyport:action:payment_details.add")))
	})
}

// authorizeOnce is the answer to a payout, whether or not a page was begun for it.
func (b *browser) authorizeOnce(t *testing.T, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	w := b.authorize(reference(b.s.mustPush(form)))
	id, begun := strings.CutPrefix(w.Header().Get("Location"), "/t/a/interaction/")
	if begun {
		return b.resume(id)
	}
	return w
}

func TestAnAppThatAsksTooOftenIsToldWhen(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	b := s.signedIn(time.Minute)
	pinned := func(txn string) url.Values {
		return edited(payout(txn), `claims={"id_token":{"sub":{"value":"user-alice"}}}`)
	}
	for i := range 10 {
		interactionID(t, b.authorize(reference(s.mustPush(pinned("order-"+strconv.Itoa(i))))))
	}
	got := s.push(pinned("order-10"), asShop)
	require.Equal(t, http.StatusTooManyRequests, got.Status)
	require.Equal(t, "access_denied", got.Error)
	require.Equal(t, "360", got.Header.Get("Retry-After"))
	require.Equal(t, http.StatusCreated, s.push(pinned("order-9"), asShop).Status, "the one that is open already")
	s.mustPush(payout("for-anybody"))
	s.mustPush(edited(payout("for-bob"), `claims={"id_token":{"sub":{"value":"user-bob"}}}`))
	s.mustPush(edited(shopForm(), `claims={"id_token":{"sub":{"value":"user-alice"}}}`)) // a login
	s.advance(6 * time.Minute)
	s.mustPush(pinned("order-10"))
}

func TestOfManyConfirmationsAtOnceOneIsOpen(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		s.usePolicy("contractor-email-first")
		const many = 8
		browsers, uris := make([]*browser, many), make([]string, many)
		for i := range many {
			browsers[i] = s.signedIn(time.Minute)
			uris[i] = s.mustPush(payout("order-" + string(rune('a'+i))))
		}
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() { browsers[i].authorize(reference(uris[i])) })
		}
		wg.Wait()
		open := 0
		for i := range many {
			v, err := s.store.ConfirmationOf(t.Context(), tenantA, appShop, "payout.request", "order-"+string(rune('a'+i)))
			if err == nil && (v.Status == consent.ConfirmationRequested || v.Status == consent.ConfirmationChallenged) {
				open++
			}
		}
		require.Equal(t, 1, open)
	})
}
