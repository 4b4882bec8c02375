// Package relying holds relying apps to the server. app.mjs is one in JavaScript: it
// uses oauth4webapi, the strictest OpenID client library there is, and does the main
// job with it. TestTransactions is one in Go, with the stepup library, which has
// transactions confirmed and uses them up; TestTheLibraryAndTheServer… compare what
// the two hash. The tests of this package are the user at the browser. What comes from
// npm is no part of the product.
package relying
