package gguf

import (
	"fmt"
	"io"
	"io/fs"
)

// Open opens the GGUF file at path, checks its header and maps it into memory where the system can; elsewhere tensors
// are read when they are asked for. The caller closes the File.
//
// If the file is one of a split model (NAME-00002-of-00003.gguf, metadata split.count > 1), whichever part was named,
// all parts are opened: from the same folder, with names derived from path alone. Metadata is that of the first part.
//
// Errors match ErrFormat (a FormatError), ErrSplit, ErrShrunk or those of package os.
func Open(path string) (*File, error) { return open(path, openPart) }

// OpenFS is Open for a file of fsys; the parts of a split model come from there too. A file of the operating system
// (os.DirFS, os.Root) is mapped. Other files that implement io.ReaderAt, such as those of embed.FS, stay open, and
// tensors are read when they are asked for; what can only be read from its start, such as a compressed file of a
// zip.Reader, is read into memory as a whole.
func OpenFS(fsys fs.FS, name string) (*File, error) {
	if fsys == nil {
		return nil, fmt.Errorf("gguf: open %s: the file system is nil: %w", name, fs.ErrInvalid)
	}
	return open(name, func(name string) (*part, error) { return openFSPart(fsys, name) })
}

// OpenReaderAt reads a file of size bytes through r, which must stay usable as long as the File, for reads from several
// goroutines; Close does not close it. name is for error messages. A part of a split model is refused with ErrSplit:
// its siblings have no names here.
func OpenReaderAt(name string, r io.ReaderAt, size int64) (*File, error) {
	if r == nil {
		return nil, fmt.Errorf("gguf: %s: the reader is nil: %w", name, fs.ErrInvalid)
	}
	p, err := readerPart(name, r, size)
	if err != nil {
		return nil, err
	}
	return openSingle(p)
}

// OpenBytes is OpenReaderAt for a file that lies in memory: tensors are windows onto data, which must not change as
// long as they are used. For models that are embedded with //go:embed into a []byte, or downloaded.
func OpenBytes(name string, data []byte) (*File, error) {
	p, err := bytesPart(name, data)
	if err != nil {
		return nil, err
	}
	return openSingle(p)
}

// open opens name and, if that is a part of a split model, its siblings.
func open(name string, openPart func(name string) (*part, error)) (*File, error) {
	first, err := openPart(name)
	if err != nil {
		return nil, err
	}
	parts, err := openSplit(first, openPart)
	if err != nil {
		return nil, err
	}
	return newFile(parts)
}

// openSingle makes a File of the only part of a model.
func openSingle(p *part) (*File, error) {
	if s, err := p.split(); err != nil {
		return nil, err
	} else if s.count > 1 {
		return nil, fmt.Errorf("gguf: %s: %w: part %d of %d, which has to be opened by its path", p.name, ErrSplit, s.no+1, s.count)
	}
	return newFile([]*part{p})
}
