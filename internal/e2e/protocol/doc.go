// Package protocol holds the server to OpenID Connect from outside, as the tools
// and libraries of other people use it. It holds no code, only tests:
//
//	TestConformance   the modules of the OpenID conformance suite, by their names
//	TestRelyingApps   go-oidc with x/oauth2, and the stepup library: login,
//	                  refresh, userinfo and the confirmation of a payout
//	TestStatements    what an operation may send to the database
//	Benchmark...      the hot endpoints, with the metric queries/op
//
// A relying app in JavaScript is in package relying.
package protocol
