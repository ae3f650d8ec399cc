package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latentgo/latentgo/engine/internal/speculate"
	"github.com/latentgo/latentgo/internal/lists"
)

// passTook is how long a pass took that began at a time: what guesses are worth depends on it. Tests take one that does
// not depend on the machine.
var passTook = time.Since

// startGuessing readies what GenerateOptions.Speculate and Draft want.
func (g *generation) startGuessing() error {
	s, draft := g.s, g.opt.Draft
	if !g.opt.Speculate && draft == nil {
		return nil
	}
	if !s.m.net.Shareable() {
		const format = "speculation: %s has layers that cannot check several tokens in one pass: %w"
		return fmt.Errorf(format, s.m.file.Name(), ErrUnsupported)
	}
	g.guesser = &speculate.Guesser{Lookup: g.opt.Speculate, Since: passTook}
	if draft == nil {
		return nil
	}
	if s.draft == nil || s.draft.m != draft {
		if err := s.setDraft(draft); err != nil {
			return fmt.Errorf("draft model: %w", err)
		}
	}
	g.guesser.Draft = s.draft.guess
	return nil
}

// setDraft makes a session of a draft model, which must have the same vocabulary.
func (s *Session) setDraft(m *Model) error {
	d, err := m.NewSession(&SessionOptions{Context: s.context})
	if err != nil {
		return err
	}
	if !speculate.SameVocabulary(s.m.tok, m.tok, s.m.net.Vocab(), m.net.Vocab()) {
		d.Close()
		return fmt.Errorf("%s has another vocabulary than %s: %w", m.file.Name(), s.m.file.Name(), ErrDraft)
	}
	s.draft.Close()
	s.draft = d
	return nil
}

// guess is speculate.Drafter: what this session's model finds most probable behind a text, while it is sure.
func (s *Session) guess(ctx context.Context, dst, text []int32, n int) ([]int32, error) {
	same := lists.Common(s.tokens, text)
	if err := s.alive(); err != nil {
		return dst, fmt.Errorf("draft model: %w", err)
	}
	if s.checkAfter(same, text[same:]) != nil {
		return dst, nil // a token that only the other model has
	}
	logits, err := (&generation{s: s}).evalText(ctx, text)
	for ; err == nil && n > 0; n-- {
		id := speculate.Best(logits)
		if s.probs.Of(logits, id) < speculate.Sure {
			break
		}
		if dst = append(dst, id); n > 1 {
			logits, err = s.eval(ctx, dst[len(dst)-1:])
		}
	}
	return dst, err
}

// next returns the logits after the newest token, nil where another is forced. Those of a right guess are there;
// otherwise a pass evaluates what is new and guesses.
func (g *generation) next(ctx context.Context) ([]float32, error) {
	s, q := g.s, g.guesser
	if found, err := g.Jump(); found || err != nil {
		g.settle()
		return nil, err
	}
	if q == nil {
		return s.eval(ctx, nil)
	}
	vocab, end := s.m.net.Vocab(), len(s.tokens)
	if after, ok := q.Right(s.tokens[end-1]); ok {
		s.stats.Accepted++
		s.logits = s.rows[after*vocab:][:vocab]
		return s.logits, nil
	}
	g.settle()
	room := 0
	if s.seq.Len() == end-1 {
		room = min(s.context-end, s.m.net.BatchSize()-1)
	}
	guesses, err := q.Guess(ctx, s.tokens, room)
	if err != nil {
		return nil, err
	}
	guesses = q.Keep(speculate.Known(guesses, vocab))
	if s.m.checkCache(s.seq, 1+len(guesses)) != nil {
		guesses = q.Keep(0)
	}
	defer q.Passed()
	if len(guesses) == 0 {
		return s.eval(ctx, nil)
	}
	s.ids = append(append(s.ids[:0], s.tokens[end-1]), guesses...)
	s.rows = slices.Grow(s.rows[:0], len(s.ids)*vocab)
	s.logits = s.rows[:len(s.ids)*vocab]
	_, err = s.pass(ctx, s.ids, false)
	s.rows, s.logits = s.logits, s.logits[:vocab]
	if err != nil {
		q.Keep(0)
	}
	s.stats.Drafted += len(guesses)
	return s.logits, err
}

// settle forgets what was evaluated and not drawn.
func (g *generation) settle() {
	if g.guesser != nil {
		g.s.seq.Truncate(g.s.seq.Len() - g.guesser.Settle())
	}
}
