package sqlite

import (
	"errors"
	"fmt"
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
	lib "modernc.org/sqlite/lib"
)

// Name is what gorm calls this dialect.
const Name = "sqlite"

// Dialector teaches gorm the SQL of SQLite 3.35 and later, which has RETURNING.
type Dialector struct {
	Conn gorm.ConnPool // an open pool; see [DSN]
}

var (
	_ gorm.Dialector                     = Dialector{}
	_ gorm.SavePointerDialectorInterface = Dialector{}
	_ gorm.ErrorTranslator               = Dialector{}
)

// Name implements [gorm.Dialector].
func (Dialector) Name() string { return Name }

// Initialize implements [gorm.Dialector].
func (d Dialector) Initialize(db *gorm.DB) error {
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{
		CreateClauses:        []string{"INSERT", "VALUES", "ON CONFLICT", "RETURNING"},
		UpdateClauses:        []string{"UPDATE", "SET", "FROM", "WHERE", "RETURNING"},
		DeleteClauses:        []string{"DELETE", "FROM", "WHERE", "RETURNING"},
		LastInsertIDReversed: true,
	})
	db.ConnPool = d.Conn
	// A write transaction holds the only write lock from its beginning, so a row
	// lock would add nothing, and SQLite has no words for it.
	db.ClauseBuilders["FOR"] = func(clause.Clause, clause.Builder) {}
	db.ClauseBuilders["LIMIT"] = buildLimit
	return nil
}

// buildLimit writes LIMIT -1 where only an offset is wanted: SQLite has no
// OFFSET without LIMIT. Source: SQLite, "SELECT", the LIMIT clause.
func buildLimit(c clause.Clause, b clause.Builder) {
	l, ok := c.Expression.(clause.Limit)
	if !ok {
		return
	}
	n := -1
	if l.Limit != nil && *l.Limit >= 0 {
		n = *l.Limit
	}
	if n < 0 && l.Offset <= 0 {
		return
	}
	_, _ = b.WriteString("LIMIT " + strconv.Itoa(n))
	if l.Offset > 0 {
		_, _ = b.WriteString(" OFFSET " + strconv.Itoa(l.Offset))
	}
}

// Migrator implements [gorm.Dialector]. It is always nil: the schema belongs to
// package migrations.
func (Dialector) Migrator(*gorm.DB) gorm.Migrator { return nil }

// DataTypeOf implements [gorm.Dialector]; it names the types that the migrations
// use.
func (Dialector) DataTypeOf(f *schema.Field) string {
	switch f.DataType {
	case schema.Bool:
		return "boolean"
	case schema.Int, schema.Uint:
		return "integer"
	case schema.Float:
		return "real"
	case schema.String:
		return "text"
	case schema.Time:
		return "datetime"
	case schema.Bytes:
		return "blob"
	default:
		return string(f.DataType)
	}
}

// DefaultValueOf implements [gorm.Dialector]. NULL makes SQLite number a row; the
// word DEFAULT, which other databases accept here, is an error in SQLite.
func (Dialector) DefaultValueOf(*schema.Field) clause.Expression {
	return clause.Expr{SQL: "NULL"}
}

// BindVarTo implements [gorm.Dialector].
func (Dialector) BindVarTo(w clause.Writer, _ *gorm.Statement, _ any) {
	_ = w.WriteByte('?')
}

// QuoteTo implements [gorm.Dialector]. It writes backticks, because SQLite takes
// a misspelt name in double quotes for a string and stays silent.
// Source: SQLite, "Quirks", section 8.
func (Dialector) QuoteTo(w clause.Writer, name string) {
	_ = w.WriteByte('`')
	for i := range len(name) {
		switch name[i] {
		case '.':
			_, _ = w.WriteString("`.`")
		case '`':
			// gorm passes names that are quoted already; the quotes written here
			// stand for them.
		default:
			_ = w.WriteByte(name[i])
		}
	}
	_ = w.WriteByte('`')
}

// Explain implements [gorm.Dialector].
func (Dialector) Explain(sql string, vars ...any) string {
	return logger.ExplainSQL(sql, nil, `'`, vars...)
}

// SavePoint implements [gorm.SavePointerDialectorInterface].
func (d Dialector) SavePoint(tx *gorm.DB, name string) error {
	return tx.Exec("SAVEPOINT " + name).Error
}

// RollbackTo implements [gorm.SavePointerDialectorInterface].
func (d Dialector) RollbackTo(tx *gorm.DB, name string) error {
	return tx.Exec("ROLLBACK TO SAVEPOINT " + name).Error
}

// known maps SQLite's extended result codes to the errors that gorm has for them.
// Source: SQLite, "Result and Error Codes".
var known = map[int]error{
	lib.SQLITE_CONSTRAINT_PRIMARYKEY: gorm.ErrDuplicatedKey,
	lib.SQLITE_CONSTRAINT_UNIQUE:     gorm.ErrDuplicatedKey,
	lib.SQLITE_CONSTRAINT_FOREIGNKEY: gorm.ErrForeignKeyViolated,
	lib.SQLITE_CONSTRAINT_CHECK:      gorm.ErrCheckConstraintViolated,
}

// Translate implements [gorm.ErrorTranslator]. The result also wraps err.
func (Dialector) Translate(err error) error {
	to, ok := known[Code(err)]
	if !ok || errors.Is(err, to) {
		return err
	}
	return fmt.Errorf("%w: %w", to, err)
}
