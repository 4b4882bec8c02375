package settings

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// mountLife adds the pages on which a user enables, changes and disables methods.
// They are the same in the settings and in the middle of a login.
//
// Forms post and are answered with a redirect to the page of the operation, which
// shows what comes next. Three answers are pages of their own: the check of a
// telephone number, which is stored only afterwards; a form with a mistake; and new
// recovery codes, which are shown once and kept nowhere.
func (h *Handler) mountLife(r gin.IRouter, page func(handler) gin.HandlerFunc) {
	add := func(method, path string, do handler) { r.Handle(method, path, page(h.lived(do))) }
	add(http.MethodGet, "/add", h.showAdd)
	add(http.MethodPost, "/add", h.submitAdd)
	add(http.MethodGet, "/add/app", h.showAddApp)
	add(http.MethodPost, "/add/app", h.submitAddApp)
	add(http.MethodGet, "/confirm", h.showConfirm)
	add(http.MethodPost, "/start", h.submitStart)
	add(http.MethodGet, "/done", h.showDone)
	add(http.MethodPost, "/done", h.submitDone)
	add(http.MethodPost, "/codes.txt", h.submitSheet)

	add(http.MethodGet, "/op/:op", h.showOperation)
	add(http.MethodGet, "/op/:op/contact", h.showContact)
	add(http.MethodPost, "/op/:op/contact", h.submitContact)
	// Where an answer was wrong, the page is at the address of its form: it is loaded
	// again from there, by its script too when another way opens.
	add(http.MethodGet, "/op/:op/answer", h.showOperation)
	add(http.MethodPost, "/op/:op/answer", h.submitAnswer)
	add(http.MethodPost, "/op/:op/password", h.submitPassword)
	add(http.MethodPost, "/op/:op/switch", h.submitSwitch)
	add(http.MethodPost, "/op/:op/resend", h.submitResend)
	add(http.MethodPost, "/op/:op/finish", h.submitFinish)
	add(http.MethodPost, "/op/:op/cancel", h.submitCancel)
}

// A mistake is a failure that the user can mend on the page that it came from. Page
// shows that page again; who asked for JSON gets the cause instead.
type mistake struct {
	cause error
	page  func() error
}

func (m *mistake) Error() string { return "settings: " + m.cause.Error() }

func (m *mistake) Unwrap() error { return m.cause }

// lived makes do answer its failures: with the page of a mistake, with the reason
// why a change is refused, or, where JSON was asked for, with problem details.
func (h *Handler) lived(do handler) handler {
	return func(c *gin.Context, s *web.Seat) error {
		err := do(c, s)
		if err == nil {
			return nil
		}
		if wantsJSON(c) {
			answerJSON(c, err, h.Now())
			return nil
		}
		shown, ok := errors.AsType[*mistake](err)
		if ok {
			return shown.page()
		}
		reason := refusalReason(err)
		switch {
		case reason != "":
			return refuse(c, s, reason)
		case errors.Is(err, mfa.ErrOrder), errors.Is(err, mfa.ErrChanged):
			return &web.Failure{Status: http.StatusConflict, Problem: templates.ErrorDone, BackURL: home(s)}
		case errors.Is(err, mfa.ErrStaleLogin) && s.Enrol != nil:
			// This login itself has become too old; another one begins at the app.
			return &web.Failure{Status: http.StatusForbidden, Problem: templates.ErrorExpired, BackURL: home(s)}
		case errors.Is(err, mfa.ErrNotFound):
			// It is done, cancelled, too old, of another browser, or of nobody.
			return &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorDone, BackURL: home(s)}
		}
		return err
	}
}

// refuse goes back to where the change was asked for, and says why it is not made.
// A login has no such page.
func refuse(c *gin.Context, s *web.Seat, reason string) error {
	if s.Enrol != nil {
		return &web.Failure{Status: http.StatusForbidden, Problem: templates.ErrorDenied, BackURL: home(s)}
	}
	return seeOther(c, s.Base+"?refused="+reason)
}

// home is where a user begins who is done here, or lost.
func home(s *web.Seat) string {
	if s.Enrol != nil {
		return s.Base + "/add"
	}
	return s.Base
}

// operationPath is the page of operation id.
func operationPath(s *web.Seat, id string) string { return s.Base + "/op/" + id }

// wizardOf is what the pages of operation v share.
func wizardOf(s *web.Seat, v mfa.View) templates.Wizard {
	w := templates.Wizard{Progress: progressOf(v, s.Realm.Policy)}
	if v.Verb == mfa.VerbEnable {
		w.BackURL = s.Base + "/add"
	}
	leave(s, &w)
	return w
}

// leave adds the ways out: to the settings, or, in a login, to put it off.
func leave(s *web.Seat, w *templates.Wizard) {
	if s.Enrol == nil {
		w.LeaveURL = s.Base
		return
	}
	w.LaterURL, w.LaterUntil = s.Enrol.Later, s.Enrol.Until
}

// endOthers ends the user's other sessions after a change of what he has enrolled,
// where the policy says so.
func (h *Handler) endOthers(ctx context.Context, s *web.Seat) error {
	if s.Session == nil || s.Realm.Policy.Session.OnFactorChange != revokeOthers {
		return nil
	}
	_, err := h.Rows.EndSessionsOf(ctx, s.Realm.Tenant.ID, s.User.ID, s.Session.ID, h.Now())
	return err
}

// revokeOthers is a value of the policy's session.on_factor_change.
const revokeOthers = "revoke_others"
