package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// caching is a connector whose connections keep compiled statements. To compile
// one takes longer than to read a row by its key (measured: 32 of 56 µs), and the
// engine forgets it after each use.
//
// Each connection has its own, so there is no lock and nobody waits for anybody:
// database/sql lets one goroutine at a time use a connection.
type caching struct{ driver.Connector }

// Connect implements [driver.Connector].
func (c caching) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := patient(ctx, c.Connector)
	if err != nil {
		return nil, err
	}
	full, ok := inner.(fullConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("sqlite: the driver's %T lacks a method", inner), inner.Close())
	}
	return &conn{fullConn: full, stmts: map[string]*stmt{}}, nil
}

// fullConn is what the driver offers.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type fullRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

type conn struct {
	fullConn
	stmts map[string]*stmt
}

type stmt struct {
	fullStmt
	busy bool // its rows are still being read
}

// most is how many statements a connection keeps; the server has fewer.
const most = 128

// compiled returns the kept statement for query, and nil if query is to go its
// ordinary way: when it is of a kind that is not repeated (such as a savepoint
// with a name of its own), or when its rows are just being read.
func (c *conn) compiled(ctx context.Context, query string) (*stmt, error) {
	s, ok := c.stmts[query]
	switch {
	case ok && s.busy, !ok && !repeated(query):
		return nil, nil
	case ok:
		return s, nil
	}
	if len(c.stmts) >= most {
		err := c.forget()
		if err != nil {
			return nil, err
		}
	}
	inner, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	full, ok := inner.(fullStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("sqlite: the driver's %T lacks a method", inner), inner.Close())
	}
	s = &stmt{fullStmt: full}
	c.stmts[query] = s
	return s, nil
}

func repeated(query string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	switch strings.ToLower(word) {
	case "select", "insert", "update", "delete", "with":
		return true
	}
	return false
}

// forget closes all statements that are not busy.
func (c *conn) forget() error {
	var errs []error
	for query, s := range c.stmts {
		if !s.busy {
			errs = append(errs, s.Close())
			delete(c.stmts, query)
		}
	}
	return errors.Join(errs...)
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.compiled(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.fullConn.ExecContext(ctx, query, args)
	}
	return s.ExecContext(ctx, args)
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.compiled(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.fullConn.QueryContext(ctx, query, args)
	}
	inner, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	full, ok := inner.(fullRows)
	if !ok {
		return nil, errors.Join(fmt.Errorf("sqlite: the driver's %T lacks a method", inner), inner.Close())
	}
	s.busy = true
	return &rows{full, s}, nil
}

// Close implements [driver.Conn].
func (c *conn) Close() error {
	return errors.Join(c.forget(), c.fullConn.Close())
}

type rows struct {
	fullRows
	of *stmt
}

// Close implements [driver.Rows].
func (r *rows) Close() error {
	r.of.busy = false
	return r.fullRows.Close()
}
