package identity_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

const password = "open sesame"

var home = netip.MustParseAddr("192.0.2.1")

// door is a sign-in over a real database: alice may come in, dora is disabled.
type door struct {
	*identity.SignIn
	clock *storetest.Clock
	store *store.Store
}

func newDoor(t *testing.T) *door {
	t.Helper()
	f := storetest.New(t, testdb.SQLite(t))
	h := hasher(t)
	phc, err := h.Hash(t.Context(), password)
	require.NoError(t, err)
	for name, status := range map[string]identity.UserStatus{storetest.AliceName: identity.UserActive, "dora@example.com": identity.UserDisabled} {
		id := strings.TrimSuffix("user-"+name, "@example.com")
		_, err := f.Store.PutUser(t.Context(), identity.User{
			ID: id, TenantID: storetest.TenantID, Username: name, PasswordHash: phc, Status: status,
		})
		require.NoError(t, err)
	}
	return &door{clock: f.Clock, store: f.Store, SignIn: &identity.SignIn{
		Users: f.Store, Hashes: h, Limits: store.Buckets{DB: f.DB.Gorm}, Now: f.Clock.Now,
		LimitKey: func(tenantID, value string) string { return tenantID + "/" + value },
	}}
}

func (d *door) try(username, typed string, ip netip.Addr) error {
	_, err := d.Verify(context.Background(), storetest.TenantID, username, typed, ip)
	return err
}

func TestSignIn(t *testing.T) {
	d := newDoor(t)
	long := strings.Repeat("x", identity.MaxPassword+1)
	tests := []struct {
		name, username, typed string
		want                  error
	}{
		{"the right password", storetest.AliceName, password, nil},
		{"a wrong password", storetest.AliceName, "open sesam", identity.ErrCredentials},
		{"an unknown account", "eve@example.com", password, identity.ErrCredentials},
		{"a disabled account with its right password", "dora@example.com", password, identity.ErrCredentials},
		{"a disabled account with a wrong password", "dora@example.com", "x", identity.ErrCredentials},
		{"a password that is too long to be looked at", storetest.AliceName, long, identity.ErrCredentials},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := d.Verify(t.Context(), storetest.TenantID, tt.username, tt.typed, home)

			require.ErrorIs(t, err, tt.want)
			if tt.want != nil {
				require.Equal(t, tt.want.Error(), err.Error(), "nothing tells the cases apart")
				require.Zero(t, u)
				return
			}
			require.Equal(t, storetest.AliceID, u.ID)
		})
	}
}

func TestAPasswordOfAnotherTenantIsNone(t *testing.T) {
	d := newDoor(t)

	_, err := d.Verify(t.Context(), "another-tenant", storetest.AliceName, password, home)

	require.ErrorIs(t, err, identity.ErrCredentials)
}

// TestATooLongPasswordIsNotTheEmptyOne imports an account whose password is the
// empty text: what is not looked at must not be taken for it.
func TestATooLongPasswordIsNotTheEmptyOne(t *testing.T) {
	d := newDoor(t)
	phc, err := d.Hashes.Hash(t.Context(), "")
	require.NoError(t, err)
	_, err = d.store.PutUser(t.Context(), identity.User{
		ID: "user-empty", TenantID: storetest.TenantID, Username: "empty@example.com", PasswordHash: phc, Status: identity.UserActive,
	})
	require.NoError(t, err)

	require.ErrorIs(t, d.try("empty@example.com", strings.Repeat("x", identity.MaxPassword+1), home), identity.ErrCredentials)
}

// TestNothingButTheVerdictDiffers counts the work: each case hashes once, under
// the same cost, and sends the same statements.
func TestNothingButTheVerdictDiffers(t *testing.T) {
	d := newDoor(t)
	work := func(username string) []string {
		ctx, counter := store.Count(t.Context())
		_, err := d.Verify(ctx, storetest.TenantID, username, "wrong", home)
		require.ErrorIs(t, err, identity.ErrCredentials)
		return counter.Statements()
	}

	wrong := work(storetest.AliceName)

	require.NotEmpty(t, wrong)
	require.Equal(t, wrong, work("eve@example.com"))
	require.Equal(t, wrong, work("dora@example.com"))
}

// TestTheTimeTellsNoAccountFromNone gives an account the cheap hash of an import:
// a wrong password for it takes the work that one for nobody takes.
func TestTheTimeTellsNoAccountFromNone(t *testing.T) {
	d := newDoor(t)
	slow, err := identity.NewHasher(identity.Cost{Memory: 64 * 1024, Passes: 2, Lanes: 1})
	require.NoError(t, err)
	d.Hashes = slow
	took := func(username string) time.Duration {
		best := time.Hour
		for range 3 { // the machine may be busy with something else
			begun := time.Now()
			require.ErrorIs(t, d.try(username, "wrong", home), identity.ErrCredentials)
			best = min(best, time.Since(begun))
		}
		return best
	}

	imported, nobody := took(storetest.AliceName), took("eve@example.com")

	require.Greater(t, imported, nobody/2)
	require.Greater(t, nobody, imported/2)
}

// TestAHashOfAnotherCostIsReplacedAtSignIn signs in twice with an imported hash:
// neither the password's epoch nor anything else of the account changes.
func TestAHashOfAnotherCostIsReplacedAtSignIn(t *testing.T) {
	d := newDoor(t)
	dearer, err := identity.NewHasher(identity.Cost{Memory: 128, Passes: 2, Lanes: 1})
	require.NoError(t, err)
	before, err := d.store.UserByName(t.Context(), storetest.TenantID, storetest.AliceName)
	require.NoError(t, err)
	d.Hashes, d.Rehashes = dearer, d.store

	require.ErrorIs(t, d.try(storetest.AliceName, "wrong", home), identity.ErrCredentials)
	after, err := d.store.UserByName(t.Context(), storetest.TenantID, storetest.AliceName)
	require.NoError(t, err)
	require.Equal(t, before, after)
	u, err := d.Verify(t.Context(), storetest.TenantID, storetest.AliceName, password, home)
	require.NoError(t, err)

	require.True(t, dearer.Stale(before.PasswordHash))
	require.False(t, dearer.Stale(u.PasswordHash))
	after, err = d.store.UserByName(t.Context(), storetest.TenantID, storetest.AliceName)
	require.NoError(t, err)
	require.Equal(t, u, after)
	before.PasswordHash = after.PasswordHash
	require.Equal(t, before, after, "nothing else changed, the epoch least of all")
	require.NoError(t, d.try(storetest.AliceName, password, home))
}

// TestAPasswordIsTheSameHoweverTheKeyboardWritesIt: an accent may come with its
// letter or behind it.
func TestAPasswordIsTheSameHoweverTheKeyboardWritesIt(t *testing.T) {
	h := hasher(t)
	phc, err := h.Hash(t.Context(), "caf\u00e9 au lait")
	require.NoError(t, err)

	same, err := h.Verify(t.Context(), phc, "cafe\u0301 au lait")

	require.NoError(t, err)
	require.True(t, same)
	for _, other := range []string{"cafe au lait", "Caf\u00e9 au lait", "caf\u00e9 au lait "} {
		same, err = h.Verify(t.Context(), phc, other)
		require.NoError(t, err)
		require.False(t, same, other)
	}
}

func TestOnlyFailuresAreCharged(t *testing.T) {
	d := newDoor(t)
	for range 30 {
		require.NoError(t, d.try(storetest.AliceName, password, home))
	}
	for range 9 {
		require.ErrorIs(t, d.try(storetest.AliceName, "x", home), identity.ErrCredentials)
	}
	require.NoError(t, d.try(storetest.AliceName, password, home), "one failure is left")
	require.ErrorIs(t, d.try(storetest.AliceName, "x", home), identity.ErrCredentials)

	err := d.try(storetest.AliceName, password, home)

	wait, ok := errors.AsType[*ratelimit.WaitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, 90*time.Second, wait.After)
	d.clock.Move(90*time.Second - time.Microsecond)
	require.Error(t, d.try(storetest.AliceName, password, home))
	d.clock.Move(time.Microsecond)
	require.NoError(t, d.try(storetest.AliceName, password, home))
}

func TestTheLimitAnswersTheSameForAnAccountThatDoesNotExist(t *testing.T) {
	d := newDoor(t)
	answers := func(username string, ip netip.Addr) (all []string) {
		for range 12 {
			all = append(all, d.try(username, "x", ip).Error())
		}
		return all
	}

	known, unknown := answers(storetest.AliceName, home), answers("eve@example.com", netip.MustParseAddr("192.0.2.2"))

	require.Equal(t, known, unknown)
	require.Contains(t, known[10], "too soon")
}

func TestAStrangerLocksOutHimselfAndNotTheOwner(t *testing.T) {
	d := newDoor(t)
	stranger := netip.MustParseAddr("198.51.100.7")
	for range 10 {
		require.ErrorIs(t, d.try(storetest.AliceName, "x", stranger), identity.ErrCredentials)
	}

	require.Error(t, d.try(storetest.AliceName, password, stranger))
	require.NoError(t, d.try(storetest.AliceName, password, home))
}

func TestOneNetworkMayNotTryEverybody(t *testing.T) {
	d := newDoor(t)
	for i := range 100 {
		require.ErrorIs(t, d.try(strings.Repeat("a", i+1)+"@example.com", "x", home), identity.ErrCredentials)
	}

	_, limited := errors.AsType[*ratelimit.WaitError](d.try(storetest.AliceName, password, home))

	require.True(t, limited)
}

// TestOfManyGuessesAtOnceTheLimitHolds keeps a guess waiting behind the first
// question until the wrong ones that came with it have used up the limit: a right
// one must not be told then.
func TestOfManyGuessesAtOnceTheLimitHolds(t *testing.T) {
	d := newDoor(t)
	waiting := &gate{UserFinder: d.store, seen: make(chan struct{}), open: make(chan struct{})}
	d.Users = waiting
	last := make(chan error, 1)
	go func() { last <- d.try(storetest.AliceName, password, home) }()
	<-waiting.seen
	d.Users = d.store
	for range 10 {
		require.ErrorIs(t, d.try(storetest.AliceName, "x", home), identity.ErrCredentials)
	}
	close(waiting.open)

	_, limited := errors.AsType[*ratelimit.WaitError](<-last)

	require.True(t, limited, "a right guess behind ten wrong ones was told")
}

// gate holds somebody who looks an account up.
type gate struct {
	identity.UserFinder
	seen, open chan struct{}
}

// UserByName implements [identity.UserFinder].
func (g *gate) UserByName(ctx context.Context, tenantID, username string) (identity.User, error) {
	close(g.seen)
	<-g.open
	return g.UserFinder.UserByName(ctx, tenantID, username)
}

func TestNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":  "2001:db8:1:2::/64",
		"2001:db8:1:3::":       "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
		"::1":                  "::/64",
	} {
		require.Equal(t, want, identity.Network(netip.MustParseAddr(ip)), ip)
	}
	require.Equal(t, identity.Network(netip.Addr{}), identity.Network(netip.Addr{}), "unknown addresses count as one")
}

func TestUsername(t *testing.T) {
	for typed, want := range map[string]string{
		"alice@example.com":           "alice@example.com",
		"  Alice@Example.COM\t":       "alice@example.com",
		"ａｌｉｃｅ@example.com":           "alice@example.com",
		"e\u0301ve@example.com":       "éve@example.com",
		"\u00e9ve@example.com":        "éve@example.com",
		"ﬁona@example.com":            "fiona@example.com",
		" \u3000 ":                    "",
		"ÄNNE@EXAMPLE.COM":            "änne@example.com",
		"\u00a0bob@example.com\u00a0": "bob@example.com",
	} {
		require.Equal(t, want, identity.Username(typed), "%q", typed)
		require.Equal(t, want, identity.Username(identity.Username(typed)), "the canonical form of %q is its own", typed)
	}
}

// TestTheOwnerOfANameIsFound: for the audit log, so that the owner reads of the tries.
func TestTheOwnerOfANameIsFound(t *testing.T) {
	d := newDoor(t)

	require.Equal(t, storetest.AliceID, d.Named(t.Context(), storetest.TenantID, " "+strings.ToUpper(storetest.AliceName)))
	require.Empty(t, d.Named(t.Context(), storetest.TenantID, "nobody@example.com"))
	require.Empty(t, d.Named(t.Context(), "another-tenant", storetest.AliceName))
}
