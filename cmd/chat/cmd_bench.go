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

// benchCmd is `chat bench`. Its JSON is that of llama.cpp's reference runs, so that both can be held against each
// other:
//
//	{"threads": 2, "depth": 0, "prompt": {"best": …, "median": …}, "decode": {"best": …, "median": …}}
//
// Measured are tokens per second of a prompt of random tokens, and of greedy steps after some
// depth of context. One short evaluation warms up; every repetition starts from an empty cache.
//
// Several depths make a table, and what a cached token costs: the slope of the time of a step from the first depth to
// the last.
type benchCmd struct {
	jsonFlag
	cachedFlags

	Prompt  int   `short:"p" name:"n-prompt" default:"512" placeholder:"N" help:"Tokens of the prompt; 0 leaves it out (default ${default})."`
	Predict int   `short:"n" name:"n-gen" default:"128" placeholder:"N" help:"Tokens to decode; 0 leaves it out (default ${default})."`
	Depths  []int `short:"d" name:"depth" default:"0" placeholder:"N,…" help:"Tokens of context before decoding; several make a table (default ${default})."`
	Reps    int   `short:"r" name:"repetitions" default:"3" placeholder:"N" help:"Repetitions (default ${default})."`

	Name string `arg:"" optional:"" type:"nonempty" placeholder:"MODEL" help:"The model, as for -m."`

	Serve bool `hidden:"" help:"Measure what the lines of standard input ask for; see benchServer."`
}

// benchResult is what `chat bench --json` prints; rates are tokens per second.
type benchResult struct {
	Threads int        `json:"threads"`
	Depth   int        `json:"depth"` // the first one
	Prompt  *benchRate `json:"prompt,omitempty"`
	Decode  *benchRate `json:"decode,omitempty"` // at that depth

	TokenBytes int          `json:"token_bytes,omitempty"` // cached per token
	Steps      []benchDepth `json:"steps,omitempty"`       // all depths
	Slope      *float64     `json:"us_per_cached_token,omitempty"`
}

// benchDepth is what decoding at one depth takes.
type benchDepth struct {
	Depth       int        `json:"depth"`
	WeightBytes int        `json:"weight_bytes"` // that a step reads
	CacheBytes  int        `json:"cache_bytes"`
	Decode      *benchRate `json:"decode"`
}

// benchRate sums up the repetitions.
type benchRate struct {
	Best   float64 `json:"best"`
	Median float64 `json:"median"`
}

// Validate implements kong's hook.
func (c *benchCmd) Validate() error {
	if c.Prompt < 0 || c.Predict < 0 || slices.Min(append([]int{0}, c.Depths...)) < 0 || c.Reps < 1 || c.Prompt+c.Predict == 0 {
		return fmt.Errorf("-p, -n and --depth must not be negative, -p or -n and -r must be positive")
	}
	if deepest := slices.Max(append([]int{0}, c.Depths...)); c.Prompt > engine.MaxContext || deepest > engine.MaxContext || c.Predict > engine.MaxContext-deepest {
		return fmt.Errorf("-p, and -n with --depth, must be at most %d", engine.MaxContext)
	}
	if err := c.take(c.Name); err != nil {
		return err
	}
	return c.cachedFlags.Validate()
}

// Run implements kong's command.
func (c *benchCmd) Run(a *app) error {
	m, err := a.load(&c.cachedFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	if c.Serve {
		return serveBench(a, m)
	}
	if len(c.Depths) == 0 {
		c.Depths = []int{0}
	}
	deepest := slices.Max(c.Depths)
	s, err := m.NewSession(&engine.SessionOptions{Context: max(c.Prompt, deepest+c.Predict, 16) + 64})
	if err != nil {
		return err
	}
	defer s.Close()
	info := m.Info()
	b := &bench{c: c, a: a, s: s, ids: randomIDs(max(c.Prompt, deepest, 15)+1, info.Vocab)}
	res, err := b.run()
	if err != nil {
		return err
	}
	res.Threads, res.Depth, res.TokenBytes = info.Threads, c.Depths[0], s.TokenBytes()
	if c.JSON {
		return a.printJSON(res)
	}
	c.print(a, info, res)
	return nil
}

// randomIDs are the tokens of the prompt, the same in every run, away from the vocabulary's ends where special tokens
// are.
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

	depth int      // of the measurement under way
	next  [1]int32 // here, so that a step does not allocate
}

// run warms up and measures all repetitions.
func (b *bench) run() (*benchResult, error) {
	c := b.c
	total := c.Prompt
	for _, d := range c.Depths {
		total += d + c.Predict
	}
	b.bar = newBar(b.a.stderr, int64(c.Reps*total), "bench", inTokens)
	defer b.bar.Clear() //nolint:errcheck // only the screen
	if _, err := b.s.Eval(b.a.ctx, b.ids[:16]); err != nil {
		return nil, err
	}
	var err error
	res := &benchResult{}
	if c.Prompt > 0 {
		if res.Prompt, err = b.repeat(b.prompt); err != nil {
			return nil, err
		}
	}
	for _, d := range c.Depths {
		if c.Predict == 0 {
			break
		}
		step := benchDepth{Depth: d}
		step.WeightBytes, step.CacheBytes = b.s.StepBytes(d)
		b.depth = d
		if step.Decode, err = b.repeat(b.decode); err != nil {
			return nil, err
		}
		res.Steps = append(res.Steps, step)
	}
	res.finish()
	return res, nil
}

// repeat measures as often as asked for.
func (b *bench) repeat(measure func() (float64, error)) (*benchRate, error) {
	var rates []float64
	for range b.c.Reps {
		rate, err := measure()
		if err != nil {
			return nil, err
		}
		rates = append(rates, rate)
	}
	return rateOf(rates), nil
}

// finish fills in what follows from the steps: the first one's rate, and the slope if there are others, in tenths of a
// nanosecond.
func (r *benchResult) finish() {
	if len(r.Steps) == 0 {
		return
	}
	first, last := r.Steps[0], r.Steps[len(r.Steps)-1]
	r.Decode = first.Decode
	if first.Depth != last.Depth {
		us := 1e6 * (1/last.Decode.Best - 1/first.Decode.Best) / float64(last.Depth-first.Depth)
		slope := math.Round(us*1e4) / 1e4
		r.Slope = &slope
	}
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
	logits, err := b.s.Eval(b.a.ctx, b.ids[:max(b.depth, 1)])
	if err != nil {
		return 0, err
	}
	start := time.Now() // the context's evaluation does not count
	err = b.steps(logits, b.c.Predict)
	seconds := time.Since(start).Seconds()
	_ = b.bar.Add(b.depth + b.c.Predict)
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
func (c *benchCmd) print(a *app, info engine.Info, res *benchResult) {
	a.printf("%s, %s, %s; %d threads, %s, mla %s, cache %s of %d bytes per token\n", modelTitle(info), info.FileType, human.Size(info.WeightBytes),
		info.Threads, info.CPU, info.MLA, c.Cache, res.TokenBytes)
	if res.Prompt != nil {
		a.printf("%-28s best %9.2f   median %9.2f tokens/s\n", fmt.Sprintf("prompt of %d", c.Prompt), res.Prompt.Best, res.Prompt.Median)
	}
	for _, s := range res.Steps {
		a.printf("%-28s best %9.2f   median %9.2f tokens/s   reads %s of weights, %s of cache\n", fmt.Sprintf("decode of %d at depth %d", c.Predict, s.Depth),
			s.Decode.Best, s.Decode.Median, human.Size(int64(s.WeightBytes)), human.Size(int64(s.CacheBytes)))
	}
	if res.Slope != nil {
		a.printf("%-28s %14.3f µs\n", "each cached token costs", *res.Slope)
	}
}

// modelTitle names a model for people.
func modelTitle(info engine.Info) string {
	if info.Name != "" {
		return info.Name
	}
	return info.Architecture
}
