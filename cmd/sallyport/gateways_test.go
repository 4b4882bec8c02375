package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/delivery"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// privateKey is a file with a new key.
func privateKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return path
}

func load(t *testing.T, text string, environ ...string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return loadConfig(path, environ)
}

func TestSeveralGateways(t *testing.T) {
	cfg, err := load(t, `
public_url: https://id.example
sms:
  gateways:
    - {via: twilio, account: AC1, auth_token: secret, from: MG1, countries: [US, CA], price_usd_micros: 8000, prices_usd_micros: {MX: 45000}}
    - {via: vonage, application: a1, private_key_file: `+privateKey(t)+`, signature_secret: s, from: Acme, timeout_s: 3}
    - {via: webhook, name: bridge, url: 'https://gw.example', secret: `+strings.Repeat("x", 32)+`, prefixes: ['+5255']}
voice: {via: twilio, account: AC1, auth_token_file: `+privateKey(t)+`, from: '+15550001111'}
`)
	require.NoError(t, err)

	sender, err := newSender(cfg, seal.New(time.Now()), io.Discard)

	require.NoError(t, err)
	route := sender.(delivery.Route)
	require.Nil(t, route.Email)
	require.Equal(t, "twilio, vonage, bridge", route.SMS.Name())
	require.Equal(t, "twilio-voice", route.Voice.Name())
	require.Len(t, route.Reporters(), 4)
	require.Equal(t, 3*time.Second, route.SMS.(*delivery.Line).Gateways[1].Timeout)
	require.EqualValues(t, 8000, route.Quote(mfa.Message{Channel: policy.SMS, To: "+12015550123", Text: "x"}))
	require.Zero(t, route.Quote(mfa.Message{Channel: policy.SMS, To: "+526441832399", Text: "x"}), "twilio is not for Mexico here")
}

func TestOneGateway(t *testing.T) {
	cfg, err := load(t, "public_url: https://id.example", "SALLYPORT_SMS__VIA=twilio", "SALLYPORT_SMS__ACCOUNT=AC1",
		"SALLYPORT_SMS__AUTH_TOKEN=secret", "SALLYPORT_SMS__FROM=Acme", "SALLYPORT_SMS__COUNTRIES=MX, US")
	require.NoError(t, err)
	require.Equal(t, []string{"MX", "US"}, cfg.SMS.Countries)
	require.Equal(t, "secret", cfg.SMS.AuthToken.Reveal())

	sender, err := newSender(cfg, seal.New(time.Now()), io.Discard)

	require.NoError(t, err)
	require.Equal(t, "twilio", sender.(delivery.Route).SMS.Name())
	require.Nil(t, sender.(delivery.Route).Voice)
}

func TestWhatAGatewayNeeds(t *testing.T) {
	twilio := "via: twilio, account: AC1, auth_token: s, from: Acme"
	tests := []struct{ name, file, says string }{
		{"an unknown one", "sms: {via: pigeon}", "twilio, vonage, webhook, console, none"},
		{"twilio without an account", "sms: {via: twilio, auth_token: s, from: Acme}", "sms.account: twilio needs it"},
		{"twilio without a token", "sms: {via: twilio, account: AC1, from: Acme}", "sms.auth_token"},
		{"twilio with half an API key", "sms: {" + twilio + ", key_id: SK1}", "key_id and key_secret"},
		{"vonage without a secret for callbacks", "sms: {via: vonage, application: a, private_key: k, from: Acme}", "sms.signature_secret"},
		{"a country in words", "sms: {" + twilio + ", countries: [Mexico]}", "sms.countries"},
		{"a prefix without a plus", "sms: {" + twilio + ", prefixes: ['52']}", "sms.prefixes"},
		{"a price below nothing", "sms: {" + twilio + ", prices_usd_micros: {MX: -1}}", "sms.prices_usd_micros"},
		{"a user who waits for a minute", "sms: {" + twilio + ", timeout_s: 60}", "sms.timeout_s"},
		{"an API without TLS", "sms: {" + twilio + ", base_url: 'http://api.example'}", "sms.base_url"},
		{"a name with a slash", "sms: {" + twilio + ", name: a/b}", "sms.name"},
		{"one name twice", "sms: {gateways: [{" + twilio + "}, {" + twilio + "}]}", "sms.gateways[1].name"},
		{"one and several", "sms: {" + twilio + ", gateways: [{" + twilio + "}]}", "either via or gateways"},
		{"a misspelt name in a list", "sms: {gateways: [{vai: twilio}]}", "vai"},
		{"none in a list", "sms: {gateways: [{via: none}]}", "sms.gateways[0].via"},
		{"a mistake in a list", "sms: {gateways: [{via: webhook, url: 'http://gw.example'}]}", "sms.gateways[0].url"},
		{"calls with nothing that a gateway can reach", "voice: {" + twilio + "}", "voice.via"},
		{"printing codes away from this machine", "public_url: https://id.example\nvoice: {via: console}", "voice.via"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.file)

			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestAKeyThatCannotBeRead(t *testing.T) {
	cfg, err := load(t, "sms: {via: vonage, application: a, private_key: nonsense, signature_secret: s, from: Acme}")
	require.NoError(t, err)

	_, err = newSender(cfg, seal.New(time.Now()), io.Discard)

	require.ErrorContains(t, err, "vonage: private key")
}
