package store

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A field ties one column to the Go value that it is written from and read into.
// The list of fields of a row is written once and serves INSERT, SELECT and
// RETURNING, so they cannot drift apart.
type field struct {
	name string
	binding
}

type binding interface {
	sql.Scanner
	driver.Valuer
}

// names are the columns of fields, each with prefix ("g." or none), as a list of
// a SELECT.
func names(prefix string, fields []field) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = prefix + f.name
	}
	return strings.Join(list, ", ")
}

// into are the destinations of a Scan.
func into(fields []field, more ...any) []any {
	list := make([]any, 0, len(fields)+len(more))
	for _, f := range fields {
		list = append(list, f.binding)
	}
	return append(list, more...)
}

// from are the values to bind, in order.
func from(fields []field, more ...any) ([]any, error) {
	list := make([]any, 0, len(fields)+len(more))
	for _, f := range fields {
		v, err := f.Value()
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.name, err)
		}
		list = append(list, v)
	}
	return append(list, more...), nil
}

// params is "$first, $first+1, …", n of them. Both databases number parameters
// in this way.
func params(first, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(list, ", ")
}

// insertInto is the statement that inserts fields.
func insertInto(table string, fields []field) string {
	return "insert into " + table + " (" + names("", fields) + ") values (" + params(1, len(fields)) + ")"
}

// plain binds text, numbers, truth values and bytes. NULL is read as the zero
// value, which is what an outer join without a partner gives.
type plain[T any] struct{ at *T }

func col[T any](name string, at *T) field { return field{name, plain[T]{at}} }

// Scan implements [sql.Scanner].
func (p plain[T]) Scan(v any) error {
	var n sql.Null[T]
	err := n.Scan(v)
	*p.at = n.V
	return err
}

// Value implements [driver.Valuer].
func (p plain[T]) Value() (driver.Value, error) {
	b, ok := any(*p.at).([]byte)
	if ok && b == nil {
		return nil, nil // NULL, and not a value of length 0
	}
	return driver.DefaultParameterConverter.ConvertValue(*p.at)
}

// moment binds a time. NULL is the zero time.
type moment struct{ at *time.Time }

func timeCol(name string, at *time.Time) field { return field{name, moment{at}} }

// Scan implements [sql.Scanner].
func (m moment) Scan(v any) error {
	switch t := v.(type) {
	case nil:
		*m.at = time.Time{}
	case time.Time:
		*m.at = t.UTC()
	default:
		return fmt.Errorf("%w: a time came back as %T", errRow, v)
	}
	return nil
}

// Value implements [driver.Valuer].
func (m moment) Value() (driver.Value, error) { return timeOrNull(*m.at), nil }

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// words binds a list of words, such as scopes, as text separated by spaces.
type words struct{ at *[]string }

func wordsCol(name string, at *[]string) field { return field{name, words{at}} }

// Scan implements [sql.Scanner].
func (w words) Scan(v any) error {
	var n sql.Null[string]
	err := n.Scan(v)
	*w.at = strings.Fields(n.V)
	if len(*w.at) == 0 {
		*w.at = nil
	}
	return err
}

// Value implements [driver.Valuer].
func (w words) Value() (driver.Value, error) {
	joined := strings.Join(*w.at, " ")
	if len(*w.at) > 0 && !slices.Equal(strings.Fields(joined), *w.at) {
		return nil, fmt.Errorf("%w: a word is empty or has a space in it, and would come back as something else", errRow)
	}
	return joined, nil
}

// document binds a value as JSON.
type document struct{ at any } // a pointer

func jsonCol(name string, at any) field { return field{name, document{at}} }

// Scan implements [sql.Scanner].
func (d document) Scan(v any) error {
	switch text := v.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(text), d.at)
	case []byte:
		return json.Unmarshal(text, d.at)
	}
	return fmt.Errorf("%w: a document came back as %T", errRow, v)
}

// Value implements [driver.Valuer].
func (d document) Value() (driver.Value, error) {
	text, err := json.Marshal(d.at)
	return string(text), err
}
