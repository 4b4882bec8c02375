package provider

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/ory/fosite"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/templates"
)

func TestWithQuery(t *testing.T) {
	fields := []templates.Field{{Name: "code", Value: "c d"}, {Name: "state", Value: "a+b&c=%"}}
	tests := []struct{ name, uri, want string }{
		{"no query", "https://a.example/cb", "https://a.example/cb?code=c+d&state=a%2Bb%26c%3D%25"},
		{"its own query is kept to the letter", "https://a.example/cb?x=1%20&y", "https://a.example/cb?x=1%20&y&code=c+d&state=a%2Bb%26c%3D%25"},
		{"an empty query", "https://a.example/cb?", "https://a.example/cb?code=c+d&state=a%2Bb%26c%3D%25"},
		{"a query that ends in &", "https://a.example/cb?x=1&", "https://a.example/cb?x=1&code=c+d&state=a%2Bb%26c%3D%25"},
		{"the scheme of an app", "com.example.app:/cb", "com.example.app:/cb?code=c+d&state=a%2Bb%26c%3D%25"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, withQuery(tt.uri, fields))
		})
	}
}

func TestFromFosite(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		code   string
		status int
	}{
		{"ours stays", invalidGrant("x"), codeInvalidGrant, 400},
		{"ours, wrapped", fmt.Errorf("where: %w", invalidGrant("x")), codeInvalidGrant, 400},
		{"a code that is not known", fosite.ErrNotFound, codeInvalidGrant, 400},
		{"an inactive token", fosite.ErrInactiveToken, codeInvalidGrant, 400},
		{"an expired token", fosite.ErrTokenExpired, codeInvalidGrant, 400},
		{"a short state", fosite.ErrInvalidState, codeInvalidRequest, 400},
		{"a used assertion", fosite.ErrJTIKnown, codeInvalidClient, 401},
		{"a response mode", fosite.ErrUnsupportedResponseMode, codeInvalidRequest, 400},
		{"a race", fosite.ErrSerializationFailure, codeUnavailable, 503},
		{"a race in the store", fmt.Errorf("rotate: %w", model.ErrConflict), codeUnavailable, 503},
		{"a replayed code", model.ErrReplayed, codeInvalidGrant, 400},
		{"no database", store.Fail("read", errors.New("connection refused")), codeUnavailable, 503},
		{"no database, as fosite wraps it", fosite.ErrServerError.WithWrap(store.Fail("read", errors.New("refused"))), codeUnavailable, 503},
		{"a name that is not in the table", fosite.ErrUnknownRequest, codeServerError, 500},
		{"anything else", errors.New("secret of ours"), codeServerError, 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fromFosite(tt.err)

			require.Equal(t, tt.code, got.Code)
			require.Equal(t, tt.status, got.Status)
			require.NotContains(t, got.Description, "secret")
		})
	}
	require.Nil(t, fromFosite(nil))
}

func TestErrorsOfOtherEndpointsDoNotReachARedirect(t *testing.T) {
	for code := range descriptions {
		got := forAuthorize(oauthErr(code, "x"))
		if authorizeCodes[code] {
			require.Equal(t, code, got.Code)
		} else {
			require.Equal(t, codeServerError, got.Code)
			require.Equal(t, http.StatusInternalServerError, got.Status)
		}
	}
}
