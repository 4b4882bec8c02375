package receipts_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/receipts"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/delivery"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func TestAReceiptSettlesItsDelivery(t *testing.T) {
	t.Run("twilio", func(t *testing.T) {
		h := open(t)
		at := h.sent(t, 0, policy.SMS, "d1")
		require.Equal(t, 204, h.twilio(t, at, url.Values{"MessageSid": {"R1"}, "MessageStatus": {"sending"}}).Code)
		require.Equal(t, "sent", h.line(t).Status)

		for range 2 {
			require.Equal(t, 204, h.twilio(t, at, url.Values{"MessageSid": {"R1"}, "MessageStatus": {"undelivered"}, "ErrorCode": {"30006"}}).Code)
		}

		require.Equal(t, []string{"failed", mfa.FailNoSMS}, []string{h.line(t).Status, h.line(t).Error})
		require.Len(t, h.events, 1, "twice is once")
		require.Equal(t, mfa.EventUndelivered, h.events[0].Kind)
		require.Equal(t, []string{"t1/u1/d1"}, h.incapable)
	})
	t.Run("vonage", func(t *testing.T) {
		h := open(t)
		at := h.sent(t, 1, policy.SMS, "d1")
		body := `{"message_uuid": "R1", "client_ref": "d1", "status": "delivered", "usage": {"currency": "EUR", "price": "0.0300"}}`
		require.Equal(t, 204, h.post(t, at, body, vonageHeader(t, signing, body, nil)).Code)
		require.Equal(t, "delivered", h.line(t).Status)
		require.EqualValues(t, 33_000, h.line(t).CostMicros)
		require.Equal(t, mfa.EventDelivered, h.events[0].Kind)
		require.Empty(t, h.incapable)
	})
	t.Run("webhook", func(t *testing.T) {
		h := open(t)
		at := h.sent(t, 2, policy.SMS, "d1")
		body := `{"status": "failed", "class": "number", "reference": "R1", "cost_usd_micros": 7}`
		require.Equal(t, 204, h.post(t, at, body, hookHeader(hookKey, "d1", t0, body)).Code)
		require.Equal(t, []string{"failed", mfa.FailNumber}, []string{h.line(t).Status, h.line(t).Error})
		require.EqualValues(t, 7, h.line(t).CostMicros)
		require.Empty(t, h.incapable)
	})
}

func TestAForgedReceiptIsRefused(t *testing.T) {
	done := url.Values{"MessageSid": {"R1"}, "MessageStatus": {"delivered"}}
	told := `{"message_uuid": "R1", "status": "delivered"}`
	hooked := `{"status": "delivered"}`
	tests := []struct {
		name    string
		gateway int
		want    int
		post    func(*testing.T, *house, string) *httptest.ResponseRecorder
	}{
		{"twilio without a signature", 0, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, done.Encode(), nil)
		}},
		{"twilio with another token", 0, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, done.Encode(), http.Header{"X-Twilio-Signature": {twilioSignature("other", at, done)}})
		}},
		{"twilio with another body", 0, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, "MessageSid=R1&MessageStatus=failed", http.Header{"X-Twilio-Signature": {twilioSignature(token, at, done)}})
		}},
		{"twilio with a token that is not sealed", 0, 403, func(t *testing.T, h *house, _ string) *httptest.ResponseRecorder {
			return h.twilio(t, publicURL+"/delivery/receipt/twilio?t=enc:1:k1:AAAA:AAAA", done)
		}},
		{"twilio with the token of another gateway", 0, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			h.store = &memstore.Store{}
			other := h.sent(t, 1, policy.SMS, "d1")
			return h.twilio(t, strings.Replace(other, "/vonage?", "/twilio?", 1), done)
		}},
		{"twilio about another message", 0, 404, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.twilio(t, at, url.Values{"MessageSid": {"R2"}, "MessageStatus": {"delivered"}})
		}},
		{"twilio days later", 0, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			h.now = h.now.Add(72 * time.Hour)
			return h.twilio(t, at, done)
		}},
		{"vonage without a signature", 1, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder { return h.post(t, at, told, nil) }},
		{"vonage with another secret", 1, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, told, vonageHeader(t, "other", told, nil))
		}},
		{"vonage with another body", 1, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, told, vonageHeader(t, signing, told+" ", nil))
		}},
		{"vonage without the hash of the body", 1, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, told, vonageHeader(t, signing, told, func(c jwt.MapClaims) { delete(c, "payload_hash") }))
		}},
		{"vonage of another application", 1, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, told, vonageHeader(t, signing, told, func(c jwt.MapClaims) { c["application_id"] = "other" }))
		}},
		{"vonage six minutes old", 1, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, told, vonageHeader(t, signing, told, func(c jwt.MapClaims) { c["iat"] = t0.Add(-6 * time.Minute).Unix() }))
		}},
		{"vonage without an algorithm", 1, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			parts := strings.Split(vonageHeader(t, signing, told, nil).Get("Authorization"), ".")
			none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
			return h.post(t, at, told, http.Header{"Authorization": {"Bearer " + none + "." + parts[1] + "."}})
		}},
		{"webhook without a signature", 2, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder { return h.post(t, at, hooked, nil) }},
		{"webhook with another secret", 2, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, hooked, hookHeader("other", "d1", t0, hooked))
		}},
		{"webhook six minutes old", 2, 403, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, hooked, hookHeader(hookKey, "d1", t0.Add(-6*time.Minute), hooked))
		}},
		{"webhook about another delivery", 2, 400, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.post(t, at, hooked, hookHeader(hookKey, "d2", t0, hooked))
		}},
		{"an unknown gateway", 0, 404, func(t *testing.T, h *house, at string) *httptest.ResponseRecorder {
			return h.twilio(t, strings.Replace(at, "/twilio?", "/other?", 1), done)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t)
			at := h.sent(t, tt.gateway, policy.SMS, "d1")

			require.Equal(t, tt.want, tt.post(t, h, at).Code)

			require.Equal(t, "sent", h.line(t).Status)
			require.Empty(t, h.events)
		})
	}
}

// TestAReceiptOfAnotherTenantIsRefused lets one tenant's token meet the delivery
// of another with the same id.
func TestAReceiptOfAnotherTenantIsRefused(t *testing.T) {
	h := open(t)
	at := h.sent(t, 0, policy.SMS, "d1")
	other := mfa.Subject{TenantID: "t2", UserID: "u1"}
	require.NoError(t, h.store.RecordDelivery(t.Context(), mfa.Delivery{
		ID: "d9", Subject: other, ChallengeID: "d9", Channel: policy.SMS, Gateway: "twilio", Reference: "R9", Status: "sent", At: t0,
	}))

	require.Equal(t, 404, h.twilio(t, at, url.Values{"MessageSid": {"R9"}, "MessageStatus": {"delivered"}}).Code)

	log, err := h.store.Sendings(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, "sent", log[0].Status)
}

// TestVoicemail is T-65: what a machine hears has no code, whatever it answers.
func TestVoicemail(t *testing.T) {
	t.Run("T-65 what is handed over has no code in the clear", func(t *testing.T) {
		h := open(t)
		for i := range 2 {
			h.sent(t, i, policy.Voice, "d"+strconv.Itoa(i))
			asked, err := url.QueryUnescape(h.asked[i])
			require.NoError(t, err)
			require.Contains(t, asked, "This is Acme.")
			for _, part := range []string{"481206", "four", "eight", "Your code is"} {
				require.NotContains(t, asked, part)
			}
		}
		require.Contains(t, h.asked[0], "MachineDetection=Enable")
		require.Contains(t, h.asked[1], `"machine_detection":"hangup"`)
	})
	presses := []struct {
		name   string
		form   url.Values
		status string
		spoken bool
	}{
		{"a person presses a key", url.Values{"CallSid": {"R1"}, "Digits": {"1"}, "AnsweredBy": {"human"}}, "delivered", true},
		{"a machine answers", url.Values{"CallSid": {"R1"}, "AnsweredBy": {"machine_start"}}, "failed", false},
		{"a machine answers, and a tone is heard", url.Values{"CallSid": {"R1"}, "Digits": {"1"}, "AnsweredBy": {"machine_end_beep"}}, "failed", false},
		{"a fax answers", url.Values{"CallSid": {"R1"}, "Digits": {"1"}, "AnsweredBy": {"fax"}}, "failed", false},
		{"nobody presses a key", url.Values{"CallSid": {"R1"}, "Digits": {""}}, "sent", false},
	}
	for _, tt := range presses {
		t.Run("T-65 twilio: "+tt.name, func(t *testing.T) {
			h := open(t)
			report := h.sent(t, 0, policy.Voice, "d1")
			at := address(t, h.asked[0], delivery.VoicePath)

			w := h.twilio(t, at, tt.form)

			require.Equal(t, 200, w.Code)
			require.Contains(t, w.Body.String(), "<Hangup/>")
			require.Equal(t, tt.spoken, strings.Contains(w.Body.String(), "<Say language=\"en-US\">eight.</Say>"))
			require.Equal(t, tt.spoken, strings.Contains(w.Body.String(), "four, eight"))
			require.Equal(t, tt.status, h.line(t).Status)
			require.Equal(t, 204, h.twilio(t, report, url.Values{"CallSid": {"R1"}, "CallStatus": {"completed"}}).Code)
			require.Equal(t, tt.spoken, h.line(t).Status == "delivered", "a call that told nothing was not delivered")
		})
	}
	t.Run("T-65 vonage", func(t *testing.T) {
		for digits, spoken := range map[string]bool{"5": true, "": false} {
			h := open(t)
			h.sent(t, 1, policy.Voice, "d1")
			at := address(t, h.asked[0], delivery.VoicePath)
			body := `{"uuid": "R1", "dtmf": {"digits": "` + digits + `", "timed_out": true}}`

			w := h.post(t, at, body, vonageHeader(t, signing, body, nil))

			require.Equal(t, 200, w.Code)
			var actions []map[string]string
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &actions))
			require.Equal(t, spoken, len(actions) == 1)
			if spoken {
				require.Contains(t, actions[0]["text"], `eight.<break time="1s"/>`)
			}
		}
	})
}

func TestACallGoesOnForTheGatewayAlone(t *testing.T) {
	h := open(t)
	report := h.sent(t, 0, policy.Voice, "d1")
	at := address(t, h.asked[0], delivery.VoicePath)
	key := url.Values{"CallSid": {"R1"}, "Digits": {"1"}}

	require.Equal(t, 403, h.post(t, at, key.Encode(), nil).Code, "not signed")
	require.Equal(t, 403, h.twilio(t, strings.Replace(report, "/receipt/", "/voice/", 1), key).Code, "the token of a receipt")
	require.Equal(t, 403, h.twilio(t, strings.Replace(at, "/voice/", "/receipt/", 1), key).Code, "and the other way round")
	require.Equal(t, 404, h.twilio(t, at, url.Values{"CallSid": {"R2"}, "Digits": {"1"}}).Code, "another call")
	h.now = h.now.Add(3 * time.Minute)
	require.Equal(t, 403, h.twilio(t, at, key).Code, "too late")
}

func TestNothingIsMountedWithoutGatewaysThatReport(t *testing.T) {
	engine := gin.New()
	(&receipts.Handler{Sender: delivery.Route{}}).Mount(engine)
	(&receipts.Handler{Sender: &delivery.Console{}}).Mount(engine)
	require.Empty(t, engine.Routes())
}
