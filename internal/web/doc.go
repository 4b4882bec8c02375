// Package web is the plumbing between gin and the edges of the server: which
// tenant a request is for, cookies, security headers, and the one place where a
// failure meets HTTP. It holds no rule about authentication.
package web
