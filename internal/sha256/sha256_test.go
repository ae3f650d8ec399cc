package sha256

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
)

// Digests are crypto/sha256's for all lengths around blocks, however the input is cut up, and Sum changes nothing.
func TestAgainstCrypto(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		d := New()
		for rest := data; len(rest) > 0; {
			k := 1 + r.IntN(len(rest))
			if m, err := d.Write(rest[:k]); m != k || err != nil {
				t.Fatal(m, err)
			}
			rest = rest[k:]
			d.Sum(nil)
		}
		if want := sha256.Sum256(data); !bytes.Equal(d.Sum(nil), want[:]) {
			t.Fatalf("%d bytes: %x, want %x", n, d.Sum(nil), want)
		}
	}
	if got, want := Sum256([]byte("abc")), sha256.Sum256([]byte("abc")); got != want {
		t.Errorf("abc: %x, want %x", got, want)
	}
}
