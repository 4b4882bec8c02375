package migrations_test

import (
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A table is what both kinds of database must agree on.
type table struct {
	Columns map[string]column
	Uniques []unique // in a fixed order
}

type column struct {
	Type    string // of the pair, in the words of SQLite; see sameTypes
	NotNull bool
}

// A unique is a primary key or a unique index.
type unique struct {
	Columns string // comma-separated, in the order of the key
	Where   string // the condition of a partial index, "" if it covers every row
	Primary bool
}

// sameTypes pairs each type of PostgreSQL with the one that stands for it in
// SQLite. A pair that is not here does not come out of both drivers as the same
// Go type.
var sameTypes = map[string]string{
	"text":                     "text",
	"bigint":                   "bigint",
	"integer":                  "integer",
	"smallint":                 "integer",
	"boolean":                  "boolean",
	"double precision":         "real",
	"jsonb":                    "text",
	"bytea":                    "blob",
	"timestamp with time zone": "datetime",
}

// goose's own table has other types in each of its dialects.
const gooseTable = "goose_db_version"

func postgresSchema(t *testing.T, db *sql.DB) map[string]table {
	t.Helper()
	schema := map[string]table{}
	each(t, db, `
		select c.relname, a.attname, format_type(a.atttypid, null), a.attnotnull
		from pg_class c join pg_attribute a on a.attrelid = c.oid
		where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
			and not c.relispartition and a.attnum > 0 and not a.attisdropped and c.relname <> $1`,
		[]any{gooseTable}, func(scan func(...any)) {
			var name, col, kind string
			var notNull bool
			scan(&name, &col, &kind, &notNull)
			same, ok := sameTypes[kind]
			require.True(t, ok, "%s.%s: type %s has no partner in SQLite", name, col, kind)
			add(schema, name, col, column{same, notNull})
		})
	each(t, db, `
		select c.relname, i.indisprimary, coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
			(select string_agg(pg_get_indexdef(i.indexrelid, k, false), ',' order by k)
			 from generate_series(1, i.indnkeyatts) k)
		from pg_index i join pg_class c on c.oid = i.indrelid
		where i.indisunique and c.relnamespace = current_schema()::regnamespace
			and not c.relispartition and c.relname <> $1`,
		[]any{gooseTable}, func(scan func(...any)) {
			var name string
			var u unique
			scan(&name, &u.Primary, &u.Where, &u.Columns)
			u.Where = plain(u.Where)
			addUnique(schema, name, u)
		})
	return schema
}

func sqliteSchema(t *testing.T, db *sql.DB) map[string]table {
	t.Helper()
	schema := map[string]table{}
	each(t, db, `
		select m.name, c.name, lower(c.type), c."notnull" or (c.pk > 0 and lower(c.type) = 'integer')
		from sqlite_master m join pragma_table_info(m.name) c
		where m.type = 'table' and m.name not like 'sqlite_%' and m.name <> ?`,
		[]any{gooseTable}, func(scan func(...any)) {
			var name, col, kind string
			var notNull bool
			scan(&name, &col, &kind, &notNull)
			add(schema, name, col, column{kind, notNull})
		})
	each(t, db, `
		select m.name, i.origin = 'pk', coalesce((select sql from sqlite_master where name = i.name), ''),
			(select group_concat(coalesce(name, '(expression)')) from (select name from pragma_index_info(i.name) order by seqno))
		from sqlite_master m join pragma_index_list(m.name) i
		where m.type = 'table' and i."unique" and m.name <> ?`,
		[]any{gooseTable}, func(scan func(...any)) {
			var name, definition string
			var u unique
			scan(&name, &u.Primary, &definition, &u.Columns)
			_, where, _ := cutFold(definition, " where ")
			u.Where = plain(where)
			addUnique(schema, name, u)
		})
	// A key that is the row number itself has no index.
	each(t, db, `
		select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c
		where m.type = 'table' and c.pk > 0 and m.name not like 'sqlite_%' and m.name <> ?
			and not exists (select 1 from pragma_index_list(m.name) where origin = 'pk')`,
		[]any{gooseTable}, func(scan func(...any)) {
			var name, col string
			scan(&name, &col)
			addUnique(schema, name, unique{Columns: col, Primary: true})
		})
	return schema
}

func add(schema map[string]table, name, col string, c column) {
	tab, ok := schema[name]
	if !ok {
		tab.Columns = map[string]column{}
	}
	tab.Columns[col] = c
	schema[name] = tab
}

func addUnique(schema map[string]table, name string, u unique) {
	tab := schema[name]
	tab.Uniques = append(tab.Uniques, u)
	slices.SortFunc(tab.Uniques, func(a, b unique) int {
		return strings.Compare(a.Columns+"|"+a.Where, b.Columns+"|"+b.Where)
	})
	schema[name] = tab
}

var (
	casts  = regexp.MustCompile(`::[a-z ]+`)
	spaces = regexp.MustCompile(`[\s()]+`)
)

// plain takes from a condition what PostgreSQL adds when it prints it: casts and
// parentheses. It also reads `x in (a)` and `x = any (array[a])` alike.
func plain(condition string) string {
	s := casts.ReplaceAllString(strings.ToLower(condition), "")
	s = strings.NewReplacer("= any (array[", "in ", "= any ((array[", "in ", "])", "", "]", "", "<>", "!=").Replace(s)
	return strings.TrimSpace(spaces.ReplaceAllString(s, " "))
}

func cutFold(s, sep string) (before, after string, found bool) {
	i := strings.Index(strings.ToLower(strings.Join(strings.Fields(s), " ")), sep)
	if i < 0 {
		return s, "", false
	}
	s = strings.Join(strings.Fields(s), " ")
	return s[:i], s[i+len(sep):], true
}

func each(t *testing.T, db *sql.DB, query string, args []any, row func(scan func(...any))) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		row(func(into ...any) { require.NoError(t, rows.Scan(into...)) })
	}
	require.NoError(t, rows.Err())
}
