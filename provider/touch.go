package provider

import (
	"context"
	"log/slog"
	"time"

	"github.com/sallyport-id/sallyport/provider/model"
)

// touchEvery is how often the use of a session is written down: often enough for
// an idle limit of five minutes, which is the least that a policy allows.
const touchEvery = time.Minute

// touch notes that the browser's session was used, so that a session in use does
// not count as idle. A new or a rotated one says so itself. It costs a statement
// once a minute; if it fails, the session only ends earlier.
func (p *Provider) touch(ctx context.Context, v *visit, done model.Completion) {
	s := v.who.Session
	if s == nil || done.NewSession != nil || done.RotateSession != nil || done.Now.Sub(s.LastSeen) < touchEvery {
		return
	}
	err := p.People.TouchSession(ctx, s.TenantID, s.ID, done.Now)
	if err != nil {
		slog.WarnContext(ctx, "session not touched", "tenant", s.TenantID, "err", err)
	}
}
