package sqlite

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// settings apply to every connection of the pool.
//
//   - busy_timeout: a writer waits up to 10 s for its turn.
//   - WAL and synchronous=NORMAL: readers do not wait for the writer, and a
//     commit survives a crash of the process.
//   - _txlock=immediate: a transaction takes the write lock when it begins. One
//     that begins as a reader and writes later fails at once, whatever the
//     timeout, when another has written in between.
//   - _time_format and _timezone: times are stored as UTC text of one form, so
//     that comparing the text is comparing the times.
const settings = "?_pragma=busy_timeout(10000)" +
	"&_pragma=journal_mode(WAL)" +
	"&_pragma=synchronous(NORMAL)" +
	"&_pragma=foreign_keys(1)" +
	"&_txlock=immediate" +
	"&_time_format=sqlite" +
	"&_timezone=UTC"

// ErrPath says that a name cannot be the file of a database.
var ErrPath = errors.New("sqlite: not a usable database file")

// DSN returns the address of the database in the file path, which need not
// exist yet. Any character may occur in path.
//
// Errors: [ErrPath] for an empty name and for ":memory:", which would give each
// connection of a pool a database of its own.
func DSN(path string) (string, error) {
	switch {
	case path == "":
		return "", fmt.Errorf("%w: the name is empty", ErrPath)
	case strings.Contains(path, ":memory:"):
		return "", fmt.Errorf("%w: %q would be another database for each connection; name a file", ErrPath, path)
	}
	// Two slashes at the beginning would make a host of the first folder, which
	// Clean prevents; the escapes keep a question mark from ending the path.
	u := url.URL{Path: filepath.Clean(path)}
	return "file:" + u.EscapedPath() + settings, nil
}

// Touch creates the file path, readable by its owner only, if it does not exist.
// SQLite gives its write-ahead log the same mode.
func Touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPath, err)
	}
	return f.Close()
}
