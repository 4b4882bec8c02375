package main

import (
	"io"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/internal/receipts"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/delivery"
)

// newSender is how codes and notices leave the server. What gateways bring back
// with a callback is sealed with ring.
func newSender(cfg Config, ring *seal.Ring, out io.Writer) (mfa.Sender, error) {
	console := &delivery.Console{Out: out}
	route := delivery.Route{Callbacks: &delivery.Callbacks{
		Base: strings.TrimSuffix(cfg.PublicURL, "/"), Tokens: receipts.Tokens{Ring: ring}, Now: time.Now,
	}}
	switch cfg.Email.Via {
	case "smtp":
		smtp, err := delivery.NewSMTP(delivery.SMTPConfig{
			Host: cfg.Email.Host, Port: cfg.Email.Port, Username: cfg.Email.Username, Password: cfg.Email.Password,
			From: cfg.Email.From, TLS: cfg.Email.TLS,
		})
		if err != nil {
			return nil, err
		}
		route.Email = smtp
	case "console":
		route.Email = console
	}
	var err error
	route.SMS, err = newLine(cfg.SMS.list("sms"), route.Callbacks, console)
	if err != nil {
		return nil, err
	}
	route.Voice, err = newLine(cfg.Voice.list("voice"), route.Callbacks, console)
	if err != nil {
		return nil, err
	}
	return route, nil
}

// newLine is the gateways of one channel; nil where there are none.
func newLine(list []Gateway, callbacks *delivery.Callbacks, console *delivery.Console) (mfa.Sender, error) {
	if len(list) == 0 {
		return nil, nil //nolint:nilnil // the channel is off
	}
	line := &delivery.Line{Now: time.Now}
	for _, g := range list {
		sender, err := newGateway(g, callbacks, console)
		if err != nil {
			return nil, err
		}
		line.Gateways = append(line.Gateways, delivery.Gateway{
			Sender: sender, Countries: g.Countries, Prefixes: g.Prefixes, Timeout: time.Duration(g.TimeoutS) * time.Second,
			Prices: delivery.Prices{Default: g.PriceUSDMicros, Countries: g.PricesUSDMicros},
		})
	}
	return line, nil
}

func newGateway(g Gateway, callbacks *delivery.Callbacks, console *delivery.Console) (mfa.Sender, error) {
	switch g.Via {
	case "twilio":
		return delivery.NewTwilio(delivery.TwilioConfig{
			Name: g.Name, BaseURL: g.BaseURL, Account: g.Account, Token: g.AuthToken, KeyID: g.KeyID, KeySecret: g.KeySecret,
			From: g.From, Callbacks: callbacks,
		}), nil
	case "vonage":
		return delivery.NewVonage(delivery.VonageConfig{
			Name: g.Name, BaseURL: g.BaseURL, Application: g.Application, PrivateKey: g.PrivateKey, Signature: g.SignatureSecret,
			From: g.From, USDMicrosPerEuro: g.USDMicrosPerEuro, Callbacks: callbacks, Now: time.Now,
		})
	case "webhook":
		return delivery.NewWebhook(g.URL, g.Secret).As(g.Name, callbacks), nil
	default: // validate has refused everything else
		return console, nil
	}
}
