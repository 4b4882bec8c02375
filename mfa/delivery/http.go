package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// longestAnswer is how much of a gateway's answer is read.
const longestAnswer = 16 << 10

// newClient does not follow redirects: what is sent holds a code.
func newClient(patience time.Duration) *http.Client {
	return &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what a gateway answered.
type answer struct {
	status int
	body   []byte
}

func (a answer) ok() bool { return a.status >= 200 && a.status <= 299 }

// do sends req. Its errors hold no address: neither the URL nor what is in it.
func do(ctx context.Context, client *http.Client, req *http.Request) (answer, error) {
	resp, err := client.Do(req.WithContext(ctx))
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return answer{}, wrapped.Err
	}
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // read below
	// A gateway that accepts and breaks off on the way has accepted.
	body, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer))
	a := answer{status: resp.StatusCode, body: body}
	if err != nil && !a.ok() {
		return a, fmt.Errorf("answer was cut: %w", err)
	}
	return a, nil
}
