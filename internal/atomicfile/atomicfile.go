// Package atomicfile writes files that appear complete or not at all: beside the target first, then synced, then
// renamed into its place. A full disk, an interrupt or an error on the way leaves what was there.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Options says what Write may do. The zero value refuses to overwrite.
type Options struct {
	// Overwrite replaces a file that exists. Otherwise it stays, and the error wraps fs.ErrExist.
	Overwrite bool
	// Perm holds the permission bits of a new file, of which the umask takes its part; 0 means 0666, as for os.Create.
	// A file that is replaced hands on its own bits instead.
	Perm fs.FileMode
	// Before, if not nil, is called when the new file is complete, before it takes its place: to close what keeps the
	// old one mapped, which Windows would refuse to replace. Its error leaves the old one.
	Before func() error
}

// Write writes what fill writes to the file at path. fill's writer is buffered; Write flushes it.
//
// A link stays a link: the file that it names is written, also when it is not there yet. Devices and pipes can't be
// replaced: they are written to as they are, and so is an open file of this process (/dev/stdout, /dev/fd/3), behind
// what it holds. Nothing is overwritten then.
//
// Errors name path and wrap what fill returned, fs.ErrExist, or what the system said.
func Write(path string, opt Options, fill func(io.Writer) error) error {
	if err := write(path, opt, fill); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Check returns the error that Write would meet before it calls fill: for those who work for a while before they have
// something to write. Nothing is left behind.
func Check(path string, opt Options) error {
	t, err := find(path, opt)
	if err == nil && !t.stream {
		var tmp *os.File
		if tmp, err = t.create(); err == nil {
			err = errors.Join(tmp.Close(), os.Remove(tmp.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// write is Write without the path in its errors.
func write(path string, opt Options, fill func(io.Writer) error) error {
	t, err := find(path, opt)
	if err != nil {
		return err
	}
	if t.stream {
		return writeStream(path, fill)
	}
	tmp, err := t.create()
	if err != nil {
		return err
	}
	// After a rename nothing has this name any more.
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if err := fillFile(tmp, fill); err != nil {
		return err
	}
	if opt.Before != nil {
		if err := opt.Before(); err != nil {
			return err
		}
	}
	if err := t.finish(tmp); err != nil {
		return reason(err)
	}
	SyncDir(t.dir())
	return nil
}

// writeStream writes to something that can't be replaced, behind what it may hold already.
func writeStream(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return reason(err)
	}
	err = fillFile(f, fill)
	if cerr := f.Close(); err == nil {
		err = reason(cerr)
	}
	return err
}

// fillFile calls fill with a buffer in front of f.
func fillFile(f *os.File, fill func(io.Writer) error) error {
	w := bufio.NewWriterSize(plain{f}, 1<<20)
	if err := fill(w); err != nil {
		return err
	}
	return w.Flush()
}

// plain writes to a file; its errors don't name it, since nobody but this package knows the name.
type plain struct{ f *os.File }

func (p plain) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	return n, reason(err)
}

// reason takes the name of a temporary file out of an error.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
