package gguf

import (
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// FuzzOpen feeds arbitrary bytes to everything that reads a header. Seeds: valid files in all forms, every file of
// TestReject, and what testdata/fuzz holds.
func FuzzOpen(f *testing.F) {
	for _, form := range forms {
		f.Add(smallFile(form).Bytes())
		b := new(gguftest.Builder)
		*b = form
		addEveryType(b, b.BigEndian)
		f.Add(b.Bytes())
	}
	for _, group := range [][]reject{rejectStart, rejectKeys, rejectTensors} {
		for _, c := range group {
			if len(c.file) < 4096 {
				f.Add(c.file)
			}
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) { exercise(t, file) })
}
