// Package totp is the codes of an authenticator app: the secret and the ways in
// which a user takes it over, and the judging of a code.
//
//	NewSecret   what app and server share
//	URL, QR     what the app scans, or opens on the same phone
//	Key         what the user types where nothing can be scanned
//	Match       which step of time a code belongs to
//
// Nothing is stored and nothing is counted here. Who calls [Match] pays the
// attempt before it, as RFC 4226 section 7.3 asks, and keeps the step that it
// returns in a statement which only lets it grow: that is what makes a code pass
// once, the code of the enrolment included.
//
// Secrets are bytes, and URL and Key give them as text: a caller that keeps the
// text longer than for one page wraps it in a type that does not print.
//
// Source: RFC 4226 (HOTP), RFC 6238 (TOTP), and the Key URI Format of Google
// Authenticator, which all common apps read.
package totp
