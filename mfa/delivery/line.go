package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// Prices is what a gateway takes for one SMS or one call, in millionths of a US
// dollar.
type Prices struct {
	Default   int64
	Countries map[string]int64 // by ISO 3166-1 code
}

// of is the price of m to country: each segment of a text costs.
func (p Prices) of(m mfa.Message, country string) int64 {
	one, named := p.Countries[country]
	if !named {
		one = p.Default
	}
	if m.Channel == policy.SMS {
		return one * int64(templates.Segments(m.Text.Reveal()))
	}
	return one
}

// Gateway is one way to send, and when it is taken.
type Gateway struct {
	Sender    mfa.Sender
	Countries []string      // ISO 3166-1 codes it is for; with no prefixes either: all
	Prefixes  []string      // of E.164 numbers it is for, such as +5255
	Timeout   time.Duration // 0 is 5 s
	Prices    Prices
}

// serves reports whether g is for the number.
func (g Gateway) serves(number, country string) bool {
	if len(g.Countries)+len(g.Prefixes) == 0 {
		return true
	}
	return slices.Contains(g.Countries, country) ||
		slices.ContainsFunc(g.Prefixes, func(p string) bool { return strings.HasPrefix(number, p) })
}

// The numbers of the circuit: a gateway that failed so often in a row is passed
// over for so long.
const (
	failsInARow = 5
	passedOver  = 30 * time.Second
)

// gatewayTimeout leaves room for a second gateway while the user waits.
const gatewayTimeout = 5 * time.Second

// Line is the gateways of one channel, in order of preference. When one does not
// take a message, the next one is asked; when it says that the number is not
// reachable at all, nobody else is.
//
// A second gateway may send what a first one that did not answer has sent as
// well: it is the same code, and the user waits.
type Line struct {
	Gateways []Gateway
	Now      func() time.Time

	mu     sync.Mutex
	health map[string]*health // by name
}

// health is how a gateway has been lately.
type health struct {
	fails int // in a row
	until time.Time
}

// Name implements [mfa.Sender].
func (l *Line) Name() string {
	var names []string
	for _, g := range l.Gateways {
		names = append(names, g.Sender.Name())
	}
	return strings.Join(names, ", ")
}

// Send implements [mfa.Sender].
func (l *Line) Send(ctx context.Context, m mfa.Message) (string, error) {
	h, err := l.SendVia(ctx, m)
	return h.Reference, err
}

// SendVia implements [mfa.Routed].
//
// Errors: [*mfa.RefusedError]; [ErrNoGateway] if none is for this number; else
// those of every gateway that was asked.
func (l *Line) SendVia(ctx context.Context, m mfa.Message) (mfa.Handed, error) {
	country := countryOf(m)
	var last mfa.Handed
	var failed []error
	for _, g := range l.candidates(m.To.Reveal(), country) {
		last.Gateway = g.Sender.Name()
		reference, err := ask(ctx, g, m)
		refused, final := errors.AsType[*mfa.RefusedError](err)
		l.note(last.Gateway, err == nil || final)
		switch {
		case err == nil:
			last.Reference, last.CostMicros = reference, g.Prices.of(m, country)
			return last, nil
		case final:
			return last, fmt.Errorf("delivery: %s: %w", last.Gateway, refused)
		}
		failed = append(failed, fmt.Errorf("%s: %w", last.Gateway, err))
		if ctx.Err() != nil {
			break
		}
	}
	if len(failed) == 0 {
		return last, fmt.Errorf("%w: %s to %s", ErrNoGateway, m.Channel, country)
	}
	return last, errors.Join(failed...)
}

// ask gives g its time for m.
func ask(ctx context.Context, g Gateway, m mfa.Message) (string, error) {
	patience := g.Timeout
	if patience == 0 {
		patience = gatewayTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return g.Sender.Send(ctx, m)
}

// countryOf is where m goes, decided by its number; "" if no plan knows it.
func countryOf(m mfa.Message) string {
	n, err := phone.Parse(m.To.Reveal(), "")
	if err != nil {
		return ""
	}
	return n.Region
}

// candidates are the gateways for a number, without those that are passed over;
// all of them if none is left.
func (l *Line) candidates(number, country string) []Gateway {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all, well []Gateway
	now := l.Now()
	for _, g := range l.Gateways {
		if !g.serves(number, country) {
			continue
		}
		all = append(all, g)
		h := l.health[g.Sender.Name()]
		if h == nil || !now.Before(h.until) {
			well = append(well, g)
		}
	}
	if len(well) == 0 {
		return all
	}
	return well
}

// note remembers how a gateway did.
func (l *Line) note(name string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.health == nil {
		l.health = map[string]*health{}
	}
	h := l.health[name]
	if h == nil {
		h = &health{}
		l.health[name] = h
	}
	if ok {
		*h = health{}
		return
	}
	h.fails++
	if h.fails >= failsInARow {
		h.until = l.Now().Add(passedOver)
	}
}

// Quote implements [mfa.Routed]: the price of the dearest gateway for the number.
func (l *Line) Quote(m mfa.Message) int64 {
	number, country := m.To.Reveal(), countryOf(m)
	var most int64
	for _, g := range l.Gateways {
		if g.serves(number, country) {
			most = max(most, g.Prices.of(m, country))
		}
	}
	return most
}
