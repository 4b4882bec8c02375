package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
)

var devicePromises = []promise{
	{"a device comes back as it was put in", deviceRoundTrip},
	{"a stranger finds no device and changes none", strangersDevice},
	{"a verifier is rotated by one of 20 at once", rotateAtOnce},
	{"the oldest device is dropped, the new one never", oldestDropped},
}

// verifierHash is 32 bytes that begin with name.
func verifierHash(name string) []byte { return append([]byte(name), make([]byte, 32-len(name))...) }

func device(who mfa.Subject, id string) mfa.Device {
	return mfa.Device{
		ID: id, Subject: who, Selector: []byte(id + "-selector"), VerifierHash: verifierHash("first"),
		Epochs: mfa.Epochs{Policy: 1, MFA: 2, Password: 3}, MintedBy: "mail", Label: "Chrome on Linux",
		CreatedAt: t0, ExpiresAt: t0.Add(24 * time.Hour), LastUsedAt: t0,
	}
}

func deviceRoundTrip(t *testing.T, s Stores) {
	ctx := t.Context()
	who := newSubject()
	want := device(who, "d1")
	require.NoError(t, s.CreateDevice(ctx, want, 5))

	got, err := s.DeviceBySelector(ctx, who, want.Selector)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))

	now := t0.Add(time.Hour)
	ok, err := s.RotateDevice(ctx, who, "d1", want.VerifierHash, verifierHash("second"), now)
	require.NoError(t, err)
	require.True(t, ok)
	want.PrevHash, want.VerifierHash, want.RotatedAt, want.LastUsedAt = want.VerifierHash, verifierHash("second"), now, now
	got, err = s.DeviceBySelector(ctx, who, want.Selector)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got), "and its end is not moved")

	require.NoError(t, s.DeleteDevice(ctx, who, "d1"))
	require.NoError(t, s.DeleteDevice(ctx, who, "d1"))
	_, err = s.DeviceBySelector(ctx, who, want.Selector)
	require.ErrorIs(t, err, mfa.ErrNotFound)
}

func strangersDevice(t *testing.T, s Stores) {
	ctx := t.Context()
	who := newSubject()
	want := device(who, "d1")
	require.NoError(t, s.CreateDevice(ctx, want, 5))

	for name, x := range strangers(who) {
		_, err := s.DeviceBySelector(ctx, x, want.Selector)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		ok, err := s.RotateDevice(ctx, x, "d1", want.VerifierHash, verifierHash("theirs"), t0)
		require.NoError(t, err, name)
		require.False(t, ok, name)
		require.NoError(t, s.DeleteDevice(ctx, x, "d1"), name)
		theirs := device(x, "d-"+name)
		require.NoError(t, s.CreateDevice(ctx, theirs, 1), name)
	}

	got, err := s.DeviceBySelector(ctx, who, want.Selector)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))
}

func rotateAtOnce(t *testing.T, s Stores) {
	who := newSubject()
	d := device(who, "d1")
	require.NoError(t, s.CreateDevice(t.Context(), d, 5))

	rotated := inParallel(20, func(i int) bool {
		ok, err := s.RotateDevice(context.Background(), who, "d1", d.VerifierHash, verifierHash(fmt.Sprint("next", i)), t0)
		if err != nil {
			t.Errorf("RotateDevice: %v", err)
		}
		return ok
	})

	require.Equal(t, 1, rotated)
}

func oldestDropped(t *testing.T, s Stores) {
	who := newSubject()
	for i := range 4 {
		d := device(who, fmt.Sprint("d", i))
		d.CreatedAt = t0.Add(time.Duration(i) * time.Hour)
		if i == 3 {
			d.CreatedAt = t0.Add(-time.Hour) // a clock set back must not drop what was just made
		}
		require.NoError(t, s.CreateDevice(t.Context(), d, 2))
	}

	var left []string
	for i := range 4 {
		id := fmt.Sprint("d", i)
		_, err := s.DeviceBySelector(t.Context(), who, device(who, id).Selector)
		if err == nil {
			left = append(left, id)
		}
	}
	require.Equal(t, []string{"d2", "d3"}, left)
}
