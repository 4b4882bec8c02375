package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// ErrNoGateway says that nothing delivers the message's channel.
var ErrNoGateway = errors.New("delivery: no gateway for this channel")

// Route picks the gateway by channel. A nil one means that the channel cannot
// be delivered; the user is then offered another method.
type Route struct {
	Email mfa.Sender
	SMS   mfa.Sender
	Voice mfa.Sender
}

// Name implements [mfa.Sender].
func (Route) Name() string { return "route" }

// Send implements [mfa.Sender]. Errors: [ErrNoGateway].
func (r Route) Send(ctx context.Context, m mfa.Message) (string, error) {
	var s mfa.Sender
	switch m.Channel {
	case policy.Email:
		s = r.Email
	case policy.SMS:
		s = r.SMS
	case policy.Voice:
		s = r.Voice
	default: // no other kind is delivered
	}
	if s == nil {
		return "", fmt.Errorf("%w: %s", ErrNoGateway, m.Channel)
	}
	return s.Send(ctx, m)
}
