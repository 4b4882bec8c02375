package totp

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

const (
	quiet       = 4   // modules of white around the symbol; ISO/IEC 18004 asks for four
	leastModule = 4   // pixels
	leastPixels = 240 // of the whole picture, so that a camera finds a small one
)

// QR returns url as a QR code: a PNG in black and white with its quiet zone, each
// module a square of at least 4 pixels, error correction level M. It does not
// stand for the key in text, which belongs beside it for who cannot scan.
//
// It fails for text that no QR code can hold; what [URL] makes always fits.
//
// Source: ISO/IEC 18004.
func QR(url string) ([]byte, error) {
	symbol, err := qr.Encode(url, qr.M, qr.Unicode)
	if err != nil {
		return nil, fmt.Errorf("totp: QR code: %w", err)
	}
	var b bytes.Buffer
	err = png.Encode(&b, picture(symbol))
	if err != nil {
		return nil, fmt.Errorf("totp: QR code: %w", err)
	}
	return b.Bytes(), nil
}

// picture draws symbol at a whole number of pixels for each module: scaling by
// anything else blurs the edges that a camera looks for.
func picture(symbol barcode.Barcode) image.Image {
	modules := symbol.Bounds().Dx() + 2*quiet
	scale := max(leastModule, (leastPixels+modules-1)/modules)
	img := image.NewPaletted(image.Rect(0, 0, modules*scale, modules*scale), color.Palette{color.White, color.Black})
	for y := range modules * scale {
		for x := range modules * scale {
			at := image.Pt(x/scale-quiet, y/scale-quiet)
			if at.In(symbol.Bounds()) && dark(symbol.At(at.X, at.Y)) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	return img
}

func dark(c color.Color) bool {
	r, _, _, _ := c.RGBA()
	return r < 0x8000
}
