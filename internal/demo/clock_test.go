package demo_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
)

func requireClock(t *testing.T, r *running) {
	read := func(text string) (now time.Time, offset int64) {
		var got struct {
			Now    time.Time `json:"now"`
			Offset *int64    `json:"offset_s"`
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&got))
		require.NotNil(t, got.Offset)
		return got.Now, *got.Offset
	}
	_, before := read(r.get(t, "/_demo/clock"))

	status, _, text := r.call(t, http.MethodPost, "/_demo/clock", `{"advance_s": 61}`)

	require.Equal(t, http.StatusOK, status)
	now, offset := read(text)
	require.Equal(t, before+61, offset)
	require.WithinDuration(t, time.Now().Add(time.Duration(offset)*time.Second), now, 5*time.Second)
	status, _, _ = r.call(t, http.MethodPost, "/_demo/clock", `{"advance_s": 0}`)
	require.Equal(t, http.StatusOK, status)
	for _, body := range []string{`{"advance_s": -1}`, `{}`, ``, `{"advance_s": "61"}`, `{"advance_s": 1.5}`, `{"advance": 61}`, `{"advance_s": 9223372036854775807}`, `[61]`} {
		status, header, text := r.call(t, http.MethodPost, "/_demo/clock", body)
		require.Equal(t, http.StatusBadRequest, status, "%s %s", body, text)
		require.Equal(t, "application/problem+json", header.Get("Content-Type"))
		require.Contains(t, detail(t, text), `{"advance_s": 60}`, "it says what to send")
	}
	for range 3 { // a hundred years are the limit, however they come together
		status, _, _ = r.call(t, http.MethodPost, "/_demo/clock", `{"advance_s": 1892160000}`)
	}
	require.Equal(t, http.StatusBadRequest, status)
	_, offset = read(r.get(t, "/_demo/clock"))
	require.Positive(t, offset)
}

func TestWithoutTheFlagNobodyMovesTheClock(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	r := run(t, func(o *demo.Options) { o.TestClock = false })
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		status, _, _ := r.call(t, method, "/_demo/clock", `{"advance_s": 61}`)
		require.Equal(t, http.StatusNotFound, status)
	}
	require.Zero(t, r.Clock.Offset())
	inside, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Len(t, inside, 1, "its files lie in one folder")

	require.NoError(t, r.stop())

	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left, "without --data nothing is kept")
}
