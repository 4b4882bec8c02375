// Package identity says who is who: tenants, their users, the apps that they
// trust, and the browser sessions of their users.
//
// It decides by values and rules; it does no HTTP and no SQL. Package store
// keeps what it describes.
package identity
