package bench

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/bandwidth"
)

// Plan says which rows a run has: each prompt and each number of sequences at each depth.
type Plan struct {
	Prompts   []int // tokens; zeros are left out
	Predict   int   // tokens to decode; 0 for none
	Depths    []int
	Sequences []int // that decode together
	Reps      int
	ReadMB    int // that each thread reads to measure the bandwidth of memory; 0 leaves that out
}

// Check returns what is wrong with the plan.
func (p *Plan) Check() error {
	for _, list := range []struct {
		flag        string
		n           []int
		least, most int
	}{
		{"-p", p.Prompts, 0, engine.MaxContext}, {"-n", []int{p.Predict}, 0, engine.MaxContext}, {"-d", p.Depths, 0, engine.MaxContext},
		{"-b", p.Sequences, 1, 1024}, {"-r", []int{p.Reps}, 1, 1 << 20}, {"--bandwidth", []int{p.ReadMB}, 0, 1 << 20},
	} {
		if len(list.n) == 0 {
			return fmt.Errorf("%s names nothing", list.flag)
		}
		for i, n := range list.n {
			switch {
			case n < list.least:
				return fmt.Errorf("%s must be at least %d, not %d", list.flag, list.least, n)
			case n > list.most:
				return fmt.Errorf("%s must be at most %d, not %d", list.flag, list.most, n)
			case slices.Contains(list.n[:i], n):
				return fmt.Errorf("%s names %d twice", list.flag, n)
			}
		}
	}
	if len(p.Cases()) == 0 {
		return fmt.Errorf("-p or -n must be positive")
	}
	if n := p.room(); n > engine.MaxContext {
		return fmt.Errorf("-p, and -n, with --depth must be at most %d, not %d", engine.MaxContext, n)
	}
	return nil
}

// Cases lists what is measured, in order.
func (p *Plan) Cases() (list []Case) {
	for _, d := range p.Depths {
		for _, n := range p.Prompts {
			if n > 0 {
				list = append(list, Case{Prompt, n, d, 1})
			}
		}
		for _, b := range p.Sequences {
			if p.Predict > 0 {
				list = append(list, Case{Decode, p.Predict, d, b})
			}
		}
	}
	return list
}

// room is the most tokens that a sequence holds.
func (p *Plan) room() int { return slices.Max(p.Depths) + max(slices.Max(p.Prompts), p.Predict) }

// Tokens estimates the tokens that a run evaluates: the sum of what it reports.
func (p *Plan) Tokens() (n int64) {
	deepest := make([]int, slices.Max(p.Sequences)) // that each sequence has been filled to
	for _, c := range p.Cases() {
		for i := range deepest[:c.Sequences] {
			n += int64(max(0, c.Depth-deepest[i]))
			deepest[i] = max(deepest[i], c.Depth)
		}
		n += int64(p.Reps) * int64(c.Tokens) * int64(c.Sequences)
	}
	return n
}

// readReps is how often the bandwidth is measured before and after the rows.
const readReps = 3

// The most megabytes that a thread reads, and all threads together.
const (
	mostReadMB    = 1 << 10
	mostAllReadMB = 4 << 10
)

// readBandwidth returns samples of what plain reads reach; none where the plan leaves it out.
func (p *Plan) readBandwidth(threads int) []float64 {
	if p.ReadMB == 0 {
		return nil
	}
	defer debug.FreeOSMemory() // what was read
	return bandwidth.Measure(threads, max(1, min(p.ReadMB, mostReadMB, mostAllReadMB/threads))<<20, readReps)
}

// Run measures all rows of a plan that Check accepts. cache names how sessions cache; report is NewRunner's.
func Run(ctx context.Context, m *engine.Model, p *Plan, cache string, report func(tokens int)) (*Result, error) {
	info := m.Info()
	res := &Result{
		Layout: Layout, Model: info.Name, FileType: info.FileType, WeightBytes: info.WeightBytes, Threads: info.Threads, CPU: info.CPU, MLA: info.MLA,
	}
	if res.Model == "" {
		res.Model = info.Architecture
	}
	read := p.readBandwidth(info.Threads)
	r, err := NewRunner(ctx, m, p.room()+64, report)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	res.TokenBytes, res.Cache = r.Session().TokenBytes(), cacheName(cache, info, r.Session())
	w := newWork(m, r.Session())
	for _, c := range p.Cases() {
		row := Row{Case: c}
		if row.Rate, err = r.repeat(c, p.Reps); err != nil {
			return nil, err
		}
		w.describe(&row)
		res.Rows = append(res.Rows, row)
	}
	res.Read = NewRate(append(read, p.readBandwidth(info.Threads)...))
	res.finish()
	return res, nil
}

// repeat measures a case as often as asked for.
func (r *Runner) repeat(c Case, reps int) (*Rate, error) {
	var rates []float64
	for i := range reps {
		rate, _, err := r.Once(c, i == 0)
		if err != nil {
			return nil, err
		}
		rates = append(rates, rate)
	}
	return NewRate(rates), nil
}

// cacheName names how a session caches; asked is what was asked for, "" for the model's own choice.
func cacheName(asked string, info engine.Info, s *engine.Session) string {
	switch {
	case asked != "":
		return asked
	case s.TokenBytes() == info.CacheBytes:
		return engine.CacheF16.String()
	}
	return engine.CacheCalibrated.String() // the file's
}
