package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var _ mfa.Routed = Route{}

// ErrNoGateway says that nothing delivers the message's channel.
var ErrNoGateway = errors.New("delivery: no gateway for this channel")

// Route picks the gateway by channel. A nil one means that the channel cannot
// be delivered; the user is then offered another method.
type Route struct {
	Email mfa.Sender
	SMS   mfa.Sender
	Voice mfa.Sender
	// Callbacks are where the gateways report back; nil where none does.
	Callbacks *Callbacks
}

// Reporters are the gateways that report back, by name.
func (r Route) Reporters() map[string]Reporter {
	found := map[string]Reporter{}
	add := func(s mfa.Sender) {
		reporter, ok := s.(Reporter)
		if ok {
			found[s.Name()] = reporter
		}
	}
	for _, s := range []mfa.Sender{r.SMS, r.Voice} {
		line, ok := s.(*Line)
		if !ok {
			add(s)
			continue
		}
		for _, g := range line.Gateways {
			add(g.Sender)
		}
	}
	return found
}

// Name implements [mfa.Sender].
func (Route) Name() string { return "route" }

// Send implements [mfa.Sender]. Errors: [ErrNoGateway].
func (r Route) Send(ctx context.Context, m mfa.Message) (string, error) {
	h, err := r.SendVia(ctx, m)
	return h.Reference, err
}

// SendVia implements [mfa.Routed]. Errors: [ErrNoGateway], and those of the channel.
func (r Route) SendVia(ctx context.Context, m mfa.Message) (mfa.Handed, error) {
	s := r.channel(m.Channel)
	if s == nil {
		return mfa.Handed{Gateway: r.Name()}, fmt.Errorf("%w: %s", ErrNoGateway, m.Channel)
	}
	return mfa.Hand(ctx, s, m)
}

// Quote implements [mfa.Routed].
func (r Route) Quote(m mfa.Message) int64 {
	routed, ok := r.channel(m.Channel).(mfa.Routed)
	if !ok {
		return 0
	}
	return routed.Quote(m)
}

func (r Route) channel(channel mfa.Method) mfa.Sender {
	switch channel {
	case policy.Email:
		return r.Email
	case policy.SMS:
		return r.SMS
	case policy.Voice:
		return r.Voice
	default: // no other kind is delivered
		return nil
	}
}
