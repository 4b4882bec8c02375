// Package browser shows the product in a real browser. It holds no code, only
// tests: Chromium against the demo, as a person uses it.
//
//	TestSystems               the rows of systems A to E, one test a row
//	TestSystemsWithoutScript  the same rows with JavaScript switched off
//	TestPages                 every page and state: no sideways scroll, nothing
//	                          for axe to report, a picture to look at
//	TestKeyboard              a login and a payout with Tab and Enter only
//
// The tests share one browser, in which each has a browser context of its own. Some
// run at the same time (atOnce), so each has a demo to itself while it runs: time is
// moved with the demo's clock, never by waiting. Chromium has to be
// on the PATH, and npm for axe; without them the tests are left out, and in CI
// they fail. SALLYPORT_ARTEFACTS names a folder for the pictures.
package browser
