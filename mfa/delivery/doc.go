// Package delivery hands messages to gateways: SMTP for email, a signed webhook
// for SMS and voice (any gateway can be put behind one), the console for
// development.
package delivery
