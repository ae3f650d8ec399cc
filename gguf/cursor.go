package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// firstRead is how much of a file is read at once; most headers without a vocabulary fit.
const firstRead = 256 << 10

// cursor walks through the start of a file, which it collects in buf. Every read is checked against the file's size
// before anything is allocated for it.
type cursor struct {
	name  string // of the file, for errors
	item  item   // what is being read, for errors
	r     io.ReaderAt
	size  int64 // of the file
	order binary.ByteOrder
	buf   []byte // the first len(buf) bytes of the file
	off   uint64 // where the next read starts
}

// item names what is being read. It becomes text only when there is an error: a header may have a million tensors.
type item struct {
	what  string // "header", "key", "tensor"
	index int    // -1: not known
	name  string // empty: not known
}

// String returns `key 3 "general.alignment"`, with the name cut at 200 bytes.
func (i item) String() string {
	s := i.what
	if i.index >= 0 {
		s += " " + strconv.Itoa(i.index)
	}
	if i.name != "" {
		s += fmt.Sprintf(" %.200q", i.name)
	}
	return s
}

// errorf makes a FormatError about the current item at an offset of the file.
func (c *cursor) errorf(off uint64, format string, args ...any) error {
	return &FormatError{File: c.name, Item: c.item.String(), Offset: int64(off), Reason: fmt.Sprintf(format, args...)}
}

// remaining returns the bytes between off and the end of the file.
func (c *cursor) remaining() uint64 { return uint64(c.size) - c.off }

// need makes the next n bytes available as buf[off:off+n]; off stays. what says what they are, for the error about a
// file that ends too early. It may move buf: slices of it from before are stale copies.
func (c *cursor) need(n uint64, what string) error {
	if n > c.remaining() {
		return c.errorf(c.off, "%s needs %d bytes, the file has %d left (truncated?)", what, n, c.remaining())
	}
	if end := c.off + n; end > uint64(len(c.buf)) {
		return c.fill(end)
	}
	return nil
}

// fill reads the file up to end or further, doubling what was read so far, so that a header of n bytes costs less than
// 4n bytes of memory, garbage included. A reader that ends before size is an ErrShrunk: somebody truncates the file.
func (c *cursor) fill(end uint64) error {
	end = min(max(end, 2*uint64(len(c.buf)), firstRead), uint64(c.size))
	grown := make([]byte, end)
	have := copy(grown, c.buf)
	if n, err := c.r.ReadAt(grown[have:], int64(have)); n < len(grown)-have {
		return fmt.Errorf("gguf: %s: %s: read %d bytes at offset %d: %w", c.name, c.item, len(grown)-have, have, shrunk(err))
	}
	c.buf = grown
	return nil
}

// u32 reads four bytes in the file's order.
func (c *cursor) u32(what string) (uint32, error) {
	if err := c.need(4, what); err != nil {
		return 0, err
	}
	v := c.order.Uint32(c.buf[c.off:])
	c.off += 4
	return v, nil
}

// u64 reads eight bytes in the file's order.
func (c *cursor) u64(what string) (uint64, error) {
	if err := c.need(8, what); err != nil {
		return 0, err
	}
	v := c.order.Uint64(c.buf[c.off:])
	c.off += 8
	return v, nil
}

// str reads a string of at most limit bytes and returns its bytes in buf, valid until the next read. The length is
// checked against the file first and then against limit, so that a length made of garbage is reported as what it is.
func (c *cursor) str(limit uint64, what string) ([]byte, error) {
	start := c.off
	n, err := c.u64(what)
	if err != nil {
		return nil, err
	}
	if n > c.remaining() {
		return nil, c.errorf(start, "%s of %d bytes, the file has %d left", what, n, c.remaining())
	}
	if n > limit {
		return nil, c.errorf(start, "%s of %d bytes, more than %d", what, n, limit)
	}
	if err := c.need(n, what); err != nil {
		return nil, err
	}
	c.off += n
	return c.buf[c.off-n : c.off], nil
}
