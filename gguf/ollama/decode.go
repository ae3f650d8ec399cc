// Package ollama looks at GGUF files with the eyes of Ollama: Decode gives a file's header as the types of its package
// fs/ggml, for programs that work with those; Verify says whether its reader sees the same keys, shapes and offsets as
// package gguf, so that a file which was written here can be trusted to load there.
//
// It is apart from package gguf since fs/ggml links net/http and crypto/tls, 5 MB of a program. Package engine doesn't
// need it.
package ollama

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ollama/ollama/fs/ggml"

	"github.com/latentgo/latentgo/gguf"
)

// Decode decodes the header of f with fs/ggml: all arrays are kept, whatever their length. It decodes anew on each
// call, from the copy of the header that was checked when the file was opened, also after Close; of a split model the
// first part, as Ollama itself sees it.
//
// Differences to the file, made by fs/ggml: the metadata has an extra (or overwritten) general.parameter_count, and
// types that it does not know have size 0. Arrays of arrays are unknown to it: then the error matches
// gguf.ErrUnsupported. A big-endian file decodes here, though not with Ollama, see Verify.
func Decode(f *gguf.File) (*ggml.GGML, error) {
	for _, key := range f.Keys() {
		if v, _ := f.Value(key); v.Elem() == gguf.KindArray && v.Kind() == gguf.KindArray {
			return nil, fmt.Errorf("ollama: %s: %w: key %q is an array of arrays", f.Name(), gguf.ErrUnsupported, key)
		}
	}
	g, err := decodePart(f, 0)
	if err != nil {
		return nil, fmt.Errorf("ollama: %s: %w", f.Name(), err)
	}
	return g, nil
}

// decodePart decodes the header of one file. fs/ggml is for trusted files only; what package gguf has checked is not
// known to upset it, and a surprise must still not be fatal.
func decodePart(f *gguf.File, i int) (g *ggml.GGML, err error) {
	defer func() {
		if r := recover(); r != nil {
			g, err = nil, fmt.Errorf("fs/ggml: %w: decoder panicked: %v", gguf.ErrUnsupported, r)
		}
	}()
	header, size := f.Header(i)
	magic := []byte("GGUF")
	if f.ByteOrder() == binary.BigEndian {
		magic = reversed
	}
	g, err = ggml.Decode(io.NewSectionReader(headerView{magic, bytes.NewReader(header)}, 0, size), -1)
	if err != nil {
		return nil, fmt.Errorf("fs/ggml: %w", err)
	}
	return g, nil
}

// reversed is how a big-endian file starts for fs/ggml. No such files are written.
var reversed = binary.LittleEndian.AppendUint32(nil, ggml.FILE_MAGIC_GGUF_BE)

// headerView shows a magic and the rest of a header as the start of a longer file, whose rest is never read.
type headerView struct {
	magic  []byte
	header *bytes.Reader
}

// ReadAt implements io.ReaderAt.
func (v headerView) ReadAt(b []byte, off int64) (int, error) {
	n, err := v.header.ReadAt(b, off)
	if off < int64(len(v.magic)) {
		copy(b[:n], v.magic[off:])
	}
	return n, err
}
