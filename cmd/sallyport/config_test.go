package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const example = "../../config.example.yaml"

func TestTheExampleIsTheDefaults(t *testing.T) {
	got, err := loadConfig(example, nil)

	require.NoError(t, err)
	require.Equal(t, defaultConfig(), got)
}

func TestTheExampleNamesEverySetting(t *testing.T) {
	text, err := os.ReadFile(example)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, yaml.Unmarshal(text, &tree))

	requireNames(t, "", reflect.TypeFor[Config](), tree)
}

func requireNames(t *testing.T, path string, of reflect.Type, tree map[string]any) {
	t.Helper()
	for i := range of.NumField() {
		f := of.Field(i)
		if f.Anonymous {
			requireNames(t, path, f.Type, tree)
			continue
		}
		name := f.Tag.Get("koanf")
		value, ok := tree[name]
		require.True(t, ok, "the example does not name %s%s", path, name)
		if f.Type.Kind() == reflect.Struct {
			below, ok := value.(map[string]any)
			require.True(t, ok, "%s%s is no section", path, name)
			requireNames(t, path+name+".", f.Type, below)
		}
	}
}

func TestLoadConfig(t *testing.T) {
	tests := []struct {
		name    string
		file    string
		environ []string
		check   func(Config) any
		want    any
		fails   string // part of the error; "" for none
	}{
		{"nothing said is the defaults", "", nil, func(c Config) any { return c }, defaultConfig(), ""},
		{"the file wins over the defaults", "listen: 127.0.0.1:1", nil, func(c Config) any { return c.Listen }, "127.0.0.1:1", ""},
		{
			"the environment wins over the file", "database: {url: a.db}",
			[]string{"SALLYPORT_DATABASE__URL=b.db"},
			func(c Config) any { return c.Database.URL.Reveal() }, "b.db", "",
		},
		{
			"a number comes from the environment", "",
			[]string{"SALLYPORT_DATABASE__MAX_OPEN=3"},
			func(c Config) any { return c.Database.MaxOpen }, 3, "",
		},
		{
			"a list comes from the environment", "",
			[]string{"SALLYPORT_TRUSTED_PROXIES=10.0.0.0/8, ::1"},
			func(c Config) any { return c.TrustedProxies },
			[]string{"10.0.0.0/8", "::1"},
			"",
		},
		{"a misspelt name is refused", "lisen: x", nil, nil, nil, "lisen"},
		{"a misspelt name below a section is refused", "database: {ulr: x}", nil, nil, nil, "ulr"},
		{"a misspelt variable is refused", "", []string{"SALLYPORT_LISEN=x"}, nil, nil, "lisen"},
		{"http away from this machine is refused", "public_url: http://id.example", nil, nil, nil, "public_url"},
		{"a public URL with a path is refused", "public_url: https://id.example/x", nil, nil, nil, "public_url"},
		{"printing codes away from this machine is refused", "public_url: https://id.example\nemail: {via: console}", nil, nil, nil, "email.via"},
		{"smtp without a host is refused", "email: {via: smtp}", nil, nil, nil, "host and from"},
		{"smtp without TLS to another machine is refused", "email: {via: smtp, host: mail.example, from: a@b.example, tls: none}", nil, nil, nil, "email.tls"},
		{"a webhook without TLS is refused", "sms: {via: webhook, url: 'http://gw.example', secret: " + strings.Repeat("x", 32) + "}", nil, nil, nil, "sms.url"},
		{"a short webhook secret is refused", "sms: {via: webhook, url: 'https://gw.example', secret: short}", nil, nil, nil, "sms.secret"},
		{"a proxy that is no address is refused", "trusted_proxies: [proxy.example]", nil, nil, nil, "trusted_proxies"},
		{"an unknown log level is refused", "log: {level: loud}", nil, nil, nil, "log.level"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			require.NoError(t, os.WriteFile(path, []byte(tt.file), 0o600))

			got, err := loadConfig(path, tt.environ)

			if tt.fails != "" {
				require.ErrorContains(t, err, tt.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, tt.check(got))
		})
	}
}

func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	c := defaultConfig()
	c.PublicURL, c.KeyRing, c.Log.Format = "ftp://x", "", "xml"

	err := c.Validate()

	for _, part := range []string{"public_url", "key_ring", "log.format"} {
		require.ErrorContains(t, err, part)
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(secret, []byte("postgres://u:p@h/d\n"), 0o600))

	c, err := loadConfig("", []string{"SALLYPORT_DATABASE__URL_FILE=" + secret})

	require.NoError(t, err)
	require.Equal(t, "postgres://u:p@h/d", c.Database.URL.Reveal())
}
