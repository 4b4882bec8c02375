package demo_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
)

// TestWhoAsksTooEarlyWaits asks from the first moment on that somebody listens.
func TestWhoAsksTooEarlyWaits(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	answer := make(chan string, 1)
	go func() {
		for {
			resp, err := http.Get("http://" + address + "/_demo") //nolint:noctx // a test
			if err != nil {
				continue // nobody listens yet
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			answer <- resp.Status + " " + string(text)
			return
		}
	}()

	run(t, func(o *demo.Options) { o.Listen, o.Data = address, t.TempDir() })

	got := <-answer
	require.True(t, strings.HasPrefix(got, "200 OK"), got)
	require.Equal(t, 6, strings.Count(got, `"slug":`))
}

func TestWhatADemoRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	tests := []struct {
		name string
		edit func(*demo.Options)
		says string
	}{
		{"a server on the network", func(o *demo.Options) { o.Listen = "0.0.0.0:0" }, "--demo-on-network"},
		{"a server on every address", func(o *demo.Options) { o.Listen = ":0" }, "--demo-on-network"},
		{"a server by a name", func(o *demo.Options) { o.Listen = "demo.example:0" }, "--demo-on-network"},
		{"a shop on the network", func(o *demo.Options) { o.ShopListen = "192.0.2.1:0" }, "--demo-on-network"},
		{"a public URL without https", func(o *demo.Options) { o.PublicURL = "http://id.example" }, "--public-url"},
		{"a public URL with a path", func(o *demo.Options) { o.PublicURL = "https://id.example/x" }, "--public-url"},
		{"a public URL without a host", func(o *demo.Options) { o.PublicURL = "https:" }, "--public-url"},
		{"a port that is taken", func(o *demo.Options) { o.Listen = taken.Addr().String() }, "choose another with --listen"},
		{"a shop's port that is taken", func(o *demo.Options) { o.ShopListen = taken.Addr().String() }, "choose another with --shop-listen"},
		{"a database that is none", func(o *demo.Options) { o.Database = "mysql://x/y" }, "mysql"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := demo.Options{Listen: "localhost:0", ShopListen: "127.0.0.1:0", Data: t.TempDir(), Out: io.Discard}
			tt.edit(&o)
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
			defer stop()

			err := demo.Run(ctx, o)

			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestWithTheFlagADemoMayBeOnTheNetwork(t *testing.T) {
	r := run(t, func(o *demo.Options) {
		o.Listen, o.OnNetwork, o.PublicURL, o.Data = "0.0.0.0:0", true, "https://demo.example:8443", t.TempDir()
	})

	require.Equal(t, "https://demo.example:8443", r.URL)
	tenant, err := r.Server.Store.TenantBySlug(t.Context(), "broker")
	require.NoError(t, err)
	require.Equal(t, "https://demo.example:8443/t/broker", tenant.Issuer)
}
