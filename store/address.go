package store

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// A Dialect is the kind of a database. It is also the name of the folder of its
// migrations.
type Dialect string

// The two kinds there are.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// ErrAddress says that a text is not the address of a database.
var ErrAddress = errors.New("store: not the address of a database")

// ParseURL tells which database address names: "postgres://…" or "postgresql://…"
// is PostgreSQL, and the result is the address itself; "sqlite:FILE",
// "sqlite://FILE" or a plain file name is SQLite, and the result is the file.
//
// Errors: [ErrAddress]. The message never repeats the address, since it may hold
// a password.
func ParseURL(address string) (Dialect, string, error) {
	scheme, rest, ok := strings.Cut(address, ":")
	switch {
	case address == "":
		return "", "", fmt.Errorf("%w: it is empty", ErrAddress)
	case !ok:
		return SQLite, address, nil
	case scheme == "postgres" || scheme == "postgresql":
		_, err := url.Parse(address)
		if err != nil {
			return "", "", fmt.Errorf("%w: it begins with %s: but is not a URL", ErrAddress, scheme)
		}
		return Postgres, address, nil
	case scheme == "sqlite":
		file := strings.TrimPrefix(rest, "//")
		if file == "" {
			return "", "", fmt.Errorf("%w: sqlite: names no file", ErrAddress)
		}
		return SQLite, file, nil
	case strings.HasPrefix(rest, "//") || scheme == "file":
		return "", "", fmt.Errorf("%w: %s: is not known, use postgres:// or the name of a file", ErrAddress, scheme)
	default:
		return SQLite, address, nil
	}
}
