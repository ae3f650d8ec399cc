package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/logprob"
)

// perplexityCmd is `chat perplexity`: the text is tokenised once, without BOS, and cut into windows that do not
// overlap; each is evaluated from an empty cache and every token but its first is scored. The result is exp of the
// mean negative log-likelihood.
type perplexityCmd struct {
	jsonFlag
	cachedFlags

	File    string `short:"f" type:"nonempty" placeholder:"FILE" help:"The text; a .json file holds token ids."`
	Ctx     int    `short:"c" name:"ctx" aliases:"ctx-size" default:"256" placeholder:"N" help:"Tokens of a window (default ${default})."`
	Windows int    `default:"40" placeholder:"N" help:"Windows at most; 0 is the whole text (default ${default})."`
	Arg     string `arg:"" optional:"" name:"file" type:"nonempty" help:"The same as -f FILE."`
}

// perplexityResult is what `chat perplexity --json` prints.
type perplexityResult struct {
	PPL     float64 `json:"ppl"`
	Tokens  int     `json:"tokens"` // scored
	Ctx     int     `json:"ctx"`
	Windows int     `json:"windows"`
}

// Validate implements kong's hook.
func (c *perplexityCmd) Validate() error {
	if err := checkWindows(c.Ctx, c.Windows); err != nil {
		return err
	}
	if err := takeFile(&c.File, c.Arg); err != nil {
		return err
	}
	return c.cachedFlags.Validate()
}

// Run implements kong's command.
func (c *perplexityCmd) Run(a *app) error {
	m, err := a.load(&c.cachedFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	ids, err := a.readIDs(m, c.File)
	if err != nil {
		return err
	}
	windows := len(ids) / c.Ctx
	if windows == 0 {
		return usagef("perplexity", "%s has %d tokens, less than one window of %d", c.File, len(ids), c.Ctx)
	}
	if c.Windows > 0 {
		windows = min(windows, c.Windows)
	}
	s, err := m.NewSession(&engine.SessionOptions{Context: c.Ctx})
	if err != nil {
		return err
	}
	defer s.Close()
	res, err := a.perplexity(s, ids, c.Ctx, windows)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(res)
	}
	a.printf("perplexity %.4f over %d tokens (%d windows of %d)\n", res.PPL, res.Tokens, res.Windows, res.Ctx)
	return nil
}

// perplexity evaluates windows of ctx tokens of ids.
func (a *app) perplexity(s *engine.Session, ids []int32, ctx, windows int) (perplexityResult, error) {
	res := perplexityResult{Ctx: ctx, Windows: windows, Tokens: windows * (ctx - 1)}
	bar := newBar(a.stderr, int64(windows*ctx), "perplexity", inTokens)
	defer bar.Clear() //nolint:errcheck // only the screen
	nll := 0.0
	for w := range windows {
		part := ids[w*ctx : (w+1)*ctx]
		s.Reset()
		sum, err := windowNLL(a.ctx, s, part, func() { _ = bar.Add(1) })
		if err != nil {
			return res, err
		}
		nll += sum
		bar.Describe(fmt.Sprintf("perplexity %.3f", math.Exp(nll/float64((w+1)*(ctx-1)))))
	}
	res.PPL = math.Exp(nll / float64(res.Tokens))
	if math.IsNaN(res.PPL) || math.IsInf(res.PPL, 0) {
		return res, fmt.Errorf("the model's logits are not finite: perplexity is %v", res.PPL)
	}
	return res, nil
}

// windowNLL returns the sum of the negative log-likelihoods of part[1:].
func windowNLL(ctx context.Context, s *engine.Session, part []int32, done func()) (float64, error) {
	sum := 0.0
	var exps []float32
	err := s.EvalAll(ctx, part, func(i int, logits []float32) error {
		done()
		if i+1 < len(part) {
			exps = slices.Grow(exps[:0], len(logits))[:len(logits)]
			sum += logprob.LogSum(exps, logits) - float64(logits[part[i+1]])
		}
		return nil
	})
	return sum, err
}
