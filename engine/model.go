package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/cpu"
	"github.com/latentgo/latentgo/tokenizer"
)

// Model is a loaded model, safe for concurrent use.
type Model struct {
	file     *gguf.File
	overlay  *gguf.File // cached tensors of a conversion, or nil
	opt      Options
	h        *hparams // nil without weights
	w        *weights
	over     map[string]*tensor // what a conversion made, over the file's tensors; nil without one
	made     *Conversion        // nil unless a conversion made the model what it is
	tok      *tokenizer.Tokenizer
	tokErr   error // why there is none
	sampling Sampling
	template func() (*tokenizer.Template, error)

	turn   chan struct{} // holds one token while no pass is under way; who waits first gets it first
	run    *runner       // used by whoever has the turn
	closed atomic.Bool   // set by whoever has the turn
	files  *files
}

// Load opens the GGUF file at path (the first one, of a split model) and prepares it for inference: metadata and tensors
// are checked, the tokenizer is built, attention is converted, worker threads start. nil options are the defaults.
//
// A compressed Options.MLA converts the model first, which takes from seconds for a small model to hours for a large one;
// see ConvertOptions. A file that Convert wrote loads as it is.
//
// A file that holds only a vocabulary loads too. Errors name the file and the key or tensor; they wrap ErrUnsupported for
// what this engine does not run, ErrInvalid for what no engine could.
func Load(path string, opt *Options) (*Model, error) {
	return LoadContext(context.Background(), path, opt)
}

// orBackground returns ctx, or the background for nil.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// LoadContext is Load; ctx ends a conversion within a layer.
func LoadContext(ctx context.Context, path string, opt *Options) (*Model, error) {
	return load(ctx, path, opt, nil)
}

// load opens and checks the file, calls check (or nil) with it, and prepares it.
func load(ctx context.Context, path string, opt *Options, check func(*gguf.File) error) (*Model, error) {
	ctx = orBackground(ctx)
	if opt == nil {
		opt = &Options{}
	}
	if opt.Threads < 0 {
		return nil, fmt.Errorf("%d threads: must not be negative", opt.Threads)
	}
	if err := cpu.EnvError(); err != nil {
		return nil, err
	}
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	m := &Model{file: f, opt: *opt, turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	if check != nil {
		err = check(f)
	}
	if err == nil {
		err = f.Guard(func() error { return m.load(ctx) })
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	m.files = &files{list: []*gguf.File{m.file, m.overlay}}
	runtime.AddCleanup(m, (*files).drop, m.files)
	return m, nil
}

// files are what a model that is dropped without Close leaves open. Its workers end by themselves.
type files struct {
	list []*gguf.File
	lent atomic.Bool // Model.File gave one away: its holder may still read tensors
}

// drop closes the files, once nothing can reach the model.
func (f *files) drop() {
	for _, file := range f.list {
		if file != nil && !f.lent.Load() {
			_ = file.Close()
		}
	}
}

func (m *Model) load(ctx context.Context) error {
	if m.opt.Threads == 0 {
		m.opt.Threads = cpu.Threads()
	}
	m.opt.Threads = min(m.opt.Threads, cpu.Processors())
	m.template = sync.OnceValues(m.parseTemplate)
	// Recommendations that can't be used are no reason not to run the model.
	m.sampling, _ = sample.FromMetadata(m.file)
	if err := m.loadTokenizer(); err != nil {
		return err
	}
	if m.opt.VocabOnly || len(m.file.Tensors()) == 0 {
		return nil
	}
	if err := m.loadWeights(); err != nil {
		return err
	}
	if m.opt.MLA.Compressed() {
		return m.convert(ctx, m.opt.MLA)
	}
	return nil
}

// loadTokenizer accepts a file without a tokenizer, or with an unknown one: tokens can still be evaluated.
func (m *Model) loadTokenizer() error {
	m.tok, m.tokErr = tokenizer.New(m.file)
	if m.tokErr == nil {
		return nil
	}
	if errors.Is(m.tokErr, tokenizer.ErrNoVocab) || errors.Is(m.tokErr, tokenizer.ErrUnsupported) {
		m.tokErr = fmt.Errorf("%s: %w: %w", m.file.Name(), ErrNoTokenizer, m.tokErr)
		return nil
	}
	return fmt.Errorf("%s: %w", m.file.Name(), m.tokErr)
}

func (m *Model) loadWeights() error {
	h, err := readHParams(m.file)
	if err != nil {
		return err
	}
	if m.file.Has(keyForm) {
		m.made = readConversion(m.file)
	}
	if m.opt.MLA.Off && h.latent != nil {
		return fmt.Errorf("%s: attention form off: keys and values of plain attention are gone: %w", m.file.Name(), ErrConverted)
	}
	ropes, err := m.ropes(h)
	if err == nil {
		err = h.makeTurns(ropes)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", m.file.Name(), err, ErrInvalid)
	}
	if m.w, err = loadWeights(m.file, nil, h, m.opt.MLA); err != nil {
		return err
	}
	if m.tok != nil && m.tok.Size() != m.w.embed.Rows {
		return fmt.Errorf("%s: %d tokens in the vocabulary, %d rows in token_embd.weight: %w",
			m.file.Name(), m.tok.Size(), m.w.embed.Rows, ErrInvalid)
	}
	m.h, m.run = h, newRunner(h, m.w, ropes, m.opt.Threads)
	return nil
}

// ropes returns the position embeddings: global layers', then that of layers with a sliding window if there are any.
func (m *Model) ropes(h *hparams) ([]*attn.Rope, error) {
	var err error
	if h.rope.Factors, err = ropeFactors(m.file, h); err != nil {
		return nil, err
	}
	global, err := attn.NewRope(h.rope)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(h.local, true) {
		return []*attn.Rope{global}, nil
	}
	local, err := attn.NewRope(h.ropeLocal)
	return []*attn.Rope{global, local}, err
}

// lock waits for the turn to run a pass. The caller hands it on with unlock.
func (m *Model) lock(ctx context.Context) error {
	select {
	case <-m.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := m.alive(); err != nil {
		m.unlock()
		return err
	}
	return nil
}

// alive returns ErrClosed after Close.
func (m *Model) alive() error {
	if m == nil || m.file == nil || m.closed.Load() {
		return fmt.Errorf("model: %w", ErrClosed)
	}
	return nil
}

func (m *Model) unlock() { m.turn <- struct{}{} }

// Close waits for a forward pass under way, then releases worker threads and the file. Sessions fail afterwards. Closing
// twice is allowed. A model that is dropped without Close releases them when the garbage collector finds it, but not a
// file that File has returned.
func (m *Model) Close() error {
	if m.alive() != nil || m.lock(context.Background()) != nil {
		return nil
	}
	defer m.unlock()
	m.closed.Store(true)
	if m.run != nil {
		m.run.pool.Close()
	}
	if m.overlay != nil {
		return errors.Join(m.overlay.Close(), m.file.Close())
	}
	return m.file.Close()
}

// File returns the model's file, for metadata beyond Info. It is closed by the model's Close.
func (m *Model) File() *gguf.File {
	if m.files != nil {
		m.files.lent.Store(true)
	}
	return m.file
}

// Sampling returns the sampling defaults: llama.cpp's, overridden by the file's general.sampling.* keys.
func (m *Model) Sampling() Sampling { return m.sampling }
