package audit

import (
	"context"
	"strconv"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
)

// noticeOf are the events that the owner is told of: which text, and which entry
// of notify.email_events decides. "" is always told.
var noticeOf = map[string]struct{ text, event string }{
	mfa.EventSecondStepFailed: {"second_step_failed", "second_step_failed"},
	mfa.EventFactorLocked:     {"factor_locked", "factor_locked"},
	mfa.EventDeviceTrusted:    {"device_trusted", "device_trusted"},
	mfa.EventDeviceTheft:      {"device_theft", ""},
	mfa.EventRecoveryCodeUsed: {"recovery_code_used", "recovery_code_used"},
	mfa.EventFactorCloned:     {"factor_removed", ""},
	mfa.EventFactorAdded:      {"factor_added", "factor_added"}, // by a first login; all else is told with its operation
}

func (l *Log) notices(ctx context.Context, e mfa.Event) []identity.Notice {
	n, ok := noticeOf[e.Kind]
	if !ok || n.event != "" && !l.Mailed(ctx, e.Subject.TenantID, n.event) {
		return nil
	}
	left, _ := strconv.Atoi(e.Data["left"]) // of recovery codes; 0 where it is about something else
	return []identity.Notice{{
		TenantID: e.Subject.TenantID, UserID: e.Subject.UserID, Kind: n.text, At: e.At, Method: string(e.Method), Count: left,
	}}
}
