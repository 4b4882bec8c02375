package memstore_test

import (
	"testing"

	"github.com/sallyport-id/sallyport/mfa/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Stores { return storetest.OverMemory() })
}
