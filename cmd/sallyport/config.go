package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
)

// Config is the whole of config.yaml. Only this command reads it: packages are
// given the few values they need as plain fields.
//
// Each field can be set in the environment as well, as SALLYPORT_ and its path
// with double underscores: SALLYPORT_DATABASE__URL. The environment wins over
// the file. A secret can be read from a file by adding _file to its name.
type Config struct {
	Listen         string   `koanf:"listen"`          // host:port; default "127.0.0.1:8080"
	MetricsListen  string   `koanf:"metrics_listen"`  // host:port of /metrics; default "127.0.0.1:9090"; "" for none
	PublicURL      string   `koanf:"public_url"`      // https, except on loopback; default "http://localhost:8080"
	TrustedProxies []string `koanf:"trusted_proxies"` // addresses or CIDR blocks that may set X-Forwarded-For; default none
	KeyRing        string   `koanf:"key_ring"`        // file with the keys, outside the database; default "sallyport-keys.yaml"
	Database       Database `koanf:"database"`
	Email          Email    `koanf:"email"`
	SMS            Channel  `koanf:"sms"`
	Voice          Channel  `koanf:"voice"`
	Log            Log      `koanf:"log"`
}

// Database says where the data is.
type Database struct {
	URL     mfa.Secret `koanf:"url"`      // PostgreSQL URL, or a file name for SQLite; default "sallyport.db"
	URLFile string     `koanf:"url_file"` // file that holds the URL instead
	MaxOpen int        `koanf:"max_open"` // connections at most; default 0: 16 for PostgreSQL, 8 for SQLite
}

// Email says how email is sent.
type Email struct {
	Via          string     `koanf:"via"`  // smtp, console (prints codes; loopback public URL only) or none; default "none"
	Host         string     `koanf:"host"` // of the mail server
	Port         int        `koanf:"port"` // default 0: 587, or 465 with tls implicit
	Username     string     `koanf:"username"`
	Password     mfa.Secret `koanf:"password"`
	PasswordFile string     `koanf:"password_file"`
	From         string     `koanf:"from"` // address, or "Name <address>"
	TLS          string     `koanf:"tls"`  // required (STARTTLS), implicit, or none (a server on this machine); default "required"
}

// Log says what is logged.
type Log struct {
	Level  string `koanf:"level"`  // debug, info, warn or error; default "info"
	Format string `koanf:"format"` // json or text; default "json"
}

// defaultConfig is what holds where nothing is said.
func defaultConfig() Config {
	off := Channel{Gateway: defaultGateway(), Gateways: []Gateway{}}
	return Config{
		Listen: "127.0.0.1:8080", MetricsListen: "127.0.0.1:9090", PublicURL: "http://localhost:8080",
		TrustedProxies: []string{}, KeyRing: "sallyport-keys.yaml", Database: Database{URL: "sallyport.db"},
		Email: Email{Via: "none", TLS: "required"}, SMS: off, Voice: off, Log: Log{Level: "info", Format: "json"},
	}
}

const envPrefix = "SALLYPORT_"

// notSettings are variables with our prefix that name no setting: where the
// configuration file is, and where the project's own tests leave what they made.
var notSettings = []string{"SALLYPORT_CONFIG", "SALLYPORT_ARTEFACTS"}

// listSettings are lists, which the environment separates by commas or blanks.
var listSettings = []string{"trusted_proxies", "sms.countries", "sms.prefixes", "voice.countries", "voice.prefixes"}

// loadConfig reads defaults, then the file at path ("" for none), then the
// environment. A name that it does not know is an error.
func loadConfig(path string, environ []string) (Config, error) {
	k := koanf.New(".")
	err := k.Load(structs.Provider(defaultConfig(), "koanf"), nil)
	if err != nil {
		return Config{}, err
	}
	if path != "" {
		text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			return Config{}, err
		}
		err = loadYAML(k, text)
		if err != nil {
			return Config{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	err = k.Load(env.Provider(".", env.Opt{
		Prefix: envPrefix, EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if slices.Contains(notSettings, name) {
				return "", nil
			}
			key := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, envPrefix), "__", "."))
			if slices.Contains(listSettings, key) {
				return key, strings.Fields(strings.ReplaceAll(value, ",", " "))
			}
			return key, value
		},
	}), nil)
	if err != nil {
		return Config{}, err
	}
	c, err := decode(k)
	if err != nil {
		return Config{}, err
	}
	return c, errors.Join(c.readFiles(), c.Validate())
}

func loadYAML(k *koanf.Koanf, text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return k.Load(rawbytes.Provider(text), yaml.Parser())
}

// decode is strict: a misspelt name must not silently leave a default in force.
func decode(k *koanf.Koanf) (Config, error) {
	var c Config
	err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{
		Tag: "koanf",
		DecoderConfig: &mapstructure.DecoderConfig{
			Result: &c, TagName: "koanf", ErrorUnused: true, WeaklyTypedInput: true, DecodeHook: plainSecret,
		},
	})
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return c, nil
}

// plainSecret keeps mapstructure from printing a secret as [secret] on the way.
func plainSecret(from, to reflect.Type, value any) (any, error) {
	secret, ok := value.(mfa.Secret)
	if ok && to == reflect.TypeFor[mfa.Secret]() && from == reflect.TypeFor[mfa.Secret]() {
		return secret.Reveal(), nil
	}
	return value, nil
}

// secretFile is a secret that may be kept in a file of its own.
type secretFile struct {
	name, path string
	to         *mfa.Secret
}

// readFiles reads the secrets that are kept in files of their own.
func (c *Config) readFiles() error {
	var errs []error
	for _, f := range slices.Concat([]secretFile{
		{"database.url_file", c.Database.URLFile, &c.Database.URL},
		{"email.password_file", c.Email.PasswordFile, &c.Email.Password},
	}, c.SMS.secrets("sms"), c.Voice.secrets("voice")) {
		if f.path == "" {
			continue
		}
		text, err := os.ReadFile(f.path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.name, err))
			continue
		}
		*f.to = mfa.Secret(strings.TrimSpace(string(text)))
	}
	return errors.Join(errs...)
}

// Validate reports every mistake at once, each with the path of its field and
// what to do.
func (c Config) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	u, err := url.Parse(c.PublicURL)
	local := err == nil && web.Loopback(u.Host)
	switch {
	case err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "":
		fail("public_url: %q must be https://host[:port], without a path", c.PublicURL)
	case u.Scheme != "https" && (u.Scheme != "http" || !local):
		fail("public_url: %q must be https; http is for this machine only", c.PublicURL)
	}
	for _, p := range c.TrustedProxies {
		_, errAddr := netip.ParseAddr(p)
		_, errPrefix := netip.ParsePrefix(p)
		if errAddr != nil && errPrefix != nil {
			fail("trusted_proxies: %q is neither an address nor a block such as 10.0.0.0/8", p)
		}
	}
	if c.KeyRing == "" {
		fail("key_ring: name the file that holds the keys")
	}
	if c.Database.URL == "" {
		fail("database.url: name a PostgreSQL URL or a SQLite file")
	}
	errs = append(errs, c.Email.validate(local), c.validateChannels(local), c.Log.validate())
	return errors.Join(errs...)
}

func (e Email) validate(local bool) error {
	switch {
	case e.Via == "none":
		return nil
	case e.Via == "console" && local:
		return nil
	case e.Via == "console":
		return errors.New("email.via: console prints codes, so it needs a public_url on this machine")
	case e.Via != "smtp":
		return fmt.Errorf("email.via: %q is not one of smtp, console, none", e.Via)
	case e.Host == "" || e.From == "":
		return errors.New("email: smtp needs host and from")
	case e.TLS != "required" && e.TLS != "implicit" && e.TLS != "none":
		return fmt.Errorf("email.tls: %q is not one of required, implicit, none", e.TLS)
	case e.TLS == "none" && !web.Loopback(e.Host):
		return errors.New("email.tls: none is only for a mail server on this machine")
	}
	return nil
}

func (l Log) validate() error {
	switch l.Level {
	case "debug", "info", "warn", "error":
	default:
		return fmt.Errorf("log.level: %q is not one of debug, info, warn, error", l.Level)
	}
	if l.Format != "json" && l.Format != "text" {
		return fmt.Errorf("log.format: %q is not one of json, text", l.Format)
	}
	return nil
}
