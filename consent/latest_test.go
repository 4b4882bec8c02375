package consent

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLatestKeepsTheNewestOfEachKind(t *testing.T) {
	all := events("password", "email", "sms", "email", "password")

	got := latest(all)

	if diff := cmp.Diff(all[2:], got); diff != "" {
		t.Error(diff)
	}
}
