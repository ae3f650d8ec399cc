package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
)

// Other is another run, to be held against.
type Other struct {
	Title   string // what was measured, in a line
	Threads int
	rates   map[Case]float64 // medians, tokens per second
}

// ErrOther is returned for JSON that is neither this package's nor llama-bench's.
var ErrOther = errors.New("not what chat bench --json or llama-bench -o json prints")

// ReadOther reads what `chat bench --json` or `llama-bench -o json` has printed. A row that is there twice, such as that
// of two models, is an error. Errors wrap ErrOther.
func ReadOther(data []byte) (*Other, error) {
	o := &Other{rates: map[Case]float64{}}
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		err = o.readLlama(data)
	} else {
		err = o.readOurs(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOther, err)
	}
	return o, nil
}

// add notes a rate.
func (o *Other) add(c Case, rate float64) error {
	if _, twice := o.rates[c]; twice {
		return fmt.Errorf("two results for %v: keep those of one model and number of threads", c)
	}
	if !(rate > 0) {
		return fmt.Errorf("%v has a rate of %v tokens/s", c, rate)
	}
	o.rates[c] = rate
	return nil
}

// readOurs reads a Result.
func (o *Other) readOurs(data []byte) error {
	var r Result
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	if r.Layout != Layout {
		return fmt.Errorf("layout is %q, not %q", r.Layout, Layout)
	}
	o.Threads, o.Title = r.Threads, fmt.Sprintf("latentgo, %s, %s, %s, cache %s", r.Model, r.FileType, r.CPU, r.Cache)
	for _, row := range r.Rows {
		if row.Rate == nil {
			return fmt.Errorf("%v has no tokens_per_s", row.Case)
		}
		if err := o.add(row.Case, row.Rate.Median); err != nil {
			return err
		}
	}
	return nil
}

// llamaTest is a test of llama-bench, as far as it matters here.
type llamaTest struct {
	Commit  string    `json:"build_commit"`
	File    string    `json:"model_filename"`
	Type    string    `json:"model_type"`
	Threads int       `json:"n_threads"`
	CacheK  string    `json:"type_k"`
	Prompt  int       `json:"n_prompt"`
	Gen     int       `json:"n_gen"`
	Depth   int       `json:"n_depth"`
	Samples []float64 `json:"samples_ts"`
}

// readLlama reads llama-bench's list of tests. Those of a prompt and generated tokens in one (-pg) have no row here.
func (o *Other) readLlama(data []byte) error {
	var list []llamaTest
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, t := range list {
		o.Threads = t.Threads
		o.Title = fmt.Sprintf("llama.cpp %s, %s, %s, cache %s", t.Commit, filepath.Base(t.File), t.Type, t.CacheK)
		c := Case{Prompt, t.Prompt, t.Depth, 1}
		switch {
		case t.Prompt > 0 && t.Gen > 0:
			continue
		case t.Gen > 0:
			c = Case{Decode, t.Gen, t.Depth, 1}
		}
		rate := NewRate(t.Samples)
		if rate == nil || c.Tokens == 0 {
			return fmt.Errorf("a test without n_prompt and n_gen, or without samples_ts")
		}
		if err := o.add(c, rate.Median); err != nil {
			return err
		}
	}
	return nil
}
