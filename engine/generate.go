package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// Generate appends the prompt and streams new tokens until the model, an option or ctx ends the answer; Stats tells which.
//
// The prompt is the whole text so far: where it starts like the session's tokens their cache is used, what differs is
// forgotten. An empty prompt goes on from the session's tokens. The last pair holds the error, if there is one (ctx's
// too). Leaving the loop early ends the answer; drawn tokens stay in the session.
func (s *Session) Generate(ctx context.Context, prompt []int32, opt *GenerateOptions) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		g, err := s.newGeneration(opt)
		if err == nil {
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
	ids, err := s.m.Encode(prompt, true, true)
	return s.generateOr(ctx, ids, err, opt)
}

// Chat renders the conversation with the model's template and streams the assistant's answer, which the caller appends to
// the conversation for the next turn. What the template renders as before is not evaluated again. AddGenerationPrompt is
// always set. Messages cannot open or end turns by the texts of control tokens, see EncodeChat.
func (s *Session) Chat(ctx context.Context, conv chat.Conversation, opt *GenerateOptions) iter.Seq2[Piece, error] {
	conv.AddGenerationPrompt = true
	ids, err := s.m.EncodeChat(ctx, conv)
	return s.generateOr(ctx, ids, err, opt)
}

// generateOr is Generate, or a sequence of just the error.
func (s *Session) generateOr(ctx context.Context, ids []int32, err error, opt *GenerateOptions) iter.Seq2[Piece, error] {
	if err == nil {
		return s.Generate(ctx, ids, opt)
	}
	return func(yield func(Piece, error) bool) { yield(Piece{Token: -1}, err) }
}

// errStopped ends a generation whose consumer left the loop.
var errStopped = errors.New("stopped")

// generation is one answer under way.
type generation struct {
	s       *Session
	opt     GenerateOptions
	chain   *sample.Chain
	decoder *tokenizer.Decoder // nil without a tokenizer: tokens stream without text
	stops   *sample.Stops
	next    [1]int32
}

func (s *Session) newGeneration(opt *GenerateOptions) (*generation, error) {
	s.stats = Stats{}
	if s.closed {
		return nil, fmt.Errorf("session: %w", ErrClosed)
	}
	g := &generation{s: s}
	if opt != nil {
		g.opt = *opt
	}
	params := s.m.Sampling()
	if g.opt.Sampling != nil {
		params = *g.opt.Sampling
	}
	so := sample.Options{Context: s.context}
	if tok := s.m.tok; tok != nil {
		so.Vocab = tok
		so.Encode = func(text string) []int32 { return tok.Encode(text, tokenizer.EncodeOptions{}) }
		g.decoder = tok.NewDecoder(g.opt.Special)
	}
	g.stops = sample.NewStops(g.opt.Stop)
	var err error
	g.chain, err = sample.New(params, so)
	return g, err
}

// run evaluates the prompt, then draws and evaluates token after token.
func (g *generation) run(ctx context.Context, prompt []int32, yield func(Piece, error) bool) error {
	start := time.Now()
	logits, err := g.prompt(ctx, prompt)
	if err != nil {
		return err
	}
	g.s.stats.PromptTime = time.Since(start)
	start = time.Now()
	defer func() { g.s.stats.DecodeTime = time.Since(start) }()
	for {
		done, err := g.step(logits, yield)
		if done || err != nil {
			return g.end(err, yield)
		}
		if len(g.s.tokens) >= g.s.context {
			g.s.stats.Reason = ReasonContext
			return g.end(nil, yield)
		}
		if logits, err = g.s.Eval(ctx, g.next[:]); err != nil {
			return err
		}
	}
}

// prompt brings the session to the prompt and returns the logits after it.
func (g *generation) prompt(ctx context.Context, prompt []int32) ([]float32, error) {
	s := g.s
	if len(prompt) == 0 {
		prompt = append([]int32(nil), s.tokens...)
	}
	if len(prompt) == 0 {
		return nil, errors.New("the prompt is empty and the model has no BOS token to start from")
	}
	n := commonPrefix(s.tokens, prompt)
	if n == len(prompt) && (len(s.tokens) > n || !s.valid) {
		n-- // its logits are gone
	}
	if err := s.check(nil); err != nil {
		return nil, err
	}
	s.Truncate(n)
	kept := s.restart()
	s.stats.CachedTokens, s.stats.PromptTokens = kept, len(prompt)-kept
	g.chain.Accept(prompt...)
	return s.Eval(ctx, prompt[n:])
}

func commonPrefix(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// step draws a token and streams its text. done says that the answer has ended.
func (g *generation) step(logits []float32, yield func(Piece, error) bool) (done bool, err error) {
	stats := &g.s.stats
	id := g.chain.Sample(logits)
	if id == sample.None {
		return true, errors.New("no token has a probability: the logits are not numbers")
	}
	g.chain.Accept(id)
	g.next[0] = id
	stats.Tokens++
	if !g.opt.IgnoreEOG && g.s.m.tok != nil && g.s.m.tok.IsEOG(id) {
		stats.Reason = ReasonEOG
		return true, g.emit(Piece{Token: id}, yield)
	}
	text := ""
	if g.decoder != nil {
		text = g.decoder.Next(id)
	}
	emit, stop := g.stops.Push(text)
	if err := g.emit(Piece{Token: id, Text: emit}, yield); err != nil {
		return true, err
	}
	if stop {
		stats.Reason = ReasonStop
		return true, nil
	}
	if g.opt.MaxTokens > 0 && stats.Tokens >= g.opt.MaxTokens {
		stats.Reason = ReasonMaxTokens
		return true, nil
	}
	return false, nil
}

func (g *generation) emit(p Piece, yield func(Piece, error) bool) error {
	if !yield(p, nil) {
		return errStopped
	}
	return nil
}

// end flushes text that was held back, unless a stop string or the consumer ended the answer.
func (g *generation) end(err error, yield func(Piece, error) bool) error {
	if errors.Is(err, errStopped) {
		g.s.stats.Reason = ReasonCancelled
		return nil
	}
	if err != nil || g.s.stats.Reason == ReasonStop {
		return err
	}
	rest := ""
	if g.decoder != nil {
		emit, stop := g.stops.Push(g.decoder.Flush())
		rest = emit
		if stop {
			g.s.stats.Reason = ReasonStop
		}
	}
	if rest += g.stops.Flush(); rest != "" {
		yield(Piece{Token: -1, Text: rest}, nil)
	}
	return nil
}
