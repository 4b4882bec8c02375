package memstore_test

import (
	"testing"

	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/storetest"
)

func TestTelephony(t *testing.T) {
	storetest.RunTelephony(t, func(*testing.T) storetest.Telephony { return &memstore.Store{} })
}
