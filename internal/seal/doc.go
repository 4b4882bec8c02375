// Package seal keeps the keys of the server and what is done with them: values
// are sealed so that they open only in the row they were sealed for, short
// secrets are hashed with a key (a pepper), and values can be found again
// without being readable (a blind index).
//
// All keys come from a key ring ([Ring]), a file that lies outside the database,
// so that a stolen copy of the database is of no use by itself. The file holds
// master keys only. What is used is derived from a master key for one purpose
// and one tenant.
//
// Each purpose has a list of keys. The first one seals and hashes; all of them
// open and verify. To rotate, put a new key in front, and take an old one away
// when nothing was written with it any more ([Ring.Covers] tells).
package seal
