package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/latentgo/latentgo/internal/atomicfile"
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

// forceFlag lets a command replace the file that it writes.
type forceFlag struct {
	Force bool `help:"Replace the file that is written if it is there already."`
}

// mayWrite returns an error unless path may be written: before the work, whose result would be lost. A file that is
// there needs --force; one of the inputs, under any of its names, is never replaced. Inputs that are no files do not
// count.
func (f *forceFlag) mayWrite(path string, inputs ...string) error {
	st, err := os.Stat(path)
	for _, in := range inputs {
		if err == nil && st.Mode().IsRegular() && sameFile(st, in) {
			return &inputError{path, in}
		}
	}
	return atomicfile.Check(path, atomicfile.Options{Overwrite: f.Force})
}

// inputError refuses to write over an input.
type inputError struct{ path, input string }

// Error names both.
func (e *inputError) Error() string {
	return fmt.Sprintf("write %s: it is the input %s, which would be lost", e.path, e.input)
}

// write writes what fill writes to the file at path, see mayWrite.
func (f *forceFlag) write(path string, fill func(io.Writer) error) error {
	return atomicfile.Write(path, atomicfile.Options{Overwrite: f.Force}, fill)
}

// sameFile reports whether st is the file at path.
func sameFile(st fs.FileInfo, path string) bool {
	other, err := os.Stat(path)
	return err == nil && os.SameFile(st, other)
}
