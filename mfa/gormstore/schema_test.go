package gormstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/store"
)

// firstColumns asks for the first column of every unique index of our tables, as
// "table.index: column".
var firstColumns = map[store.Dialect]string{
	store.SQLite: `SELECT t.name || '.' || i.name || ': ' || c.name
FROM sqlite_master t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
WHERE t.type = 'table' AND t.name LIKE 'mfa\_%' ESCAPE '\' AND i."unique" AND c.seqno = 0`,
	store.Postgres: `SELECT t.relname || '.' || n.relname || ': ' || a.attname
FROM pg_index i
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_class n ON n.oid = i.indexrelid
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE t.relname LIKE 'mfa\_%' AND i.indisunique`,
}

func TestEveryUniqueIndexBeginsWithTheTenant(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		_, db := open(t, url)
		var found []string
		require.NoError(t, db.Gorm.Raw(firstColumns[db.Dialect]).Scan(&found).Error)

		require.Greater(t, len(found), 20, "primary keys and unique indexes: %v", found)
		for _, f := range found {
			require.Regexp(t, `: tenant_id$`, f)
		}
	})
}
