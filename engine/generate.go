package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/engine/internal/speculate"
	"github.com/latentgo/latentgo/engine/internal/stream"
	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/internal/lists"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// Generate appends the prompt and streams new tokens until the model, an option or ctx ends the answer; Stats tells
// which.
//
// The prompt is the whole text so far: where it starts like the session's tokens their cache is used, what differs is
// forgotten. A prompt that is refused (too long, a token outside the vocabulary, ctx done) changes nothing. The last
// pair holds the error, if there is one (ctx's too).
//
// An empty prompt goes on where the last answer ended, whatever ended it: MaxTokens, a stop string, the end token, ctx,
// an error, or the consumer leaving the loop. Every token that was drawn is in Tokens, none is drawn twice, and the
// texts of all calls together are that of one long answer, without the stop strings that were found. What no piece has
// shown yet comes first: text held back when the loop was left, what followed a stop string in the same token, the
// first bytes of a character that MaxTokens cut in two. The random numbers of each call start anew at Sampling.Seed.
// ErrContextFull says that there is no room to go on.
func (s *Session) Generate(ctx context.Context, prompt []int32, opt *GenerateOptions) iter.Seq2[Piece, error] {
	return s.generate(ctx, prompt, opt, nil)
}

// newReader makes a reader of an answer's text; nil where the text is taken as it is.
type newReader func() *reply.Parser

// generate is Generate with a reader.
func (s *Session) generate(ctx context.Context, prompt []int32, opt *GenerateOptions, r newReader) iter.Seq2[Piece, error] {
	ctx = orBackground(ctx)
	return func(yield func(Piece, error) bool) {
		if err := s.enter(); err != nil {
			yield(Piece{Token: -1}, err)
			return
		}
		defer s.leave()
		g, err := s.newGeneration(opt)
		if err == nil {
			if r != nil {
				g.text.Read(r())
			}
			err = g.run(ctx, prompt, yield)
		}
		if err != nil {
			s.stats.Reason = ReasonError
			if ctx.Err() != nil {
				s.stats.Reason = ReasonCancelled
			}
			yield(Piece{Token: -1}, err)
		}
	}
}

// GenerateText is Generate for a text prompt: BOS is added as the model asks, special tokens in the text are parsed.
func (s *Session) GenerateText(ctx context.Context, prompt string, opt *GenerateOptions) iter.Seq2[Piece, error] {
	err := s.made()
	var ids []int32
	if err == nil {
		ids, err = s.m.Encode(prompt, true, true)
	}
	return s.generateOr(ctx, ids, err, opt, nil)
}

// generateOr is generate, or a sequence of just the error.
func (s *Session) generateOr(ctx context.Context, ids []int32, err error, opt *GenerateOptions, r newReader) iter.Seq2[Piece, error] {
	if err == nil && len(ids) == 0 {
		err = errNoPrompt
	}
	if err == nil {
		return s.generate(ctx, ids, opt, r)
	}
	return func(yield func(Piece, error) bool) { yield(Piece{Token: -1}, err) }
}

// errNoPrompt is for an empty prompt with nothing before it.
var errNoPrompt = errors.New("the prompt is empty and the model has no BOS token to start from")

// errStopped ends a generation whose consumer left the loop.
var errStopped = errors.New("stopped")

// generation is one answer under way.
type generation struct {
	s       *Session
	opt     GenerateOptions
	text    *stream.Text
	guesser *speculate.Guesser // nil without
	stream.Drawer
}

// rest is what an answer leaves for one that goes on: its text, and the grammar that it was held to.
type rest struct {
	text    *stream.Text
	grammar *grammar.Grammar
	matcher *grammar.Matcher // where the answer was in it
}

func (s *Session) newGeneration(opt *GenerateOptions) (*generation, error) {
	s.stats = Stats{}
	g := &generation{s: s}
	if opt != nil {
		g.opt = *opt
	}
	params := s.m.Sampling()
	if g.opt.Sampling != nil {
		params = *g.opt.Sampling
	}
	so := sample.Options{Context: s.context, Stages: g.opt.Stages}
	if tok := s.m.tok; tok != nil {
		so.Vocab, so.Suppress = tok, tok.Suppressed()
		so.Encode = func(text string) []int32 { return tok.Encode(text, tokenizer.EncodeOptions{}) }
	}
	g.text = stream.New(s.m.tok, g.opt.Special, g.opt.Stop)
	if min(g.opt.TopLogProbs, g.opt.MaxTokens) < 0 {
		const format = "%d tokens at most, %d top log-probabilities: must not be negative"
		return nil, fmt.Errorf(format, g.opt.MaxTokens, g.opt.TopLogProbs)
	}
	var err error
	if g.Chain, err = sample.New(params, so); err != nil {
		return nil, err
	}
	s.stats.Seed = g.Chain.Seed()
	g.Logits, g.Endless = g.opt.Logits, g.opt.IgnoreEOG
	g.Seen = g.opt.LogProbs || g.opt.TopLogProbs > 0 || g.opt.Sampling != nil && len(params.LogitBias)+len(params.TextBias) > 0
	if g.opt.Grammar != nil {
		if s.m.tok == nil {
			return nil, s.m.tokErr
		}
		if g.Matcher, err = g.opt.Grammar.NewMatcher(s.m.vocab()); err != nil {
			return nil, err
		}
	}
	return g, g.startGuessing()
}

// run evaluates the prompt, then draws and evaluates token after token.
func (g *generation) run(ctx context.Context, prompt []int32, yield func(Piece, error) bool) error {
	start := time.Now()
	logits, err := g.prompt(ctx, prompt)
	if err != nil {
		return err
	}
	if r := g.s.rest; len(prompt) == 0 {
		g.text.GoOn(r.text)
		if g.Matcher != nil && r.matcher != nil && r.grammar == g.opt.Grammar && !r.matcher.Complete() {
			g.Matcher = r.matcher
		}
	}
	defer g.settle()
	if g.opt.Draft != nil {
		if _, err := g.s.draft.guess(ctx, nil, g.s.tokens, 0); err != nil {
			return err
		}
	}
	stats := &g.s.stats
	stats.PromptTime = time.Since(start)
	start = time.Now()
	err = g.answer(ctx, logits, yield)
	stats.DecodeTime = time.Since(start)
	if errors.Is(err, errStopped) {
		stats.Reason, err = ReasonCancelled, nil
	}
	stats.Stop = g.text.Stop()
	g.s.rest = rest{g.text, g.opt.Grammar, g.Matcher}
	return err
}

// answer streams what was carried over, then token after token.
func (g *generation) answer(ctx context.Context, logits []float32, yield func(Piece, error) bool) error {
	text, done := g.text.Carried()
	if text != "" {
		if err := g.emit(Piece{Token: -1, Text: text}, yield); err != nil {
			return err
		}
	}
	if done {
		g.s.stats.Reason = ReasonStop
		return nil
	}
	if _, err := g.Jump(); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := g.s.alive(); err != nil {
			return err
		}
		done, err := g.step(logits, yield)
		if err != nil {
			return err
		}
		if !done && len(g.s.tokens) > g.s.context {
			if g.s.drops {
				g.s.stats.Dropped += g.s.dropMiddle()
			} else {
				g.s.stats.Reason, done = ReasonContext, true
			}
		}
		if done {
			g.flush(yield)
			return nil
		}
		if logits, err = g.next(ctx); err != nil {
			return err
		}
	}
}

// prompt brings the session to the prompt and returns the logits after it.
func (g *generation) prompt(ctx context.Context, prompt []int32) ([]float32, error) {
	s := g.s
	goesOn := len(prompt) == 0
	if goesOn {
		prompt = append([]int32(nil), s.tokens...)
	}
	if len(prompt) == 0 {
		return nil, errNoPrompt
	}
	// What is refused leaves the session as it is.
	if err := s.checkAfter(0, prompt); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !goesOn {
		s.rest = rest{}
	}
	g.Chain.Accept(prompt...)
	return g.evalText(ctx, prompt)
}

// evalText brings the session to a text that was checked, of which it evaluates what its cache lacks, and returns the
// logits after it.
func (g *generation) evalText(ctx context.Context, prompt []int32) ([]float32, error) {
	s := g.s
	n := s.adopt(prompt)
	if n == len(prompt) && (s.seq.Len() > n || s.seq.Len() == n && !s.valid) {
		n-- // its logits are gone
	}
	s.truncate(n)
	kept := s.seq.Len()
	if kept < len(prompt) {
		kept = s.seq.Restart()
	}
	s.stats.CachedTokens, s.stats.PromptTokens = kept, len(prompt)-kept
	return s.eval(ctx, prompt[n:])
}

// adopt takes over a closed session's cache that has more of a text than this one's, and returns how many tokens of the
// text the session has then.
func (s *Session) adopt(text []int32) int {
	same := lists.Common(s.tokens, text)
	seq, n := s.m.pool.Take(text, same, s.seq)
	if seq == nil {
		return same
	}
	s.seq.Release()
	s.seq, s.held.seq = seq, seq
	s.tokens, s.valid = append(s.tokens[:0], text[:n]...), false
	return n
}

// step draws a token and streams its text. done says that the answer has ended.
func (g *generation) step(logits []float32, yield func(Piece, error) bool) (done bool, err error) {
	stats := &g.s.stats
	id, err := g.Token(g.s.tokens, logits)
	if err != nil {
		return true, err
	}
	stats.Forced = g.Forced
	piece := Piece{Token: id}
	if g.opt.LogProbs || g.opt.TopLogProbs > 0 {
		piece.LogProb = g.s.probs.Of(logits, id)
		piece.Top = g.s.topLogProbs(logits, g.opt.TopLogProbs)
	}
	g.s.tokens = append(g.s.tokens, id)
	stats.Tokens++
	if !g.opt.IgnoreEOG && g.s.m.tok != nil && g.s.m.tok.IsEOG(id) {
		stats.Reason = ReasonEOG
		return true, g.emit(piece, yield)
	}
	var stop bool
	piece.Text, stop = g.text.Next(id)
	if err := g.emit(piece, yield); err != nil {
		return true, err
	}
	if stop {
		stats.Reason = ReasonStop
		return true, nil
	}
	if g.Complete() {
		stats.Reason = ReasonEOG
		return true, nil
	}
	if g.opt.MaxTokens > 0 && stats.Tokens >= g.opt.MaxTokens {
		stats.Reason = ReasonMaxTokens
		return true, nil
	}
	return false, nil
}

func (g *generation) emit(p Piece, yield func(Piece, error) bool) error {
	p.Text, p.Thinking, p.Calls = g.text.Split(p.Text, false)
	if !yield(p, nil) {
		return errStopped
	}
	return nil
}

// flush streams text that was held back, unless a stop string ended the answer. A character that MaxTokens cut in two
// waits for its other bytes.
func (g *generation) flush(yield func(Piece, error) bool) {
	stats, text := &g.s.stats, ""
	if stats.Reason != ReasonStop {
		var stop bool
		if text, stop = g.text.End(stats.Reason == ReasonMaxTokens); stop {
			stats.Reason = ReasonStop
		}
	}
	p := Piece{Token: -1}
	p.Text, p.Thinking, p.Calls = g.text.Split(text, true)
	if p.Text+p.Thinking != "" || p.Calls != nil {
		yield(p, nil)
	}
}
