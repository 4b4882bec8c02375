// Package provider is the OAuth 2.0 and OpenID Connect server: it reads
// authorization requests, answers them with codes, and exchanges those for
// tokens. It is the only package that knows fosite.
//
// An authorization request passes, in this order:
//
//	parameters  read from query or form; limits; nothing may come twice
//	normalise   strict rules of our own, client and redirect URI first
//	fosite      the same request again, on a synthetic form
//	requirement what the answer demands, as a [consent.Request]
//	judge       [consent.Service.Resolve]: answered at once, refused, or an
//	            interaction with pages, after which it is judged anew
//	grant       fosite makes the code, one statement stores everything
//	respond     redirect, interstitial page or form, always with iss
//
// An error before the redirect URI is trusted is a page; every later one goes
// to the app. There is no row for each token: a [model.Grant] holds what a whole
// family of them speaks of.
package provider
