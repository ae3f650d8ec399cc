package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"github.com/latentgo/latentgo/engine/internal/kept"
	"github.com/latentgo/latentgo/engine/internal/schedule"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/cpu"
)

// Load opens the GGUF file at path (the first one, of a split model) and prepares it for inference: metadata and
// tensors are checked, the tokenizer is built, attention is converted, worker threads start. nil options are the
// defaults.
//
// A compressed Options.MLA converts the model first, which takes from seconds for a small model to hours for a large
// one; see ConvertOptions. A file that Convert wrote loads as it is.
//
// A file that holds only a vocabulary loads too. Errors name the file and the key or tensor; they wrap ErrUnsupported
// for what this engine does not run, ErrInvalid for what no engine could.
func Load(path string, opt *Options) (*Model, error) {
	return LoadContext(context.Background(), path, opt)
}

// LoadContext is Load; ctx ends a conversion within a layer.
func LoadContext(ctx context.Context, path string, opt *Options) (*Model, error) {
	return load(ctx, opt, func() (*gguf.File, error) { return gguf.Open(path) })
}

// LoadFS is Load for a file of fsys, such as an embed.FS or a zip.Reader. Files of the operating system (os.DirFS) are
// mapped, as Load does; others are read into memory, once. The parts of a split model are found in fsys.
func LoadFS(fsys fs.FS, name string, opt *Options) (*Model, error) {
	return load(context.Background(), opt, func() (*gguf.File, error) { return gguf.OpenFS(fsys, name) })
}

// LoadReader is Load for a file of size bytes that is read through r, once, into memory. r must stay usable until the
// model is closed, which doesn't close it. A part of a split model is refused: its siblings can't be found from here.
//
// For a file that is in memory already, gguf.OpenBytes and LoadGGUF make no second copy.
func LoadReader(r io.ReaderAt, size int64, opt *Options) (*Model, error) {
	name := "model"
	if named, ok := r.(interface{ Name() string }); ok { // an os.File
		name = named.Name()
	}
	return load(context.Background(), opt, func() (*gguf.File, error) { return gguf.OpenReaderAt(name, r, size) })
}

// LoadGGUF is Load for a file that is open already, however it was opened. The model takes f over: it is closed with
// the model, and right away on an error. ctx ends a conversion within a layer.
func LoadGGUF(ctx context.Context, f *gguf.File, opt *Options) (*Model, error) {
	if f == nil {
		return nil, fmt.Errorf("load: the file is nil: %w", fs.ErrInvalid)
	}
	if err := opt.check(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	m := &Model{file: f}
	if opt != nil {
		m.opt = *opt
	}
	err := f.Guard(func() error { return m.load(orBackground(ctx)) })
	m.passes, m.pool = schedule.New(m.net), kept.NewPool(m.opt.PrefixCache)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	m.files = &files{file: m.file, result: m.result}
	m.settle()
	runtime.AddCleanup(m, (*files).drop, m.files)
	return m, nil
}

// load opens a file and loads it; options are checked before, since opening may mean reading all of it.
func load(ctx context.Context, opt *Options, open func() (*gguf.File, error)) (*Model, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	return LoadGGUF(ctx, f, opt)
}

// check returns what is wrong with the options, or with the environment variables that are options too.
func (o *Options) check() error {
	if o != nil && o.Threads < 0 {
		return fmt.Errorf("%d threads: must not be negative", o.Threads)
	}
	if o != nil && min(int64(o.MaxSessions), int64(o.MaxCalls), o.MaxCacheBytes, o.PrefixCache) < 0 {
		const format = "limits of %d sessions, %d calls, %d bytes, a prefix cache of %d bytes: must not be negative"
		return fmt.Errorf(format, o.MaxSessions, o.MaxCalls, o.MaxCacheBytes, o.PrefixCache)
	}
	if o == nil {
		return cpu.EnvError()
	}
	if o.Cache.Share > 0 && (o.MLA.Compressed() || o.MLA.Off) {
		return fmt.Errorf("a cache of %v with attention form %v: calibrated codes are of exact attention", o.Cache, o.MLA)
	}
	return errors.Join(o.Cache.check(), cpu.EnvError())
}
