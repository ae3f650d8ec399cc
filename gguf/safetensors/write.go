package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Writer collects tensors for files. The zero value is ready to use.
type Writer struct {
	tensors []outTensor
	names   map[string]bool
}

// outTensor is a tensor to write.
type outTensor struct {
	name  string
	dtype DType
	shape []int
	size  int64
	data  io.ReaderAt
}

// Add adds a tensor, whose data is read when it is written: as many bytes as type and shape have. shape has the slowest
// dimension first. Errors: a name that is there already, or a type or shape that no file can have.
func (w *Writer) Add(name string, d DType, shape []int, data io.ReaderAt) error {
	size := d.Size()
	switch {
	case name == "__metadata__" || w.names[name]:
		return fmt.Errorf("safetensors: tensor %.100q: the name is taken", name)
	case size == 0:
		return fmt.Errorf("safetensors: tensor %.100q: dtype %.40q is not known", name, d)
	case len(shape) > maxDims:
		return fmt.Errorf("safetensors: tensor %.100q: %d dimensions, more than %d", name, len(shape), maxDims)
	}
	for _, n := range shape {
		if n < 0 || n > 0 && size > (1<<62)/int64(n) {
			return fmt.Errorf("safetensors: tensor %.100q: shape %v overflows", name, shape)
		}
		size *= int64(n)
	}
	if w.names == nil {
		w.names = map[string]bool{}
	}
	w.names[name] = true
	w.tensors = append(w.tensors, outTensor{name, d, slices.Clone(shape), size, data})
	return nil
}

// Part is one file of a model: safetensors that exist nowhere until they are read.
type Part struct {
	Name  string // model.safetensors, or model-00001-of-00003.safetensors
	Size  int64  // bytes of the file
	Names []string

	head    []byte
	tensors []outTensor
	starts  []int64 // of the tensors' data in the file
}

// Parts cuts the tensors into files, in the order in which they were added, as transformers does: none holds more than
// limit bytes of data unless it is a single tensor; 0 is no limit. The Writer must not change any more.
func (w *Writer) Parts(limit int64) []*Part {
	var groups [][]outTensor
	var held int64
	for i, t := range w.tensors {
		if i == 0 || limit > 0 && held > 0 && t.size > limit-held {
			groups, held = append(groups, nil), 0
		}
		last := len(groups) - 1
		groups[last], held = append(groups[last], t), held+t.size
	}
	if len(groups) == 0 {
		groups = [][]outTensor{nil}
	}
	out := make([]*Part, len(groups))
	for i, g := range groups {
		name := "model.safetensors"
		if len(groups) > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(groups))
		}
		out[i] = newPart(name, g)
	}
	return out
}

// newPart makes the header of a file.
func newPart(name string, tensors []outTensor) *Part {
	p := &Part{Name: name, tensors: tensors}
	var head bytes.Buffer
	head.WriteString(`{"__metadata__":{"format":"pt"}`)
	var at int64
	for _, t := range tensors {
		key, _ := json.Marshal(t.name)
		shape, _ := json.Marshal(t.shape)
		if len(t.shape) == 0 {
			shape = []byte("[]")
		}
		fmt.Fprintf(&head, `,%s:{"dtype":%s,"shape":%s,"data_offsets":[%d,%d]}`, key, strconv.Quote(string(t.dtype)), shape, at, at+t.size)
		p.starts, p.Names = append(p.starts, at), append(p.Names, t.name)
		at += t.size
	}
	head.WriteByte('}')
	for head.Len()%8 != 0 { // so that data is aligned
		head.WriteByte(' ')
	}
	p.head = append(binary.LittleEndian.AppendUint64(nil, uint64(head.Len())), head.Bytes()...)
	for i := range p.starts {
		p.starts[i] += int64(len(p.head))
	}
	p.Size = int64(len(p.head)) + at
	return p
}

// ReadAt implements io.ReaderAt: it gives the file's bytes, and asks the tensors for theirs.
func (p *Part) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("safetensors: %s: offset %d", p.Name, off)
	}
	if off < int64(len(p.head)) {
		n = copy(b, p.head[off:])
	}
	// The tensor that has the next byte: the last one that begins at or before it.
	i, found := slices.BinarySearch(p.starts, off+int64(n))
	if !found {
		i--
	}
	for ; n < len(b) && i >= 0 && i < len(p.tensors); i++ {
		t, at := &p.tensors[i], off+int64(n)-p.starts[i]
		if at >= t.size {
			continue
		}
		k := int(min(int64(len(b)-n), t.size-at))
		got, err := t.data.ReadAt(b[n:n+k], at)
		if n += got; got < k {
			return n, fmt.Errorf("safetensors: %s: tensor %q at %d: %w", p.Name, t.name, at+int64(got), err)
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Bytes returns how many bytes of data the tensors of the file have.
func (p *Part) Bytes() int64 { return p.Size - int64(len(p.head)) }
