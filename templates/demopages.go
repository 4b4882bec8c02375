package templates

import "time"

// Demo surrounds the pages of the demo: the warning strip and the navigation.
// A link that is "" is left out.
type Demo struct {
	Frame
	StartURL   string
	ShopURL    string
	MailboxURL string
	PagesURL   string
}

// DemoStartPage says what runs, and with which accounts.
type DemoStartPage struct {
	Demo
	Tenants []DemoTenant
}

func (DemoStartPage) file() string { return "demo-start.html" }

// DemoTenant is one tenant of the demo.
type DemoTenant struct {
	Slug    string
	Name    string
	Preset  string
	Note    string // one sentence on how it behaves
	Issuer  string
	ShopURL string   // the shop, signing in through this tenant
	NotYet  []string // methods of the preset that are masked
	Users   []DemoUser
	Clients []DemoClient
}

// DemoUser is a row of the accounts table.
type DemoUser struct {
	Name        string // what to type as email
	Password    string
	Phone       string
	PhoneStatus string // confirmed, unverified, pending or ""
	PIN         string // "" when the user has none
	MFAEnabled  bool
	Note        string
}

// DemoClient is an app that is registered in the demo.
type DemoClient struct {
	ID           string
	Secret       string
	RedirectURIs []string
	AuthMethod   string
	Note         string
}

// ScreensPage lists every page in each of its states, to be opened and looked at.
// It is for who works on the pages.
type ScreensPage struct {
	Demo
	Screens []Screen
	Looks   []Lang // the languages that a page can be looked at in
	Dir     string // "ltr" or "rtl", where it is not that of the language
	Action  string // takes lang and dir, by GET
}

func (ScreensPage) file() string { return "demo-pages.html" }

// Screen is a page of the plan.
type Screen struct {
	Name   string // the part of the key after "screen."
	States []ScreenState
}

// ScreenState is a state of a screen.
type ScreenState struct {
	Name string // such as "password-wrong"
	URL  string
}

// What a [DemoPaperPage] is about.
const (
	PaperHelp    = "help"
	PaperPrivacy = "privacy"
)

// DemoPaperPage stands where a tenant would have its help or its privacy notice.
type DemoPaperPage struct {
	Demo
	About string // PaperHelp or PaperPrivacy
	Of    string // the name of the tenant
}

func (DemoPaperPage) file() string { return "demo-paper.html" }

// MailboxPage lists every message of the demo, newest first.
type MailboxPage struct {
	Demo
	Messages     []Message
	Recipients   []string
	To           string // the filter; "" shows all
	Action       string // where the filter is sent, by GET as "to"
	DeleteAction string // posted with csrf only
	PollURL      string // JSON; "" switches the poll off
}

func (MailboxPage) file() string { return "mailbox.html" }

// Message is a message in the mailbox.
type Message struct {
	ID      string
	At      time.Time
	Zone    *time.Location // of the tenant, in which its pages show times too; nil is that of the page
	Tenant  string
	Channel string // email, sms or voice
	To      string
	Subject string // "" takes the name of the channel
	Text    string
	Code    string
}

// ShopPage is the demo shop's front, signed out or signed in.
type ShopPage struct {
	Demo
	ShopName      string
	SignInAction  string     // posts tenant
	Doors         []ShopDoor // where to sign in; the first is chosen
	User          *ShopUser  // nil when signed out
	Result        *ShopResult
	Actions       []ShopAction // that the tenant can be asked to have confirmed
	ActionAction  string       // posts the name of one of them as action
	ACRAction     string       // posts acr_values
	ACR           string       // what was asked for last
	RefreshAction string
	SignOutAction string
	ClaimsURL     string
	Balance       string // what a payout would pay, such as "1,250.00 EUR"; "" where nothing is paid out
}

func (ShopPage) file() string { return "shop.html" }

// ShopDoor is an issuer through which the shop signs in.
type ShopDoor struct {
	Tenant  string // slug
	Name    string
	Current bool
}

// ShopAction is a button of the shop.
type ShopAction struct {
	Name string // of the action, such as "payout.request"
	ID   string // of the button
}

// ShopUser is what the tenant told the shop.
type ShopUser struct {
	Name     string
	Email    string
	Tenant   string // the name of the tenant
	ACR      string
	AMR      []string
	AuthTime time.Time
}

// ShopResult is how the last action ended.
type ShopResult struct {
	Action      string // the name of an action, or acr, refresh, signin or signout
	OK          bool
	Error       string // the OAuth error code
	Description string
	Receipt     []Field // of a transaction: what the server's signed statement says, and the statement
}

// ShopClaimsPage shows all that the shop was given.
type ShopClaimsPage struct {
	Demo
	ShopName  string
	User      ShopUser
	Claims    []Field // of the ID token, in order
	Userinfo  []Field
	Tokens    []ShopToken
	ClaimsURL string
	BackURL   string
}

func (ShopClaimsPage) file() string { return "shop-claims.html" }

// ShopToken is a token, shortened by the shop.
type ShopToken struct {
	Name      string // access_token, refresh_token or id_token
	Short     string
	ExpiresAt time.Time
}
