package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// errWriter passes writes on and remembers the first error, so that it is reported at the end even where a printing
// function drops it.
type errWriter struct {
	w   io.Writer
	mu  sync.Mutex
	err error
}

// Write implements io.Writer. After an error nothing is written any more.
func (e *errWriter) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.w.Write(b)
	if err != nil {
		e.err = fmt.Errorf("write output: %w", err)
	}
	return n, e.err
}

// Err returns the first error of Write.
func (e *errWriter) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// printJSON writes v as one line of JSON.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printf writes to standard output; errors are kept by a.out.
func (a *app) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(a.out, format, args...)
}

// writeBeside replaces path by what fill writes: a temporary file beside it is synced and renamed, so that a full disk
// or an interrupt leaves no partial file. Devices and pipes, which cannot be replaced, are written to directly.
func writeBeside(path string, fill func(io.Writer) error) error {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return writeDevice(path, st, fill)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the link stays a link
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	// CreateTemp's mode is private; the result gets the usual one.
	w := bufio.NewWriterSize(tmp, 1<<20)
	err = fill(w)
	if err == nil {
		err = errors.Join(w.Flush(), tmp.Sync(), tmp.Chmod(0o644))
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// writeDevice writes to something that is no regular file.
func writeDevice(path string, st os.FileInfo, fill func(io.Writer) error) error {
	if st.IsDir() {
		return fmt.Errorf("write %s: is a directory", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(fill(w), w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
