package web

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// Handler is a gin handler that returns its failure instead of writing it.
type Handler func(*gin.Context) error

// JSON makes h a gin handler whose failures are problem details (RFC 9457).
func JSON(h Handler) gin.HandlerFunc {
	return handle(h, func(c *gin.Context, p Problem, _ error) {
		c.Header("Content-Type", "application/problem+json")
		c.AbortWithStatusJSON(p.Status, p)
	})
}

// Page makes h a gin handler whose failures are an HTML page. An address that is no text
// leads nowhere.
func Page(pages *Pages, h Handler) gin.HandlerFunc {
	return page(pages, func(c *gin.Context) error {
		if !Readable(c.Request.URL.Path) {
			return &Failure{Status: http.StatusNotFound, Problem: templates.ErrorNotFound}
		}
		return h(c)
	})
}

func page(pages *Pages, h Handler) gin.HandlerFunc {
	return handle(h, func(c *gin.Context, p Problem, err error) {
		c.Abort()
		failure, ok := errors.AsType[*Failure](err)
		if !ok {
			failure = &Failure{Status: p.Status, Problem: p.Page}
		}
		_ = pages.Fail(c, *failure) // it fails only if the reader is gone
	})
}

// handle is the only place in the server that logs and answers a failure.
func handle(h Handler, answer func(*gin.Context, Problem, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := h(c)
		if err == nil {
			return
		}
		Answer(c, err, func(p Problem) { answer(c, p, err) })
	}
}

// Answer logs err where it is the server's fault, sets Retry-After where err says
// how long to wait, and lets write answer in the form that the endpoint speaks.
func Answer(c *gin.Context, err error, write func(Problem)) {
	wait, ok := errors.AsType[*ratelimit.WaitError](err)
	if ok {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.After.Seconds()))))
	}
	c.Set(keyFailure, err)
	p := ProblemFor(err)
	if p.Status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		slog.ErrorContext(c.Request.Context(), "request failed",
			"route", c.FullPath(), "request", RequestID(c), "err", err)
	}
	write(p)
}
