package demo_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func requireMailbox(t *testing.T, r *running) {
	tenant := func(slug string) string {
		row, err := r.Server.Store.TenantBySlug(t.Context(), slug)
		require.NoError(t, err)
		return row.ID
	}
	send := func(slug, to, code string, channel mfa.Method) {
		_, err := r.Mailbox.Send(t.Context(), mfa.Message{
			Subject: mfa.Subject{TenantID: tenant(slug)}, Channel: channel, To: mfa.Secret(to), Title: "Title", Text: "Text", Code: mfa.Secret(code),
		})
		require.NoError(t, err)
	}
	send("broker", "a@b.example", "111111", policy.Email)
	r.Clock.Advance(time.Second)
	since := r.Clock.Now()
	send("account", "+15550100", "222222", policy.SMS)
	r.Clock.Advance(time.Second)
	send("account", "a@b.example", "", policy.Email)
	codes := func(query string) (got []string) {
		var list []map[string]any
		require.NoError(t, json.Unmarshal([]byte(r.get(t, "/_mailbox/messages"+query)), &list))
		for _, l := range list {
			require.Len(t, l, 8)
			at, err := time.Parse(time.RFC3339, l["at"].(string))
			require.NoError(t, err)
			require.Equal(t, time.UTC, at.Location())
			require.NotEmpty(t, l["id"])
			got = append(got, l["tenant"].(string)+" "+l["channel"].(string)+" "+l["to"].(string)+" "+l["subject"].(string)+" "+l["text"].(string)+" "+l["code"].(string))
		}
		return got
	}
	first, second, third := "broker email a@b.example Title Text 111111", "account sms +15550100 Title Text 222222", "account email a@b.example Title Text "
	ms := func(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

	for query, want := range map[string][]string{
		"":                                    {third, second, first},
		"?to=a@b.example":                     {third, first},
		"?to=" + url.QueryEscape("+15550100"): {second},
		"?tenant=account":                     {third, second},
		"?tenant=account&to=a@b.example":      {third},
		"?limit=1":                            {third},
		"?limit=2&tenant=account":             {third, second},
		"?since=" + ms(since):                 {third, second},
		"?since=" + ms(since.Add(1500*time.Millisecond)): nil,
		"?tenant=none":    nil,
		"?to=A@B.EXAMPLE": nil,
	} {
		require.Equal(t, want, codes(query), query)
	}
	require.Equal(t, "[]", r.get(t, "/_mailbox/messages?tenant=none"), "an empty list, and not null")
	for _, query := range []string{"?since=yesterday", "?since=-1", "?limit=-1", "?limit=x", "?limit=999999"} {
		status, h, text := r.call(t, http.MethodGet, "/_mailbox/messages"+query, "")
		require.Equal(t, http.StatusBadRequest, status, query)
		require.Equal(t, "application/problem+json", h.Get("Content-Type"))
		name, _, _ := strings.Cut(strings.TrimPrefix(query, "?"), "=")
		require.Contains(t, detail(t, text), name+" is ", "it says what to send")
	}

	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	require.Contains(t, r.get(t, "/_mailbox"), ">"+r.Mailbox.Letters(demo.Filter{Limit: 1})[0].At.In(zone).Format("15:04:05 MST")+"</time>", "as the pages of the tenant show their times")
	status, _, _ := r.call(t, http.MethodDelete, "/_mailbox/messages", "")
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, "[]", r.get(t, "/_mailbox/messages"))
}
