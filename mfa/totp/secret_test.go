package totp_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"image"
	"image/png"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/totp"
)

func TestNewSecretTakes160BitsFromItsSource(t *testing.T) {
	source := bytes.NewReader([]byte("abcdefghijklmnopqrstuvwxyz"))

	secret, err := totp.NewSecret(source)

	require.NoError(t, err)
	require.Equal(t, "abcdefghijklmnopqrst", string(secret))
	_, err = totp.NewSecret(strings.NewReader("too short"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	broken := errors.New("broken")
	_, err = totp.NewSecret(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
}

func TestKeyIsReadAndTypedInGroups(t *testing.T) {
	require.Equal(t, "gezd gnbv gy3t qojq gezd gnbv gy3t qojq", totp.Key(seed))
	require.Empty(t, totp.Key(nil))
}

func TestURL(t *testing.T) {
	const tail = "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	tests := []struct {
		name, issuer, account, want string
	}{
		{"plain", "Acme", "a@example.test", "otpauth://totp/Acme:a%40example.test" + tail + "&issuer=Acme"},
		{"a space is not a plus sign", "Acme Pay", "a", "otpauth://totp/Acme%20Pay:a" + tail + "&issuer=Acme%20Pay"},
		{"a plus sign is one", "Acme", "a+b@x.test", "otpauth://totp/Acme:a%2Bb%40x.test" + tail + "&issuer=Acme"},
		{"a colon would begin another label", "Acme: Pay", "a:b", "otpauth://totp/Acme%20Pay:a%20b" + tail + "&issuer=Acme%20Pay"},
		{"what would end the label is escaped", "A&B?c=#/", "x", "otpauth://totp/A%26B%3Fc%3D%23%2F:x" + tail + "&issuer=A%26B%3Fc%3D%23%2F"},
		{"lines and controls are left out", "Ac\x00me\r\nPay", "a\tb\x7f", "otpauth://totp/Acme%20Pay:a%20b" + tail + "&issuer=Acme%20Pay"},
		{"nothing turns the writing", "Ac\u202eme\u200b", "a\u2066b", "otpauth://totp/Acme:ab" + tail + "&issuer=Acme"},
		{"other scripts stay", "شركة", "ü", "otpauth://totp/%D8%B4%D8%B1%D9%83%D8%A9:%C3%BC" + tail + "&issuer=%D8%B4%D8%B1%D9%83%D8%A9"},
		{"no issuer", " ", "a", "otpauth://totp/a" + tail},
		{"no account", "Acme", "\u202e", "otpauth://totp/Acme:user" + tail + "&issuer=Acme"},
		{"bytes that are no text", "Ac\xffme", "a", "otpauth://totp/Acme:a" + tail + "&issuer=Acme"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := totp.URL(seed, tt.issuer, tt.account, 6)

			require.Equal(t, tt.want+"&algorithm=SHA1&digits=6&period=30", got)
		})
	}
	require.Contains(t, totp.URL(seed, "Acme", "a", 8), "&digits=8&")
}

// FuzzURL holds for any issuer and account: another implementation reads the URL
// as it was meant, and it fits into a QR code.
func FuzzURL(f *testing.F) {
	f.Add("Acme Pay", "alice+bob@example.test")
	f.Add("A:B/C?d=e&f=g#h", "x\x00\u202e")
	f.Add(strings.Repeat("😀", 100), strings.Repeat("ب", 300))
	f.Add("", "%2F%")
	f.Fuzz(func(t *testing.T, issuer, account string) {
		text := totp.URL(seed, issuer, account, 6)

		key, err := otp.NewKeyFromURL(text)
		require.NoError(t, err)
		require.Equal(t, "totp", key.Type())
		require.Equal(t, base32.StdEncoding.EncodeToString(seed), key.Secret())
		require.Equal(t, otp.DigitsSix, key.Digits())
		require.EqualValues(t, totp.Period, key.Period())
		require.NotEmpty(t, key.AccountName())
		for _, shown := range []string{key.Issuer(), key.AccountName()} {
			require.True(t, utf8.ValidString(shown))
			require.NotContains(t, shown, ":")
			require.LessOrEqual(t, utf8.RuneCountInString(shown), 64)
			require.Negative(t, strings.IndexFunc(shown, func(r rune) bool { return !unicode.IsGraphic(r) }))
		}
		u, err := url.Parse(text)
		require.NoError(t, err)
		require.Len(t, u.Query()["secret"], 1)
		require.LessOrEqual(t, len(text), 2331, "version 40-M holds no more")
	})
}

// TestTheLongestURLFitsIntoAQRCode fills label and issuer with what takes most room.
func TestTheLongestURLFitsIntoAQRCode(t *testing.T) {
	long := strings.Repeat("😀", 200)

	_, err := totp.QR(totp.URL(seed, long, long, 8))

	require.NoError(t, err)
	_, err = totp.QR(strings.Repeat("x", 3000))
	require.Error(t, err)
}

// TestAQRCodeIsCrisp reads the picture module by module: the quiet zone is white,
// every module one colour, at least 4 pixels wide, and the symbol is that of the
// URL at level M.
func TestAQRCodeIsCrisp(t *testing.T) {
	for _, account := range []string{"a", "alice@example.test", strings.Repeat("ب", 64)} {
		text := totp.URL(seed, "Acme", account, 6)
		data, err := totp.QR(text)
		require.NoError(t, err)
		img, err := png.Decode(bytes.NewReader(data))
		require.NoError(t, err)
		symbol, err := qr.Encode(text, qr.M, qr.Unicode)
		require.NoError(t, err)

		modules := symbol.Bounds().Dx()
		side := img.Bounds().Dx()
		require.Equal(t, side, img.Bounds().Dy())
		require.Zero(t, side%(modules+8))
		scale := side / (modules + 8)
		require.GreaterOrEqual(t, scale, 4)
		require.GreaterOrEqual(t, side, 240)
		for y := range side {
			for x := range side {
				at := image.Pt(x/scale-4, y/scale-4)
				want := at.In(symbol.Bounds()) && luma(symbol, at.X, at.Y) == 0
				require.Equal(t, want, luma(img, x, y) == 0, "pixel %d,%d", x, y)
			}
		}
	}
}

func luma(img image.Image, x, y int) uint32 {
	r, g, b, _ := img.At(x, y).RGBA()
	return (r + g + b) / 3
}

func TestSecretsDiffer(t *testing.T) {
	a, err := totp.NewSecret(rand.Reader)
	require.NoError(t, err)
	b, err := totp.NewSecret(rand.Reader)
	require.NoError(t, err)
	require.NotEqual(t, a, b)
}
