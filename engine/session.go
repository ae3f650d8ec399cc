package engine

import (
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/engine/internal/schedule"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/logprob"
)

// Session is one conversation: its tokens and their cached keys and values. It serves one call at a time: a second one
// gets ErrBusy, be it from another goroutine or from within the loop over an answer. Tokens, Stats and the other
// getters may be called from within that loop, Close at any time.
type Session struct {
	m       *Model
	context int
	batch   int  // most tokens of a pass
	drops   bool // the middle, when the context is full
	keep    int  // tokens before it
	seq     *model.Sequence
	format  attention.Format
	tokens  []int32   // the text so far; seq has all but the newest (the last one drawn), which come first in the next evaluation
	logits  []float32 // after the tokens in seq; valid is false when they are not
	valid   bool
	rest    rest // of the last answer
	probs   logprob.Scratch
	hidden  []float32 // and of EvalAll: rows of a pass
	draft   *Session  // of GenerateOptions.Draft, or nil
	ids     []int32   // scratch of next: a token and guesses
	rows    []float32 // and the logits after each
	client  *schedule.Client
	stats   Stats
	use     schedule.Use
	held    *held
}

// NewSession makes an empty session; nil options are the defaults. It fails with ErrNoWeights for a vocabulary, with
// ErrClosed after Close. Where an option can be served but may disappoint, Session.Warnings says so.
func (m *Model) NewSession(opt *SessionOptions) (*Session, error) {
	if err := m.alive(); err != nil {
		return nil, err
	}
	if m.net == nil {
		return nil, fmt.Errorf("%s: %w", m.file.Name(), ErrNoWeights)
	}
	if opt == nil {
		opt = &SessionOptions{}
	}
	n, err := opt.context(m.net.Spec().Context)
	if err != nil {
		return nil, err
	}
	if s := m.net.Spec(); s.Encoder {
		return nil, fmt.Errorf("%s: architecture %s turns texts into vectors, it can't continue them: %w", m.file.Name(), s.Arch, ErrUnsupported)
	} else if s.Positions && n > s.Context {
		return nil, fmt.Errorf("context of %d tokens: the model has position embeddings for %d", n, s.Context)
	}
	format, err := m.format(opt.Cache)
	if err != nil {
		return nil, err
	}
	switch {
	case opt.Batch < 0:
		return nil, fmt.Errorf("batch of %d tokens: must not be negative", opt.Batch)
	case opt.Keep < 0 || opt.Keep >= n:
		return nil, fmt.Errorf("%d tokens to keep in a context of %d: must not be negative, and less", opt.Keep, n)
	case opt.Keep > 0 && !opt.DropMiddle:
		return nil, fmt.Errorf("%d tokens to keep without DropMiddle", opt.Keep)
	}
	if err := m.admit(); err != nil {
		return nil, err
	}
	s := &Session{m: m, format: format, context: n, batch: m.net.BatchSize(), seq: m.net.NewSequence(format, 0), client: schedule.NewClient()}
	s.seq.SetContext(n)
	s.drops, s.keep = opt.DropMiddle, opt.Keep
	if opt.Batch > 0 {
		s.batch = min(s.batch, opt.Batch)
	}
	s.tokens = make([]int32, 0, min(n, DefaultContext))
	s.seq.Count()
	s.held = hold(s)
	return s, nil
}

// Warnings tells in plain sentences which options of the session may disappoint; nil when there is nothing to tell.
// Today that is a context beyond the one that the model was trained for.
func (s *Session) Warnings() []string {
	if s.m == nil {
		return nil
	}
	if trained := s.m.net.Spec().Context; s.context > trained {
		const format = "a context of %d tokens, but the model was trained for %d: what comes beyond may make no sense"
		return []string{fmt.Sprintf(format, s.context, trained)}
	}
	return nil
}

// Reset empties the session; its memory is kept for the next tokens. Errors are Truncate's.
func (s *Session) Reset() error { return s.Truncate(0) }

// Tokens returns the ids of the text so far: what was evaluated, and the last token drawn, which is evaluated with what
// follows. When an answer has filled the context, its last token is one more than the context holds. The slice is valid
// until the next call that changes the session.
func (s *Session) Tokens() []int32 { return s.tokens }

// Model returns the session's model.
func (s *Session) Model() *Model { return s.m }

// Context returns the largest number of tokens the session can hold.
func (s *Session) Context() int { return s.context }

// CacheBytes returns the memory that the session's cache holds now.
func (s *Session) CacheBytes() int {
	if s.seq == nil {
		return 0
	}
	return s.seq.Bytes()
}

// TokenBytes returns how many bytes the session caches per token, all layers together.
func (s *Session) TokenBytes() int {
	if s.m == nil {
		return 0
	}
	return s.m.net.CacheSize(s.format).Token
}

// FixedBytes returns how many bytes the session caches however many tokens it has: states of recurrent layers, and the
// newest tokens beside codes or compressed rows.
func (s *Session) FixedBytes() int {
	if s.m == nil {
		return 0
	}
	return s.m.net.CacheSize(s.format).Fixed
}

// StepBytes returns what a decode step after depth tokens reads: bytes of weights, each matrix once and of a mixture
// the experts that a token uses, and bytes of the session's cache. Together with the memory's bandwidth they bound the
// speed.
func (s *Session) StepBytes(depth int) (weights, cache int) {
	if s.m == nil {
		return 0, 0
	}
	return s.m.net.StepBytes(s.format, depth)
}

// Truncate forgets all tokens from position n on. n beyond the end changes nothing. A session of a compressed model can
// go back by 32 tokens, and to the end of the last prompt (Eval with several tokens); after other steps back the next
// evaluation reads again what is left. Errors are ErrBusy and ErrClosed.
func (s *Session) Truncate(n int) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if n < len(s.tokens) {
		s.rest = rest{}
	}
	s.truncate(n)
	return nil
}

// truncate is Truncate in the middle of an answer: it keeps the text that is held back.
func (s *Session) truncate(n int) {
	n = max(n, 0)
	if n >= len(s.tokens) {
		return
	}
	s.tokens = s.tokens[:n]
	if n < s.seq.Len() {
		s.valid = false
		s.seq.Truncate(n)
	}
}

// dropMiddle forgets the older half of what follows the first keep tokens, and returns how many that are.
func (s *Session) dropMiddle() int {
	n := (len(s.tokens) - s.keep + 1) / 2
	tail := slices.Clone(s.tokens[s.keep+n:])
	s.truncate(s.keep)
	s.tokens = append(s.tokens, tail...)
	return n
}

// Stats describes the last Generate or Chat.
func (s *Session) Stats() Stats { return s.stats }
