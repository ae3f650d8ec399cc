package main

import (
	"fmt"

	"github.com/latentgo/latentgo/cmd/chat/internal/bench"
	"github.com/latentgo/latentgo/engine"
)

// benchCmd is `chat bench`: prompts and decoding, each at each depth, in one table or in JSON; package bench says what
// is measured and how the JSON looks.
type benchCmd struct {
	jsonFlag
	cachedFlags

	Prompts   []int  `short:"p" name:"n-prompt" default:"512" placeholder:"N,…" help:"Tokens of prompts; 0 leaves them out (default ${default})."`
	Predict   int    `short:"n" name:"n-gen" default:"128" placeholder:"N" help:"Tokens to decode; 0 leaves it out (default ${default})."`
	Depths    []int  `short:"d" name:"depth" default:"0" placeholder:"N,…" help:"Tokens of context before prompts and decoding (default ${default})."`
	Sequences []int  `short:"b" name:"sequences" default:"1" placeholder:"N,…" help:"Sequences that decode together (default ${default})."`
	Reps      int    `short:"r" name:"repetitions" default:"3" placeholder:"N" help:"Repetitions (default ${default})."`
	Vs        string `type:"nonempty" placeholder:"FILE" help:"Print ratios to another run: what chat bench --json or llama-bench -o json wrote."`
	Bandwidth int    `default:"256" placeholder:"MB" help:"Megabytes that each thread reads to measure the memory's bandwidth, at most 1 GB each and 4 GB together; 0 leaves it out (default ${default})."`

	Name string `arg:"" optional:"" type:"nonempty" placeholder:"MODEL" help:"The model, as for -m."`

	Serve bool `hidden:"" help:"Measure what the lines of standard input ask for; see benchServer."`
}

// plan is what the flags ask for.
func (c *benchCmd) plan() *bench.Plan {
	return &bench.Plan{Prompts: c.Prompts, Predict: c.Predict, Depths: c.Depths, Sequences: c.Sequences, Reps: c.Reps, ReadMB: c.Bandwidth}
}

// Validate implements kong's hook.
func (c *benchCmd) Validate() error {
	if err := c.plan().Check(); err != nil {
		return err
	}
	if err := c.take(c.Name); err != nil {
		return err
	}
	return c.cachedFlags.Validate()
}

// Run implements kong's command.
func (c *benchCmd) Run(a *app) error {
	other, err := c.readOther(a)
	if err != nil {
		return err
	}
	m, err := a.load(&c.cachedFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	<-m.Settled() // what is measured is how the model runs, not how it is loaded
	if c.Serve {
		return serveBench(a, m)
	}
	p := c.plan()
	bar := newBar(a.stderr, p.Tokens(), "bench", inTokens)
	cache := ""
	if c.Cache.Cache != (engine.Cache{}) {
		cache = c.Cache.String()
	}
	res, err := bench.Run(a.ctx, m, p, cache, func(n int) { _ = bar.Add(n) })
	_ = bar.Clear()
	if err != nil {
		return err
	}
	if other != nil {
		c.compare(a, res, other)
	}
	if c.JSON {
		return a.printJSON(res)
	}
	res.Print(a.out, other)
	return nil
}

// readOther reads the run of --vs: before the work, which a wrong file would waste.
func (c *benchCmd) readOther(a *app) (*bench.Other, error) {
	if c.Vs == "" {
		return nil, nil
	}
	data, err := a.readFile(c.Vs)
	if err != nil {
		return nil, err
	}
	o, err := bench.ReadOther(data)
	if err != nil {
		return nil, fmt.Errorf("--vs %s: %w", c.Vs, err)
	}
	return o, nil
}

// compare fills in the ratios, and says what makes them worth little.
func (c *benchCmd) compare(a *app, res *bench.Result, other *bench.Other) {
	if n := res.Compare(other); n < len(res.Rows) {
		a.note("chat: %s has %d of the %d rows: the others have no ratio", c.Vs, n, len(res.Rows))
	}
	if other.Threads != res.Threads {
		a.note("chat: warning: %d threads here, %d in %s", res.Threads, other.Threads, c.Vs)
	}
}
