package stepup_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestFinishMaxAge(t *testing.T) {
	zero, minute := time.Duration(0), time.Minute
	tests := []struct {
		name     string
		maxAge   *time.Duration
		authTime time.Duration // before the start
		lingers  time.Duration // between start and answer
		want     error
	}{
		{"none asked, any age will do", nil, 24 * time.Hour, 0, nil},
		{"exactly max_age and the leeway", &minute, 70 * time.Second, 0, nil},
		{"a second more", &minute, 71 * time.Second, 0, stepup.ErrUnmet},
		{"proven after the start, then lingered", &minute, -time.Second, 20 * time.Minute, nil},
		{"proven before the start, then lingered", &minute, 30 * time.Second, 20 * time.Minute, stepup.ErrUnmet},
		{"0 asks for a new proof", &zero, 11 * time.Second, 0, stepup.ErrUnmet},
		{"0 and a new proof", &zero, -time.Second, time.Minute, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, c := open(t)
			p.claims = func(m map[string]any) { m["auth_time"] = start.Add(-tt.authTime).Unix() }
			address, tx, err := c.Start(stepup.StartOptions{MaxAge: tt.maxAge})
			require.NoError(t, err)
			p.clock.Move(tt.lingers)

			_, err = c.Finish(t.Context(), tx, browse(address))

			require.ErrorIs(t, err, tt.want)
		})
	}
}
