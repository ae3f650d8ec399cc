package quantize

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/encode"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Keys that say how a file is quantised, and the version of ggml's formats.
const (
	fileTypeKey = "general.file_type"
	versionKey  = "general.quantization_version"
	version     = 2
)

// Add adds the tensors of the plan to w, in the order of the file, and sets the keys that name the file type. Metadata
// is the caller's, see gguf.Writer.CopyMetadata. Weights are encoded while w writes.
func (p *Plan) Add(w *gguf.Writer) error {
	if p.opt.Type != Unchanged {
		if err := errors.Join(w.Set(versionKey, uint32(version)), w.Set(fileTypeKey, uint32(p.opt.Type))); err != nil {
			return err
		}
	}
	for _, c := range p.choices {
		t := c.Tensor
		if c.Type == t.Type {
			if err := w.AddTensorFrom(t); err != nil {
				return err
			}
			continue
		}
		err := w.AddTensorStream(t.Name, c.Type, t.Shape, func(out io.Writer) error { return p.encode(out, c) })
		if err != nil {
			return err
		}
	}
	return nil
}

// pieceWeights is about how many weights one worker encodes at a time, and pieces how many such pieces are written
// together.
const (
	pieceWeights = 1 << 15
	pieces       = 64
)

// encode writes the tensor of a choice in its new type.
func (p *Plan) encode(out io.Writer, c Choice) error {
	if c.Tensor.Elements() == 0 {
		return nil
	}
	j := newJob(c, p.opt.Importance[c.Tensor.Name])
	if p.file.Mapped() {
		data, err := c.Tensor.Bytes()
		if err != nil {
			return err
		}
		j.data = data
	}
	threads := p.opt.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var errs, squares float64
	for row := 0; row < j.rows; row += pieces * j.step {
		if err := j.slab(p.file, row, threads); err != nil {
			return err
		}
		for i := range j.sums {
			errs, squares = errs+j.sums[i].err, squares+j.sums[i].square
		}
		if math.IsNaN(errs) || math.IsInf(errs, 0) {
			return fmt.Errorf("its weights are too large for type %v: %w", c.Type, kernel.ErrValue)
		}
		if _, err := out.Write(j.out); err != nil {
			return err
		}
	}
	p.file.Release()
	if p.opt.Report != nil {
		n := float64(c.Tensor.Elements())
		p.opt.Report(Result{c, math.Sqrt(errs / n), math.Sqrt(squares / n)})
	}
	return nil
}

// job is a tensor that is being encoded.
type job struct {
	Choice
	data       []byte // of all rows; nil where they are read slab by slab
	rowData    []byte // of the slab at hand, which begins with row first
	first      int
	importance []float32 // nil for none
	magnitude  encode.Magnitude
	cols, rows int
	perMatrix  int // rows of one matrix, which share importance
	step       int // rows of a piece

	out  []byte  // of the slab at hand
	sums []score // of its pieces
}

// score adds up the squares of errors and of weights.
type score struct{ err, square float64 }

func newJob(c Choice, importance []float32) *job {
	j := &job{Choice: c, cols: int(c.Tensor.Shape[0]), magnitude: magnitudeOf(c)}
	if c.Weighted {
		j.importance = importance
	}
	j.rows = int(c.Tensor.Elements()) / j.cols
	j.perMatrix = j.rows / int(matrices(c.Tensor))
	j.step = max(1, pieceWeights/j.cols)
	return j
}

// magnitudeOf returns how much the magnitude of a tensor's weights counts beside importance. Of lattice points it counts
// less in projections whose inputs are hardly correlated, what heads and the feed-forward network give: there importance
// says nearly all. docs/experiments.md has the figures.
func magnitudeOf(c Choice) encode.Magnitude {
	if slices.Contains(lattices, c.Type) {
		switch roleOf(c.Tensor.Name) {
		case roleAttnOutput:
			return encode.None
		case roleDown:
			return encode.Root
		}
	}
	return encode.Full
}

// lattices are the types of two and three bits whose weights are lattice points.
var lattices = []ggtype.Type{ggtype.IQ2_XXS, ggtype.IQ2_XS, ggtype.IQ2_S, ggtype.IQ3_XXS, ggtype.IQ3_S}

// slab encodes the pieces from a row on to j.out, each by whichever worker is free.
func (j *job) slab(f *gguf.File, row, threads int) error {
	end := min(row+pieces*j.step, j.rows)
	if err := j.load(row, end); err != nil {
		return err
	}
	n := (end - row + j.step - 1) / j.step
	bytes := (end - row) * j.Type.RowBytes(j.cols)
	if cap(j.out) < bytes {
		j.out = make([]byte, bytes)
	}
	j.out, j.sums = j.out[:bytes], make([]score, n)
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	errs := make([]error, threads)
	var wait sync.WaitGroup
	for k := range threads {
		wait.Go(func() { errs[k] = j.work(f, row, end, next) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// load makes the rows of a slab ready.
func (j *job) load(row, end int) error {
	size := j.Tensor.Type.RowBytes(j.cols)
	j.first = row
	if j.data != nil {
		j.rowData = j.data[row*size : end*size]
		return nil
	}
	if n := (end - row) * size; cap(j.rowData) < n {
		j.rowData = make([]byte, n)
	}
	j.rowData = j.rowData[:(end-row)*size]
	_, err := j.Tensor.ReadAt(j.rowData, int64(row)*int64(size))
	return err
}

// work encodes pieces of the slab of rows from row to end until there are none left.
func (j *job) work(f *gguf.File, row, end int, next <-chan int) (err error) {
	debug.SetPanicOnFault(true)
	defer func() {
		if r := recover(); r != nil {
			if err = f.FaultError(r); err == nil {
				panic(r)
			}
		}
	}()
	x, y := make([]float32, j.cols), make([]float32, j.cols)
	for i := range next {
		for r := row + i*j.step; r < min(row+(i+1)*j.step, end); r++ {
			if err := j.row(x, y, r, r-row, &j.sums[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// row encodes row r, which is number at of the slab; x and y are scratch.
func (j *job) row(x, y []float32, r, at int, s *score) error {
	from, to := j.Tensor.Type.RowBytes(j.cols), j.Type.RowBytes(j.cols)
	if err := kernel.Dequantize(x, j.Tensor.Type, j.rowData[(r-j.first)*from:][:from]); err != nil {
		return err
	}
	var w []float32
	if j.importance != nil {
		w = j.importance[r/j.perMatrix*j.cols:][:j.cols]
	}
	dst := j.out[at*to:][:to]
	if err := encode.RowBy(j.magnitude, dst, j.Type, x, w); err != nil {
		return fmt.Errorf("row %d: %w", r, err)
	}
	if err := kernel.Dequantize(y, j.Type, dst); err != nil {
		return err
	}
	errs, squares := kernel.SquaredErrors(x, y)
	s.err, s.square = s.err+errs, s.square+squares
	return nil
}
