package mfa

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
)

func TestNetwork(t *testing.T) {
	tests := []struct{ name, ip, want string }{
		{"IPv4 counts by address", "192.0.2.1", "192.0.2.1"},
		{"IPv4 written as IPv6 is the same", "::ffff:192.0.2.1", "192.0.2.1"},
		{"IPv6 counts by /64", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"and so does its neighbour", "2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
		{"a zone changes nothing", "fe80::1%eth0", "fe80::/64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, network(netip.MustParseAddr(tt.ip)))
		})
	}
	require.Equal(t, "invalid IP", network(netip.Addr{}), "unknown addresses count as one")
}

func TestSendCharges(t *testing.T) {
	p, err := policy.Preset("contractor-email-first")
	require.NoError(t, err)
	ask := Ask{Subject: Subject{"t1", "u1"}, Policy: &p, IP: netip.MustParseAddr("2001:db8::1")}
	s := &Service{Peppers: parts{}}
	phone := Contact{Kind: ContactPhone, Value: "+526441832399", Country: "MX"}

	got := map[string]ratelimit.Limit{}
	for _, c := range s.charges("t1", sendScopes(ask, phone)) {
		got[c.Key] = c.Limit
	}

	per := func(n int, seconds int) ratelimit.Limit {
		return ratelimit.Per(n, time.Duration(seconds)*time.Second)
	}
	require.Equal(t, map[string]ratelimit.Limit{
		"send.contact/600/t1/<t1|+526441832399>":   per(5, 600),
		"send.contact/3600/t1/<t1|+526441832399>":  per(10, 3600),
		"send.contact/86400/t1/<t1|+526441832399>": per(20, 86400),
		"send.user/3600/t1/<t1|u1>":                per(10, 3600),
		"send.user/86400/t1/<t1|u1>":               per(30, 86400),
		"send.ip/300/t1/<t1|2001:db8::/64>":        per(25, 300),
		"send.ip/86400/t1/<t1|2001:db8::/64>":      per(200, 86400),
		"send.prefix/3600/t1/<t1|+52644183>":       per(30, 3600),
		"send.country/86400/t1/<t1|MX>":            per(2000, 86400),
	}, got)

	for _, c := range s.charges("t1", sendScopes(ask, Contact{Kind: ContactEmail, Value: "a@example.test"})) {
		require.False(t, strings.HasPrefix(c.What, "send.prefix") || strings.HasPrefix(c.What, "send.country"), c.What)
	}
}

func TestChargesThatWouldShareAKey(t *testing.T) {
	s := &Service{Peppers: parts{}}
	rates := []policy.Rate{{N: 9, Per: 60}, {N: 5, Per: 60}, {N: 7, Per: 60}}

	got := s.charges("t1", []scope{{"x", "v", rates}})

	require.Equal(t, []ratelimit.Charge{{What: "x", Key: "x/60/t1/<t1|v>", Limit: ratelimit.Per(5, time.Minute)}}, got)
}

func TestARateOfNothingLetsNothingPass(t *testing.T) {
	charge := ratelimit.Charge{Key: "k", Limit: limit(policy.Rate{})}

	require.ErrorIs(t, ratelimit.Check([]ratelimit.Charge{charge}), ratelimit.ErrCharge)
}

func TestRedact(t *testing.T) {
	require.Equal(t, "no route to [secret] ([secret])", redact("no route to a@example.test (123456)", "a@example.test", "123456", ""))
	require.Len(t, redact(strings.Repeat("é", 300), "x"), 200)
	require.Equal(t, "ab", redact("a\xffb"))
}
