package stepup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxDocument    = 256 << 10 // bytes of a discovery document, key set, token or userinfo answer
	requestTimeout = 10 * time.Second
	maxRedirects   = 3
)

// guarded returns a copy of c that sends no cookies, gives up after a while and
// follows redirects only for reading and only to the same scheme and host: a
// redirect elsewhere would let that host speak for the server, and a redirected
// POST would hand it the client's secret.
func guarded(c *http.Client) *http.Client {
	g := http.Client{}
	if c != nil {
		g = *c
	}
	g.Jar = nil
	if g.Timeout == 0 {
		g.Timeout = requestTimeout
	}
	g.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		first := via[0]
		switch {
		case first.Method != http.MethodGet:
			return errors.New("a POST must not be redirected")
		case next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host:
			return errors.New("redirect to another host refused")
		case len(via) > maxRedirects:
			return errors.New("too many redirects")
		}
		return nil
	}
	return &g
}

// getJSON reads the document at address into v. what names it in errors.
// Errors: [ErrUnavailable].
func getJSON(ctx context.Context, c *http.Client, what, address string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("stepup: %s: %w", what, err)
	}
	req.Header.Set("Accept", "application/json")
	got, err := exchange(c, req)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
	}
	if got.status != http.StatusOK {
		return &statusError{what, address, got.status}
	}
	err = json.Unmarshal(got.body, v)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
	}
	return nil
}

// statusError is a document that was not there. It matches [ErrUnavailable].
type statusError struct {
	what, address string
	status        int
}

// Error implements error.
func (e *statusError) Error() string {
	return fmt.Sprintf("%v: %s: %s answered %d", ErrUnavailable, e.what, e.address, e.status)
}

// Is reports whether target is [ErrUnavailable].
func (e *statusError) Is(target error) bool {
	return target == ErrUnavailable //nolint:errorlint // Is compares, as its contract says
}

// permanent reports whether the same request would be answered alike later: its sender is
// at fault, and not the server's hour.
//
// Source: RFC 9110 sections 15.5.1 and 15.5.9; RFC 6585 section 4; RFC 8470 section 5.2.
func (e *statusError) permanent() bool {
	switch e.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.status >= http.StatusBadRequest && e.status < http.StatusInternalServerError
}

// response is an answer that was read to its end.
type response struct {
	status int
	header http.Header
	body   []byte
}

// exchange performs req and returns the answer, whose body may not be larger than
// maxDocument.
func exchange(c *http.Client, req *http.Request) (response, error) {
	res, err := c.Do(req)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = res.Body.Close() }() // everything wanted was read
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return response{}, err
	}
	if len(body) > maxDocument {
		return response{}, fmt.Errorf("the answer is larger than %d bytes", maxDocument)
	}
	return response{res.StatusCode, res.Header, body}, nil
}

// secureURL parses raw and refuses what must not carry tokens: anything but
// https, save http to this very machine.
func secureURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	switch {
	case u.Host == "" || u.Opaque != "":
		return nil, errors.New("not an absolute URL")
	case u.User != nil:
		return nil, errors.New("must not carry a user name")
	case u.Fragment != "":
		return nil, errors.New("must not have a fragment")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("must be https, or http on a loopback address")
}

// loopback reports whether host means this machine. Names under .localhost do,
// as RFC 6761 section 6.3 says.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
