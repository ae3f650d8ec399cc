package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
)

// WriteHeader replaces the metadata of the open file f by that of w, in place, where it takes as much room as what is
// there up to the alignment of the data. w has the tensors of f, see AddFile; their data is not touched. It reports
// false, and does nothing, where the file has to be written anew: another size, another alignment, a split or
// big-endian or version 2 file, or tensors at other places than w has them.
//
// Unlike WriteFile it is no single step: what kills the machine meanwhile can leave a header of both.
func (w *Writer) WriteHeader(f *File) (bool, error) {
	if f.Parts() != 1 || f.Version() != 3 || f.ByteOrder() == binary.ByteOrder(binary.BigEndian) || w.align() != f.parts[0].alignment {
		return false, nil
	}
	old, size := f.Header(0)
	h, _ := w.header(w.align())
	data := uint64(len(old)) + padding(uint64(len(old)), w.align())
	if uint64(len(h)) != data || int64(data) > size || !bytes.HasSuffix(old, w.entries(nil)) {
		return false, nil
	}
	file, err := os.OpenFile(f.Name(), os.O_WRONLY, 0)
	if err != nil {
		return false, fmt.Errorf("gguf: %w", err)
	}
	defer file.Close()
	if _, err := file.WriteAt(h, 0); err != nil {
		return false, fmt.Errorf("gguf: %w", err)
	}
	if err := file.Sync(); err != nil {
		return false, fmt.Errorf("gguf: %w", err)
	}
	return true, file.Close()
}
