// Package imatrix measures how much the columns of a model's matrices matter: an importance matrix, by which package
// gguf/quantize weighs errors. It holds, for each column, the mean square of the activations that the column is
// multiplied by while the model reads a text.
//
// The text should be like what the model will be used for; some 100,000 tokens are plenty. Matrices that no token
// reaches, such as experts that are never chosen, have no importance.
package imatrix

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/latentgo/latentgo/engine/internal/arch"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/quantize"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/cpu"
)

// DefaultWindow is how many tokens are read together unless Options say otherwise.
const DefaultWindow = 512

// Options say how a text is read. The zero value is the default.
type Options struct {
	Window   int      // tokens that are read together, each window from an empty context; 0 is DefaultWindow
	BOS      bool     // the first token of each window is replaced by Start, as the model had it in training
	Start    int32    //
	Threads  int      // that compute; 0 is one per core
	Datasets []string // names of the text, kept in the matrix
	// Progress is told how many of the tokens have been read; nil for nobody.
	Progress func(done, total int)
}

// Collect reads whole windows of ids with the model in f, which stays open and the caller's, and returns the importance
// matrix. What is left behind the last whole window does not count. ctx ends it within a pass. Errors are those of
// engine.Load, or say that there are too few tokens.
func Collect(ctx context.Context, f *gguf.File, ids []int32, opt Options) (*quantize.Matrix, error) {
	if opt.Window <= 0 {
		opt.Window = DefaultWindow
	}
	if len(ids) < opt.Window {
		return nil, fmt.Errorf("%s: %d tokens are less than one window of %d", f.Name(), len(ids), opt.Window)
	}
	if opt.Threads <= 0 {
		opt.Threads = cpu.Threads()
	}
	watch := model.Watch{}
	err := f.Guard(func() error { return collect(ctx, f, watch, ids, &opt) })
	var fault *model.Fault
	if errors.As(err, &fault) {
		if err = f.FaultError(fault.Value); err == nil {
			panic(fault.Value)
		}
	}
	if err != nil {
		return nil, err
	}
	return matrix(watch, len(ids)/opt.Window, &opt), nil
}

// collect loads the model and reads the windows.
func collect(ctx context.Context, f *gguf.File, watch model.Watch, ids []int32, opt *Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	spec, err := arch.Read(f)
	if err != nil {
		return err
	}
	m, err := model.Load(f, spec, model.Options{Threads: opt.Threads, PlainGQA: !spec.AnyCompressed(), Watch: watch})
	if err != nil {
		return err
	}
	defer m.Close()
	var cancel atomic.Bool
	defer context.AfterFunc(ctx, func() { cancel.Store(true) })()
	total := len(ids) / opt.Window * opt.Window
	for at := 0; at < total; at += opt.Window {
		window := slices.Clone(ids[at : at+opt.Window])
		if opt.BOS {
			window[0] = opt.Start
		}
		seq := m.NewSequence(attention.F16, opt.Window)
		for done := 0; done < len(window); {
			n := min(m.BatchSize(), len(window)-done)
			rows := []model.Rows{{Seq: seq, Tokens: window[done : done+n], Kind: model.Prompt}}
			if err := m.Run(rows, &cancel); err != nil {
				return errors.Join(ctx.Err(), err)
			}
			if done += n; opt.Progress != nil {
				opt.Progress(at+done, total)
			}
		}
	}
	return nil
}

// matrix returns the sums of all tensors that something went into.
func matrix(watch model.Watch, windows int, opt *Options) *quantize.Matrix {
	m := &quantize.Matrix{Datasets: opt.Datasets, ChunkCount: windows, ChunkLen: opt.Window}
	for _, name := range slices.Sorted(maps.Keys(watch)) {
		s, any := quantize.Sums{Name: name}, false
		for _, in := range watch[name] {
			for _, v := range in.Square {
				s.Square = append(s.Square, float32(v))
			}
			s.Counts = append(s.Counts, float32(in.Count))
			any = any || in.Count > 0
		}
		if any {
			m.Sums = append(m.Sums, s)
		}
	}
	return m
}
