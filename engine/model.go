package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/engine/internal/arch"
	"github.com/latentgo/latentgo/engine/internal/convert"
	"github.com/latentgo/latentgo/engine/internal/kept"
	"github.com/latentgo/latentgo/engine/internal/language"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/engine/internal/schedule"
	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/cpu"
	"github.com/latentgo/latentgo/internal/hugepage"
	"github.com/latentgo/latentgo/tokenizer"
)

// Model is a loaded model, safe for concurrent use.
type Model struct {
	file     *gguf.File
	opt      Options
	net      *model.Model    // nil without weights
	result   *convert.Result // of the conversion that made net, or nil
	made     *Conversion     // nil unless a conversion made the model what it is, now or when the file was written
	tok      *tokenizer.Tokenizer
	tokErr   error // why there is none
	sampling Sampling
	lang     *language.Language
	vocab    func() *grammar.Vocab  // of tok, which must not be nil
	print    func() (string, error) // the file's fingerprint

	passes *schedule.Scheduler
	pool   *kept.Pool  // of closed sessions, or nil
	closed atomic.Bool // set by whoever has locked the model
	files  *files
	open   schedule.Counter // sessions
	calls  schedule.Counter // under way
}

// orBackground returns ctx, or the background for nil.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// files are what a model that is dropped without Close leaves open.
type files struct {
	file   *gguf.File
	result *convert.Result // or nil
	lent   atomic.Bool     // Model.File gave the file away: its holder may still read tensors

	stop    context.CancelFunc // of what moves weights
	settled chan struct{}      // closed when that has ended
}

// drop closes the files, once nothing can reach the model. Workers end by themselves.
func (f *files) drop() {
	f.stop()
	if f.result != nil {
		_ = f.result.Close()
	}
	if !f.lent.Load() {
		_ = f.file.Close()
	}
}

// settleDelay is how long a model is used before its weights move: what answers once and is done is quicker without.
const settleDelay = 2 * time.Second

// settle moves weights into huge pages while the model is used already. What it holds of m is only its files, so that a
// dropped model is found.
func (m *Model) settle() {
	ctx, stop := context.WithCancel(context.Background())
	files, page := m.files, hugepage.Size()
	files.stop, files.settled = stop, make(chan struct{})
	if m.net == nil || m.opt.NoHugePages || page == 0 || files.file.Size() < int64(page) {
		close(files.settled)
		return
	}
	go func() {
		defer close(files.settled)
		select {
		case <-ctx.Done():
		case <-time.After(settleDelay):
			_ = files.file.HugePages(ctx) // what can't be read is found where it is used
		}
	}()
}

// Settled returns a channel that is closed once the weights are where they stay, in huge pages or not (see
// Options.NoHugePages): for those who measure. Moving begins two seconds after loading and takes one for a few gigabytes, in
// which the model is slower.
func (m *Model) Settled() <-chan struct{} { return m.files.settled }

// load prepares the model of m.file.
func (m *Model) load(ctx context.Context) error {
	if m.opt.Threads == 0 {
		m.opt.Threads = cpu.Threads()
	}
	m.opt.Threads = min(m.opt.Threads, cpu.Processors())
	m.vocab = sync.OnceValue(func() *grammar.Vocab { return grammar.NewVocab(m.tok) })
	m.print = sync.OnceValues(func() (print string, err error) {
		err = m.file.Guard(func() error { print, err = m.file.Fingerprint(); return err })
		for _, a := range m.opt.Adapters {
			print += fmt.Sprintf(" + %g × %s", a.Scale, a.Print)
		}
		return print, err
	})
	// Recommendations that can't be used are no reason not to run the model.
	m.sampling, _ = sample.FromMetadata(m.file)
	if err := m.loadTokenizer(); err != nil {
		return err
	}
	if m.opt.VocabOnly || len(m.file.Tensors()) == 0 {
		return nil
	}
	return m.loadWeights(ctx)
}

// loadTokenizer accepts a file without a tokenizer, or with an unknown one: tokens can still be evaluated.
func (m *Model) loadTokenizer() error {
	m.tok, m.tokErr = tokenizer.New(m.file)
	m.lang = language.New(m.file, m.tok)
	if m.tokErr == nil {
		return nil
	}
	if errors.Is(m.tokErr, tokenizer.ErrNoVocab) || errors.Is(m.tokErr, tokenizer.ErrUnsupported) {
		m.tokErr = fmt.Errorf("%s: %w: %w", m.file.Name(), ErrNoTokenizer, m.tokErr)
		return nil
	}
	return fmt.Errorf("%s: %w", m.file.Name(), m.tokErr)
}

// spec reads the file's architecture.
func (m *Model) spec() (*model.Spec, error) {
	s, err := arch.Read(m.file)
	if err == nil && m.tok != nil && m.tok.Size() != s.Vocab {
		const format = "%s: %d tokens in the vocabulary, %d rows in token_embd.weight: %w"
		err = fmt.Errorf(format, m.file.Name(), m.tok.Size(), s.Vocab, ErrInvalid)
	}
	return s, err
}

// loadWeights loads the network that the file holds, or converts it first.
func (m *Model) loadWeights(ctx context.Context) error {
	spec, err := m.spec()
	if err != nil {
		return err
	}
	if m.opt.Lock {
		if err := m.file.Lock(); err != nil {
			return err
		}
	}
	m.made = fromInfo(convert.ReadInfo(m.file))
	if m.opt.Cache, err = m.opt.Cache.of(spec); err == nil {
		err = m.opt.check()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.file.Name(), err)
	}
	if m.opt.MLA.Compressed() || m.opt.Cache.Share > 0 {
		if len(m.opt.Adapters) > 0 {
			return fmt.Errorf("%s: a compressed cache with adapters: merge them first (chat convert --lora): %w", m.file.Name(), ErrUnsupported)
		}
		return m.convert(ctx, spec)
	}
	if m.opt.MLA.Off && spec.AnyCompressed() {
		return fmt.Errorf("%s: attention form off: keys and values of plain attention are gone: %w", m.file.Name(), ErrConverted)
	}
	m.net, err = model.Load(m.file, spec, model.Options{Threads: m.opt.Threads, PlainGQA: m.opt.MLA.Off, Adapters: m.opt.Adapters})
	return err
}

// lock waits until no pass is under way. The caller ends with unlock.
func (m *Model) lock(ctx context.Context) error {
	if err := m.alive(); err != nil {
		return err
	}
	return m.fault(m.passes.Lock(ctx, schedule.NewClient()))
}

func (m *Model) unlock() { m.passes.Unlock() }

// alive returns ErrClosed after Close.
func (m *Model) alive() error {
	if m == nil || m.file == nil || m.closed.Load() {
		return m.closedError()
	}
	return nil
}

func (m *Model) closedError() error { return fmt.Errorf("model: %w", ErrClosed) }

// Close waits for a forward pass under way, then releases worker threads and the file. Sessions fail afterwards.
// Closing twice is allowed. A model that is dropped without Close releases them when the garbage collector finds it,
// but not a file that File has returned.
func (m *Model) Close() error {
	if m.alive() != nil || m.lock(context.Background()) != nil {
		return nil
	}
	defer m.unlock()
	m.closed.Store(true)
	m.passes.Close()
	for m.pool.Drop() {
	}
	var err error
	switch {
	case m.result != nil:
		err = m.result.Close()
	case m.net != nil:
		m.net.Close()
	}
	if m.files != nil {
		m.files.stop()
		<-m.files.settled
	}
	return errors.Join(err, m.file.Close())
}

// fault makes of a worker's panic the error behind it, when that is one of a mapped file. Anything else is a bug, and
// goes on. The end of the scheduler becomes that of the model.
func (m *Model) fault(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, schedule.ErrClosed) {
		return m.closedError()
	}
	f, ok := errors.AsType[*model.Fault](err)
	if !ok {
		return err
	}
	fileError := m.file.FaultError
	if m.result != nil {
		fileError = m.result.FaultError
	}
	if err := fileError(f.Value); err != nil {
		return err
	}
	panic(f.Value)
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
