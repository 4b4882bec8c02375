package web_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// TestWhichLimitIsOver: who has typed too many codes is not told that none can be sent.
func TestWhichLimitIsOver(t *testing.T) {
	for what, problem := range map[string]string{
		"verify.user": templates.ProblemLocked, "verify.ip": templates.ProblemLocked,
		"send.contact": templates.ProblemSendLimit, "send.conversion": templates.ProblemSendLimit,
	} {
		err := &ratelimit.WaitError{What: what, After: time.Minute}
		got, _ := web.ProofProblem(err)
		require.Equal(t, problem, got, what)
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		require.Equal(t, now.Add(time.Minute), web.RetryAt(err, time.Time{}, now))
	}
}
