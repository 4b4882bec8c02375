package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// ErrHash means that a stored password hash cannot be read.
var ErrHash = errors.New("identity: password hash is not an argon2id PHC string")

// Cost is the work that one password hash takes.
//
// Source: OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane, as the
// least for Argon2id).
type Cost struct {
	Memory uint32 // KiB
	Passes uint32
	Lanes  uint8
}

// String is c as a PHC string says it.
func (c Cost) String() string { return fmt.Sprintf("m=%d,t=%d,p=%d", c.Memory, c.Passes, c.Lanes) }

// less is the cost of the work that is left of c once done has been done, and
// whether any is. The work of Argon2 is its memory times its passes; less than
// 1 MiB of it is not worth another start.
func (c Cost) less(done Cost) (Cost, bool) {
	all, part := uint64(c.Memory)*uint64(c.Passes), uint64(done.Memory)*uint64(done.Passes)
	if part >= all || all-part < 1024 {
		return Cost{}, false
	}
	memory := (all - part) / uint64(c.Passes)                                   // at most c.Memory
	return Cost{Memory: uint32(memory), Passes: c.Passes, Lanes: c.Lanes}, true //nolint:gosec // at most c.Memory
}

// DefaultCost is the cost of new hashes.
var DefaultCost = Cost{Memory: 19 * 1024, Passes: 2, Lanes: 1}

const (
	saltBytes = 16
	hashBytes = 32
)

// Hasher hashes passwords, in the form that [NormalPassword] gives them. It lets
// only as many hashes run at once as there are cores, so that a storm of logins
// cannot take all memory.
type Hasher struct {
	cost   Cost
	slots  chan struct{}
	dummy  string
	worked atomic.Int64
}

// NewHasher makes a Hasher of that cost.
func NewHasher(cost Cost) (*Hasher, error) {
	h := &Hasher{cost: cost, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	var err error
	h.dummy, err = h.Hash(context.Background(), rand.Text())
	return h, err
}

// Hash returns the PHC string of password under a fresh salt.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // crypto/rand never fails (Go 1.24)
	key, err := h.key(ctx, password, salt, h.cost, hashBytes, func() error { return nil })
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$%s$%s$%s", argon2.Version, h.cost, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// Worked is how often Argon2id has run so far. Each run takes memory and time, so
// whoever holds an operation to its cost counts them.
func (h *Hasher) Worked() int64 { return h.worked.Load() }

// Stale reports whether phc was made at another cost than new hashes are, as one
// from an import is. Whoever has just verified it should replace it.
func (h *Hasher) Stale(phc string) bool {
	cost, _, hash, err := parsePHC(phc)
	return err == nil && (cost != h.cost || len(hash) != hashBytes)
}

// Verify reports whether password is the one of phc. For an account without a
// password (phc is "") it does the same work and reports false.
//
// The time does not tell whether there is an account: a hash that is cheaper than
// new ones is followed by the work that it lacks. One that is dearer, from an
// import, does take longer than an account that does not exist, until its owner
// has signed in once and it is replaced ([Hasher.Stale]).
func (h *Hasher) Verify(ctx context.Context, phc, password string) (bool, error) {
	return h.VerifyIf(ctx, phc, password, func() error { return nil })
}

// VerifyIf is Verify for a caller who may have become unwelcome while he waited
// for his turn: still is asked when it comes, and its error spares the work.
func (h *Hasher) VerifyIf(ctx context.Context, phc, password string, still func() error) (bool, error) {
	missing := phc == ""
	if missing {
		phc = h.dummy
	}
	cost, salt, want, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	got, err := h.key(ctx, password, salt, cost, uint32(len(want)), still) //nolint:gosec // bounded by parsePHC
	if err != nil {
		return false, err
	}
	lacking, lacks := h.cost.less(cost)
	if lacks {
		_, err = h.key(ctx, password, salt, lacking, hashBytes, func() error { return nil })
		if err != nil {
			return false, err
		}
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && !missing, nil
}

func (h *Hasher) key(ctx context.Context, password string, salt []byte, c Cost, n uint32, still func() error) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	err := still()
	if err != nil {
		return nil, err
	}
	h.worked.Add(1)
	return argon2.IDKey([]byte(NormalPassword(password)), salt, c.Passes, c.Memory, c.Lanes, n), nil
}

// CheckHash tells whether phc is a hash that [Hasher.Verify] can read. It is for
// imports: an account with any other hash could never sign in.
//
// Errors: [ErrHash].
func CheckHash(phc string) error {
	_, _, _, err := parsePHC(phc)
	return err
}

// parsePHC reads "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>". Costs far above
// ours are refused: the string may come from an import, and verifying it must
// not be a way to take the server down.
func parsePHC(phc string) (c Cost, salt, hash []byte, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return Cost{}, nil, nil, ErrHash
	}
	_, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &c.Lanes)
	if err != nil || parts[3] != c.String() || c.Memory == 0 || c.Memory > 256*1024 || c.Passes == 0 || c.Passes > 16 || c.Lanes == 0 || c.Lanes > 16 {
		return Cost{}, nil, nil, ErrHash
	}
	salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return Cost{}, nil, nil, ErrHash
	}
	hash, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(hash) < 16 || len(hash) > 64 {
		return Cost{}, nil, nil, ErrHash
	}
	return c, salt, hash, nil
}
