package demo

import (
	"sync/atomic"
	"time"
)

// Clock is the time of the demo. It runs with the machine's clock, ahead of it
// by an offset that only ever grows.
type Clock struct{ offset atomic.Int64 }

// Now is the demo's time.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Offset()) }

// Offset is how far the clock is ahead.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Advance moves the clock forward by d, which must not be negative.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }
