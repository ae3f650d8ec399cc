// Package merged works low-rank adapters into models.
package merged

import (
	"fmt"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/lora"
	"github.com/latentgo/latentgo/internal/floatdata"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// New returns base with adapters worked in, as a file that exists nowhere: matrices are computed where they are read.
// base must stay open. Matrices in F32, F16 and BF16 keep their type, those in blocks become F32; package
// gguf/quantize makes blocks of them again. Errors wrap lora.ErrModel.
func New(base *gguf.File, adapters ...lora.Scaled) (*gguf.File, error) {
	arch, err := base.String("general.architecture")
	if err != nil {
		return nil, err
	}
	changes := map[string][]change{}
	for _, a := range adapters {
		if err := a.Check(arch); err != nil {
			return nil, err
		}
		for _, p := range a.Pairs {
			if _, err := base.Tensor(p.Tensor); err != nil {
				return nil, fmt.Errorf("%s: %w: the model has no tensor %q", a.Name, lora.ErrModel, p.Tensor)
			}
			changes[p.Tensor] = append(changes[p.Tensor], change{p, a.Scale * p.Scale})
		}
	}
	w := new(gguf.Writer)
	if err := w.CopyMetadata(base, nil); err != nil {
		return nil, err
	}
	for _, t := range base.Tensors() {
		if err := add(w, base, t, changes[t.Name]); err != nil {
			return nil, err
		}
	}
	r, size, err := w.ReaderAt()
	if err != nil {
		return nil, err
	}
	return gguf.OpenReaderAt(base.Name(), r, size)
}

// change is a pair and its scale.
type change struct {
	*lora.Pair
	scale float32
}

// add adds a tensor with its changes.
func add(w *gguf.Writer, base *gguf.File, t *gguf.Tensor, changes []change) error {
	if len(changes) == 0 {
		return w.AddTensorAt(t.Name, t.Type, t.Shape, t)
	}
	if len(t.Shape) < 2 {
		return fmt.Errorf("tensor %q: %w: it is no matrix", t.Name, lora.ErrModel)
	}
	cols, rows := int(t.Shape[0]), int(t.Shape[1])
	for _, c := range changes {
		if err := c.Fits(int(t.Elements())/rows/cols, rows, cols); err != nil {
			return err
		}
	}
	typ := t.Type
	if typ != ggtype.F32 && typ != ggtype.F16 && typ != ggtype.BF16 {
		typ = ggtype.F32
	}
	m := &matrix{base, t, changes, rows, cols}
	return w.AddTensorAt(t.Name, typ, t.Shape, floatdata.Reader(typ, int(t.Elements()), m.read))
}

// matrix is a tensor with its changes.
type matrix struct {
	base       *gguf.File
	tensor     *gguf.Tensor
	changes    []change
	rows, cols int
}

// read fills dst with the weights from at on.
func (m *matrix) read(dst []float32, at int) error {
	size := m.tensor.Type.RowBytes(m.cols)
	data, row := make([]byte, size), make([]float32, m.cols)
	for len(dst) > 0 {
		r, skip := at/m.cols, at%m.cols
		err := m.base.Guard(func() error {
			_, err := m.tensor.ReadAt(data, int64(r)*int64(size))
			return err
		})
		if err != nil {
			return err
		}
		if err := kernel.Dequantize(row, m.tensor.Type, data); err != nil {
			return err
		}
		for _, c := range m.changes {
			c.AddRow(row, r/m.rows, r%m.rows, c.scale)
		}
		n := copy(dst, row[skip:])
		dst, at = dst[n:], at+n
	}
	return nil
}
