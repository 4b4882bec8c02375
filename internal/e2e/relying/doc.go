// Package relying holds a relying app in JavaScript to the server: app.mjs uses
// oauth4webapi, the strictest OpenID client library there is, and does the main
// job with it. The test of this package is the user at its browser. The library
// comes from npm and is no part of the product.
package relying
