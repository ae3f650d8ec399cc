package encode

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// block is the most weights that one block holds.
const block = 256

// blockEncoder writes the block of weights x to b; an encoder of blocks of 32 with a search writes up to eight blocks. w
// holds the weights of their errors, all of them positive.
type blockEncoder func(b []byte, x, w []float32)

// encoder is how a type is encoded, and how errors are weighed when no importance is given.
type encoder struct {
	encode    blockEncoder
	weigh     func(w, x []float32)
	unweighed bool // the encoder does not read the weights of errors
	many      bool // of up to eight blocks
}

// encoders are the types with a search for scales.
var encoders = map[ggtype.Type]encoder{
	ggtype.Q2_K:    {encode: encodeQ2K, weigh: weighAbs},
	ggtype.Q3_K:    {encode: encodeQ3K, weigh: weighSquare},
	ggtype.Q4_K:    {encode: encodeQ4K, weigh: weighAround},
	ggtype.Q5_K:    {encode: encodeQ5K, weigh: weighAround},
	ggtype.Q6_K:    {encode: encodeQ6K, weigh: weighSquare},
	ggtype.IQ4_NL:  {encode: encodeIQ4NL, weigh: weighSquare, many: true},
	ggtype.IQ4_XS:  {encode: encodeIQ4XS, weigh: weighSquare},
	ggtype.MXFP4:   {encode: encodeMXFP4, weigh: weighEven},
	ggtype.IQ2_XXS: {encode: encodeIQ2XXS, weigh: weighAround},
	ggtype.IQ2_XS:  {encode: encodeIQ2XS, weigh: weighAround},
	ggtype.IQ2_S:   {encode: encodeIQ2S, weigh: weighAround},
	ggtype.IQ3_XXS: {encode: encodeIQ3XXS, weigh: weighAround},
	ggtype.IQ3_S:   {encode: encodeIQ3S, weigh: weighAround},
	ggtype.IQ1_S:   {encode: encodeIQ1S, weigh: weighAround},
	ggtype.IQ1_M:   {encode: encodeIQ1M, weigh: weighAround},
	ggtype.TQ1_0:   {encode: encodeTQ1, unweighed: true},
	ggtype.TQ2_0:   {encode: encodeTQ2, unweighed: true},
	ggtype.Q1_0:    {encode: encodeQ1, unweighed: true},
	ggtype.Q2_0:    {encode: encodeQ2, unweighed: true},
}

// weighted are the encoders of rows with importance, for types that have others without: those whose reference has no search,
// and Q3_K.
var weighted = map[ggtype.Type]encoder{
	ggtype.Q4_0: {encode: encodeQ4_0, many: true},
	ggtype.Q4_1: {encode: encodeQ4_1, many: true},
	ggtype.Q5_0: {encode: encodeQ5_0, many: true},
	ggtype.Q5_1: {encode: encodeQ5_1, many: true},
	ggtype.Q3_K: {encode: encodeQ3KWeighted},
}

// reference are the types that kernel.Quantize writes.
var reference = []ggtype.Type{ggtype.F32, ggtype.F16, ggtype.BF16, ggtype.Q4_0, ggtype.Q4_1, ggtype.Q5_0, ggtype.Q5_1, ggtype.Q8_0}

// Can reports whether there is an encoder for t.
func Can(t ggtype.Type) bool {
	for _, r := range reference {
		if r == t {
			return true
		}
	}
	_, ok := encoders[t]
	return ok
}

// Row encodes the weights x of one row, or of several whose importance is nil, as type t to dst: len(x) is a multiple
// of the type's block, dst has t.RowBytes(len(x)) bytes or more. importance is nil, or has a value for each weight that
// is not negative: how much its error counts. Errors wrap kernel.ErrType, kernel.ErrShape, or kernel.ErrValue when a
// block meets NaN, infinity or a weight of more than 1e9.
func Row(dst []byte, t ggtype.Type, x, importance []float32) error {
	return RowBy(Full, dst, t, x, importance)
}

// Magnitude says how much the magnitude of a weight counts beside the importance of its column.
type Magnitude uint8

// The magnitudes: an error of weight x counts importance times √(σ² + x²), the root of that, or 1.
const (
	Full Magnitude = iota
	Root
	None
)

// RowBy is Row with another Magnitude than Full.
func RowBy(m Magnitude, dst []byte, t ggtype.Type, x, importance []float32) error {
	elems, size := t.Block()
	switch {
	case !Can(t):
		return fmt.Errorf("encode type %v: %w", t, kernel.ErrType)
	case len(x)%elems != 0 || len(dst) < t.RowBytes(len(x)) || importance != nil && len(importance) != len(x):
		return fmt.Errorf("encode %d weights of %d importances to type %v in %d bytes: %w", len(x), len(importance), t, len(dst), kernel.ErrShape)
	}
	e, ok := encoders[t]
	if importance != nil {
		if other, found := weighted[t]; found {
			e, ok = other, true
		}
	}
	if !ok {
		return kernel.Quantize(dst, t, x)
	}
	step := elems
	if e.many {
		step = block
	}
	var buf [block]float32
	for i := 0; i < len(x); i += step {
		end := min(i+step, len(x))
		for at := i; at < end; at += elems {
			xb, w := x[at:at+elems], buf[at-i:][:elems]
			if !bounded(xb) {
				return fmt.Errorf("encode weights %d to %d to type %v: %w", at, at+elems, t, kernel.ErrValue)
			}
			switch {
			case e.unweighed:
			case importance == nil:
				e.weigh(w, xb)
			default:
				m.weigh(w, xb, importance[at:at+elems])
			}
		}
		e.encode(dst[i/elems*size:end/elems*size], x[i:end], buf[:end-i])
	}
	return nil
}

// limit is the magnitude up to which weights are encoded: no type's scale gets near it, and no sum of squares
// overflows.
const limit = 1e9

// bounded reports whether no value of x is NaN, infinite or beyond limit.
func bounded(x []float32) bool { return kernel.AbsMax(x) <= limit }

func weighEven(w, _ []float32) {
	for i := range w {
		w[i] = 1
	}
}

// weighAbs weighs an error by the magnitude of the weight.
func weighAbs(w, x []float32) {
	for i, v := range x {
		w[i] = abs(v)
	}
}

// weighSquare weighs an error by the square of the weight.
func weighSquare(w, x []float32) {
	for i, v := range x {
		w[i] = v * v
	}
}

// weighAround weighs an error by the magnitude of the weight and the mean of its 32, so that small ones count too.
func weighAround(w, x []float32) {
	for g := 0; g < len(x); g += 32 {
		sum := float32(0)
		for _, v := range x[g : g+32] {
			sum += v * v
		}
		mean := sqrt(sum / 32)
		for i, v := range x[g : g+32] {
			w[g+i] = mean + abs(v)
		}
	}
}

// weigh weighs errors with importance. Columns that no activation reaches count as good as nothing, but not nothing: their
// weights stay near what they are.
func (m Magnitude) weigh(w, x, importance []float32) {
	sum, most := float32(0), float32(0)
	for i, v := range x {
		sum += v * v
		most = max(most, importance[i])
	}
	mean := sum / float32(len(x))
	for i, v := range x {
		share := float32(1)
		if most > 0 {
			share = max(importance[i]/most, 1e-6)
		}
		switch m {
		case Full:
			w[i] = share * sqrt(mean+v*v)
		case Root:
			w[i] = share * sqrt(sqrt(mean+v*v))
		default:
			w[i] = share
		}
	}
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

func sqrt(v float32) float32 { return float32(math.Sqrt(float64(v))) }
