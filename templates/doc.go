// Package templates holds everything that Sallyport says to people: the pages
// in a browser and the texts of emails, text messages and calls.
//
// A page is a plain struct, and there is one HTML file for each; see [Page].
// No sentence stands in the HTML or in the code: each is a message key of
// i18n/<language>.json. A new language is one more JSON file; [New] refuses to
// start when a key or a placeholder is missing in it.
//
// All pages work as plain forms. Nothing in them is inline, so that they run
// under the strict policy in [ContentSecurityPolicy]; the few scripts under
// static only make them nicer.
//
// Everything that comes from outside (names, amounts, addresses) is escaped,
// rid of control and direction characters, and isolated in <bdi>.
//
// The package imports nothing of ours and does no HTTP. The web layer renders
// with [Set.Render] and serves what [Set.Asset] returns below [StaticPrefix].
package templates
