package quantize

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// An importance matrix is a GGUF file, as llama.cpp's llama-imatrix writes it: for each tensor NAME that activations
// are multiplied by
//
//	NAME.in_sum2  F32 {columns, matrices}  Σ x² of the activations of each column
//	NAME.counts   F32 {1, matrices}        how many activations that are
//
// and the keys below.
const (
	sumsSuffix   = ".in_sum2"
	countsSuffix = ".counts"

	typeKey       = "general.type"
	imatrixType   = "imatrix"
	datasetsKey   = "imatrix.datasets"
	chunkCountKey = "imatrix.chunk_count"
	chunkSizeKey  = "imatrix.chunk_size"
)

// ErrImatrix is wrapped by errors about a file that holds no importance matrix.
var ErrImatrix = errors.New("not an importance matrix")

// Sums are what activations add up to at one tensor.
type Sums struct {
	Name   string    // of the tensor
	Square []float32 // Σ x² per column, one matrix after the other
	Counts []float32 // activations per matrix
}

// Matrix is an importance matrix as in a file.
type Matrix struct {
	Datasets             []string // names of the texts
	ChunkCount, ChunkLen int      // tokens were evaluated in so many chunks, each of so many
	Sums                 []Sums
}

// ReadImportance reads an importance matrix for Options.Importance. What a tensor's activations never reached, such as
// an expert that was never chosen, counts the same in all its columns. Errors wrap ErrImatrix, or are those of
// gguf.Open.
func ReadImportance(path string) (Importance, error) {
	m, err := ReadMatrix(path)
	if err != nil {
		return nil, err
	}
	return m.Importance(), nil
}

// Importance returns the mean squares.
func (m *Matrix) Importance() Importance {
	imp := Importance{}
	for _, s := range m.Sums {
		w, cols := make([]float32, len(s.Square)), len(s.Square)/len(s.Counts)
		for i, v := range s.Square {
			if w[i] = 1; s.Counts[i/cols] > 0 {
				w[i] = v / s.Counts[i/cols]
			}
		}
		imp[s.Name] = w
	}
	return imp
}

// ReadMatrix reads a file with an importance matrix. Errors wrap ErrImatrix, or are those of gguf.Open.
func ReadMatrix(path string) (*Matrix, error) {
	f, err := gguf.Open(path)
	if err != nil {
		if errors.Is(err, gguf.ErrFormat) {
			err = fmt.Errorf("%w: %w; the older format of llama-imatrix (.dat) has to be converted by it", ErrImatrix, err)
		}
		return nil, err
	}
	defer f.Close()
	m := &Matrix{ChunkCount: number(f, chunkCountKey), ChunkLen: number(f, chunkSizeKey)}
	m.Datasets, _ = f.Strings(datasetsKey) // for information only
	if typ, err := f.String(typeKey); err != nil || typ != imatrixType {
		return nil, fmt.Errorf("%s: %w: %s is not %q", path, ErrImatrix, typeKey, imatrixType)
	}
	err = f.Guard(func() error {
		for _, t := range f.Tensors() {
			name, ok := strings.CutSuffix(t.Name, sumsSuffix)
			if !ok {
				continue
			}
			s, err := readSums(f, t, name)
			if err != nil {
				return fmt.Errorf("%s: tensor %q: %w", path, t.Name, err)
			}
			m.Sums = append(m.Sums, s)
		}
		return nil
	})
	if err == nil && len(m.Sums) == 0 {
		err = fmt.Errorf("%s: %w: it has no sums", path, ErrImatrix)
	}
	return m, err
}

// readSums reads the sums in t, and the counts beside it.
func readSums(f *gguf.File, t *gguf.Tensor, name string) (s Sums, err error) {
	s.Name = name
	c, err := f.Tensor(name + countsSuffix)
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrImatrix, err)
	}
	if s.Square, err = readFloats(t); err != nil {
		return s, err
	}
	if s.Counts, err = readFloats(c); err != nil {
		return s, err
	}
	if n := len(s.Counts); n == 0 || len(s.Square) == 0 || len(s.Square)%n != 0 {
		return s, fmt.Errorf("%w: %d sums for %d counts", ErrImatrix, len(s.Square), n)
	}
	if !valid(s.Square) || !valid(s.Counts) {
		return s, fmt.Errorf("%w: sums or counts are negative, infinite or no numbers", ErrImatrix)
	}
	return s, nil
}

// readFloats returns the values of an F32 tensor.
func readFloats(t *gguf.Tensor) ([]float32, error) {
	if t.Type != ggtype.F32 {
		return nil, fmt.Errorf("%w: it is of type %v", ErrImatrix, t.Type)
	}
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x, nil
}

// Writer returns the file of the matrix, as llama.cpp reads it.
func (m *Matrix) Writer() (*gguf.Writer, error) {
	w := new(gguf.Writer)
	for _, kv := range []struct {
		key   string
		value any
	}{{typeKey, imatrixType}, {datasetsKey, m.Datasets}, {chunkCountKey, uint32(m.ChunkCount)}, {chunkSizeKey, uint32(m.ChunkLen)}} {
		if err := w.Set(kv.key, kv.value); err != nil {
			return nil, err
		}
	}
	for _, s := range m.Sums {
		n := uint64(len(s.Counts))
		for _, t := range []struct {
			suffix string
			shape  []uint64
			data   []float32
		}{{sumsSuffix, []uint64{uint64(len(s.Square)) / n, n}, s.Square}, {countsSuffix, []uint64{1, n}, s.Counts}} {
			err := w.AddTensor(s.Name+t.suffix, ggtype.F32, t.shape, func() ([]byte, error) { return binary.Append(nil, binary.LittleEndian, t.data) })
			if err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}
