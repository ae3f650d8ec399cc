// Package sha256 computes SHA-256 (FIPS 180-4), for names and fingerprints, which have no secrets.
//
// crypto/sha256 links the whole FIPS module: 27 packages, in every program that imports package engine. What is hashed
// there is short. Who has much to hash, or something to hide, uses crypto/sha256.
package sha256

import (
	"encoding/binary"
	"math/bits"
)

// Size is the length of a digest in bytes, blockSize that of a block.
const (
	Size      = 32
	blockSize = 64
)

// Digest is a hash under way: an io.Writer that never fails.
type Digest struct {
	h      [8]uint32
	block  [blockSize]byte
	filled int    // bytes of block that are there
	length uint64 // bytes written
}

// New returns the hash of nothing.
func New() *Digest {
	return &Digest{h: [8]uint32{
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	}}
}

// Sum256 returns the digest of data.
func Sum256(data []byte) [Size]byte {
	d := New()
	_, _ = d.Write(data)
	return [Size]byte(d.Sum(nil))
}

// Write implements io.Writer.
func (d *Digest) Write(p []byte) (int, error) {
	n := len(p)
	d.length += uint64(n)
	for len(p) > 0 {
		k := copy(d.block[d.filled:], p)
		d.filled, p = d.filled+k, p[k:]
		if d.filled == blockSize {
			d.compress()
			d.filled = 0
		}
	}
	return n, nil
}

// Sum appends the digest of what was written to dst. Writing may go on.
func (d *Digest) Sum(dst []byte) []byte {
	e := *d
	pad := make([]byte, 1, 2*blockSize)
	pad[0] = 0x80
	for (e.filled+len(pad))%blockSize != blockSize-8 {
		pad = append(pad, 0)
	}
	_, _ = e.Write(binary.BigEndian.AppendUint64(pad, 8*d.length))
	for _, x := range e.h {
		dst = binary.BigEndian.AppendUint32(dst, x)
	}
	return dst
}

// compress takes a full block in: section 6.2.2 of the standard, with its names.
func (d *Digest) compress() {
	var w [64]uint32
	for t := range 16 {
		w[t] = binary.BigEndian.Uint32(d.block[4*t:])
	}
	for t := 16; t < 64; t++ {
		s0 := bits.RotateLeft32(w[t-15], -7) ^ bits.RotateLeft32(w[t-15], -18) ^ w[t-15]>>3
		s1 := bits.RotateLeft32(w[t-2], -17) ^ bits.RotateLeft32(w[t-2], -19) ^ w[t-2]>>10
		w[t] = s1 + w[t-7] + s0 + w[t-16]
	}
	a, b, c, dd, e, f, g, h := d.h[0], d.h[1], d.h[2], d.h[3], d.h[4], d.h[5], d.h[6], d.h[7]
	for t := range 64 {
		s1 := bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^ bits.RotateLeft32(e, -25)
		t1 := h + s1 + (e&f ^ ^e&g) + constants[t] + w[t]
		s0 := bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22)
		t2 := s0 + (a&b ^ a&c ^ b&c)
		h, g, f, e, dd, c, b, a = g, f, e, dd+t1, c, b, a, t1+t2
	}
	for i, x := range [8]uint32{a, b, c, dd, e, f, g, h} {
		d.h[i] += x
	}
}

// constants are the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
var constants = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}
