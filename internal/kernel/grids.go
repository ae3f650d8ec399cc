package kernel

import (
	_ "embed" // for the grids
	"encoding/binary"
	"math/bits"
)

// gridData holds the lattice points of the IQ types of 1 to 3 bits, as the Python package gguf has them
// (gguf/quants.py): a little-endian uint16 for each, 256 of IQ2_XXS, 512 of IQ2_XS, 1024 of IQ2_S, 256 of IQ3_XXS, 512
// of IQ3_S and 2048 of IQ1_S, which IQ1_M uses too. The first coordinate is in the lowest bits: eight of 2 bits, for
// IQ3 four of 3 bits, each an index of the values below.
//
//go:embed grids.bin
var gridData []byte

// The values of coordinates. Those of IQ1 have 8 times the lattice's, so that its shift by an eighth is an integer.
var (
	iq2Values    = []byte{8, 25, 43}
	iq3xxsValues = []byte{4, 12, 20, 28, 36, 44, 52, 62}
	iq3sValues   = []byte{1, 3, 5, 7, 9, 11, 13, 15}
	iq1Values    = []byte{0, 8, 16} // + 8, so that no byte is negative
)

// The points with a byte per coordinate, the first lowest.
var (
	gridIQ2XXS = (*[256]uint64)(expandGrid(0, 256, 2, iq2Values))
	gridIQ2XS  = (*[512]uint64)(expandGrid(256, 512, 2, iq2Values))
	gridIQ2S   = (*[1024]uint64)(expandGrid(768, 1024, 2, iq2Values))
	gridIQ3XXS = (*[256]uint64)(expandGrid(1792, 256, 3, iq3xxsValues))
	gridIQ3S   = (*[512]uint64)(expandGrid(2048, 512, 3, iq3sValues))
	gridIQ1S   = (*[2048]uint64)(expandGrid(2560, 2048, 2, iq1Values))
)

// expandGrid returns n points, from number first of gridData on, with coordinates of so many bits.
func expandGrid(first, n, width int, values []byte) []uint64 {
	grid, dims := make([]uint64, n), 8
	if width == 3 {
		dims = 4
	}
	for i := range grid {
		packed := uint(binary.LittleEndian.Uint16(gridData[2*(first+i):]))
		for j := range dims {
			grid[i] |= uint64(values[packed>>(width*j)&(1<<width-1)]) << (8 * j)
		}
	}
	return grid
}

// negative has 0xff in byte j where bit j of the index is set.
var negative = func() (masks [256]uint64) {
	for i := range masks {
		for j := range 8 {
			masks[i] |= uint64(i>>j&1) * 0xff << (8 * j)
		}
	}
	return masks
}()

// evenSigns returns the signs of eight weights that seven bits stand for: the eighth makes their number even.
func evenSigns(b uint32) byte {
	b &= 127
	return byte(b | uint32(bits.OnesCount32(b)&1)<<7)
}

// signed returns bias + v or bias - v for each of eight bytes v of a point, none of which is larger than bias.
func signed(point uint64, signs byte, bias uint64) uint64 {
	return bias*ones + point - 2*(point&negative[signs])
}

// Lattice returns the points of a type of IQ1, IQ2 or IQ3, a byte per coordinate, the first lowest; they must not be
// changed. It returns nil for other types.
func Lattice(t Type) []uint64 {
	switch t {
	case IQ2_XXS:
		return gridIQ2XXS[:]
	case IQ2_XS:
		return gridIQ2XS[:]
	case IQ2_S:
		return gridIQ2S[:]
	case IQ3_XXS:
		return gridIQ3XXS[:]
	case IQ3_S:
		return gridIQ3S[:]
	case IQ1_S, IQ1_M:
		return gridIQ1S[:]
	}
	return nil
}
