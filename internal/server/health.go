package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/migrations"
	"github.com/sallyport-id/sallyport/store"
)

// health answers whether the process runs, and whether it can serve.
type health struct {
	db    *store.DB
	ready func() bool
}

func (h *health) mount(r gin.IRouter) {
	r.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	r.GET("/readyz", web.JSON(h.readyz))
}

// readyz is 200 when the database answers and its schema is not behind this
// binary. One that is ahead is what a rolling upgrade looks like from the old
// servers: each migration leaves the tables usable for the binary before it.
func (h *health) readyz(c *gin.Context) error {
	if h.ready != nil && !h.ready() {
		c.Header("Retry-After", "1")
		c.JSON(http.StatusServiceUnavailable, gin.H{"ready": false})
		return nil
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
	defer cancel()
	err := h.db.Ping(ctx)
	if err != nil {
		return err
	}
	err = migrations.Check(ctx, h.db.SQL, string(h.db.Dialect))
	if errors.Is(err, migrations.ErrBehind) || err != nil && !errors.Is(err, migrations.ErrAhead) {
		return store.Fail("schema", err)
	}
	c.JSON(http.StatusOK, gin.H{"ready": true})
	return nil
}
