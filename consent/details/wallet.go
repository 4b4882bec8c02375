package details

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/sha3"
)

// networks lists the chains to which crypto currencies can be sent: what moves
// there, and what an address of theirs is.
var networks = map[string]struct {
	coins []string
	valid func(address string) bool
}{
	"bitcoin":  {[]string{"BTC"}, validBitcoin},
	"ethereum": {[]string{"ETH", "USDC", "USDT"}, validEthereum},
}

// checkWallet refuses an address that its network does not have. A payment to it
// could not be called back, so an address without checksum is refused as well.
func checkWallet(at, network, address string) *Error {
	n, known := networks[network]
	switch {
	case !known:
		return refuse(FaultWallet, at+"/network", "This network is not known.")
	case n.valid(address):
		return nil
	case network == "ethereum":
		return refuse(FaultWallet, at+"/address", "This is no address of Ethereum; send it with its checksum in capital and small letters (EIP-55).")
	default:
		return refuse(FaultWallet, at+"/address", "This is no address of the network; send one of its main chain, Bech32 ones in small letters.")
	}
}

// moves reports whether currency can be sent over network.
func moves(network, currency string) bool {
	return slices.Contains(networks[network].coins, currency)
}

// validEthereum reports whether s is an address with its checksum: a letter is a
// capital one where the hash of the small address has a digit of 8 or more.
//
// Source: EIP-55. The hash is Keccak-256, from before it became SHA-3.
func validEthereum(s string) bool {
	digits, prefixed := strings.CutPrefix(s, "0x")
	_, err := hex.DecodeString(digits)
	if !prefixed || err != nil || len(digits) != 40 {
		return false
	}
	small := strings.ToLower(digits)
	h := sha3.NewLegacyKeccak256()
	h.Write([]byte(small))
	sum := hex.EncodeToString(h.Sum(nil))
	right := []byte(small)
	for i, c := range right {
		if c >= 'a' && sum[i] >= '8' {
			right[i] = c - 'a' + 'A'
		}
	}
	return string(right) == digits
}

// validBitcoin reports whether s is an address of the main chain of which it is
// defined who may spend: P2PKH and P2SH in Base58, and SegWit versions 0 and 1.
func validBitcoin(s string) bool {
	if strings.HasPrefix(s, "bc1") {
		return validSegwit(s)
	}
	const size = 25 // version, 20 bytes of hash, 4 bytes of checksum
	raw, ok := base58(s, size)
	if !ok || raw[0] != 0 && raw[0] != 5 {
		return false
	}
	first := sha256.Sum256(raw[:size-4])
	second := sha256.Sum256(first[:])
	return bytes.Equal(raw[size-4:], second[:4])
}

// base58 decodes s to exactly size bytes. A leading zero byte is written as 1,
// and there is one way to write each value.
func base58(s string, size int) ([]byte, bool) {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	if s == "" || len(s) > 2*size {
		return nil, false
	}
	n := new(big.Int)
	for i := range len(s) {
		digit := strings.IndexByte(alphabet, s[i])
		if digit < 0 {
			return nil, false
		}
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(digit)))
	}
	zeros := len(s) - len(strings.TrimLeft(s, "1"))
	if zeros+len(n.Bytes()) != size {
		return nil, false
	}
	return n.FillBytes(make([]byte, size)), true
}

// validSegwit reports whether s, in small letters, is a SegWit address of
// version 0 (Bech32, 20 or 32 bytes) or 1 (Bech32m, 32 bytes). Nobody owns what
// is sent to later versions before they are defined.
//
// Source: BIP 173, BIP 350, BIP 341.
func validSegwit(s string) bool {
	const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	const plain, modified = 1, 0x2bc830a3
	values := make([]byte, 0, len(s))
	for i := len("bc1"); i < len(s); i++ {
		v := strings.IndexByte(alphabet, s[i])
		if v < 0 {
			return false
		}
		values = append(values, byte(v)) //nolint:gosec // v is less than 32
	}
	if len(values) < 7 || len(s) > 90 {
		return false
	}
	checksum := polymod(append([]byte{3, 3, 0, 2, 3}, values...)) // "bc", expanded
	size, ok := programSize(values[1 : len(values)-6])
	switch {
	case !ok:
		return false
	case values[0] == 0:
		return checksum == plain && (size == 20 || size == 32)
	default:
		return values[0] == 1 && checksum == modified && size == 32
	}
}

// programSize returns how many bytes groups of five bits hold. What is left over
// has to be less than a group, and zero.
func programSize(groups []byte) (int, bool) {
	spare := len(groups) * 5 % 8
	if len(groups) == 0 || spare > 4 || groups[len(groups)-1]&(1<<spare-1) != 0 {
		return 0, false
	}
	return len(groups) * 5 / 8, true
}

// polymod is the checksum of BIP 173 over groups of five bits.
func polymod(values []byte) uint32 {
	sum := uint32(1)
	for _, v := range values {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, generator := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= generator
			}
		}
	}
	return sum
}
