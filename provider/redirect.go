package provider

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/sallyport-id/sallyport/identity"
)

// matchRedirect reports whether client may be answered at uri: it is registered
// to the letter, or it differs from a registered one in nothing but the port of
// a loopback address, and client is a native app.
//
// A registered address that is not safe to answer at never matches, whoever
// registered it; see [safeRedirect].
//
// Source: RFC 9700 section 2.1 (exact matching); RFC 8252 section 7.3 (any port
// on a loopback IP literal). Trap T25: fosite compares neither the registered
// scheme nor whether the client is native.
func matchRedirect(client *identity.Client, uri string) bool {
	if !safeRedirect(uri) {
		return false
	}
	if slices.Contains(client.RedirectURIs, uri) {
		return true
	}
	if !client.Native {
		return false
	}
	asked, ok := withoutPort(uri)
	return ok && slices.ContainsFunc(client.RedirectURIs, func(registered string) bool {
		known, ok := withoutPort(registered)
		return ok && known == asked
	})
}

// safeRedirect reports whether an answer may ever be sent to uri: an absolute
// URI without fragment and user, https, or http on this machine, or the private
// scheme of an app. Schemes that a browser would run are refused.
//
// Source: RFC 6749 section 3.1.2; RFC 8252 sections 7.1 and 7.3.
func safeRedirect(uri string) bool {
	u, err := url.ParseRequestURI(uri)
	if err != nil || u.Scheme == "" || u.User != nil || strings.ContainsFunc(uri, notInURI) {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Hostname() != ""
	case "http":
		return u.Hostname() == "localhost" || loopbackIP(u.Hostname())
	}
	// RFC 8252 section 7.1: a private scheme is a domain name turned around, so
	// it holds a dot; javascript, data, blob and their like hold none.
	return strings.Contains(u.Scheme, ".")
}

// notInURI reports what no URI holds (RFC 3986 section 2), and the mark of a
// fragment, which a redirect URI must not have.
func notInURI(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' || r == '\\' }

// withoutPort is uri without its port, for http on a loopback IP literal only.
func withoutPort(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || !loopbackIP(u.Hostname()) {
		return "", false
	}
	// The text is kept as it was sent and only the port is cut out, so that
	// nothing is compared after a change of spelling. The prefix leaves no room
	// for another scheme or for a user.
	rest, ok := strings.CutPrefix(uri, "http://"+u.Host)
	if !ok {
		return "", false
	}
	return u.Hostname() + rest, true
}

func loopbackIP(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() && ip.Zone() == ""
}
