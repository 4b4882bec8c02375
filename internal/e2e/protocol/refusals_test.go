package protocol_test

import (
	"net/http"
	"net/url"

	"github.com/stretchr/testify/require"
)

func responseTypeMissing(m *module) {
	a := m.authorize(m.request(m.first, "response_type", ""))
	require.Empty(m.t, a.Pages)
	m.refused(a, "invalid_request", "unsupported_response_type")
}

// told checks that the user was told, and the app was not.
func (m *module) told(a answer) {
	m.t.Helper()
	require.Nil(m.t, a.Values)
	require.Equal(m.t, []string{"error"}, a.Pages)
	require.Equal(m.t, http.StatusBadRequest, a.Last.Status)
	require.Empty(m.t, a.Last.Header.Get("Location"))
	require.NotContains(m.t, a.Last.Body, "http-equiv", "the page leads away")
}

// registeredRedirect asks with addresses that are not the client's own.
//
// Source: OpenID Connect Core section 3.1.2.1; RFC 9700 section 2.1.
func registeredRedirect(m *module) {
	own := m.first.RedirectURIs[0]
	for _, uri := range []string{
		"https://app.example/" + randomText(10), own + "/" + randomText(10), own + "?added=1", own + "#fragment", "",
	} {
		m.told(m.authorize(m.request(m.first, "redirect_uri", uri)))
	}
}

// objectOf is v as an unsigned request object.
func (m *module) objectOf(v url.Values) string {
	claims := map[string]any{"iss": v.Get("client_id"), "aud": m.place.Issuer}
	for name := range v {
		claims[name] = v.Get(name)
	}
	return unsigned(m.t, claims)
}

// requestObject: the server takes signed request objects of apps that have keys. One that
// is not signed, of an app without, has to be refused instead of being passed over.
//
// Source: OpenID Connect Core sections 3.1.2.6 and 6.1.
func requestObject(m *module) {
	require.Equal(m.t, true, m.meta["request_parameter_supported"])
	v := m.request(m.first)
	v.Set("request", m.objectOf(v))
	a := m.authorize(v)
	require.Empty(m.t, a.Pages)
	m.refused(a, "request_not_supported")
}

// requestURI: likewise. The address is one that would answer; nobody may ask it.
func requestURI(m *module) {
	require.Equal(m.t, false, m.meta["request_uri_parameter_supported"])
	v := m.request(m.first)
	v.Set("request_uri", m.house.URL+"/healthz")
	a := m.authorize(v)
	require.Empty(m.t, a.Pages)
	m.refused(a, "request_uri_not_supported")
}

// requestObjectRedirect puts a bad address into the query and the good one into
// the object. Where objects are not supported the object counts for nothing, so
// there is nowhere to answer to.
func requestObjectRedirect(m *module) {
	v := m.request(m.first)
	object := m.objectOf(v)
	v.Set("redirect_uri", "https://app.example/"+randomText(10))
	v.Set("request", object)
	m.told(m.authorize(v))
}
