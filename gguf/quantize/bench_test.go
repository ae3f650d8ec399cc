package quantize

import (
	"io"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// All of a small model from F16, with decoding and the measuring of errors.
func BenchmarkAdd(b *testing.B) {
	tiny := gguftest.Tiny{Arch: "llama", Layers: 2, Width: 512, FFN: 1024, Heads: 8, KVHeads: 8, Size: 64, Vocab: 259, Bytes: true, Matrix: ggtype.F16}
	f, err := gguf.OpenBytes("tiny", tiny.Build().Bytes())
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"Q8_0", "Q4_0", "Q4_K_M"} {
		typ, err := ParseFileType(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(f.Size())
			for b.Loop() {
				p, err := NewPlan(f, Options{Type: typ})
				if err != nil {
					b.Fatal(err)
				}
				w := new(gguf.Writer)
				if err := p.Add(w); err != nil {
					b.Fatal(err)
				}
				if _, err := w.WriteTo(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
