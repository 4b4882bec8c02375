package provider

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

const maxTokenForm = 16 << 10 // bytes

// resource is the one parameter that may come more than once (RFC 8707 section 2).
const paramResource = "resource"

// readTokenForm reads the body of a request to the token endpoint, strictly:
// a form, of sane size, nothing twice (T6), nothing in the query string.
//
// Source: RFC 6749 section 3.2: parameters must not be included more than once,
// and those sent without a value are treated as if they were omitted.
func readTokenForm(r *http.Request) (url.Values, error) {
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("Parameters belong into the body, not into the query string.")
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("The body has to be application/x-www-form-urlencoded.")
	}
	return readBodyForm(r)
}

// readBodyForm reads a form from the body of r.
func readBodyForm(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTokenForm+1))
	if err != nil {
		return nil, invalidRequest("The body could not be read.")
	}
	if len(body) > maxTokenForm {
		return nil, invalidRequest("The body is too large.")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("The body is not a valid form.")
	}
	for name, values := range form {
		if len(values) > 1 && name != paramResource {
			return nil, invalidRequest("A parameter was sent more than once.")
		}
		if len(values) == 1 && values[0] == "" {
			delete(form, name)
		}
	}
	return form, nil
}

// forFosite are the parameters that fosite may see. Everything else it knows,
// such as audience, has a meaning here that it does not share.
var forFosite = []string{"grant_type", "code", "redirect_uri", "code_verifier", "refresh_token"}

// syntheticRequest is r again with nothing in it but what fosite needs.
func syntheticRequest(r *http.Request, form url.Values) *http.Request {
	clean := url.Values{}
	for _, name := range forFosite {
		if form.Has(name) {
			clean.Set(name, form.Get(name))
		}
	}
	s := (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: r.URL.Path}, Header: http.Header{}, Host: r.Host,
		Form: clean, PostForm: clean, Body: http.NoBody,
	}).WithContext(r.Context())
	return s
}

// scopeList reads a scope parameter: names apart by a space, none twice.
//
// Source: RFC 6749 section 3.3.
func scopeList(param string) []string {
	var list []string
	seen := map[string]bool{}
	for name := range strings.SplitSeq(param, " ") {
		if name != "" && !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	return list
}

// subset reports whether everything in part is in whole.
func subset(part, whole []string) bool {
	set := make(map[string]bool, len(whole))
	for _, v := range whole {
		set[v] = true
	}
	for _, v := range part {
		if !set[v] {
			return false
		}
	}
	return true
}
