package gguf

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
	"unicode/utf8"
)

// entry is a checked key: the kind of its value and where its payload lies in the header (after kind, element kind and
// count; for a string after its length).
type entry struct {
	key        string
	kind, elem Kind // elem: of an array's elements
	count      int  // elements of an array, 1 otherwise
	start, end uint64
}

// header is everything of one file in front of its tensor data, checked.
type header struct {
	version   uint32
	order     binary.ByteOrder
	alignment uint64
	raw       []byte // the header's bytes; never written again
	entries   []entry
	index     map[string]int // key → entries
	tensors   []*Tensor      // offsets absolute
}

// readHeader walks the header of a file of size bytes and checks all of it: the start, every key and value, every
// tensor, and that the tensors' data lies inside the file without overlap. The data itself is not read. Errors are
// FormatErrors, or wrap what r gave.
func readHeader(name string, r io.ReaderAt, size int64) (*header, error) {
	c := &cursor{name: name, item: item{"header", -1, ""}, r: r, size: size, order: binary.LittleEndian}
	h := &header{alignment: defaultAlignment}
	var err error
	if h.version, err = readStart(c); err != nil {
		return nil, err
	}
	h.order = c.order
	nTensors, nKeys, err := readCounts(c)
	if err != nil {
		return nil, err
	}
	if err := h.readKeys(c, nKeys); err != nil {
		return nil, err
	}
	if err := h.readTensors(c, nTensors); err != nil {
		return nil, err
	}
	h.raw = c.buf[:c.off:c.off]
	return h, h.place(c)
}

// readStart reads magic and version and finds the byte order: the magic is the same in both, and a version of 3 reads
// as 3<<24 in the wrong one. Version 1, with its 32-bit lengths, was in use for weeks only; llama.cpp has dropped it
// too.
func readStart(c *cursor) (version uint32, err error) {
	if c.size <= 0 {
		return 0, c.errorf(0, "empty file")
	}
	if err := c.need(4, "magic"); err != nil {
		return 0, err
	}
	switch magic := c.buf[:4]; {
	case bytes.Equal(magic, []byte("FUGG")):
		return 0, c.errorf(0, "magic %q is byte-swapped, expected \"GGUF\"", magic)
	case !bytes.Equal(magic, []byte("GGUF")):
		return 0, c.errorf(0, "magic is %q, expected \"GGUF\"", magic)
	}
	c.off = 4
	if version, err = c.u32("version"); err != nil {
		return 0, err
	}
	if version != 0 && version&0xffff == 0 {
		c.order, version = binary.BigEndian, bits.ReverseBytes32(version)
	}
	if version < 2 || version > 3 {
		return 0, c.errorf(4, "version %d, expected 2 or 3", version)
	}
	return version, nil
}

// readCounts reads the two counts. That so many entries fit into the rest of the file is checked before the limits, and
// for both together.
func readCounts(c *cursor) (tensors, keys uint64, err error) {
	if tensors, err = c.u64("tensor count"); err != nil {
		return 0, 0, err
	}
	if keys, err = c.u64("key count"); err != nil {
		return 0, 0, err
	}
	left := c.remaining()
	if keys > left/minKeySize {
		return 0, 0, c.errorf(16, "%d keys do not fit into the %d bytes that follow", keys, left)
	}
	if tensors > (left-keys*minKeySize)/minTensorSize {
		return 0, 0, c.errorf(8, "%d tensors do not fit into the %d bytes that follow", tensors, left)
	}
	if keys > maxKeys {
		return 0, 0, c.errorf(16, "%d keys, more than %d", keys, maxKeys)
	}
	if tensors > maxTensors {
		return 0, 0, c.errorf(8, "%d tensors, more than %d", tensors, maxTensors)
	}
	return tensors, keys, nil
}

// readKeys reads n keys; readCounts has held n against the file's size, so it may size the tables.
func (h *header) readKeys(c *cursor, n uint64) error {
	h.entries, h.index = make([]entry, 0, n), make(map[string]int, n)
	for i := range n {
		c.item = item{"key", int(i), ""}
		start := c.off
		key, err := readName(c, maxKeyLen, "key")
		if err != nil {
			return err
		}
		c.item.name = key
		if _, ok := h.index[key]; ok {
			return c.errorf(start, "duplicate key")
		}
		e, err := readEntry(c, key)
		if err != nil {
			return err
		}
		if key == alignmentKey {
			if h.alignment, err = readAlignment(c, e); err != nil {
				return err
			}
		}
		h.index[key] = len(h.entries)
		h.entries = append(h.entries, e)
	}
	return nil
}

// readName reads a key or a tensor name: 1 to limit bytes of UTF-8 without NUL.
func readName(c *cursor, limit uint64, what string) (string, error) {
	start := c.off
	b, err := c.str(limit, what)
	switch {
	case err != nil:
		return "", err
	case len(b) == 0:
		return "", c.errorf(start, "%s is empty", what)
	case bytes.IndexByte(b, 0) >= 0:
		return "", c.errorf(start, "%s %.200q contains NUL", what, b)
	case !utf8.Valid(b):
		return "", c.errorf(start, "%s %.200q is not UTF-8", what, b)
	}
	return string(b), nil
}

// readAlignment returns the value of general.alignment. The specification wants a multiple of 8; llama.cpp, and so this
// package, takes any power of two.
func readAlignment(c *cursor, e entry) (uint64, error) {
	if e.kind != KindUint32 {
		return 0, c.errorf(e.start, "alignment is of kind %v, expected u32", e.kind)
	}
	a := c.order.Uint32(c.buf[e.start:])
	if a == 0 || a&(a-1) != 0 {
		return 0, c.errorf(e.start, "alignment %d is not a power of two", a)
	}
	return uint64(a), nil
}
