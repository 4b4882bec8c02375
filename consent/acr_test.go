package consent

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func events(methods ...string) []identity.AuthEvent {
	var list []identity.AuthEvent
	for i, m := range methods {
		list = append(list, identity.AuthEvent{Method: m, At: time.Date(2026, 1, 2, 15, i, 0, 0, time.UTC)})
	}
	return list
}

func TestClassOfAndAMR(t *testing.T) {
	strict := policy.ACR{EmailIs: "2sv", SMSIs: "mfa", VoiceIs: "mfa"}
	wary := policy.ACR{EmailIs: "2sv", SMSIs: "2sv", VoiceIs: "2sv"}
	verified := identity.AuthEvent{Method: "webauthn", UserVerified: true}

	tests := []struct {
		name   string
		events []identity.AuthEvent
		policy policy.ACR
		class  Class
		amr    []string
	}{
		{"nothing", nil, strict, ClassNone, nil},
		{"password", events("password"), strict, Class1FA, []string{"pwd"}},
		{"password on a trusted device", events("password", "device"), strict, ClassTD, []string{"pwd", "rdev"}},
		{"password and email are two steps, never two factors", events("password", "email"), strict, Class2SV, []string{"pwd", "otp"}},
		{"the word of an app is one factor, and none that was proven", events("vouched"), strict, Class1FA, nil},
		{"it counts like a password beside a second one", events("vouched", "email"), strict, Class2SV, []string{"otp"}},
		{"two emails are no more than one", events("password", "email", "email"), strict, Class2SV, []string{"pwd", "otp"}},
		{"password and SMS where it counts", events("password", "sms"), strict, ClassMFA, []string{"pwd", "sms", "otp", "mfa"}},
		{"password and SMS where it does not", events("password", "sms"), wary, Class2SV, []string{"pwd", "sms", "otp"}},
		{"password and a call", events("password", "voice"), strict, ClassMFA, []string{"pwd", "tel", "otp", "mfa"}},
		{"password and app", events("password", "totp"), wary, ClassMFA, []string{"pwd", "otp", "mfa"}},
		{"password and key", append(events("password"), identity.AuthEvent{Method: "webauthn"}), strict, ClassPHR, []string{"pwd", "hwk", "user", "mfa"}},
		{"key alone without user verification is nothing", []identity.AuthEvent{{Method: "webauthn"}}, strict, ClassNone, []string{"hwk", "user"}},
		{"key with user verification", []identity.AuthEvent{verified}, strict, ClassPHR, []string{"hwk", "user", "mfa"}},
		{"synced passkey", []identity.AuthEvent{{Method: "webauthn", UserVerified: true, BackupEligible: true}}, strict, ClassPHR, []string{"swk", "user", "mfa"}},
		{"attested key", []identity.AuthEvent{{Method: "webauthn", UserVerified: true, Attested: true}}, strict, ClassPHRH, []string{"hwk", "user", "mfa"}},
		{"a code alone", events("sms"), strict, ClassNone, []string{"sms", "otp"}},
		{"a device alone", events("device"), strict, ClassNone, []string{"rdev"}},
		{"device and SMS are what SMS is", events("password", "device", "sms"), strict, ClassMFA, []string{"pwd", "rdev", "sms", "otp", "mfa"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ClassOf(tt.events, tt.policy); got != tt.class {
				t.Errorf("ClassOf = %d, want %d", got, tt.class)
			}
			if diff := cmp.Diff(tt.amr, AMR(tt.events, tt.policy)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestATrustedDeviceCannotBeAskedFor(t *testing.T) {
	_, ok := ParseClass("urn:sallyport:acr:td")
	if ok {
		t.Error("td is requestable")
	}
}

func TestChooseGoal(t *testing.T) {
	const mfaACR, phr, payout = "urn:sallyport:acr:mfa", "phr", "urn:sallyport:action:payout.request"
	all := func(Goal) bool { return true }
	only := func(values ...string) func(Goal) bool {
		return func(g Goal) bool { return slices.Contains(values, g.Value) }
	}

	tests := []struct {
		name      string
		asked     []string
		held      Class
		reachable func(Goal) bool
		want      string
		missing   bool
	}{
		{"nothing asked", nil, Class1FA, all, "", false},
		{"the first reachable", []string{phr, mfaACR}, Class1FA, only(mfaACR), mfaACR, false},
		{"the order is the app's", []string{mfaACR, phr}, Class1FA, all, mfaACR, false},
		{"one that is held wins without a prompt", []string{phr, "urn:sallyport:acr:1fa"}, Class1FA, all, "urn:sallyport:acr:1fa", false},
		{"a stronger session holds the weaker value", []string{mfaACR}, ClassPHR, only(), mfaACR, false},
		{"an action is never held", []string{payout}, ClassPHRH, only(), "", true},
		{"an action is aimed at", []string{payout}, Class1FA, all, payout, false},
		{"unknown values are skipped", []string{"gold", mfaACR}, Class1FA, all, mfaACR, false},
		{"all unknown", []string{"gold", "silver"}, ClassPHRH, all, "", true},
		{"td is unknown", []string{"urn:sallyport:acr:td"}, ClassTD, all, "", true},
		{"nothing reachable", []string{phr}, Class1FA, only(), "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, missing := chooseGoal(tt.asked, tt.held, tt.reachable)
			if got.Value != tt.want || missing != tt.missing {
				t.Errorf("chooseGoal = %q, %v, want %q, %v", got.Value, missing, tt.want, tt.missing)
			}
		})
	}
}

func TestDetailsHashIsThatOfTheCanonicalJSON(t *testing.T) {
	// printf '%s' '{"client_id":"shop","detail":{"type":"payout.request"},"iss":"https://id.example/t/a","sub":"u1"}' \
	//   | openssl dgst -sha256 -binary | basenc --base64url
	got := DetailsHash("https://id.example/t/a", "shop", "u1", PlainDetail("payout.request"))

	if got != wantDetailsHash {
		t.Errorf("DetailsHash = %s, want %s", got, wantDetailsHash)
	}
	for name, other := range map[string]string{
		"issuer": DetailsHash("https://id.example/t/b", "shop", "u1", PlainDetail("payout.request")),
		"client": DetailsHash("https://id.example/t/a", "cli", "u1", PlainDetail("payout.request")),
		"user":   DetailsHash("https://id.example/t/a", "shop", "u2", PlainDetail("payout.request")),
		"action": DetailsHash("https://id.example/t/a", "shop", "u1", PlainDetail("payment_details.add")),
	} {
		if other == got {
			t.Errorf("another %s has the same hash", name)
		}
	}
}

const wantDetailsHash = "OrnBTCw2xmXsDEAsvW6xCCrfKWYclNIImLNNqUQ1Uno"
