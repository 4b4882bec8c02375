// Package crash kills the real server with SIGKILL while approvals wait and while
// they are used up, and looks at what is left when it has started again: nothing
// may happen twice, and nothing that was promised may be lost.
package crash
