package identity_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// markKeys is a key ring as package identity wants it.
type markKeys struct{ ring *seal.Ring }

func (k markKeys) CurrentMarkKey() string { return k.ring.Current(seal.Cookie) }

func (k markKeys) MarkMAC(keyID, tenantID string, parts ...string) []byte {
	raw := make([][]byte, len(parts))
	for i, p := range parts {
		raw[i] = []byte(p)
	}
	return k.ring.MAC(seal.Cookie, keyID, tenantID, raw...)
}

// knowing lets d know browsers, and returns alice.
func (d *door) knowing(t *testing.T) identity.User {
	t.Helper()
	d.Browsers = &identity.Browsers{Keys: markKeys{seal.New(storetest.Start)}, Now: d.clock.Now}
	u, err := d.store.UserByName(t.Context(), storetest.TenantID, storetest.AliceName)
	require.NoError(t, err)
	return u
}

func (d *door) from(t *testing.T, known identity.KnownBrowser, typed string, ip netip.Addr) error {
	t.Helper()
	_, err := d.VerifyFrom(t.Context(), storetest.TenantID, storetest.AliceName, typed, ip, known)
	return err
}

func limited(err error) bool {
	_, ok := errors.AsType[*ratelimit.WaitError](err)
	return ok
}

// T-68: a stranger locks out strangers. A thousand wrong passwords, over all the
// world and from the owner's own network, leave the owner's browser alone.
func TestT68AStrangerDoesNotLockOutTheOwnersBrowser(t *testing.T) {
	d := newDoor(t)
	known := d.Browsers.Remember("", d.knowing(t))
	for i := range 1000 {
		ip := netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
		if i%2 == 0 {
			ip = home
		}
		require.Error(t, d.from(t, "", "wrong", ip))
		if i%100 == 0 {
			d.clock.Move(time.Minute)
			require.NoError(t, d.from(t, known, password, home))
		}
	}

	require.True(t, limited(d.from(t, "", password, home)), "a browser that nobody knows waits")
	require.True(t, limited(d.from(t, "", password, netip.MustParseAddr("203.0.113.9"))), "wherever it is")
	require.NoError(t, d.from(t, known, password, home))
	require.ErrorIs(t, d.from(t, known, "wrong", home), identity.ErrCredentials, "and may mistype")
	require.NoError(t, d.from(t, known, password, home))
}

func TestAKnownBrowserThatGuessesIsNoLongerKnown(t *testing.T) {
	d := newDoor(t)
	u := d.knowing(t)
	known := d.Browsers.Remember("", u)
	for range 10 {
		require.ErrorIs(t, d.from(t, known, "wrong", home), identity.ErrCredentials)
	}
	require.NoError(t, d.from(t, "", password, home), "its failures did not count on everything else")
	for range 10 {
		require.ErrorIs(t, d.from(t, known, "wrong", home), identity.ErrCredentials, "now it is like any other")
	}

	require.True(t, limited(d.from(t, known, password, home)))
	require.True(t, limited(d.from(t, "", password, home)))
	d.clock.Move(time.Hour)
	require.ErrorIs(t, d.from(t, known, "wrong", home), identity.ErrCredentials)
	require.NoError(t, d.from(t, d.Browsers.Remember(known, u), password, home), "a complete login begins anew")
}

func TestWhoIsKnownAndWhoIsNot(t *testing.T) {
	type browsers = *identity.Browsers
	type mark = identity.KnownBrowser
	like := func(edit func(*identity.User)) func(browsers, identity.User) mark {
		return func(b browsers, u identity.User) mark {
			edit(&u)
			return b.Remember("", u)
		}
	}
	good := like(func(*identity.User) {})
	beside := func(others int) func(browsers, identity.User) mark {
		return func(b browsers, u identity.User) mark {
			known := b.Remember("", u)
			for i := range others {
				u.Username = fmt.Sprintf("user%d@example.com", i)
				known = b.Remember(b.Remember(known, u), u)
			}
			return known
		}
	}
	tests := []struct {
		name  string
		mark  func(browsers, identity.User) mark
		after time.Duration
		known bool
	}{
		{"the mark of the account", good, 0, true},
		{"beside four others, each made twice", beside(4), 0, true},
		{"five others later", beside(5), 0, false},
		{"just before its end", good, identity.KnownFor - time.Second, true},
		{"at its end", good, identity.KnownFor, false},
		{"none", func(browsers, identity.User) mark { return "" }, 0, false},
		{"of another account", like(func(u *identity.User) { u.Username = "dora@example.com" }), 0, false},
		{"of another tenant", like(func(u *identity.User) { u.TenantID = "tenant-other" }), 0, false},
		{"of another password", like(func(u *identity.User) { u.PasswordEpoch-- }), 0, false},
		{"with the epoch edited", func(b browsers, u identity.User) mark {
			parts := strings.Split(string(like(func(u *identity.User) { u.PasswordEpoch-- })(b, u)), ".")
			parts[2] = fmt.Sprint(u.PasswordEpoch)
			return mark(strings.Join(parts, "."))
		}, 0, false},
		{"made with another key", func(b browsers, u identity.User) mark {
			foreign := &identity.Browsers{Keys: markKeys{seal.New(storetest.Start)}, Now: b.Now}
			return foreign.Remember("", u)
		}, 0, false},
		{"nonsense", func(browsers, identity.User) mark { return "~~..~.....~x.y.z.0.q~a.b.1.2.c" }, 0, false},
		{"endless", func(b browsers, u identity.User) mark { return good(b, u) + mark(strings.Repeat("~", 5000)) }, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDoor(t)
			u := d.knowing(t)
			known := tt.mark(d.Browsers, u)
			d.clock.Move(tt.after)
			for range 10 {
				require.ErrorIs(t, d.from(t, "", "wrong", home), identity.ErrCredentials)
			}

			err := d.from(t, known, password, home)

			if tt.known {
				require.NoError(t, err)
			} else {
				require.True(t, limited(err), "%v", err)
			}
		})
	}
}

// TestAKnownBrowserCostsNoMoreStatements: a login does not get dearer by it.
func TestAKnownBrowserCostsNoMoreStatements(t *testing.T) {
	d := newDoor(t)
	known := d.Browsers.Remember("", d.knowing(t))
	work := func(known identity.KnownBrowser, typed string) int {
		ctx, counter := store.Count(t.Context())
		_, _ = d.VerifyFrom(ctx, storetest.TenantID, storetest.AliceName, typed, home, known)
		return len(counter.Statements())
	}

	require.Equal(t, work("", password), work(known, password))
	require.Equal(t, work("", "wrong"), work(known, "wrong"))
}
