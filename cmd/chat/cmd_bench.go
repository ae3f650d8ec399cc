package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
)

// benchCmd is `chat bench`. Its JSON is that of llama.cpp's reference runs, so that both can be held against each other:
//
//	{"threads": 2, "depth": 0, "prompt": {"best": …, "median": …}, "decode": {"best": …, "median": …}}
//
// Measured are tokens per second of a prompt of random tokens, and of greedy steps after some
// depth of context. One short evaluation warms up; every repetition starts from an empty cache.
type benchCmd struct {
	jsonFlag
	loadFlags

	Prompt  int `short:"p" name:"n-prompt" default:"512" placeholder:"N" help:"Tokens of the prompt; 0 leaves it out (default ${default})."`
	Predict int `short:"n" name:"n-gen" default:"128" placeholder:"N" help:"Tokens to decode; 0 leaves it out (default ${default})."`
	Depth   int `short:"d" default:"0" placeholder:"N" help:"Tokens of context before decoding (default ${default})."`
	Reps    int `short:"r" name:"repetitions" default:"3" placeholder:"N" help:"Repetitions (default ${default})."`

	Serve bool `hidden:"" help:"Measure what the lines of standard input ask for; see benchServer."`
}

// benchResult is what `chat bench --json` prints; rates are tokens per second.
type benchResult struct {
	Threads int        `json:"threads"`
	Depth   int        `json:"depth"`
	Prompt  *benchRate `json:"prompt,omitempty"`
	Decode  *benchRate `json:"decode,omitempty"`
}

// benchRate sums up the repetitions.
type benchRate struct {
	Best   float64 `json:"best"`
	Median float64 `json:"median"`
}

// Validate implements kong's hook.
func (c *benchCmd) Validate() error {
	if c.Prompt < 0 || c.Predict < 0 || c.Depth < 0 || c.Reps < 1 || c.Prompt+c.Predict == 0 {
		return fmt.Errorf("-p, -n and --depth must not be negative, -p or -n and -r must be positive")
	}
	return c.loadFlags.Validate()
}

// Run implements kong's command.
func (c *benchCmd) Run(a *app) error {
	m, err := a.load(&c.loadFlags, false)
	if err != nil {
		return err
	}
	defer m.Close()
	if c.Serve {
		return serveBench(a, m)
	}
	s, err := m.NewSession(&engine.SessionOptions{Context: max(c.Prompt, c.Depth+c.Predict, 16) + 64})
	if err != nil {
		return err
	}
	defer s.Close()
	info := m.Info()
	b := &bench{c: c, a: a, s: s, ids: randomIDs(max(c.Prompt, c.Depth, 15)+1, info.Vocab)}
	prompt, decode, err := b.run()
	if err != nil {
		return err
	}
	res := benchResult{Threads: info.Threads, Depth: c.Depth, Prompt: rateOf(prompt), Decode: rateOf(decode)}
	if c.JSON {
		return a.printJSON(res)
	}
	c.print(a, info, res)
	return nil
}

// randomIDs are the tokens of the prompt, the same in every run, away from the vocabulary's ends where special tokens are.
func randomIDs(n, vocab int) []int32 {
	r := rand.New(rand.NewPCG(0, 0))
	margin := min(100, vocab/4)
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(margin + r.IntN(vocab-2*margin))
	}
	return ids
}

// bench is one measurement.
type bench struct {
	c   *benchCmd
	a   *app
	s   *engine.Session
	ids []int32
	bar *progressbar.ProgressBar

	next [1]int32 // here, so that a step does not allocate
}

// run warms up and returns the rates of all repetitions.
func (b *bench) run() (prompt, decode []float64, err error) {
	c := b.c
	b.bar = newBar(b.a.stderr, int64(c.Reps*(c.Prompt+c.Depth+c.Predict)), "bench", inTokens)
	defer b.bar.Clear() //nolint:errcheck // only the screen
	if _, err := b.s.Eval(b.a.ctx, b.ids[:16]); err != nil {
		return nil, nil, err
	}
	for range c.Reps {
		if c.Prompt > 0 {
			rate, err := b.prompt()
			if err != nil {
				return nil, nil, err
			}
			prompt = append(prompt, rate)
		}
		if c.Predict > 0 {
			rate, err := b.decode()
			if err != nil {
				return nil, nil, err
			}
			decode = append(decode, rate)
		}
	}
	return prompt, decode, nil
}

// prompt evaluates one prompt and returns its rate.
func (b *bench) prompt() (float64, error) {
	b.s.Reset()
	start := time.Now()
	_, err := b.s.Eval(b.a.ctx, b.ids[:b.c.Prompt])
	seconds := time.Since(start).Seconds()
	_ = b.bar.Add(b.c.Prompt) // drawn outside of what is measured
	return float64(b.c.Prompt) / seconds, err
}

// decode fills the cache to the depth and returns the rate of the greedy steps after it.
func (b *bench) decode() (float64, error) {
	b.s.Reset()
	logits, err := b.s.Eval(b.a.ctx, b.ids[:max(b.c.Depth, 1)])
	if err != nil {
		return 0, err
	}
	start := time.Now() // the context's evaluation does not count
	err = b.steps(logits, b.c.Predict)
	seconds := time.Since(start).Seconds()
	_ = b.bar.Add(b.c.Depth + b.c.Predict)
	return float64(b.c.Predict) / seconds, err
}

// steps decodes n tokens greedily, the first one from logits.
func (b *bench) steps(logits []float32, n int) (err error) {
	for range n {
		b.next[0] = int32(vek32.ArgMax(logits))
		if logits, err = b.s.Eval(b.a.ctx, b.next[:]); err != nil {
			return err
		}
	}
	return nil
}

// rateOf sums rates up, rounded to hundredths; nil for none.
func rateOf(rates []float64) *benchRate {
	if len(rates) == 0 {
		return nil
	}
	slices.Sort(rates)
	n := len(rates)
	median := (rates[(n-1)/2] + rates[n/2]) / 2
	return &benchRate{Best: round2(rates[n-1]), Median: round2(median)}
}

// round2 rounds to hundredths, as the peers of this benchmark print them.
func round2(x float64) float64 { return math.Round(x*100) / 100 }

// print writes the result for people.
func (c *benchCmd) print(a *app, info engine.Info, res benchResult) {
	a.printf("%s, %s, %s; %d threads, %s, mla %s\n", modelTitle(info), info.FileType, human.Size(info.WeightBytes), info.Threads, info.CPU, info.MLA)
	for _, line := range []struct {
		what string
		rate *benchRate
	}{
		{fmt.Sprintf("prompt of %d", c.Prompt), res.Prompt},
		{fmt.Sprintf("decode of %d at depth %d", c.Predict, c.Depth), res.Decode},
	} {
		if line.rate != nil {
			a.printf("%-28s best %9.2f   median %9.2f tokens/s\n", line.what, line.rate.Best, line.rate.Median)
		}
	}
}

// modelTitle names a model for people.
func modelTitle(info engine.Info) string {
	if info.Name != "" {
		return info.Name
	}
	return info.Architecture
}
