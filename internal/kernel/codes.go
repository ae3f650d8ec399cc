package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Codes are a matrix in 4-bit codes u, 0 … 15, that stand for u - 7.5. It is multiplied by rows of factors (Factors)
// with integer products. Rows are a multiple of 8, columns a multiple of 32, in tiles of 32 columns:
//
//	Codes    [Cols/32][4][Rows][4] bytes: byte x of row r in step s has column 8s+x in its low half, 8s+4+x in its high
//
// so that products add up lane by lane, one lane a row. Cached keys are rows of a token each; of cached values a token
// is a column, and the factors are weights.
type Codes struct {
	Codes      []byte
	Rows, Cols int
}

// codeZero is what a code of 0 stands for, with the sign changed.
const codeZero = 7.5

// CodesSize returns how many bytes codes take.
func CodesSize(rows, cols int) int { return rows * cols / 2 }

// check panics unless the codes are there.
func (c Codes) check() {
	if c.Rows%8 != 0 || c.Cols%q8Block != 0 || c.Rows < 0 || c.Cols < 0 || len(c.Codes) < CodesSize(c.Rows, c.Cols) {
		panic(fmt.Sprintf("kernel: %d×%d codes in %d bytes", c.Rows, c.Cols, len(c.Codes)))
	}
}

// at returns the place of a code and how far it is shifted.
func (c Codes) at(row, col int) (b *byte, shift int) {
	step := col / 8
	return &c.Codes[(step*c.Rows+row)*4+col%4], col & 4
}

// Put sets a code.
func (c Codes) Put(row, col int, u byte) {
	b, shift := c.at(row, col)
	*b = *b&^(15<<shift) | u<<shift
}

// PutRow sets the first codes of a row.
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

// PutColumns sets the first n codes of eight columns from col on, a multiple of 8: those of a column are u[i*n:][:n].
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
	return float32(*b>>shift&15) - codeZero
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

// Factors are rows that codes are multiplied by, in blocks of 32 int8. The zero value is empty; it keeps its memory
// from one Set to the next.
type Factors struct {
	n, cols int
	packed  []byte // [n] -7.5·Σ d·q as float32, then [cols/32] of factorBlock bytes: 32 q, their scale d as float32
	pad     []float32
	act     Act
}

const factorBlock = 36

// stride returns the bytes of a packed row.
func (f *Factors) stride() int { return 4 + f.cols/q8Block*factorBlock }

// Set quantises n rows of cols values, ld apart in x; zeros are put behind them up to the end of a block of 32.
func (f *Factors) Set(x []float32, n, ld, cols int) {
	if n > 0 && short(len(x), n, ld, cols) {
		panic(fmt.Sprintf("kernel: %d rows of %d factors in a slice of %d", n, cols, len(x)))
	}
	f.n, f.cols = n, padded(cols)
	f.pad = sized(f.pad, n*f.cols)
	for i := range n {
		row := f.pad[i*f.cols:][:f.cols]
		clear(row[copy(row, x[i*ld:][:cols]):])
	}
	f.act.Reset(f.pad, n, f.cols)
	f.act.Quantize(ActQ8, 0, n)
	stride, blocks := f.stride(), f.cols/q8Block
	f.packed = sized(f.packed, n*stride)
	for i := range n {
		row, sum := f.packed[i*stride:][:stride], float32(0)
		for b := range blocks {
			block := row[4+b*factorBlock:][:factorBlock]
			*(*[q8Block]byte)(block) = [q8Block]byte(asBytes(f.act.q8[(i*blocks+b)*q8Block:]))
			binary.LittleEndian.PutUint32(block[q8Block:], math.Float32bits(f.act.d[i*blocks+b]))
			sum += f.act.s[i*blocks+b]
		}
		binary.LittleEndian.PutUint32(row, math.Float32bits(-codeZero*sum))
	}
}

// Products computes dst[i*ldd+r] = scales[r]·(the product of factor row first+i with row r of c), for i < nq and each
// row of c; scales are half floats.
func (f *Factors) Products(dst []float32, ldd, first, nq int, c Codes, scales []uint16) {
	f.check(first, nq, c, len(dst), ldd, c.Rows)
	if len(scales) < c.Rows {
		panic(fmt.Sprintf("kernel: %d scales of %d rows", len(scales), c.Rows))
	}
	if nq > 0 && c.Rows > 0 {
		vectors().products4(dst, ldd, f.packed[first*f.stride():], f.stride(), nq, c, scales)
	}
}

// AddProducts adds the product of factor row first+i with row r of c to dst[i*ldd+r], for i < nq and r < rows.
func (f *Factors) AddProducts(dst []float32, ldd, first, nq int, c Codes, rows int) {
	f.check(first, nq, c, len(dst), ldd, rows)
	if nq > 0 && rows > 0 {
		vectors().addProducts4(dst, ldd, f.packed[first*f.stride():], f.stride(), nq, c, rows)
	}
}

func (f *Factors) check(first, nq int, c Codes, dst, ldd, rows int) {
	c.check()
	if first < 0 || first+nq > f.n || f.cols != c.Cols || rows > c.Rows || short(dst, nq, ldd, rows) {
		panic(fmt.Sprintf("kernel: products of factors %d to %d of %d, %d wide, with %d of %d×%d codes, in a slice of %d",
			first, first+nq, f.n, f.cols, rows, c.Rows, c.Cols, dst))
	}
}

func products4Generic(dst []float32, ldd int, f []byte, stride, nq int, c Codes, scales []uint16) {
	for i := range nq {
		row := dst[i*ldd:][:c.Rows]
		for r := range row {
			row[r] = halfToFloat(scales[r]) * product4(f[i*stride:][:stride], c, r)
		}
	}
}

func addProducts4Generic(dst []float32, ldd int, f []byte, stride, nq int, c Codes, rows int) {
	for i := range nq {
		row := dst[i*ldd:][:rows]
		for r := range row {
			row[r] += product4(f[i*stride:][:stride], c, r)
		}
	}
}

// product4 is the product of a packed row of factors with row r of c.
func product4(f []byte, c Codes, r int) float32 {
	sum := math.Float32frombits(binary.LittleEndian.Uint32(f))
	for b := range c.Cols / q8Block {
		block, part := f[4+b*factorBlock:][:factorBlock], int32(0)
		for s := range 4 {
			codes := c.Codes[((4*b+s)*c.Rows+r)*4:][:4]
			for x, u := range codes {
				part += int32(u&15)*int32(int8(block[8*s+x])) + int32(u>>4)*int32(int8(block[8*s+4+x]))
			}
		}
		sum += float32(math.Float32frombits(binary.LittleEndian.Uint32(block[q8Block:])) * float32(part))
	}
	return sum
}
