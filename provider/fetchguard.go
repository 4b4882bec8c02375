package provider

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// errAddress: an address that the server does not call for others.
var errAddress = errors.New("provider: the address is not on the public internet")

// GuardedClient is an HTTP client for addresses that somebody else has chosen. It
// calls nothing but the public internet: the address is judged when the connection
// is made, after its name was resolved, so that no name can lead inside. It follows
// no redirect and uses no proxy. loopback allows this very machine too.
//
// Source: OWASP, Server-Side Request Forgery Prevention; trap T26.
func GuardedClient(loopback bool) *http.Client {
	dialer := &net.Dialer{
		Timeout: 3 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !mayCall(to.Addr(), loopback) {
				return errAddress
			}
			return nil
		},
	}
	return &http.Client{
		Timeout: keysWait,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 3 * time.Second, ForceAttemptHTTP2: true,
			TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// public6 is where global addresses of IPv6 are; everything else is special.
const public6 = "2000::/3"

// special are blocks that are not, or not only, what they look like.
//
// Source: IANA special-purpose address registries (RFC 6890).
var special = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", // Teredo and others that hold an address inside
	"2001:db8::/32", "2002::/16", "3fff::/20",
}

// mayCall reports whether the server may connect to ip.
func mayCall(ip netip.Addr, loopback bool) bool {
	ip = ip.Unmap()
	if ip.IsLoopback() {
		return loopback
	}
	if !ip.IsValid() || ip.Zone() != "" || ip.Is6() && !within(ip, public6) {
		return false
	}
	return !slices.ContainsFunc(special, func(block string) bool { return within(ip, block) })
}

func within(ip netip.Addr, block string) bool { return netip.MustParsePrefix(block).Contains(ip) }
