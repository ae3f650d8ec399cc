package main

import (
	"encoding/json"
	"fmt"
	"io"
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

// writeBeside replaces path by what fill writes; see package atomicfile.
func writeBeside(path string, fill func(io.Writer) error) error {
	return atomicfile.Write(path, atomicfile.Options{Overwrite: true}, fill)
}
