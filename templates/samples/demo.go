package samples

import (
	"time"

	"github.com/sallyport-id/sallyport/templates"
)

// demo surrounds a page of the demo, which belongs to no tenant.
func demo() templates.Demo {
	f := stranger(nil)
	f.Tenant, f.AppName, f.HelpURL, f.PrivacyURL = templates.Tenant{Name: "Sallyport"}, "", "", ""
	f.Langs, f.LangAction = nil, ""
	return templates.Demo{Frame: f, StartURL: "/", ShopURL: "http://127.0.0.1:8081/", MailboxURL: "/_mailbox", PagesURL: "/_pages"}
}

func demoSamples() []Sample {
	all := append(shopSamples(), mailboxSamples()...)
	return append(all, []Sample{
		{"demo-start", templates.DemoStartPage{Demo: demo(), Tenants: []templates.DemoTenant{demoContractor(), demoBroker()}}},
		{"demo-start-bare", templates.DemoStartPage{}},
		{"demo-start-masked-bare", templates.DemoStartPage{Demo: demo(), Tenants: []templates.DemoTenant{{Name: "Later", NotYet: []string{"totp", "action:note.sign"}}}}},
		{"demo-help", templates.DemoPaperPage{Demo: demo(), About: templates.PaperHelp, Of: "Contractor"}},
		{"demo-privacy", templates.DemoPaperPage{Demo: demo(), About: templates.PaperPrivacy, Of: "Contractor"}},
		{"demo-paper-bare", templates.DemoPaperPage{}},
		{"demo-pages", templates.ScreensPage{
			Demo: demo(), Action: "/_pages", Looks: Inside().Langs,
			Screens: []templates.Screen{{Name: "password", States: []templates.ScreenState{{Name: "password", URL: "/_pages/password"}, {Name: "password-locked", URL: "/_pages/password-locked"}}}},
		}},
		{"demo-pages-rtl", templates.ScreensPage{
			Demo: demo(), Action: "/_pages", Dir: "rtl", Looks: Inside().Langs,
			Screens: []templates.Screen{{Name: "password", States: []templates.ScreenState{{Name: "password", URL: "/_pages/password"}}}},
		}},
		{"demo-pages-bare", templates.ScreensPage{}},
	}...)
}

func shopSamples() []Sample {
	user := &templates.ShopUser{Name: "Alice Example", Email: "alice@example.test", Tenant: "Contractor", ACR: "urn:sallyport:acr:2sv", AMR: []string{"pwd", "otp"}, AuthTime: noon.Add(-2 * time.Minute)}
	shop := templates.ShopPage{
		Demo: demo(), ShopName: "Demo Shop", User: user, ActionAction: "/action", ACRAction: "/acr",
		Actions:       []templates.ShopAction{{Name: "payout.request", ID: "payout"}, {Name: "payment_details.add", ID: "payment-details"}},
		RefreshAction: "/refresh", SignOutAction: "/signout", ClaimsURL: "/claims", Balance: "1,250.00 EUR",
	}
	shop.Tenant.Name = shop.ShopName
	done, denied, asked, broker, none := shop, shop, shop, shop, shop
	done.Result = &templates.ShopResult{Action: "payout.request", OK: true, Receipt: []templates.Field{
		{Name: "amount", Value: "1250.00 EUR"},
		{Name: "payee", Value: "Alice Example"},
		{Name: "proofs", Value: "email"},
		{Name: "receipt", Value: "eyJ0eXAiOiJjb25maXJtYXRpb24tcmVjZWlwdCtqd3QifQ.eyJqdGkiOiJjLTEifQ.c2lnbmF0dXJl"},
	}}
	denied.Result = &templates.ShopResult{Action: "payout.request", Error: "access_denied", Description: "The user cancelled."}
	asked.ACR, asked.Result = "urn:sallyport:acr:mfa", &templates.ShopResult{Action: "acr", OK: true}
	broker.User = &templates.ShopUser{Name: "Alice Example", Email: "alice@example.test", Tenant: "Northgate Broker", ACR: "urn:sallyport:acr:mfa", AMR: []string{"pwd", "otp", "sms", "mfa"}, AuthTime: noon}
	broker.Actions = []templates.ShopAction{{Name: "withdrawal.confirm", ID: "withdrawal-confirm"}, {Name: "operation.confirm", ID: "operation-confirm"}, {Name: "note.sign", ID: "note-sign"}}
	broker.Result = &templates.ShopResult{Action: "note.sign", OK: true}
	none.User = &templates.ShopUser{Name: "Alice Marie Example", Email: "alice@example.test", Tenant: "Conformance", ACR: "urn:sallyport:acr:1fa", AMR: []string{"pwd"}, AuthTime: noon}
	none.Actions, none.Balance = nil, ""
	out := templates.ShopPage{Demo: demo(), ShopName: "Demo Shop", SignInAction: "/signin", Doors: []templates.ShopDoor{{Tenant: "contractor", Name: "Contractor", Current: true}, {Tenant: "broker", Name: "Northgate Broker"}}}
	out.Tenant.Name = out.ShopName
	left := out
	left.Result = &templates.ShopResult{Action: "signout", OK: true}
	return []Sample{
		{"shop", shop},
		{"shop-done", done},
		{"shop-denied", denied},
		{"shop-acr", asked},
		{"shop-broker", broker},
		{"shop-no-actions", none},
		{"shop-out", out},
		{"shop-signed-out", left},
		{"shop-bare", templates.ShopPage{}},
		{"shop-user-bare", templates.ShopPage{User: &templates.ShopUser{}, Result: &templates.ShopResult{}}},
		{"shop-claims", templates.ShopClaimsPage{
			Demo: demo(), ShopName: "Demo Shop", User: *user, ClaimsURL: "/claims", BackURL: "/",
			Claims:   []templates.Field{{Name: "acr", Value: "urn:sallyport:acr:2sv"}, {Name: "amr", Value: "pwd otp"}, {Name: "auth_time", Value: "1795267868"}, {Name: "iss", Value: "http://localhost:8080/t/contractor"}, {Name: "sub", Value: "01a201cb-c947-7780-815c-739bf08c9e17"}},
			Userinfo: []templates.Field{{Name: "email", Value: "alice@example.test"}, {Name: "email_verified", Value: "true"}, {Name: "name", Value: "Alice Example"}, {Name: "sub", Value: "01a201cb-c947-7780-815c-739bf08c9e17"}},
			Tokens:   []templates.ShopToken{{Name: "id_token", Short: "eyJhbGciOi…SPygPg"}, {Name: "access_token", Short: "eyJhbGciOi…3yPatg", ExpiresAt: noon.Add(3 * time.Minute)}, {Name: "refresh_token", Short: "rt1._3Yx5y…WYKdJ4"}},
		}},
		{"shop-claims-bare", templates.ShopClaimsPage{}},
	}
}

func mailboxSamples() []Sample {
	messages := demoMessages()
	people := []string{"+526441832399", "alice@example.test", "bob@example.test"}
	box := templates.MailboxPage{Demo: demo(), Messages: messages, Recipients: people, Action: "/_mailbox", DeleteAction: "/_mailbox/empty", PollURL: "/_mailbox/messages"}
	one, none, empty := box, box, box
	one.To, one.Messages = "+526441832399", messages[1:3]
	none.To, none.Messages = "bob@example.test", nil
	empty.Messages, empty.Recipients = nil, nil
	return []Sample{
		{"mailbox", box},
		{"mailbox-one", one},
		{"mailbox-none", none},
		{"mailbox-empty", empty},
		{"mailbox-bare", templates.MailboxPage{}},
	}
}

func demoContractor() templates.DemoTenant {
	return templates.DemoTenant{
		Slug: "contractor", Name: "Contractor", Preset: "contractor-email-first", Note: "Codes go to email first; a text message is offered after the timer, to a confirmed phone.",
		Issuer: "http://localhost:8080/t/contractor", ShopURL: "http://127.0.0.1:8081/?tenant=contractor",
		Users: []templates.DemoUser{
			{Name: "alice@example.test", Password: "alice-opens-the-first-gate", Phone: "+526441832399", PhoneStatus: "confirmed", MFAEnabled: true, Note: "two-step sign-in is on, phone confirmed"},
			{Name: "bob@example.test", Password: "bob-opens-the-first-gate", Phone: "+526441832301", PhoneStatus: "unverified", MFAEnabled: true, Note: "phone from before verification existed: it gets no codes until it is confirmed in the settings"},
			{Name: "carol@example.test", Password: "carol-opens-the-first-gate", Note: "two-step sign-in is off, no phone; a payout asks for an email code all the same"},
		},
		Clients: demoClients(),
	}
}

func demoBroker() templates.DemoTenant {
	return templates.DemoTenant{
		Slug: "broker", Name: "Northgate Broker", Preset: "broker-security-identities", Note: "Several security identities at the same time; the user picks one each time.",
		Issuer: "http://localhost:8080/t/broker", ShopURL: "http://127.0.0.1:8081/?tenant=broker",
		Users: []templates.DemoUser{
			{Name: "alice@example.test", Password: "alice-opens-the-first-gate", Phone: "+526441832399", PhoneStatus: "confirmed", PIN: "394716", MFAEnabled: true, Note: "email and text message are on: choose at sign-in; the PIN confirms a withdrawal"},
			{Name: "carol@example.test", Password: "carol-opens-the-first-gate", Note: "no phone, no PIN, nothing switched on: set a PIN first, then add a security identity"},
		},
		Clients: demoClients(),
	}
}

func demoClients() []templates.DemoClient {
	return []templates.DemoClient{
		{ID: "demo-shop", Secret: "MAeUve0eC1cG2ygtxHqXWm_Ndw3sDRiajaJcx0o2_n0", RedirectURIs: []string{"http://127.0.0.1:8081/callback"}, AuthMethod: "client_secret_basic", Note: "the demo shop; the tenant's own app, so it asks for no consent"},
		{ID: "demo-cli", Secret: "5CcHpjMZRk2OSYq5mGWR0SH-4JoTdrw72BeFgwr94zI", RedirectURIs: []string{"http://127.0.0.1:9999/callback"}, AuthMethod: "client_secret_basic", Note: "for curl and tools; a third party, so it asks for consent once"},
	}
}

// demoMessages are as the server writes them.
func demoMessages() []templates.Message {
	return []templates.Message{
		{ID: "m3", At: noon, Tenant: "contractor", Channel: "email", To: "alice@example.test", Subject: "Code to confirm a payout at Demo Shop", Text: "Code to confirm a payout at Demo Shop\n\n    481206\n\nIt works once, for this payout only, until 14:32:08 CET.\n\nRequested by  Demo Shop, today 14:31 CET\n\nDidn’t ask for this? Then don’t enter the code: without it, nothing happens. If this account is yours, someone may be signed in to it: change your password.\nWe never ask for this code by phone or chat.\n\n--\nContractor sent this because your address is used to confirm it’s you.\n", Code: "481206"},
		{ID: "m2", At: noon.Add(-6 * time.Minute), Tenant: "contractor", Channel: "sms", To: "+526441832399", Text: "739214 is your Contractor code. Don't share it. It expires at 14:26:08 CET.\n@localhost #739214", Code: "739214"},
		{ID: "m1", At: noon.Add(-10 * time.Minute), Tenant: "marketplace", Channel: "voice", To: "+526441832399", Text: "This is Freelance Market, with your code to confirm this number. five, zero, three, nine, one, eight. Again, slowly: five. zero. three. nine. one. eight. Goodbye.", Code: "503918"},
		{ID: "m0", At: noon.Add(-12 * time.Minute), Tenant: "contractor", Channel: "email", To: "alice@example.test", Subject: "Your password was changed", Text: "The new password works from now on.", Code: ""},
	}
}
