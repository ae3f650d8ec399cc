package gguf

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/latentgo/latentgo/internal/sha256"
)

// sampled is how many bytes Fingerprint reads of a tensor's start, middle and end.
const sampled = 4096

// Fingerprint identifies the content of the file, wherever it lies: the SHA-256, in hexadecimal, of all parts' headers
// and of samples of every tensor's data. It takes milliseconds; two files that differ in weights outside of the samples
// only are taken for the same.
func (f *File) Fingerprint() (string, error) {
	h := sha256.New()
	for _, p := range f.parts {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(p.size)))
		_, _ = h.Write(p.raw)
	}
	for _, t := range f.tensors {
		n := min(t.size, sampled)
		for _, at := range []uint64{0, (t.size - n) / 2, t.size - n} {
			b, err := t.section(at, n)
			if err != nil {
				return "", err
			}
			_, _ = h.Write(b)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
