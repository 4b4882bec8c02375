package templates

import "time"

// DevicesPage lists trusted devices and sessions; the one that the user now
// holds comes first.
type DevicesPage struct {
	Inside
	News
	HasDevices bool // the policy knows trusted devices
	OneSignIn  bool // it trusts a device for one sign-in, so that there is nothing to list
	Devices    []DeviceRow
	Sessions   []DeviceRow
	// DevicesActions are about all trusted devices, SessionsActions about all
	// sessions.
	DevicesActions  []RowAction
	SessionsActions []RowAction
}

func (DevicesPage) file() string { return "settings-devices.html" }

// DeviceRow is a trusted device or a session.
type DeviceRow struct {
	Name     string // given by the user; "" shows Device
	Device   string // such as "Chrome on Linux"
	Address  string // where it was used last
	Since    time.Time
	LastUsed time.Time
	Until    time.Time // trusted, or signed in, until
	This     bool      // the browser that the user now holds
	Actions  []RowAction
}

// ActivityPage lists what happened to the account, newest first.
type ActivityPage struct {
	Inside
	Events        []ActivityEvent
	NewerURL      string
	OlderURL      string
	PasswordURL   string // in "Not you?"; "" leaves it out
	EverywhereURL string // likewise: the page that asks whether to sign out everywhere
}

func (ActivityPage) file() string { return "settings-activity.html" }

// ActivityEvent is one line of the activity. Type and Result are those of the
// audit log; a pair without a text of its own is shown in general words.
type ActivityEvent struct {
	Type    string // such as "challenge.tried"
	Result  string // such as "mismatch"; "ok" and "" are the same
	Method  string // email, sms, voice, totp, webauthn, recovery_codes or pin; of login.completed also password, passkey or device; "" for none
	Action  string // of confirmation.…: what was to be confirmed, such as "payout.request"
	Name    string // the device that it happened to, where that is another than Device
	Masked  string // the address or number that it is about
	At      time.Time
	App     string
	Device  string
	Address string
}

// AppsPage lists the apps that may use the account.
type AppsPage struct {
	Inside
	News
	Apps []AppRow
}

func (AppsPage) file() string { return "settings-apps.html" }

// AppRow is an app with access.
type AppRow struct {
	Name     string
	AppHost  string
	Scopes   []string
	Since    time.Time
	LastUsed time.Time
	Actions  []RowAction
}
