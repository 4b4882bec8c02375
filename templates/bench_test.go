package templates

import (
	"io"
	"testing"
)

func BenchmarkRenderChallenge(b *testing.B) {
	s, err := New()
	if err != nil {
		b.Fatal(err)
	}
	p := sampleOf("challenge")
	for b.Loop() {
		err = s.Render(io.Discard, "en", p)
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		_, err := New()
		if err != nil {
			b.Fatal(err)
		}
	}
}
