package huggingface

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// entry is a file that exists nowhere.
type entry struct {
	name string
	size int64
	data io.ReaderAt
}

// entries are the files of a folder by name.
func (e *Export) entries() map[string]entry {
	out := map[string]entry{}
	for name, raw := range e.files {
		out[name] = entry{name, int64(len(raw)), bytes.NewReader(raw)}
	}
	for _, p := range e.parts {
		out[p.Name] = entry{p.Name, p.Size, p}
	}
	return out
}

// FS returns the folder as it would be written. What is read of weights is computed then.
func (e *Export) FS() fs.FS { return exportFS(e.entries()) }

// exportFS implements fs.ReadDirFS; files in folders are opened by their paths and not listed.
type exportFS map[string]entry

// Open implements fs.FS.
func (f exportFS) Open(name string) (fs.File, error) {
	if name == "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid} // ReadDir lists it
	}
	e, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return exportFile{io.NewSectionReader(e.data, 0, e.size), e}, nil
}

// ReadDir implements fs.ReadDirFS.
func (f exportFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var out []fs.DirEntry
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if strings.Contains(name, "/") {
			continue
		}
		out = append(out, fs.FileInfoToDirEntry(f[name]))
	}
	return out, nil
}

// exportFile implements fs.File and io.ReaderAt.
type exportFile struct {
	*io.SectionReader
	entry
}

func (f exportFile) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f exportFile) Close() error               { return nil }
func (f exportFile) Size() int64                { return f.entry.size }

func (e entry) Name() string       { return e.name }
func (e entry) Size() int64        { return e.size }
func (e entry) Mode() fs.FileMode  { return 0o644 }
func (e entry) ModTime() time.Time { return time.Time{} }
func (e entry) IsDir() bool        { return false }
func (e entry) Sys() any           { return nil }
