package main

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/measure"
	"github.com/latentgo/latentgo/internal/logprob"
	"github.com/latentgo/latentgo/internal/models"
)

// comparer evaluates several models on the same text, piece by piece in step, so that no more than a piece of the
// reference's predictions is in memory.
type comparer struct {
	a     *app
	ctx   int
	sides []*side // the reference first
	ref   []prediction
	buf   []float32 // [vocab]
}

// compareStep is how many tokens are evaluated at a time.
const compareStep = 64

// side is one model under comparison.
type side struct {
	m     *engine.Model
	s     *engine.Session
	res   compared
	nll   float64
	kl    []float64
	agree int
}

// prediction is what the reference predicts after a token.
type prediction struct {
	p       []float32 // probabilities
	entropy float64   // in nats
	best    int
}

// load adds a model, in the form that opt asks for.
func (c *comparer) load(name string, opt *engine.Options) error {
	path, err := c.a.fetch(name, models.Options{})
	if err != nil {
		return err
	}
	m, err := c.a.loadFile(path, opt)
	if err != nil {
		return err
	}
	form := opt.MLA.String()
	if opt.Cache != (engine.Cache{}) {
		form = opt.Cache.String()
	}
	return c.add(m, name, form)
}

// add takes a loaded model, which it owns from then on.
func (c *comparer) add(m *engine.Model, name, form string) error {
	s, err := m.NewSession(&engine.SessionOptions{Context: c.ctx})
	if err != nil {
		_ = m.Close()
		return err
	}
	in := m.Info()
	title := in.Name
	if title == "" {
		title = name
	}
	c.sides = append(c.sides, &side{m: m, s: s, res: compared{Model: title, File: m.File().Name(), Asked: form, MLA: in.MLA, CacheBytes: s.TokenBytes(), Recent: in.RecentBytes, Made: m.Conversion()}})
	if first := c.sides[0].m.Info(); in.Vocab != first.Vocab {
		return fmt.Errorf("%s has a vocabulary of %d tokens, the reference one of %d: they can't be compared", name, in.Vocab, first.Vocab)
	}
	return nil
}

// close closes sessions and models.
func (c *comparer) close() {
	for _, s := range c.sides {
		_ = s.s.Close()
		_ = s.m.Close()
	}
}

// cut returns the text's tokens, and how many windows there are of them, at most so many; 0 is all.
func (c *comparer) cut(command, file string, most int) (ids []int32, windows int, err error) {
	if ids, err = c.a.readIDs(c.sides[0].m, file); err != nil {
		return nil, 0, err
	}
	if windows = len(ids) / c.ctx; windows == 0 {
		return nil, 0, usagef(command, "%s has %d tokens, less than one window of %d", file, len(ids), c.ctx)
	}
	if most > 0 {
		windows = min(windows, most)
	}
	return ids, windows, nil
}

// run evaluates windows of ids.
func (c *comparer) run(ids []int32, windows int) (*comparison, error) {
	vocab := c.sides[0].m.Info().Vocab
	c.buf = make([]float32, vocab)
	c.ref = make([]prediction, min(compareStep, c.ctx))
	for i := range c.ref {
		c.ref[i].p = make([]float32, vocab)
	}
	bar := newBar(c.a.stderr, int64(windows*c.ctx*len(c.sides)), "comparing", inTokens)
	defer bar.Clear() //nolint:errcheck // only the screen
	for w := range windows {
		for _, s := range c.sides {
			s.s.Reset()
		}
		window := ids[w*c.ctx : (w+1)*c.ctx]
		for at := 0; at < c.ctx; at += compareStep {
			for i, s := range c.sides {
				n := min(compareStep, c.ctx-at)
				if err := c.piece(i, s, window, at, n); err != nil {
					return nil, err
				}
				_ = bar.Add(n)
			}
		}
	}
	return c.result(windows)
}

// piece evaluates n tokens of a window from at on with side i.
func (c *comparer) piece(i int, s *side, window []int32, at, n int) error {
	return s.s.EvalAll(c.a.ctx, window[at:at+n], func(t int, logits []float32) error {
		if at+t+1 == len(window) {
			return nil
		}
		c.score(i == 0, s, &c.ref[t], logits, window[at+t+1])
		return nil
	})
}

// score takes the logits after a token whose successor is next.
func (c *comparer) score(reference bool, s *side, ref *prediction, logits []float32, next int32) {
	best := vek32.ArgMax(logits)
	x := vek32.SubNumber_Into(c.buf, logits, logits[best])
	target := float64(x[next])
	if reference {
		ref.best = best
		log := logprob.LogSum(ref.p, x)
		vek32.MulNumber_Inplace(ref.p, float32(math.Exp(-log)))
		ref.entropy = log - float64(vek32.Dot(ref.p, x))
		s.nll += log - target
		return
	}
	mean := float64(vek32.Dot(ref.p, x))
	log := logprob.LogSum(x, x)
	s.nll += log - target
	s.kl = append(s.kl, max(log-mean-ref.entropy, 0))
	if best == ref.best {
		s.agree++
	}
}

// recall asks each model for facts hidden in n tokens of the text.
func (c *comparer) recall(r *comparison, ids []int32, n, facts int) error {
	for i, side := range c.sides {
		s, err := side.m.NewSession(&engine.SessionOptions{Context: n + 64})
		if err != nil {
			return err
		}
		found, err := measure.Recall(c.a.ctx, s, side.m, ids, n, facts)
		if err = errors.Join(err, s.Close()); err != nil {
			return err
		}
		if i == 0 {
			r.A.Recall = append(r.A.Recall, found)
		} else {
			r.Models[i-1].Recall = append(r.Models[i-1].Recall, found)
		}
	}
	return nil
}

// result sums up.
func (c *comparer) result(windows int) (*comparison, error) {
	r := &comparison{Ctx: c.ctx, Windows: windows, Tokens: windows * (c.ctx - 1)}
	for i, s := range c.sides {
		m := s.res
		m.Session = s.s.CacheBytes()
		m.PPL = math.Exp(s.nll / float64(r.Tokens))
		if math.IsNaN(m.PPL) || math.IsInf(m.PPL, 0) {
			return nil, fmt.Errorf("%s: the logits of %s are not finite: perplexity is %v", m.Model, m.MLA, m.PPL)
		}
		if i == 0 {
			m.Ratio, m.Top1 = 1, 1
			r.A = m
			continue
		}
		m.Ratio = m.PPL / r.A.PPL
		m.KL, m.KL99 = meanAndPercentile(s.kl, 0.99)
		m.Top1 = float64(s.agree) / float64(r.Tokens)
		r.Models = append(r.Models, m)
	}
	return r, nil
}

// meanAndPercentile returns the mean of x and the smallest value that at least a share q of x does not exceed.
func meanAndPercentile(x []float64, q float64) (mean, percentile float64) {
	if len(x) == 0 {
		return 0, 0
	}
	slices.Sort(x)
	for _, v := range x {
		mean += v
	}
	return mean / float64(len(x)), x[int(math.Ceil(q*float64(len(x))))-1]
}
