package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/templates"
)

// Recover answers a panic with an error page and logs its stack.
func Recover(pages *Pages) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // a panic value, not a wrapped error
				panic(v)
			}
			slog.ErrorContext(c.Request.Context(), "panic", "route", c.FullPath(), "request", RequestID(c),
				"err", fmt.Sprint(v), "stack", string(debug.Stack()))
			c.Abort()
			if !c.Writer.Written() {
				_ = pages.Fail(c, Failure{Status: http.StatusInternalServerError, Problem: templates.ErrorServer})
			}
		}()
		c.Next()
	}
}

// maxBody is the longest request body that any endpoint takes, in bytes.
const maxBody = 1 << 20

// Headers sets what every answer has, and bounds every request body.
func Headers(secure bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := c.Writer.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	}
}
