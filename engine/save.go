package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/latentgo/latentgo/engine/internal/kept"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/atomicfile"
	"github.com/latentgo/latentgo/internal/sha256"
)

// ErrSaved is wrapped by errors about a file that is no saved session, is damaged, or belongs to another model or form
// of it.
var ErrSaved = model.ErrSaved

// identity tells models apart whose caches mean different things: the file, the form of attention, how it was made.
func (m *Model) identity() (id [sha256.Size]byte, err error) {
	print, err := m.print()
	if err != nil {
		return id, err
	}
	made, err := json.Marshal(m.made)
	if err != nil {
		return id, err
	}
	return sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", print, m.Info().MLA, made)), nil
}

// Save writes the session to w, for LoadSession: its tokens, its cache (TokenBytes for each token, in whole chunks of
// 256) and the logits. Text of an answer that no Piece has shown yet is not kept. Errors: ErrBusy, ErrClosed, w's.
func (s *Session) Save(w io.Writer) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.alive(); err != nil {
		return err
	}
	h := kept.Head{Cache: uint32(s.format), Context: uint32(s.context), Cached: uint32(s.seq.Len())}
	var err error
	if h.Model, err = s.m.identity(); err != nil {
		return err
	}
	var logits []float32
	if s.valid {
		logits = s.logits
	}
	if err := kept.Write(w, h, s.tokens, logits); err != nil {
		return err
	}
	return s.seq.Save(w)
}

// SaveFile is Save to a file, which appears complete or not at all. One that is there is replaced with overwrite only;
// otherwise the error wraps fs.ErrExist.
func (s *Session) SaveFile(path string, overwrite bool) error {
	return atomicfile.Write(path, atomicfile.Options{Overwrite: overwrite}, s.Save)
}

// LoadSession makes a session of size bytes of r, which Save has written, ready to go on where it was. It must be the
// same model in the same form. nil options are those of the saved session; others must have the same Cache, and a
// Context that has room for the tokens and, with LongRoPE, the same positions. Errors wrap ErrSaved, or are NewSession's
// and r's.
func (m *Model) LoadSession(r io.ReaderAt, size int64, opt *SessionOptions) (*Session, error) {
	if m.alive() != nil || m.net == nil {
		return m.NewSession(opt) // fails
	}
	f, err := kept.Read(r, size)
	if err != nil {
		return nil, err
	}
	other := make(chan error, 1) // the model's fingerprint takes its time, when it is the first
	go func() {
		id, err := m.identity()
		if err == nil && id != f.Model {
			err = fmt.Errorf("it was saved with another model, or another form of its attention: %w", ErrSaved)
		}
		other <- err
	}()
	s, err := m.loadSession(f, r, size, opt)
	if wrong := <-other; wrong != nil {
		return nil, errors.Join(wrong, s.Close())
	}
	return s, err
}

// loadSession is LoadSession of a file that may be another model's.
func (m *Model) loadSession(f *kept.Session, r io.ReaderAt, size int64, opt *SessionOptions) (*Session, error) {
	if err := f.Check(m.net.Vocab(), int(CacheCalibrated), MaxContext); err != nil {
		return nil, err
	}
	if opt == nil {
		opt = &SessionOptions{Context: int(f.Context), Cache: CacheType(f.Cache) + CacheF16}
	}
	if want, err := m.format(opt.Cache); err != nil || f.Cache != uint32(want) {
		return nil, errors.Join(err, fmt.Errorf("its cache is of type %v, not %v: %w", CacheType(f.Cache)+CacheF16, opt.Cache, ErrSaved))
	}
	s, err := m.NewSession(opt)
	if err != nil {
		return nil, err
	}
	if err := s.load(f, r, size); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// load fills a new session.
func (s *Session) load(f *kept.Session, r io.ReaderAt, size int64) error {
	switch {
	case int(f.Tokens) > s.context+1 || int(f.Cached) > s.context:
		return fmt.Errorf("%d tokens in a context of %d: %w", f.Tokens, s.context, ErrContextFull)
	case !s.seq.LikeContext(int(f.Context)):
		return fmt.Errorf("its context of %d tokens has other positions than one of %d: %w", f.Context, s.context, ErrSaved)
	}
	s.tokens = f.AppendTokens(s.tokens)
	s.logits = f.LogitsAfter()
	s.valid = s.logits != nil
	return s.seq.Load(int(f.Cached), r, f.CacheAt, size)
}

// LoadSessionFile is LoadSession for a file.
func (m *Model) LoadSessionFile(path string, opt *SessionOptions) (*Session, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s, err := m.LoadSession(f, st.Size(), opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
