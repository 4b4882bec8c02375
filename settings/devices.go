package settings

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// eventDevicesRevoked is told when the owner ends the trust in all devices, and
// eventDeviceRemoved when in one.
const (
	eventDevicesRevoked = "devices.revoked"
	eventDeviceRemoved  = "device.removed"
)

// longestName is that of a device, in characters.
const longestName = 60

// trusted is a browser that may spare the second step of a login, until then.
type trusted struct {
	mfa.Device
	Until time.Time
	This  bool
}

// inTrust are those of all that count now, this one first and then the newest. One
// that a change of account or policy has voided is nothing that could be removed.
func inTrust(all []mfa.Device, present mfa.Epochs, lifetime time.Duration, selector []byte, now time.Time) []trusted {
	var list []trusted
	for _, d := range all {
		until := earlier(d.CreatedAt.Add(lifetime), d.ExpiresAt)
		if d.Epochs != present || !now.Before(until) {
			continue
		}
		list = append(list, trusted{Device: d, Until: until, This: len(selector) > 0 && slices.Equal(d.Selector, selector)})
	}
	slices.SortStableFunc(list, func(a, b trusted) int {
		switch {
		case a.This != b.This && a.This:
			return -1
		case a.This != b.This:
			return 1
		}
		return b.CreatedAt.Compare(a.CreatedAt)
	})
	return list
}

// selectorOf is the part of a device's cookie by which it is found, nil without one.
// It proves nothing and is only used to mark a row.
func selectorOf(cookie string) []byte {
	parts := strings.Split(cookie, ".")
	if len(parts) != 3 {
		return nil
	}
	selector, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	return selector
}

// devices are the trusted devices of s.
func (h *Handler) devices(c *gin.Context, s *web.Seat) ([]trusted, error) {
	lifetime := s.Realm.Policy.TrustLifetime()
	if lifetime <= 0 {
		return nil, nil
	}
	who := s.User.Subject()
	all, err := h.MFA.Devices.DevicesOf(c.Request.Context(), who)
	selector := selectorOf(h.Cookies.Get(c, h.MFA.DeviceCookieName(who)))
	return inTrust(all, s.User.Epochs(s.Realm.Tenant), lifetime, selector, h.Now()), err
}

// device is the trusted device that the path names.
//
// Errors: [identity.ErrNotFound] for one of somebody else, or of nobody.
func (h *Handler) device(c *gin.Context, s *web.Seat) (trusted, error) {
	all, err := h.devices(c, s)
	if err != nil {
		return trusted{}, err
	}
	i := slices.IndexFunc(all, func(d trusted) bool { return d.ID == c.Param("device") })
	if i < 0 {
		return trusted{}, identity.ErrNotFound
	}
	return all[i], nil
}

func devicePath(s *web.Seat, id, verb string) string { return s.Base + "/devices/" + id + "/" + verb }

func (h *Handler) showDevices(c *gin.Context, s *web.Seat) error {
	devices, err := h.devices(c, s)
	if err != nil {
		return err
	}
	sessions, err := h.Rows.SessionList(c.Request.Context(), s.User.TenantID, s.User.ID, s.Session.ID, h.Now())
	if err != nil {
		return err
	}
	p := templates.DevicesPage{
		Inside:     h.inside(s),
		HasDevices: s.Realm.Policy.TrustLifetime() > 0,
		OneSignIn:  s.Realm.Policy.TrustedDevice.Enabled && s.Realm.Policy.TrustLifetime() == 0,
		News: listNews(c, s, templates.DoneSaved, templates.DoneDeviceRemoved, templates.DoneDevicesRevoked,
			templates.DoneSessionEnded),
		SessionsActions: []templates.RowAction{{Label: templates.DoSignOutAll, URL: s.Base + endAllPath}},
	}
	for _, d := range devices {
		p.Devices = append(p.Devices, deviceRow(s, d))
	}
	if len(devices) > 0 {
		p.DevicesActions = []templates.RowAction{{Label: templates.DoRemoveAll, URL: s.Base + "/devices/remove-all"}}
	}
	for _, v := range sessions {
		p.Sessions = append(p.Sessions, sessionRow(s, v))
	}
	return h.Pages.Render(c, http.StatusOK, p)
}

func deviceRow(s *web.Seat, d trusted) templates.DeviceRow {
	return templates.DeviceRow{
		Name: d.Label, Since: d.CreatedAt, LastUsed: d.LastUsedAt, Until: d.Until, This: d.This,
		Actions: []templates.RowAction{
			{Label: templates.DoRename, URL: devicePath(s, d.ID, "rename")},
			{Label: templates.DoRemove, URL: devicePath(s, d.ID, "remove")},
		},
	}
}

func (h *Handler) showRenameDevice(c *gin.Context, s *web.Seat) error {
	d, err := h.device(c, s)
	if err != nil {
		return err
	}
	return h.renderRename(c, s, http.StatusOK, d.Label, "")
}

func (h *Handler) renderRename(c *gin.Context, s *web.Seat, status int, name, problem string) error {
	return h.Pages.Render(c, status, templates.RenamePage{
		Frame: s.Frame, Action: devicePath(s, c.Param("device"), "rename"), Kind: "device", Name: name, Problem: problem,
		BackURL: s.Base + "/devices",
	})
}

func (h *Handler) submitRenameDevice(c *gin.Context, s *web.Seat) error {
	d, err := h.device(c, s)
	if err != nil {
		return err
	}
	name, problem := readName(c.PostForm("name"))
	if problem != "" {
		return h.renderRename(c, s, http.StatusUnprocessableEntity, name, problem)
	}
	err = h.MFA.Devices.RenameDevice(c.Request.Context(), s.User.Subject(), d.ID, name)
	if err != nil {
		return err
	}
	return seeOther(c, newsPath(s, "/devices", templates.DoneSaved))
}

// readName reads a name that a user gives to a thing: one line of text that can be
// seen.
func readName(typed string) (name, problem string) {
	name = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, typed)), " ")
	switch {
	case name == "":
		return name, templates.ProblemNoName
	case utf8.RuneCountInString(name) > longestName:
		return name, templates.ProblemNameTooLong
	}
	return name, ""
}

// ask shows a question. Its form posts to the path of the question itself.
func (h *Handler) ask(c *gin.Context, s *web.Seat, p templates.ConfirmChangePage) error {
	p.Frame, p.Action = s.Frame, web.BrowserPath(c, s.Realm.Tenant)
	return h.Pages.Render(c, http.StatusOK, p)
}

func (h *Handler) askRemoveDevice(c *gin.Context, s *web.Seat) error {
	d, err := h.device(c, s)
	if err != nil {
		return err
	}
	return h.ask(c, s, templates.ConfirmChangePage{Change: templates.ChangeRemoveDevice, Name: d.Label, BackURL: s.Base + "/devices"})
}

func (h *Handler) submitRemoveDevice(c *gin.Context, s *web.Seat) error {
	ctx, who := c.Request.Context(), s.User.Subject()
	d, err := h.device(c, s)
	if err != nil {
		return err
	}
	err = h.MFA.Devices.DeleteDevice(ctx, who, d.ID)
	if err != nil {
		return err
	}
	if d.This {
		h.Cookies.Set(c, h.MFA.DeviceCookieName(who), "", -1)
	}
	h.observe(ctx, s, eventDeviceRemoved, map[string]string{"device": d.ID, "name": d.Label})
	return seeOther(c, newsPath(s, "/devices", templates.DoneDeviceRemoved))
}

func (h *Handler) askRemoveDevices(c *gin.Context, s *web.Seat) error {
	devices, err := h.devices(c, s)
	if err != nil {
		return err
	}
	p := templates.ConfirmChangePage{Change: templates.ChangeRemoveDevices, BackURL: s.Base + "/devices"}
	if len(devices) > 0 {
		p.Losses = []templates.Loss{{What: templates.LossDevices, N: len(devices)}}
	}
	return h.ask(c, s, p)
}

// submitRemoveDevices voids all of them first, by a counter of the account: what
// cannot be deleted then is worth nothing.
func (h *Handler) submitRemoveDevices(c *gin.Context, s *web.Seat) error {
	ctx, who, now := c.Request.Context(), s.User.Subject(), h.Now()
	var notices []identity.Notice
	if s.Realm.Policy.Notify.EmailEvents.Has(policy.EventDevicesRevoked) {
		notices = append(notices, identity.Notice{
			TenantID: who.TenantID, UserID: who.UserID, Kind: string(policy.EventDevicesRevoked), Device: s.Doer.Device, At: now,
		})
	}
	err := h.Rows.VoidDevices(ctx, who.TenantID, who.UserID, now, notices...)
	if err != nil {
		return err
	}
	h.observe(ctx, s, eventDevicesRevoked, nil)
	err = h.MFA.Devices.DeleteDevices(ctx, who)
	if err != nil && !errors.Is(err, mfa.ErrNotFound) {
		return err
	}
	h.Cookies.Set(c, h.MFA.DeviceCookieName(who), "", -1)
	return seeOther(c, newsPath(s, "/devices", templates.DoneDevicesRevoked))
}
