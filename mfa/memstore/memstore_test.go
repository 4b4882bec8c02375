package memstore_test

import (
	"testing"

	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Stores { return &memstore.Store{} })
}
