package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ollama/ollama/fs/ggml"
)

// GGML decodes the header with ollama's fs/ggml, for programs that work with its types: all arrays are kept, whatever
// their length. It decodes anew on each call, from the copy of the header that was checked when the file was opened; of a
// split model the first part, as ollama itself sees it.
//
// Differences to the file, made by fs/ggml: the metadata has an extra (or overwritten) general.parameter_count, and types
// that it does not know have size 0. Arrays of arrays are unknown to it: then the error matches ErrUnsupported.
func (f *File) GGML() (g *ggml.GGML, err error) {
	p := f.parts[0]
	// fs/ggml is for trusted files. What passed the walk is not known to upset it; a surprise must still not be fatal.
	defer func() {
		if r := recover(); r != nil {
			g, err = nil, fmt.Errorf("gguf: %s: fs/ggml: %w: decoder panicked: %v", p.name, ErrUnsupported, r)
		}
	}()
	for _, e := range p.entries {
		if e.elem == KindArray {
			return nil, fmt.Errorf("gguf: %s: fs/ggml: %w: key %q is an array of arrays", p.name, ErrUnsupported, e.key)
		}
	}
	g, err = ggml.Decode(io.NewSectionReader(p.ggmlView(), 0, p.size), -1)
	if err != nil {
		return nil, fmt.Errorf("gguf: %s: fs/ggml: %w", p.name, err)
	}
	return g, nil
}

// headerView shows a header as the start of a longer file, whose rest is never read. fs/ggml takes a big-endian file
// only with the magic reversed, which is not how such files are written; so the magic stands apart.
type headerView struct{ magic, rest *bytes.Reader }

// ggmlView returns the header of p as fs/ggml wants to see it.
func (p *part) ggmlView() headerView {
	magic := []byte("GGUF")
	if p.bigEndian() {
		magic = binary.LittleEndian.AppendUint32(nil, ggml.FILE_MAGIC_GGUF_BE)
	}
	return headerView{bytes.NewReader(magic), bytes.NewReader(p.raw)}
}

// ReadAt implements io.ReaderAt over magic and header.
func (v headerView) ReadAt(b []byte, off int64) (int, error) {
	n, err := v.rest.ReadAt(b, off)
	if off < v.magic.Size() {
		v.magic.ReadAt(b[:n], off)
	}
	return n, err
}
