package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
)

// Channel says how text messages are sent, or calls made: by one gateway, or by
// several in order of preference.
type Channel struct {
	Gateway  `koanf:",flatten,squash"`
	Gateways []Gateway `koanf:"gateways"` // instead of via; when one does not take a message, the next is asked
}

// Gateway is one way to send. Which fields it needs depends on via.
type Gateway struct {
	Via  string `koanf:"via"`  // twilio, vonage, webhook, console (loopback public URL only) or none; default "none"
	Name string `koanf:"name"` // in the log of deliveries and in its callbacks; default via, for calls via-voice

	URL        string     `koanf:"url"`    // of the webhook; https, except on loopback
	Secret     mfa.Secret `koanf:"secret"` // of the webhook; at least 32 characters; signs each request and each receipt
	SecretFile string     `koanf:"secret_file"`

	From                string     `koanf:"from"`       // number or sender name; of twilio also MG... for a messaging service
	Account             string     `koanf:"account"`    // of twilio: AC...
	AuthToken           mfa.Secret `koanf:"auth_token"` // of twilio; also checks its callbacks
	AuthTokenFile       string     `koanf:"auth_token_file"`
	KeyID               string     `koanf:"key_id"` // of twilio: SK..., to send with an API key
	KeySecret           mfa.Secret `koanf:"key_secret"`
	KeySecretFile       string     `koanf:"key_secret_file"`
	Application         string     `koanf:"application"` // of vonage: its id
	PrivateKey          mfa.Secret `koanf:"private_key"` // of that application, PEM
	PrivateKeyFile      string     `koanf:"private_key_file"`
	SignatureSecret     mfa.Secret `koanf:"signature_secret"` // of vonage; checks its callbacks
	SignatureSecretFile string     `koanf:"signature_secret_file"`
	BaseURL             string     `koanf:"base_url"` // of the API, where it is not the usual one

	Countries        []string         `koanf:"countries"`           // ISO 3166-1 codes it is for; with no prefixes either: all
	Prefixes         []string         `koanf:"prefixes"`            // beginnings of numbers it is for, such as +5255
	TimeoutS         int              `koanf:"timeout_s"`           // 1 to 10; default 0: 5
	PriceUSDMicros   int64            `koanf:"price_usd_micros"`    // of one SMS or call, in millionths of a US dollar; default 0
	PricesUSDMicros  map[string]int64 `koanf:"prices_usd_micros"`   // by country, where it differs
	USDMicrosPerEuro int64            `koanf:"usd_micros_per_euro"` // to count the prices in vonage's receipts; default 0: the list above counts
}

// defaultGateway sends nothing.
func defaultGateway() Gateway {
	return Gateway{Via: "none", Countries: []string{}, Prefixes: []string{}, PricesUSDMicros: map[string]int64{}}
}

// secrets are the fields that can be read from files.
func (g *Gateway) secrets(path string) []secretFile {
	return []secretFile{
		{path + ".secret_file", g.SecretFile, &g.Secret},
		{path + ".auth_token_file", g.AuthTokenFile, &g.AuthToken},
		{path + ".key_secret_file", g.KeySecretFile, &g.KeySecret},
		{path + ".private_key_file", g.PrivateKeyFile, &g.PrivateKey},
		{path + ".signature_secret_file", g.SignatureSecretFile, &g.SignatureSecret},
	}
}

// secrets are those of all gateways of the channel.
func (c *Channel) secrets(path string) []secretFile {
	all := c.Gateway.secrets(path)
	for i := range c.Gateways {
		all = append(all, c.Gateways[i].secrets(fmt.Sprintf("%s.gateways[%d]", path, i))...)
	}
	return all
}

// list are the gateways in order of preference, with their names; none where the
// channel is off.
func (c Channel) list(channel string) []Gateway {
	all := slices.Clone(c.Gateways)
	if len(all) == 0 && c.Via != "none" {
		all = []Gateway{c.Gateway}
	}
	for i := range all {
		if all[i].Name == "" {
			all[i].Name = all[i].Via
			if channel == "voice" {
				all[i].Name += "-voice"
			}
		}
	}
	return all
}

// validateChannels checks both channels, and that no two gateways have one name:
// a callback names its gateway.
func (c Config) validateChannels(local bool) error {
	var errs []error
	names := map[string]string{}
	for _, ch := range []struct {
		name string
		of   Channel
	}{{"sms", c.SMS}, {"voice", c.Voice}} {
		if len(ch.of.Gateways) > 0 && ch.of.Via != "none" {
			errs = append(errs, fmt.Errorf("%s: name either via or gateways; move the first one into the list", ch.name))
		}
		for i, g := range ch.of.list(ch.name) {
			path := ch.name
			if len(ch.of.Gateways) > 0 {
				path = fmt.Sprintf("%s.gateways[%d]", ch.name, i)
			}
			if other, taken := names[g.Name]; taken && g.Via != "console" {
				errs = append(errs, fmt.Errorf("%s.name: %q is the name of %s as well; give it one of its own", path, g.Name, other))
			}
			names[g.Name] = path
			errs = append(errs, g.validate(path, local), g.validateRoute(path))
			if ch.name == "voice" && (g.Via == "twilio" || g.Via == "vonage") && !strings.HasPrefix(c.PublicURL, "https://") {
				errs = append(errs, fmt.Errorf("%s.via: %s asks public_url how a call goes on, so that must be https", path, g.Via))
			}
		}
	}
	return errors.Join(errs...)
}

// validate checks what via needs.
func (g Gateway) validate(path string, local bool) error {
	need := func(fields ...string) error {
		for i := 0; i < len(fields); i += 2 {
			if fields[i+1] == "" {
				return fmt.Errorf("%s.%s: %s needs it", path, fields[i], g.Via)
			}
		}
		return nil
	}
	switch {
	case g.BaseURL != "" && !secureURL(g.BaseURL):
		return fmt.Errorf("%s.base_url: %q must be https", path, g.BaseURL)
	case g.Via == "console" && local:
		return nil
	case g.Via == "console":
		return fmt.Errorf("%s.via: console prints codes, so it needs a public_url on this machine", path)
	case g.Via == "twilio" && (g.KeyID == "") != (g.KeySecret == ""):
		return fmt.Errorf("%s: name key_id and key_secret, or neither", path)
	case g.Via == "twilio":
		return need("account", g.Account, "auth_token", g.AuthToken.Reveal(), "from", g.From)
	case g.Via == "vonage":
		return need("application", g.Application, "private_key", g.PrivateKey.Reveal(),
			"signature_secret", g.SignatureSecret.Reveal(), "from", g.From)
	case g.Via != "webhook":
		return fmt.Errorf("%s.via: %q is not one of twilio, vonage, webhook, console, none", path, g.Via)
	case !secureURL(g.URL):
		return fmt.Errorf("%s.url: %q must be https", path, g.URL)
	case len(g.Secret.Reveal()) < 32:
		return fmt.Errorf("%s.secret: needs at least 32 characters; it signs what the webhook is sent", path)
	}
	return nil
}

var (
	gatewayName = regexp.MustCompile(`^[a-z0-9-]+$`)
	countryCode = regexp.MustCompile(`^[A-Z]{2}$`)
	numberStart = regexp.MustCompile(`^\+[1-9][0-9]*$`)
)

// validateRoute checks what the gateway is taken for, and what it costs.
func (g Gateway) validateRoute(path string) error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(path+"."+format, args...)) }
	if !gatewayName.MatchString(g.Name) {
		fail("name: %q must be of lower-case letters, digits and hyphens", g.Name)
	}
	for _, c := range g.Countries {
		if !countryCode.MatchString(c) {
			fail("countries: %q is no ISO 3166-1 code such as MX", c)
		}
	}
	for _, p := range g.Prefixes {
		if !numberStart.MatchString(p) {
			fail("prefixes: %q is no beginning of a number such as +5255", p)
		}
	}
	for c, price := range g.PricesUSDMicros {
		if !countryCode.MatchString(c) || price < 0 {
			fail("prices_usd_micros: %s: %d is no price of a country such as MX", c, price)
		}
	}
	if g.PriceUSDMicros < 0 || g.USDMicrosPerEuro < 0 {
		fail("price_usd_micros: a price is not negative")
	}
	if g.TimeoutS < 0 || g.TimeoutS > 10 {
		fail("timeout_s: %d is not between 1 and 10", g.TimeoutS)
	}
	return errors.Join(errs...)
}

// secureURL reports whether text is an https URL, or http on this machine.
func secureURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && web.Loopback(u.Host))
}
