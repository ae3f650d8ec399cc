package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/quantize"
)

// resave writes a model again, changed in what its flags say.
type resave struct {
	typeFlags
	metaFlags
	splitFlags
	orderFlag
	forceFlag
	threads int
	json    bool
	out     string
	virtual bool // the model lies in no file
	results []quantize.Result
}

// resaved is what `chat convert --json` prints.
type resaved struct {
	Files   []string          `json:"files"`
	Before  int64             `json:"bytes_before"` // of the files, with --dry-run of the tensors
	After   int64             `json:"bytes_after"`
	Tensors []quantisedTensor `json:"tensors,omitempty"` // those that changed
}

// run writes the model in file in.
func (r *resave) run(a *app, in string) error {
	f, err := gguf.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.model(a, f)
}

// model writes a model that is open.
func (r *resave) model(a *app, f *gguf.File) error {
	if err := r.notAPart(f); err != nil {
		return err
	}
	if !r.virtual && r.bigEndian(f) == (f.ByteOrder() == binary.BigEndian) && !r.typeFlags.any() && !r.metaFlags.any() && !r.cuts() && f.Parts() == 1 {
		return r.copyFile(a, f)
	}
	w := &gguf.Writer{BigEndian: r.bigEndian(f)}
	if err := w.CopyMetadata(f, nil); err != nil {
		return err
	}
	plan, err := r.addTensors(a, w, f)
	if err != nil {
		return err
	}
	if err := r.change(a, w, f); err != nil {
		return err
	}
	if r.DryRun {
		return a.printPlan(plan, r.json)
	}
	files, err := r.write(a, w, f)
	if err != nil {
		return err
	}
	return r.report(a, f, files)
}

// notAPart refuses to write over a part of the model that is read.
func (r *resave) notAPart(f *gguf.File) error {
	if r.out == "" || r.DryRun || r.cuts() {
		return nil
	}
	return r.mayWrite(r.out, f.Paths()...)
}

// addTensors adds the tensors of f, in new types if they are to have some; then it returns the plan for them.
func (r *resave) addTensors(a *app, w *gguf.Writer, f *gguf.File) (*quantize.Plan, error) {
	if !r.typeFlags.any() {
		for _, t := range f.Tensors() {
			if err := w.AddTensorFrom(t); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	plan, err := r.plan(a, f, r.threads, func(q quantize.Result) { r.results = append(r.results, q) })
	if err != nil {
		return nil, err
	}
	return plan, plan.Add(w)
}

// write writes what w has, and returns the names of the files.
func (r *resave) write(a *app, w *gguf.Writer, f *gguf.File) ([]string, error) {
	bar := newBar(a.stderr, -1, "writing", inBytes)
	defer bar.Clear() //nolint:errcheck // only the screen
	progress := func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done)
	}
	var files []string
	err := f.Guard(func() (err error) {
		if r.cuts() {
			files, err = r.writeParts(a.ctx, w, f, progress)
			return err
		}
		files = []string{r.out}
		if r.Force {
			return w.WriteFile(a.ctx, r.out, progress)
		}
		return w.WriteNewFile(a.ctx, r.out, progress)
	})
	return files, err
}

// writeParts writes a split model.
func (r *resave) writeParts(ctx context.Context, w *gguf.Writer, f *gguf.File, progress func(done, total int64)) ([]string, error) {
	opt, err := r.limits()
	if err != nil {
		return nil, err
	}
	opt.Overwrite = r.Force
	prefix := strings.TrimSuffix(r.out, ".gguf")
	paths, err := w.SplitPaths(prefix, opt)
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		if err := r.mayWrite(p, f.Paths()...); err != nil {
			return nil, err
		}
	}
	return w.WriteSplit(ctx, prefix, opt, progress)
}

// copyFile writes the file as it is.
func (r *resave) copyFile(a *app, f *gguf.File) error {
	in, err := os.Open(f.Name())
	if err != nil {
		return err
	}
	defer in.Close()
	bar := newBar(a.stderr, f.Size(), "copying", inBytes)
	defer bar.Clear() //nolint:errcheck // only the screen
	err = r.forceFlag.write(r.out, func(w io.Writer) error {
		n, err := io.Copy(io.MultiWriter(w, bar), &ctxReader{a.ctx, in})
		if err == nil && n != f.Size() {
			err = fmt.Errorf("%s: %w", f.Name(), gguf.ErrShrunk)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.report(a, f, []string{r.out})
}

// ctxReader is a reader that a context ends.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c *ctxReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// report prints what was written.
func (r *resave) report(a *app, f *gguf.File, files []string) error {
	s := resaved{Files: files, Before: f.Size(), Tensors: quantisedTensors(r.results)}
	for _, name := range files {
		if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() {
			s.After += st.Size()
		}
	}
	if r.json {
		return a.printJSON(s)
	}
	for _, name := range files {
		a.printf("%s\n", human.Line(name))
	}
	a.printf("  %s, was %s", human.Size(s.After), human.Size(s.Before))
	if len(files) > 1 {
		a.printf(", in %d files", len(files))
	}
	a.printf("\n")
	a.printErrors(r.results)
	return nil
}

// splitFlags say how a model is cut into files.
type splitFlags struct {
	Split string `placeholder:"SIZE" help:"Write several files, each with at most so many bytes of tensors, such as 2G or 500M, or so many tensors, such as 128."`
}

// orderFlag says how numbers are written.
type orderFlag struct {
	Endian *string `enum:"little,big" placeholder:"ORDER" help:"How numbers are written: little, or big for machines such as s390x; without this as the file has them."`
}

// bigEndian reports whether what is made of f gets the highest byte of each number first.
func (o *orderFlag) bigEndian(f *gguf.File) bool {
	if o.Endian == nil {
		return f.ByteOrder() == binary.BigEndian
	}
	return *o.Endian == "big"
}

// cuts reports whether the model is split.
func (s *splitFlags) cuts() bool { return s.Split != "" }

// Validate checks the value.
func (s *splitFlags) Validate() error {
	_, err := s.limits()
	return err
}

// limits reads the value.
func (s *splitFlags) limits() (opt gguf.SplitOptions, err error) {
	if s.Split == "" {
		return opt, nil
	}
	n, unit, ok := cutSize(s.Split)
	switch {
	case !ok || n == 0:
		return opt, fmt.Errorf("--split %s is neither a size such as 2G or 500M nor a number of tensors", s.Split)
	case unit == 1:
		opt.MaxTensors = int(min(n, 1<<30))
	default:
		opt.MaxBytes = n * unit
	}
	return opt, nil
}

// cutSize reads a number and its unit: none is 1, M and G are as in gguf-split.
func cutSize(s string) (n, unit uint64, ok bool) {
	unit = 1
	switch s[len(s)-1] {
	case 'k', 'K':
		unit = 1e3
	case 'M':
		unit = 1e6
	case 'G':
		unit = 1e9
	}
	if unit > 1 {
		s = s[:len(s)-1]
	}
	if _, err := fmt.Sscanf(s+"\n", "%d\n", &n); err != nil || n > 1<<40 || strings.TrimLeft(s, "0123456789") != "" {
		return 0, 0, false
	}
	return n, unit, true
}
