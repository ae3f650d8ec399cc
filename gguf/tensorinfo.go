package gguf

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// readTensors reads n tensor entries and checks each by itself; offsets stay relative to the data until place. As with
// keys, n was held against the file's size.
func (h *header) readTensors(c *cursor, n uint64) error {
	seen := make(map[string]struct{}, n)
	h.tensors = make([]*Tensor, 0, n)
	for i := range n {
		c.item = item{"tensor", int(i), ""}
		start := c.off
		name, err := readName(c, maxNameLen, "tensor name")
		if err != nil {
			return err
		}
		c.item.name = name
		if _, ok := seen[name]; ok {
			return c.errorf(start, "duplicate tensor name")
		}
		seen[name] = struct{}{}
		t := &Tensor{Name: name}
		if err := t.read(c, h.alignment); err != nil {
			return err
		}
		h.tensors = append(h.tensors, t)
	}
	return nil
}

// read reads what follows a tensor's name: shape, type and offset.
func (t *Tensor) read(c *cursor, alignment uint64) error {
	start := c.off
	if err := t.readShape(c); err != nil {
		return err
	}
	if err := t.readType(c, start); err != nil {
		return err
	}
	start = c.off
	var err error
	if t.Offset, err = c.u64("data offset"); err != nil {
		return err
	}
	if t.Offset%alignment != 0 {
		return c.errorf(start, "data offset %d is not a multiple of the alignment %d", t.Offset, alignment)
	}
	return nil
}

// readShape reads the dimensions. As in llama.cpp a scalar (no dimension) is the shape {1}, and a zero makes an empty
// tensor.
func (t *Tensor) readShape(c *cursor) error {
	start := c.off
	n, err := c.u32("n_dims")
	if err != nil {
		return err
	}
	if n > maxDims {
		return c.errorf(start, "%d dimensions, expected at most %d", n, maxDims)
	}
	t.Shape = make([]uint64, max(n, 1))
	t.Shape[0] = 1
	for i := range n {
		at := c.off
		if t.Shape[i], err = c.u64("dimension"); err != nil {
			return err
		}
		if t.Shape[i] > math.MaxInt64 {
			return c.errorf(at, "dimension %d is %d: overflows", i, t.Shape[i])
		}
	}
	return nil
}

// readType reads the type and computes elements and size; shape is where the shape stands in the file. Rows must be
// whole blocks. Products are taken in 128 bits, so that nothing wraps around to a small size.
func (t *Tensor) readType(c *cursor, shape uint64) error {
	start := c.off
	v, err := c.u32("type")
	if err != nil {
		return err
	}
	t.Type = Type(v)
	block, bytes := t.Type.Block()
	if block == 0 {
		return c.errorf(start, "unknown or removed tensor type %d", v)
	}
	if t.Shape[0]%uint64(block) != 0 {
		return c.errorf(shape, "row of %d weights is not a multiple of the %d of a %v block", t.Shape[0], block, t.Type)
	}
	n, ok := product(t.Shape)
	if !ok {
		return c.errorf(shape, "shape %v overflows", t.Shape)
	}
	hi, size := bits.Mul64(n/uint64(block), uint64(bytes))
	if hi != 0 || size > uint64(c.size) {
		return c.errorf(shape, "%v of shape %v is larger than the file of %d bytes (truncated?)", t.Type, t.Shape, c.size)
	}
	t.elements, t.size = n, size
	return nil
}

// product multiplies dimensions, in order; false if a result on the way exceeds an int64.
func product(shape []uint64) (n uint64, ok bool) {
	n = 1
	for _, d := range shape {
		hi, lo := bits.Mul64(n, d)
		if hi != 0 || lo > math.MaxInt64 {
			return 0, false
		}
		n = lo
	}
	return n, true
}

// place turns offsets into positions in the file and checks that all tensors lie inside it and apart.
func (h *header) place(c *cursor) error {
	if len(h.tensors) == 0 {
		return nil
	}
	pad := -c.off & (h.alignment - 1)
	data, size := c.off+pad, uint64(c.size)
	for i, t := range h.tensors {
		c.item = item{"tensor", i, t.Name}
		end, carry := bits.Add64(data+t.Offset, t.size, 0)
		if carry != 0 || data+t.Offset < data || end > size {
			return c.errorf(data, "data at %d + %d, %d bytes long, ends past the end of the file at %d (truncated?)", data, t.Offset, t.size, size)
		}
		t.Offset += data
	}
	return h.checkOverlap(c)
}

// checkOverlap refuses two tensors that share bytes. llama.cpp wants data in the order of the entries and without gaps;
// both may differ here, since files that were edited in place have them. An empty tensor may lie anywhere.
func (h *header) checkOverlap(c *cursor) error {
	sorted := slices.DeleteFunc(slices.Clone(h.tensors), func(t *Tensor) bool { return t.size == 0 })
	slices.SortFunc(sorted, func(a, b *Tensor) int { return cmp.Compare(a.Offset, b.Offset) })
	for i := 1; i < len(sorted); i++ {
		before, t := sorted[i-1], sorted[i]
		if before.Offset+before.size > t.Offset {
			c.item = item{"tensor", -1, t.Name}
			return c.errorf(t.Offset, "data overlaps tensor %q, which ends at %d", before.Name, before.Offset+before.size)
		}
	}
	return nil
}
