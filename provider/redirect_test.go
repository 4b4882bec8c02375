package provider

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
)

func TestMatchRedirect(t *testing.T) {
	tests := []struct {
		name       string
		registered string
		native     bool
		asked      string
		want       bool
	}{
		{"to the letter", "https://a.example/cb", false, "https://a.example/cb", true},
		{"with its own query", "https://a.example/cb?x=1", false, "https://a.example/cb?x=1", true},
		{"a query added", "https://a.example/cb", false, "https://a.example/cb?x=1", false},
		{"a query left out", "https://a.example/cb?x=1", false, "https://a.example/cb", false},
		{"a slash added", "https://a.example/cb", false, "https://a.example/cb/", false},
		{"a path below", "https://a.example/cb", false, "https://a.example/cb/../evil", false},
		{"another case of the host", "https://a.example/cb", false, "https://A.example/cb", false},
		{"a port added", "https://a.example/cb", false, "https://a.example:443/cb", false},
		{"a fragment", "https://a.example/cb", false, "https://a.example/cb#x", false},
		{"a fragment that is registered", "https://a.example/cb#x", false, "https://a.example/cb#x", false},
		{"a user", "https://u@a.example/cb", false, "https://u@a.example/cb", false},
		{"plain http on the network", "http://a.example/cb", false, "http://a.example/cb", false},
		{"plain http on a host that ends in localhost", "http://a.localhost/cb", false, "http://a.localhost/cb", false},
		{"plain http on this machine", "http://localhost:3000/cb", false, "http://localhost:3000/cb", true},
		{"plain http on the loopback address", "http://127.0.0.1:3000/cb", false, "http://127.0.0.1:3000/cb", true},
		{"another port for a web app", "http://127.0.0.1:3000/cb", false, "http://127.0.0.1:4000/cb", false},
		{"another port for a native app", "http://127.0.0.1:3000/cb", true, "http://127.0.0.1:4000/cb", true},
		{"a port where none is registered", "http://127.0.0.1/cb", true, "http://127.0.0.1:4000/cb", true},
		{"another port of IPv6", "http://[::1]/cb", true, "http://[::1]:4000/cb", true},
		{"another port of localhost, which is a name", "http://localhost/cb", true, "http://localhost:4000/cb", false},
		{"another port and another path", "http://127.0.0.1/cb", true, "http://127.0.0.1:4000/evil", false},
		{"another port and a query", "http://127.0.0.1/cb", true, "http://127.0.0.1:4000/cb?x=1", false},
		{"another loopback address", "http://127.0.0.1/cb", true, "http://127.0.0.2:4000/cb", false},
		{"a user in front of the address", "http://127.0.0.1/cb", true, "http://127.0.0.1:80@evil.example/cb", false},
		{"http where https is registered", "https://127.0.0.1/cb", true, "http://127.0.0.1:4000/cb", false},
		{"another port of https", "https://127.0.0.1/cb", true, "https://127.0.0.1:4000/cb", false},
		{"another port on the network", "http://10.0.0.1/cb", true, "http://10.0.0.1:4000/cb", false},
		{"the scheme of an app", "com.example.app:/cb", true, "com.example.app:/cb", true},
		{"a script", "javascript:alert(1)", true, "javascript:alert(1)", false},
		{"a script with a slash", "javascript:/alert(1)", true, "javascript:/alert(1)", false},
		{"data", "data:/text/html,x", true, "data:/text/html,x", false},
		{"no scheme", "/cb", false, "/cb", false},
		{"a backslash", `https://a.example\@b.example/cb`, false, `https://a.example\@b.example/cb`, false},
		{"a backslash in the path", `https://a.example/a\b`, false, `https://a.example/a\b`, false},
		{"a space", "https://a.example/a b", false, "https://a.example/a b", false},
		{"letters beyond ASCII", "https://a.example/ä", false, "https://a.example/ä", false},
		{"a user in front of the address, registered", "http://u@127.0.0.1/cb", true, "http://u@127.0.0.1:4000/cb", false},
		{"http in capitals", "http://127.0.0.1/cb", true, "HTTP://127.0.0.1:4000/cb", false},
		{"a line break", "https://a.example/cb\n", false, "https://a.example/cb\n", false},
		{"nothing", "", false, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := &identity.Client{RedirectURIs: []string{tt.registered}, Native: tt.native}

			require.Equal(t, tt.want, matchRedirect(client, tt.asked))
		})
	}
}
