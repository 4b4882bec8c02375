package store

import (
	"sync"

	"gorm.io/gorm"
)

// noClock keeps gorm from writing a time of its own into fields that are called
// CreatedAt and UpdatedAt. The clock is a field of whoever decides, so that a test
// can stand still; here a time is a value like any other, and an update that does
// not name it leaves it alone.
type noClock struct{ seen sync.Map } // *schema.Schema -> *sync.Once

// Name implements [gorm.Plugin].
func (*noClock) Name() string { return "sallyport:no_clock" }

// Initialize implements [gorm.Plugin].
func (n *noClock) Initialize(db *gorm.DB) error {
	err := db.Callback().Create().Before("*").Register(n.Name(), n.strip)
	if err != nil {
		return err
	}
	return db.Callback().Update().Before("*").Register(n.Name(), n.strip)
}

// strip runs before every statement of gorm that looks at the two settings, and
// changes them once for each row type.
func (n *noClock) strip(db *gorm.DB) {
	s := db.Statement.Schema
	if s == nil {
		return
	}
	once, ok := n.seen.Load(s)
	if !ok {
		once, _ = n.seen.LoadOrStore(s, &sync.Once{})
	}
	once.(*sync.Once).Do(func() {
		for _, f := range s.Fields {
			f.AutoCreateTime, f.AutoUpdateTime = 0, 0
		}
	})
}
