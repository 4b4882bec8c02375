package protocol_test

import (
	"testing"

	"github.com/sallyport-id/sallyport/internal/testdb"
)

// bench runs an operation on both databases, over the handler and without a
// network. start makes what all runs share; what it returns is called before
// each run, off the clock, and returns the run.
func bench(b *testing.B, start func(b *testing.B, s *inside) func() func()) {
	b.Helper()
	for _, database := range []struct {
		name string
		open func(testing.TB) string
	}{{"sqlite", testdb.SQLite}, {"postgres", testdb.Postgres}} {
		b.Run(database.name, func(b *testing.B) {
			s := openInside(b, database.open(b))
			next, sent := start(b, s), 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				run := next()
				s.count.Reset()
				b.StartTimer()
				run()
				sent += len(s.count.Statements())
			}
			b.ReportMetric(float64(sent)/float64(b.N), "queries/op")
		})
	}
}

// same is an operation that needs no preparation of its own.
func same(run func()) func() func() { return func() func() { return run } }

// BenchmarkAuthorizeLive is an authorization request with a session that
// satisfies it.
func BenchmarkAuthorizeLive(b *testing.B) {
	bench(b, func(b *testing.B, s *inside) func() func() {
		browser := s.newBrowser()
		s.login(b, browser)
		return same(func() { s.live(b, browser) })
	})
}

// BenchmarkExchange redeems a code for all three tokens.
func BenchmarkExchange(b *testing.B) {
	bench(b, func(b *testing.B, s *inside) func() func() {
		browser := s.newBrowser()
		s.login(b, browser)
		return func() func() {
			in := s.live(b, browser)
			return func() { s.exchange(b, in) }
		}
	})
}

// BenchmarkRefresh renews the tokens of one grant again and again.
func BenchmarkRefresh(b *testing.B) {
	bench(b, func(b *testing.B, s *inside) func() func() {
		k := s.exchange(b, s.login(b, s.newBrowser()))
		return same(func() { k = s.refresh(b, k.Refresh) })
	})
}

// BenchmarkUserinfo asks for the claims of one user.
func BenchmarkUserinfo(b *testing.B) {
	bench(b, func(b *testing.B, s *inside) func() func() {
		k := s.exchange(b, s.login(b, s.newBrowser()))
		return same(func() { s.userinfo(b, k.Access) })
	})
}

// BenchmarkClientCredentials makes tokens that are about no user.
func BenchmarkClientCredentials(b *testing.B) {
	bench(b, func(b *testing.B, s *inside) func() func() {
		return same(func() { s.credentials(b) })
	})
}
