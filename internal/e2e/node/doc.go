// Package node holds the npm package in stepup/node to the server: its own tests, its
// types, its example, and the whole life of confirmed transactions against the real
// server, with driver.mjs as the app. The tests of this package are the user at the
// browser.
package node
