package harness

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Push sends an authorization request past the browser, with the details of one
// transaction, and builds the request that the browser then makes.
//
// Source: RFC 9126; RFC 9396.
func (p *Place) Push(t *testing.T, client, detail string, pairs ...string) Auth {
	t.Helper()
	a, answer := p.TryPush(t, client, detail, pairs...)
	require.Empty(t, answer.Error, answer.Reason)
	return a
}

// Pushed is the answer of the endpoint for pushed requests.
type Pushed struct {
	Status     int
	RequestURI string `json:"request_uri"`
	Error      string `json:"error"`
	Reason     string `json:"error_description"`
}

// TryPush is Push for a request that may be refused.
func (p *Place) TryPush(t *testing.T, client, detail string, pairs ...string) (Auth, Pushed) {
	t.Helper()
	a := p.Authorize(client, append([]string{"authorization_details", detail, "scope", ""}, pairs...)...)
	_, form, _ := strings.Cut(a.URL, "?")
	var answer Pushed
	answer.Status = p.Call(t, client, http.MethodPost, "/par", "application/x-www-form-urlencoded", form, nil, &answer)
	a.URL = p.Issuer + "/authorize?" + url.Values{"client_id": {client}, "request_uri": {answer.RequestURI}}.Encode()
	return a, answer
}

// Call sends a request of client to an endpoint below the issuer, reads the JSON of the
// answer into to, and returns its status.
func (p *Place) Call(t *testing.T, client, method, path, media, body string, header http.Header, to any) int {
	t.Helper()
	status, err := p.TryCall(client, method, path, media, body, header, to)
	require.NoError(t, err)
	return status
}

// TryCall is Call for goroutines other than the test's own.
func (p *Place) TryCall(client, method, path, media, body string, header http.Header, to any) (int, error) {
	req, err := http.NewRequest(method, p.Issuer+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", media)
	req.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(p.Secret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(to)
}
