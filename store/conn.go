package store

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// counted is a connector whose connections tell the [Counter] of a context what
// they send. It stands below gorm and database/sql, so nothing passes beside it.
type counted struct{ driver.Connector }

// Connect implements [driver.Connector].
func (c counted) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := inner.(fullConn)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("store: driver connection %T lacks a context method", inner)
	}
	return &countedConn{full}, nil
}

// fullConn is what both drivers offer.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
}

type countedConn struct{ fullConn }

// ExecContext implements [driver.ExecerContext].
func (c *countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.fullConn.ExecContext(ctx, query, args)
	note(ctx, err, statement(query))
	return res, err
}

// QueryContext implements [driver.QueryerContext].
func (c *countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	note(ctx, err, statement(query))
	return rows, err
}

// PrepareContext implements [driver.ConnPrepareContext]. What counts is the use
// of the statement, not its preparation.
func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	full, ok := s.(fullStmt)
	if !ok {
		_ = s.Close()
		return nil, fmt.Errorf("store: driver statement %T lacks a context method", s)
	}
	return &countedStmt{full, query}, nil
}

// BeginTx implements [driver.ConnBeginTx].
func (c *countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.fullConn.BeginTx(ctx, opts)
	note(ctx, err, func(c *Counter) { c.begins++ })
	if err != nil {
		return nil, err
	}
	return &countedTx{tx, ctx}, nil
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c *countedConn) CheckNamedValue(v *driver.NamedValue) error {
	checker, ok := c.fullConn.(driver.NamedValueChecker)
	if !ok {
		return driver.ErrSkip
	}
	return checker.CheckNamedValue(v)
}

// IsValid implements [driver.Validator].
func (c *countedConn) IsValid() bool {
	v, ok := c.fullConn.(driver.Validator)
	return !ok || v.IsValid()
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type countedStmt struct {
	fullStmt
	query string
}

// ExecContext implements [driver.StmtExecContext].
func (s *countedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	res, err := s.fullStmt.ExecContext(ctx, args)
	note(ctx, err, statement(s.query))
	return res, err
}

// QueryContext implements [driver.StmtQueryContext].
func (s *countedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.fullStmt.QueryContext(ctx, args)
	note(ctx, err, statement(s.query))
	return rows, err
}

// countedTx keeps the context of its beginning, as driver.Tx is given none.
type countedTx struct {
	driver.Tx
	ctx context.Context //nolint:containedctx // the interface has no parameter for it
}

// Commit implements [driver.Tx].
func (t *countedTx) Commit() error {
	err := t.Tx.Commit()
	note(t.ctx, err, func(c *Counter) { c.commits++ })
	return err
}

// Rollback implements [driver.Tx].
func (t *countedTx) Rollback() error {
	err := t.Tx.Rollback()
	note(t.ctx, err, func(c *Counter) { c.rollbacks++ })
	return err
}
