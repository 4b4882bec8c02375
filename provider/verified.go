package provider

import (
	"crypto/sha256"
	"sync"

	"github.com/sallyport-id/sallyport/provider/keys"
)

// verifiedMost is how many tokens one generation of [verified] holds.
const verifiedMost = 4096

// verified remembers which tokens had a good signature of one of our keys, since to
// compute that is the greater part of what judging a token costs. It says nothing
// else about a token: key, type, times and grant are judged each time.
//
// There are two generations. When the younger is full it becomes the older one, so
// that what is in use stays and the rest is forgotten. The zero value is ready.
type verified struct {
	mu             sync.Mutex
	younger, older map[[sha256.Size]byte]struct{}
}

// verifiedName is a token, signed by that very key.
func verifiedName(key *keys.Key, token string) [sha256.Size]byte {
	return sha256.Sum256([]byte(key.TenantID + "\x00" + key.ID + "\x00" + key.Alg + "\x00" + token))
}

// has reports whether the signature was found good before. A nil v remembers nothing.
func (v *verified) has(name [sha256.Size]byte) bool {
	if v == nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	_, found := v.younger[name]
	if found {
		return true
	}
	_, found = v.older[name]
	if found {
		v.keep(name)
	}
	return found
}

// add notes a signature that was found good.
func (v *verified) add(name [sha256.Size]byte) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keep(name)
}

func (v *verified) keep(name [sha256.Size]byte) {
	if v.younger == nil || len(v.younger) >= verifiedMost {
		v.older, v.younger = v.younger, map[[sha256.Size]byte]struct{}{}
	}
	v.younger[name] = struct{}{}
}
