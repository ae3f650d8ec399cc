package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Codes are a matrix in codes u of 1, 2 or 4 bits, 0 … 2^Bits-1, that stand for u - (2^Bits-1)/2. It is multiplied by
// rows of factors (Factors) with integer products. Rows are a multiple of 8, columns of 32/Bits, which are a step:
//
//	Codes    [steps][Rows][4] bytes: byte x of row r has columns x, x+4, x+8, … of the step, the first in its lowest bits
//
// so that products add up lane by lane, one lane a row. Cached keys are rows of a token each; of cached values a token
// is a column, and the factors are weights.
type Codes struct {
	Codes      []byte
	Rows, Cols int
	Bits       int
	first      int // rows before that From has left out; Rows counts them
}

// From returns the codes from a row on, a multiple of 8.
func (c Codes) From(row int) Codes {
	if row < 0 || row%8 != 0 || c.first+row > c.Rows {
		panic(fmt.Sprintf("kernel: codes from row %d of %d on", c.first+row, c.Rows))
	}
	c.Codes, c.first = c.Codes[4*row:], c.first+row
	return c
}

// codeZero is what a 4-bit code of 0 stands for, with the sign changed.
const codeZero = 7.5

// zeroOf is codeZero for codes of bits.
func zeroOf(bits int) float32 { return float32(int(1)<<bits-1) / 2 }

// StepCols returns how many columns a step has: columns of codes are a multiple of it.
func StepCols(bits int) int { return 32 / bits }

// CodesSize returns how many bytes codes take.
func CodesSize(rows, cols, bits int) int { return rows * cols * bits / 8 }

// check panics unless the codes are there.
func (c Codes) check() {
	switch c.Bits {
	case 1, 2, 4:
		if c.Rows%8 == 0 && c.Cols%StepCols(c.Bits) == 0 && min(c.Rows, c.Cols) >= 0 && len(c.Codes) >= CodesSize(c.Rows, c.Cols, c.Bits)-4*c.first {
			return
		}
	}
	panic(fmt.Sprintf("kernel: %d×%d codes of %d bits in %d bytes", c.Rows, c.Cols, c.Bits, len(c.Codes)))
}

// at returns the place of a code and how far it is shifted.
func (c Codes) at(row, col int) (b *byte, shift int) {
	n := StepCols(c.Bits)
	return &c.Codes[(col/n*c.Rows+row)*4+col%4], col % n / 4 * c.Bits
}

// Put sets a code.
func (c Codes) Put(row, col int, u byte) {
	b, shift := c.at(row, col)
	*b = *b&^((1<<c.Bits-1)<<shift) | u<<shift
}

// SetRow sets the codes of a row: of column c the lowest bits of u[c*stride]>>shift.
func (c Codes) SetRow(row int, u []int32, stride, shift int) {
	n, mask := StepCols(c.Bits), byte(1<<c.Bits-1)
	for col := range c.Cols {
		b, at := &c.Codes[(col/n*c.Rows+row)*4+col%4], col%n/4*c.Bits
		*b = *b&^(mask<<at) | byte(u[col*stride]>>shift)&mask<<at
	}
}

// SetColumn sets the first n codes of a column: of row r the lowest bits of u[r*stride]>>shift.
func (c Codes) SetColumn(col, n int, u []int32, stride, shift int) {
	steps, mask := StepCols(c.Bits), byte(1<<c.Bits-1)
	codes, at := c.Codes[col/steps*c.Rows*4+col%4:], col%steps/4*c.Bits
	for r := range n {
		b := &codes[4*r]
		*b = *b&^(mask<<at) | byte(u[r*stride]>>shift)&mask<<at
	}
}

// PutRow sets the first codes of a row of 4-bit codes.
func (c Codes) PutRow(row int, u []byte) {
	if len(u) > c.Cols || row < 0 || row >= c.Rows {
		panic(fmt.Sprintf("kernel: %d codes in row %d of %d×%d", len(u), row, c.Rows, c.Cols))
	}
	for col := 0; col < len(u); col += 8 {
		if len(u)-col < 8 {
			for i, v := range u[col:] {
				c.Put(row, col+i, v)
			}
			return
		}
		b, v := (*[4]byte)(c.Codes[(col/8*c.Rows+row)*4:]), (*[8]byte)(u[col:])
		b[0], b[1], b[2], b[3] = v[0]|v[4]<<4, v[1]|v[5]<<4, v[2]|v[6]<<4, v[3]|v[7]<<4
	}
}

// Row writes what the first codes of a row of 4-bit codes stand for.
func (c Codes) Row(dst []float32, row int) {
	if c.Bits != 4 || len(dst) > c.Cols || row < 0 || row >= c.Rows {
		panic(fmt.Sprintf("kernel: %d values of row %d of %d×%d codes of %d bits", len(dst), row, c.Rows, c.Cols, c.Bits))
	}
	for col := range dst {
		dst[col] = float32(c.Codes[(col/8*c.Rows+row)*4+col%4]>>(col&4)&15) - codeZero
	}
}

// PutColumns sets the first n 4-bit codes of eight columns from col on, a multiple of 8: those of a column are u[i*n:][:n].
func (c Codes) PutColumns(col int, u []byte, n int) {
	if col < 0 || col%8 != 0 || col+8 > c.Cols || n > c.Rows || len(u) < 8*n {
		panic(fmt.Sprintf("kernel: %d codes in eight columns from %d on, %d each, of %d×%d", len(u), col, n, c.Rows, c.Cols))
	}
	for r := range n {
		b := (*[4]byte)(c.Codes[(col/8*c.Rows+r)*4:])
		for x := range b {
			b[x] = u[x*n+r] | u[(x+4)*n+r]<<4
		}
	}
}

// Get returns what a code stands for.
func (c Codes) Get(row, col int) float32 {
	b, shift := c.at(row, col)
	return float32(*b>>shift&(1<<c.Bits-1)) - zeroOf(c.Bits)
}

// Quantize4 writes codes of x and returns their scale, a half float: x ≈ scale·(u-7.5). The step is the one that is
// best for normally distributed values, a smaller one where no value needs it, and then fitted to the codes.
func Quantize4(u []byte, x []float32) (scale uint16) {
	const best = 0.335 // of the standard deviation, with 16 levels
	u = u[:len(x)]
	step := min(best*float32(math.Sqrt(float64(SumSquares(x))/float64(max(len(x), 1)))), absMax(x)/codeZero)
	inverse := inverse(1, step)
	var product, norm float32
	for i, v := range x {
		c := int32(float32(v*inverse) + 8) // what is below 0 is cut below
		c = min(max(c, 0), 15)
		u[i] = byte(c)
		w := float32(c) - codeZero
		product += float32(v * w)
		norm += w * w
	}
	h := [1]uint16{}
	if inverse != 0 {
		step = product / norm
	} else if step <= tiny {
		step = 0
	}
	f32ToF16Generic(h[:], []float32{step})
	return h[0]
}

// QuantizeSteps rounds y/gain + half down to whole numbers u, cut to 0 … most, and returns what their errors are worth: a
// number stands for gain·(u - most/2), and Σ worth·error². All slices are as long as y.
func QuantizeSteps(u []int32, y, half, most, worth []float32, gain float32) float32 {
	n := len(y)
	if min(len(u), len(half), len(most), len(worth)) < n {
		panic(fmt.Sprintf("kernel: %d values to round, slices of %d, %d, %d, %d", n, len(u), len(half), len(most), len(worth)))
	}
	if n == 0 {
		return 0
	}
	return vectors().quantizeSteps(u, y, half, most, worth, gain, 1/gain)
}

func quantizeStepsGeneric(u []int32, y, half, most, worth []float32, gain, inverse float32) float32 {
	sum := float32(0)
	for i, v := range y {
		c := int32(min(max(float32(v*inverse)+half[i], 0), most[i]))
		e := v - float32(gain*(float32(c)-float32(0.5*most[i])))
		u[i] = c
		sum += float32(float32(e*e) * worth[i])
	}
	return sum
}

// Factors are rows that codes are multiplied by, in blocks of 32 int8. The zero value is empty; it keeps its memory
// from one Set to the next.
type Factors struct {
	n, cols int
	tile    int    // columns that share a scale
	packed  []byte // [n] rows, see pack
	pad     []float32
	act     Act
}

// A packed row begins with what codes of 0 make of its sum, for codes of 1, 2 and 4 bits: -(2^bits-1)/2·Σ d·q as float32.
// Its tiles follow: q as int8, and their scale d as float32.
const (
	factorHead  = 12
	factorBlock = 36 // of 32 columns
)

// stride returns the bytes of a packed row.
func (f *Factors) stride() int { return factorHead + f.cols/f.tile*(f.tile+4) }

// headOf returns where in a packed row the number for codes of bits is.
func headOf(bits int) int { return bits / 2 * 4 }

// putHead writes the head of a packed row whose factors sum up to sum.
func putHead(row []byte, sum float32) {
	for _, bits := range []int{1, 2, 4} {
		binary.LittleEndian.PutUint32(row[headOf(bits):], math.Float32bits(-zeroOf(bits)*sum))
	}
}

// Set quantises n rows of cols values, ld apart in x; zeros are put behind them up to the end of a block of 32.
func (f *Factors) Set(x []float32, n, ld, cols int) {
	if n > 0 && short(len(x), n, ld, cols) {
		panic(fmt.Sprintf("kernel: %d rows of %d factors in a slice of %d", n, cols, len(x)))
	}
	f.n, f.cols, f.tile = n, padded(cols), q8Block
	if ld != f.cols || cols != f.cols {
		f.pad = sized(f.pad, n*f.cols)
		for i := range n {
			row := f.pad[i*f.cols:][:f.cols]
			clear(row[copy(row, x[i*ld:][:cols]):])
		}
		x = f.pad
	}
	f.act.Reset(x, n, f.cols)
	f.act.quantize(ActQ8, 0, n*f.cols)
	stride, blocks := f.stride(), f.cols/q8Block
	f.packed = sized(f.packed, n*stride)
	for i := range n {
		row, sum := f.packed[i*stride:][:stride], float32(0)
		for b := range blocks {
			block := row[factorHead+b*factorBlock:][:factorBlock]
			*(*[q8Block]byte)(block) = [q8Block]byte(asBytes(f.act.q8[(i*blocks+b)*q8Block:]))
			binary.LittleEndian.PutUint32(block[q8Block:], math.Float32bits(f.act.d[i*blocks+b]))
			sum += f.act.s[i*blocks+b]
		}
		putHead(row, sum)
	}
}

// QuantizeRow makes row i of n of x: one tile, of at most as many columns as MaxTile says, whose values are d·q with
// d = max|x|/127. Another n or number of columns than before forgets all rows. A value that is not finite makes every
// product with the row NaN.
func (f *Factors) QuantizeRow(i, n int, x []float32) {
	if f.n != n || f.cols != len(x) || f.tile != len(x) {
		f.n, f.cols, f.tile = n, len(x), len(x)
		f.packed = sized(f.packed, n*f.stride())
	}
	row := f.packed[i*f.stride():][:f.stride()]
	most := absMax(x)
	d, inverse := most/127, float32(0)
	switch {
	case !(most <= math.MaxFloat32):
		d = float32(math.NaN())
	case most > tiny:
		inverse = 127 / most
	default:
		d = 0
	}
	const magic = 3 << 22 // leaves the nearest integer in the lowest bits
	q, sum := row[factorHead:][:len(x)], int32(0)
	for c, v := range x {
		u := int8(math.Float32bits(float32(v*inverse) + magic))
		if inverse == 0 {
			u = 0
		}
		q[c] = byte(u)
		sum += int32(u)
	}
	putHead(row, d*float32(sum))
	binary.LittleEndian.PutUint32(row[factorHead+len(x):], math.Float32bits(d))
}

// MaxTile is how many columns of 4-bit codes may share a scale, so that their sums fit 16 bits; of 2 bits twice as many,
// of 1 bit four times.
const MaxTile = 32

// Products computes dst[i*ldd+r] = scales[r]·(the product of factor row first+i with row r of c), for i < nq and each
// row of c; scales are half floats.
func (f *Factors) Products(dst []float32, ldd, first, nq int, c Codes, scales []uint16) {
	f.check(first, nq, c, len(dst), ldd, c.Rows)
	if len(scales) < c.Rows || c.Bits != 4 || f.tile != q8Block {
		panic(fmt.Sprintf("kernel: %d scales of %d rows of %d bits in tiles of %d", len(scales), c.Rows, c.Bits, f.tile))
	}
	if nq > 0 && c.Rows > 0 {
		vectors().products4(dst, ldd, f.packed[first*f.stride()+headOf(4):], f.stride(), nq, c, scales)
	}
}

// AddProducts adds the product of factor row first+i with row r of c to dst[i*ldd+r], for i < nq and r < rows.
func (f *Factors) AddProducts(dst []float32, ldd, first, nq int, c Codes, rows int) {
	f.check(first, nq, c, len(dst), ldd, rows)
	if nq > 0 && rows > 0 {
		vectors().addProducts(dst, ldd, f.packed[first*f.stride()+headOf(c.Bits):], f.stride(), nq, c, rows, f.tile)
	}
}

func (f *Factors) check(first, nq int, c Codes, dst, ldd, rows int) {
	c.check()
	if first < 0 || first+nq > f.n || f.cols != c.Cols || f.tile*c.Bits > 4*MaxTile || rows > c.Rows-c.first || short(dst, nq, ldd, rows) {
		panic(fmt.Sprintf("kernel: products of factors %d to %d of %d, %d wide, with %d of %d×%d codes, in a slice of %d",
			first, first+nq, f.n, f.cols, rows, c.Rows, c.Cols, dst))
	}
}

func products4Generic(dst []float32, ldd int, f []byte, stride, nq int, c Codes, scales []uint16) {
	for i := range nq {
		row := dst[i*ldd:][:c.Rows]
		for r := range row {
			row[r] = halfToFloat(scales[r]) * codeProduct(f[i*stride:], c, r, q8Block)
		}
	}
}

func addProductsGeneric(dst []float32, ldd int, f []byte, stride, nq int, c Codes, rows, tile int) {
	for i := range nq {
		row := dst[i*ldd:][:rows]
		for r := range row {
			row[r] += codeProduct(f[i*stride:], c, r, tile)
		}
	}
}

// codeProduct is the product of a packed row of factors, from the number for the codes' bits on, with row r of c.
func codeProduct(f []byte, c Codes, r, tile int) float32 {
	sum := math.Float32frombits(binary.LittleEndian.Uint32(f))
	f = f[factorHead-headOf(c.Bits):]
	n, mask := StepCols(c.Bits), byte(1<<c.Bits-1)
	for col := 0; col < c.Cols; col += tile {
		part := int32(0)
		for s := 0; s < tile; s += n {
			codes := c.Codes[((col+s)/n*c.Rows+r)*4:][:4]
			for x, q := range f[s:][:n] {
				part += int32(codes[x%4]>>(x/4*c.Bits)&mask) * int32(int8(q))
			}
		}
		sum += float32(math.Float32frombits(binary.LittleEndian.Uint32(f[tile:])) * float32(part))
		f = f[tile+4:]
	}
	return sum
}
