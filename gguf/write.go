package gguf

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/internal/atomicfile"
)

// Writer collects keys and tensors and writes them as a GGUF file, version 3, little-endian unless BigEndian says
// otherwise. Keys and tensors keep the order in which they were added. The zero value is an empty file. For one goroutine.
//
// Nothing of a file that was read is lost: CopyMetadata and AddTensorFrom keep every kind of value and every type as it
// is, and names are not touched.
type Writer struct {
	// BigEndian lets files be written with the highest byte of each number first, for machines such as s390x. Tensors of
	// type IQ2_XXS have no such form.
	BigEndian bool

	keys      []outKey
	keyIndex  map[string]int
	tensors   []outTensor
	tensorSet map[string]bool
	alignment uint64 // 0 means defaultAlignment
}

// outKey is a key with its value as in the file, kind included.
type outKey struct {
	key   string
	value []byte
}

// outTensor is a tensor to write.
type outTensor struct {
	name  string
	typ   Type
	shape []uint64
	size  uint64
	data  func(io.Writer) error // writes size bytes
	at    io.ReaderAt           // the same to be read in pieces, nil where that can't be
}

// Set sets a key to a Go value: uint8 … uint64, int8 … int64, float32, float64, bool, string, or a slice of one of
// these, or []any for an array of arrays. A key that is there keeps its place. Errors wrap ErrKind for another type or
// a value that the format cannot hold, ErrFormat for a bad key.
func (w *Writer) Set(key string, value any) error {
	if err := checkName("key", key, maxKeyLen); err != nil {
		return err
	}
	b, err := appendValue(nil, value, 0)
	if err != nil {
		return fmt.Errorf("gguf: key %q: %w", key, err)
	}
	if key == alignmentKey {
		a, ok := value.(uint32)
		if !ok || a == 0 || a&(a-1) != 0 {
			return fmt.Errorf("gguf: key %q: %w: %v is not a power of two of type uint32", key, ErrKind, value)
		}
		w.alignment = uint64(a)
	}
	w.put(key, b)
	return nil
}

// put sets a key to an encoded value.
func (w *Writer) put(key string, value []byte) {
	if i, ok := w.keyIndex[key]; ok {
		w.keys[i].value = value
		return
	}
	if w.keyIndex == nil {
		w.keyIndex = map[string]int{}
	}
	w.keyIndex[key] = len(w.keys)
	w.keys = append(w.keys, outKey{key, value})
}

// Delete removes a key; one that is not there is no error.
func (w *Writer) Delete(key string) {
	i, ok := w.keyIndex[key]
	if !ok {
		return
	}
	w.keys = slices.Delete(w.keys, i, i+1)
	delete(w.keyIndex, key)
	for k, at := range w.keyIndex {
		if at > i {
			w.keyIndex[k] = at - 1
		}
	}
	if key == alignmentKey {
		w.alignment = 0
	}
}

// CopyMetadata adds all keys of f for which keep returns true (nil: all but those of a split, which a file that holds
// all tensors must not have).
func (w *Writer) CopyMetadata(f *File, keep func(key string) bool) error {
	if keep == nil {
		keep = func(key string) bool { return !strings.HasPrefix(key, splitKeys) }
	}
	for _, key := range f.Keys() {
		if !keep(key) {
			continue
		}
		v, _ := f.Value(key)
		if err := w.Set(key, v.Any()); err != nil {
			return err
		}
	}
	return nil
}

// AddFile adds all metadata of f but the keys of a split, see CopyMetadata, and all its tensors. f must stay open until
// everything is written.
func (w *Writer) AddFile(f *File) error {
	if err := w.CopyMetadata(f, nil); err != nil {
		return err
	}
	for _, t := range f.Tensors() {
		if err := w.AddTensorFrom(t); err != nil {
			return err
		}
	}
	return nil
}

// AddTensor adds a tensor: shape has 1 to 4 dimensions, the fastest first; a 0 makes an empty tensor. data is called
// once, when the tensor is written, and returns exactly its bytes, little-endian; they are not kept. Errors wrap
// ErrFormat.
func (w *Writer) AddTensor(name string, t Type, shape []uint64, data func() ([]byte, error)) error {
	return w.AddTensorStream(name, t, shape, func(out io.Writer) error {
		b, err := data()
		if err == nil {
			_, err = out.Write(b)
		}
		return err
	})
}

// AddTensorStream is AddTensor for data that does not exist in one piece: data writes it to out, exactly as many bytes
// as type and shape have.
func (w *Writer) AddTensorStream(name string, t Type, shape []uint64, data func(out io.Writer) error) error {
	if err := checkName("tensor", name, maxNameLen); err != nil {
		return err
	}
	bad := func(format string, a ...any) error {
		return fmt.Errorf("gguf: tensor %q: %w: %s", name, ErrFormat, fmt.Sprintf(format, a...))
	}
	if w.tensorSet[name] {
		return bad("duplicate name")
	}
	if !t.Known() {
		return bad("unknown type %d", t)
	}
	if len(shape) < 1 || len(shape) > maxDims {
		return bad("%d dimensions", len(shape))
	}
	elems, size := t.Block()
	n := uint64(1)
	for _, d := range shape {
		if d > 1<<60 || d > 0 && n > 1<<60/d {
			return bad("shape %v", shape)
		}
		n *= d
	}
	if shape[0]%uint64(elems) != 0 {
		return bad("rows of %d weights are not a multiple of the %d in a block of %v", shape[0], elems, t)
	}
	if w.tensorSet == nil {
		w.tensorSet = map[string]bool{}
	}
	w.tensorSet[name] = true
	w.tensors = append(w.tensors, outTensor{name, t, slices.Clone(shape), n / uint64(elems) * uint64(size), data, nil})
	return nil
}

// AddTensorFrom adds a tensor of a file, which must stay open until everything is written. No more than a piece of it
// is in memory at a time, unless it lies there anyway.
func (w *Writer) AddTensorFrom(t *Tensor) error {
	return w.AddTensorStream(t.Name, t.Type, t.Shape, func(out io.Writer) error {
		_, err := t.WriteTo(out)
		return err
	})
}

// checkName checks a key or a tensor name.
func checkName(what, s string, limit int) error {
	if reason := badName(s, limit); reason != "" {
		return fmt.Errorf("gguf: %s name %.200q: %w: %s", what, s, ErrFormat, reason)
	}
	return nil
}

// WriteFile writes the file to path, in place of what is there: beside it first, then synced, then renamed, so that
// nobody ever sees half a file and an error leaves what was there. A new file gets the permission bits 0666 less the
// umask, one that is replaced keeps its own. A link stays a link. Devices and pipes, which can't be replaced, are
// written to as they are. A file that is open and mapped may be replaced, except on Windows: see ReplaceFile. progress (may be nil) is
// told after each tensor how many of the total bytes of data are written. ctx ends the writing.
func (w *Writer) WriteFile(ctx context.Context, path string, progress func(done, total int64)) error {
	return w.writeFile(ctx, path, atomicfile.Options{Overwrite: true}, progress)
}

// ReplaceFile is WriteFile in place of f's own file, of whose tensors w may have been made. f is closed before, since
// Windows replaces no file that is mapped; on an error it may still be open.
func (w *Writer) ReplaceFile(ctx context.Context, f *File, progress func(done, total int64)) error {
	return f.Guard(func() error {
		return w.writeFile(ctx, f.Name(), atomicfile.Options{Overwrite: true, Before: f.Close}, progress)
	})
}

// WriteNewFile is WriteFile for a path at which there is no file yet. If there is one, also one that appears in the
// meantime, it stays, and the error wraps fs.ErrExist.
func (w *Writer) WriteNewFile(ctx context.Context, path string, progress func(done, total int64)) error {
	return w.writeFile(ctx, path, atomicfile.Options{}, progress)
}

func (w *Writer) writeFile(ctx context.Context, path string, opt atomicfile.Options, progress func(done, total int64)) error {
	err := atomicfile.Write(path, opt, func(out io.Writer) error {
		return w.write(ctx, out, progress)
	})
	if err != nil {
		return fmt.Errorf("gguf: %w", err)
	}
	return nil
}

// WriteTo writes the file to out.
func (w *Writer) WriteTo(out io.Writer) (int64, error) {
	c := &counter{w: out}
	err := w.write(context.Background(), c, nil)
	return c.n, err
}

// counter counts bytes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// align returns the alignment of tensor data.
func (w *Writer) align() uint64 {
	if w.alignment == 0 {
		return defaultAlignment
	}
	return w.alignment
}

func (w *Writer) write(ctx context.Context, out io.Writer, progress func(done, total int64)) error {
	align := w.align()
	h, total := w.header(align)
	if w.BigEndian {
		swapHeader(h)
	}
	if _, err := out.Write(h); err != nil {
		return err
	}
	pad := make([]byte, align)
	done := int64(0)
	for i := range w.tensors {
		t := &w.tensors[i]
		if err := t.write(&ctxWriter{ctx, out}, pad, w.BigEndian); err != nil {
			return fmt.Errorf("tensor %q: %w", t.name, err)
		}
		done += int64(t.size)
		if progress != nil {
			progress(done, total)
		}
	}
	return nil
}

// ctxWriter is a writer that a context ends.
type ctxWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *ctxWriter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}

// write writes a tensor and the padding behind it; len(pad) is the alignment.
func (t *outTensor) write(out io.Writer, pad []byte, bigEndian bool) error {
	c := &counter{w: out}
	if bigEndian {
		s, err := newSwappedData(out, t.typ)
		if err != nil {
			return err
		}
		c.w = s
	}
	if err := t.data(c); err != nil {
		return err
	}
	if uint64(c.n) != t.size {
		return fmt.Errorf("%w: %d bytes of data, shape %v of type %v has %d", ErrFormat, c.n, t.shape, t.typ, t.size)
	}
	_, err := out.Write(pad[:padding(t.size, uint64(len(pad)))])
	return err
}

// padding returns how many bytes follow n to reach a multiple of align.
func padding(n, align uint64) uint64 { return (align - n%align) % align }

// header returns everything in front of the data, padded, and the size of all tensors' data.
func (w *Writer) header(align uint64) (h []byte, total int64) {
	le := binary.LittleEndian
	h = append(h, "GGUF"...)
	h = le.AppendUint32(h, 3)
	h = le.AppendUint64(h, uint64(len(w.tensors)))
	h = le.AppendUint64(h, uint64(len(w.keys)))
	for _, k := range w.keys {
		h = appendString(h, k.key)
		h = append(h, k.value...)
	}
	for i := range w.tensors {
		total += int64(w.tensors[i].size)
	}
	h = w.entries(h)
	return append(h, make([]byte, padding(uint64(len(h)), align))...), total
}

// entries appends the entries of all tensors.
func (w *Writer) entries(h []byte) []byte {
	le, offset := binary.LittleEndian, uint64(0)
	for i := range w.tensors {
		t := &w.tensors[i]
		h = appendString(h, t.name)
		h = le.AppendUint32(h, uint32(len(t.shape)))
		for _, d := range t.shape {
			h = le.AppendUint64(h, d)
		}
		h = le.AppendUint32(h, uint32(t.typ))
		h = le.AppendUint64(h, offset)
		offset += t.size + padding(t.size, w.align())
	}
	return h
}
