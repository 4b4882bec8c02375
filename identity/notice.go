package identity

import "time"

// Notice is a message to the owner of an account about what happened to it. It
// holds no address: that is looked up when it is sent, and a notice that waits
// in the database tells nobody anything.
type Notice struct {
	ID       string // "" until it is queued
	TenantID string
	UserID   string
	Kind     string // the name of its text
	Device   string // such as Chrome on Linux
	At       time.Time
	Tries    int // how often its delivery was begun
}
