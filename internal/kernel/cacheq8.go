package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
)

// PanelRows is how many rows of an 8-bit cache lie side by side.
const PanelRows = 16

// CacheRows are rows of a cache in 8-bit blocks of 32 values, 34 bytes each as in Q8_0, arranged for attention: in
// panels of 16 rows, of which
//
//	Codes    [panel][Cols/4][16 rows][4]   has bytes u that stand for u-128
//	Scales   [panel][Cols/32][16 rows]     has half floats s: a value is s·(u-128)
//
// so that products with queries add up lane by lane, one lane a row. Cols is a multiple of 32.
type CacheRows struct {
	Codes  []byte
	Scales []uint16
	Cols   int
}

// CacheSize returns how many codes and scales n rows take, n a multiple of PanelRows.
func CacheSize(n, cols int) (codes, scales int) { return n * cols, n * cols / q8Block }

// From returns the rows from row at on, a multiple of PanelRows.
func (r CacheRows) From(at int) CacheRows {
	codes, scales := CacheSize(at, r.Cols)
	return CacheRows{r.Codes[codes:], r.Scales[scales:], r.Cols}
}

// check panics unless n rows are there.
func (r CacheRows) check(n int) {
	if codes, scales := CacheSize(r.panels(n)*PanelRows, r.Cols); r.Cols%q8Block != 0 || len(r.Codes) < codes || len(r.Scales) < scales {
		panic(fmt.Sprintf("kernel: %d cache rows of %d values in %d codes and %d scales", n, r.Cols, len(r.Codes), len(r.Scales)))
	}
}

func (r CacheRows) panels(n int) int { return (n + PanelRows - 1) / PanelRows }

// code returns the place of four codes of row i, from column c on, a multiple of 4.
func (r CacheRows) code(i, c int) []byte {
	return r.Codes[i/PanelRows*PanelRows*r.Cols+c*PanelRows+i%PanelRows*4:][:4]
}

// scale returns the place of the scale of row i's block b.
func (r CacheRows) scale(i, b int) *uint16 {
	return &r.Scales[(i/PanelRows*(r.Cols/q8Block)+b)*PanelRows+i%PanelRows]
}

// putter has what Put quantises with.
type putter struct {
	act Act
	pad []float32
}

var putters = sync.Pool{New: func() any { return new(putter) }}

// padded returns how many values n take in whole blocks.
func padded(n int) int { return (n + q8Block - 1) / q8Block * q8Block }

// Put quantises x to the values from column from on of row i; from is a multiple of 32, and so is the end but that
// zeros are put behind x up to the end of a block. Different rows may be put at the same time.
func (r CacheRows) Put(i, from int, x []float32) {
	r.check(i + 1)
	if from < 0 || from%q8Block != 0 || from+padded(len(x)) > r.Cols {
		panic(fmt.Sprintf("kernel: %d values from column %d on of %d", len(x), from, r.Cols))
	}
	p := putters.Get().(*putter)
	if n := padded(len(x)); n > len(x) {
		p.pad = sized(p.pad, n)
		clear(p.pad[copy(p.pad, x):])
		x = p.pad
	}
	a := &p.act
	a.Reset(x, 1, len(x))
	a.quantize(ActQ8, 0, len(x))
	for c := 0; c < len(x); c += 4 {
		code := r.code(i, from+c)
		for j, q := range a.q8[c:][:4] {
			code[j] = byte(q) ^ 0x80
		}
	}
	for b := range a.d {
		var h [1]uint16
		f32ToF16Generic(h[:], a.d[b:b+1])
		*r.scale(i, from/q8Block+b) = h[0]
	}
	a.x = nil
	putters.Put(p)
}

// Clear makes zeros of the rows from i on in the first panel.
func (r CacheRows) Clear(i int) {
	for b := range r.Cols / q8Block {
		clear(r.Scales[b*PanelRows:][i:PanelRows])
	}
}

// Get dequantises len(dst) values of row i from column from on, a multiple of 32.
func (r CacheRows) Get(dst []float32, i, from int) {
	r.check(i + 1)
	for c := 0; c < len(dst); c += 4 {
		s := halfToFloat(*r.scale(i, (from+c)/q8Block))
		code := r.code(i, from+c)
		for j := range dst[c:min(c+4, len(dst))] {
			dst[c+j] = s * float32(int(code[j])-128)
		}
	}
}

// CacheQueries are query rows as ScoresQ8 wants them, in blocks of 32 values too. The zero value is empty; it keeps its
// memory from one Set to the next.
type CacheQueries struct {
	n, cols int
	packed  []byte // [n][cols/32] blocks of queryBlock bytes: 32 q, their scale d as float32, -128·Σq as int32
	pad     []float32
	act     Act
}

const queryBlock = 40

// Set quantises n rows, ld apart in x: a values and b more, each of the two padded with zeros to whole blocks of 32.
func (q *CacheQueries) Set(x []float32, n, ld, a, b int) {
	q.n, q.cols = n, padded(a)+padded(b)
	if n > 0 && short(len(x), n, ld, a+b) {
		panic(fmt.Sprintf("kernel: %d query rows of %d values in a slice of %d", n, a+b, len(x)))
	}
	q.pad = sized(q.pad, n*q.cols)
	for i := range n {
		from, row := x[i*ld:][:a+b], q.pad[i*q.cols:][:q.cols]
		clear(row[copy(row, from[:a]):padded(a)])
		row = row[padded(a):]
		clear(row[copy(row, from[a:]):])
	}
	q.act.Reset(q.pad, n, q.cols)
	q.act.quantize(ActQ8, 0, len(q.pad))
	active().sums(q.act.z, q.act.q8, q8Block)
	q.packed = sized(q.packed, len(q.act.d)*queryBlock)
	for i, d := range q.act.d {
		q.pack(i, d)
	}
}

// pack writes block i.
func (q *CacheQueries) pack(i int, d float32) {
	block := (*[queryBlock]byte)(q.packed[i*queryBlock:])
	*(*[q8Block]byte)(block[:]) = [q8Block]byte(asBytes(q.act.q8[i*q8Block:]))
	binary.LittleEndian.PutUint32(block[32:], math.Float32bits(d))
	binary.LittleEndian.PutUint32(block[36:], uint32(int32(-128*q.act.z[i])))
}

// stride returns the bytes of a packed row.
func (q *CacheQueries) stride() int { return q.cols / q8Block * queryBlock }

// ScoresQ8 computes dst[i*ldd+j] = the product of query row first+i with the first values of row j of k, for i < nq and
// j < n, by integer products within each block. It panics when slices are too short or queries are wider than k.
func ScoresQ8(dst []float32, ldd int, q *CacheQueries, first, nq int, k CacheRows, n int) {
	if nq <= 0 || n <= 0 {
		return
	}
	k.check(n)
	if first < 0 || first+nq > q.n || q.cols > k.Cols || short(len(dst), nq, ldd, n) {
		panic(fmt.Sprintf("kernel: scores of query rows %d to %d of %d, %d wide, with %d rows of %d, in a slice of %d",
			first, first+nq, q.n, q.cols, n, k.Cols, len(dst)))
	}
	vectors().scoresQ8(dst, ldd, q.packed[first*q.stride():], q.stride(), nq, k, n)
}

// WeightedSumQ8 adds Σ p[i*ldp+j]·v[j,from+c] over j < n to out[i*ldo+c], for i < nq and c < d. from is a multiple of
// 32.
func WeightedSumQ8(out []float32, ldo int, p []float32, ldp, nq int, v CacheRows, from, n, d int) {
	if nq <= 0 || n <= 0 || d <= 0 {
		return
	}
	v.check(n)
	if from < 0 || from%q8Block != 0 || from+d > v.Cols || short(len(out), nq, ldo, d) || short(len(p), nq, ldp, n) {
		panic(fmt.Sprintf("kernel: weighted sum of columns %d to %d of %d, %d×%d, in slices of %d and %d", from, from+d, v.Cols, nq, n, len(out), len(p)))
	}
	vectors().weightedSumQ8(out, ldo, p, ldp, nq, v, from, n, d)
}

func scoresQ8Generic(dst []float32, ldd int, q []byte, stride, nq int, k CacheRows, n int) {
	for i := range nq {
		row := q[i*stride:]
		for j := range n {
			dst[i*ldd+j] = 0
			for b := range stride / queryBlock {
				block := row[b*queryBlock:][:queryBlock]
				sum := int32(binary.LittleEndian.Uint32(block[36:]))
				for c := 0; c < q8Block; c += 4 {
					u := k.code(j, b*q8Block+c)
					for x := range 4 {
						sum += int32(u[x]) * int32(int8(block[c+x]))
					}
				}
				d := halfToFloat(*k.scale(j, b)) * math.Float32frombits(binary.LittleEndian.Uint32(block[32:]))
				dst[i*ldd+j] += float32(d * float32(sum))
			}
		}
	}
}

func weightedSumQ8Generic(out []float32, ldo int, p []float32, ldp, nq int, v CacheRows, from, n, d int) {
	var row [q8Block]float32
	for j := range n {
		for c := 0; c < d; c += q8Block {
			part := row[:min(q8Block, d-c)]
			s := halfToFloat(*v.scale(j, (from+c)/q8Block))
			for x := range part {
				part[x] = s * float32(int(v.code(j, from+c+x&^3)[x&3])-128)
			}
			for i := range nq {
				axpyF32(out[i*ldo+c:][:len(part)], p[i*ldp+j], part)
			}
		}
	}
}
