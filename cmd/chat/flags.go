package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/latentgo/latentgo/engine"
)

// jsonFlag switches a subcommand's output to JSON.
type jsonFlag struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// validate checks groups of flags; kong only asks the command that they are embedded in.
func validate(groups ...interface{ Validate() error }) error {
	for _, g := range groups {
		if err := g.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// loadFlags say which model to load, and how.
type loadFlags struct {
	Model   string `short:"m" name:"model" placeholder:"MODEL" help:"Path of a GGUF file, owner/repo[:QUANT] of Hugging Face, a URL, or a name (default ${model})."`
	Threads int    `short:"t" placeholder:"N" help:"Threads that compute; 0 uses all processors."`
	MLA     string `name:"mla" default:"exact" placeholder:"FORM" help:"Attention: exact is latent attention without loss, off keeps it as it is; 50%, 64+128 (rotated+latent values per layer) or 11520B (per token) compress the cache to that (default ${default})."`
	convertFlags
}

// Validate checks the values.
func (f *loadFlags) Validate() error {
	if f.Threads < 0 || f.Threads > 1024 {
		return fmt.Errorf("--threads must be between 0 and 1024, not %d", f.Threads)
	}
	form, err := engine.ParseMLA(f.MLA)
	if err != nil {
		return fmt.Errorf("--mla: %w", err)
	}
	return f.convertFlags.check(form)
}

// convertFlags say how a model is compressed.
type convertFlags struct {
	Calib   string `placeholder:"FILE" group:"Compression" help:"Text that decides what of the cache is kept; without it the model writes some itself."`
	Seed    uint64 `name:"calib-seed" placeholder:"N" group:"Compression" help:"Seed of the text that the model writes."`
	Tokens  int    `name:"calib-tokens" placeholder:"N" group:"Compression" help:"Tokens of it, or how many the model writes; 0 is 8192, written 6144, for llama.cpp twice as many, of a text with --refine 32768."`
	Exact   []int  `placeholder:"N,…" group:"Compression" help:"Layers that stay as they are, counted from 0."`
	NoCache bool   `group:"Compression" help:"Convert again, and do not keep the result for the next start."`
}

// check finds wrong values, and flags that would do nothing for a form.
func (f *convertFlags) check(form engine.MLA) error {
	if f.Tokens < 0 {
		return fmt.Errorf("--calib-tokens must not be negative, it is %d", f.Tokens)
	}
	if form.Compressed() {
		return nil
	}
	for _, o := range []struct {
		set  bool
		name string
	}{{f.Calib != "", "calib"}, {f.Seed != 0, "calib-seed"}, {f.Tokens != 0, "calib-tokens"}, {f.Exact != nil, "exact"}, {f.NoCache, "no-cache"}} {
		if o.set {
			return fmt.Errorf("--%s is about compression: --mla 50%% asks for it", o.name)
		}
	}
	return nil
}

// gcPercent is how much garbage the heap may hold beside what is in use while a model is compressed. That is a few large arrays:
// looking through them often takes a second in a hundred, and twice of them, Go's default, would be the most memory that a conversion takes.
const gcPercent = 5

// options are the engine's for a conversion, without a form; the text is read.
func (f *convertFlags) options(a *app) (*engine.ConvertOptions, error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	o := &engine.ConvertOptions{Seed: f.Seed, Tokens: f.Tokens, Exact: f.Exact, NoCache: f.NoCache}
	if f.Calib == "" {
		return o, nil
	}
	raw, err := a.readFile(f.Calib)
	if err != nil {
		return nil, err
	}
	if o.Calibration = string(raw); strings.TrimSpace(o.Calibration) == "" {
		return nil, fmt.Errorf("%s holds no text", f.Calib)
	}
	return o, nil
}

// sessionFlags say how much a session holds.
type sessionFlags struct {
	Context int `short:"c" name:"ctx-size" aliases:"ctx,context" placeholder:"N" help:"Tokens the conversation may have; 0 is what the model was trained for, at most 8192."`
	cacheFlag
}

// cacheFlag says how keys, values and latents are cached.
type cacheFlag struct {
	Cache string `name:"cache" enum:"f16,q8" default:"f16" help:"Type of cached values: q8 takes half the memory (${enum})."`
}

// cacheType is the engine's; kong has checked the value.
func (f *cacheFlag) cacheType() engine.CacheType {
	c, _ := engine.ParseCacheType(f.Cache)
	return c
}

// Validate checks the values.
func (f *sessionFlags) Validate() error {
	if f.Context < 0 {
		return fmt.Errorf("--ctx-size must not be negative, it is %d", f.Context)
	}
	return nil
}

// options are the engine's.
func (f *sessionFlags) options() *engine.SessionOptions {
	return &engine.SessionOptions{Context: f.Context, Cache: f.cacheType()}
}

// answerFlags say when an answer ends.
type answerFlags struct {
	Predict   int      `short:"n" name:"n-predict" aliases:"predict" placeholder:"N" help:"Tokens of an answer at most; 0 or -1 is no limit."`
	Stop      []string `name:"stop" sep:"none" placeholder:"TEXT" help:"End the answer before this text (may be repeated)."`
	IgnoreEOS bool     `name:"ignore-eos" help:"Go on after the model ended its answer."`
	Verbose   bool     `help:"Print prompt and decode speed after each answer."`
}

// Validate checks the values.
func (f *answerFlags) Validate() error {
	if f.Predict < -1 {
		return fmt.Errorf("-n must be positive, 0 or -1, not %d", f.Predict)
	}
	return nil
}

// samplingFlags override the model's sampling parameters; names are llama.cpp's. Values are read by the engine, so
// that the command line and /set accept the same.
type samplingFlags struct {
	Seed             *string `short:"s" group:"Sampling" placeholder:"N" help:"Random seed; -1 is a new one each time."`
	Temp             *string `group:"Sampling" placeholder:"X" help:"Temperature; 0 is greedy."`
	TopK             *string `group:"Sampling" placeholder:"N" help:"Keep the N most probable tokens; 0 is off."`
	TopP             *string `group:"Sampling" placeholder:"X" help:"Keep the most probable tokens up to this mass; 1 is off, 0 keeps one."`
	MinP             *string `group:"Sampling" placeholder:"X" help:"Drop tokens below this share of the best one; 0 is off."`
	TypicalP         *string `name:"typical" aliases:"typical-p" group:"Sampling" placeholder:"X" help:"Locally typical sampling; 1 is off."`
	TopNSigma        *string `name:"top-nsigma" aliases:"top-n-sigma" group:"Sampling" placeholder:"X" help:"Keep tokens within X standard deviations; -1 is off."`
	XTCProbability   *string `name:"xtc-probability" group:"Sampling" placeholder:"X" help:"Chance to exclude top choices; 0 is off."`
	XTCThreshold     *string `name:"xtc-threshold" group:"Sampling" placeholder:"X" help:"Probability that makes a top choice."`
	RepeatLastN      *string `group:"Sampling" placeholder:"N" help:"Tokens the penalties look back; -1 is all."`
	RepeatPenalty    *string `group:"Sampling" placeholder:"X" help:"Penalty on seen tokens; 1 is off."`
	PresencePenalty  *string `group:"Sampling" placeholder:"X" help:"Presence penalty; 0 is off."`
	FrequencyPenalty *string `group:"Sampling" placeholder:"X" help:"Frequency penalty; 0 is off."`
	DryMultiplier    *string `group:"Sampling" placeholder:"X" help:"Penalty on repeated sequences; 0 is off."`
	DryBase          *string `group:"Sampling" placeholder:"X" help:"Its growth per token."`
	DryAllowedLength *string `group:"Sampling" placeholder:"N" help:"Length that is not penalised."`
	DryPenaltyLastN  *string `group:"Sampling" placeholder:"N" help:"Tokens it looks back; -1 is all."`
	DynatempRange    *string `group:"Sampling" placeholder:"X" help:"Dynamic temperature range; 0 is off."`
	DynatempExp      *string `group:"Sampling" placeholder:"X" help:"Its exponent."`
	Mirostat         *string `group:"Sampling" placeholder:"N" help:"Mirostat 1 or 2; 0 is off."`
	MirostatLR       *string `name:"mirostat-lr" group:"Sampling" placeholder:"X" help:"Its learning rate."`
	MirostatEnt      *string `name:"mirostat-ent" group:"Sampling" placeholder:"X" help:"Its target entropy."`
	Samplers         *string `group:"Sampling" placeholder:"LIST" help:"Stages in order, separated by semicolons."`
}

// pairs lists the flags with the names that the engine knows them by.
func (f *samplingFlags) pairs() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{
		{"seed", f.Seed}, {"temperature", f.Temp}, {"top_k", f.TopK}, {"top_p", f.TopP}, {"min_p", f.MinP},
		{"typical_p", f.TypicalP}, {"top_n_sigma", f.TopNSigma}, {"xtc_probability", f.XTCProbability},
		{"xtc_threshold", f.XTCThreshold}, {"repeat_last_n", f.RepeatLastN}, {"repeat_penalty", f.RepeatPenalty},
		{"presence_penalty", f.PresencePenalty}, {"frequency_penalty", f.FrequencyPenalty},
		{"dry_multiplier", f.DryMultiplier}, {"dry_base", f.DryBase}, {"dry_allowed_length", f.DryAllowedLength},
		{"dry_penalty_last_n", f.DryPenaltyLastN}, {"dynatemp_range", f.DynatempRange}, {"dynatemp_exponent", f.DynatempExp},
		{"mirostat", f.Mirostat}, {"mirostat_eta", f.MirostatLR}, {"mirostat_tau", f.MirostatEnt}, {"samplers", f.Samplers},
	}
}

// Validate checks the values: they are tried on the defaults, before a model is loaded.
func (f *samplingFlags) Validate() error {
	var p engine.Sampling // a scratch one: only errors count here
	return f.apply(&p)
}

// apply sets in p what the command line gave.
func (f *samplingFlags) apply(p *engine.Sampling) error {
	for _, o := range f.pairs() {
		if o.value == nil {
			continue
		}
		if err := p.Set(o.name, *o.value); err != nil {
			return err
		}
	}
	return nil
}

// options are the engine's for one answer of m.
func (f *answerFlags) options(m *engine.Model, s *samplingFlags) (*engine.GenerateOptions, error) {
	p := m.Sampling()
	if err := s.apply(&p); err != nil {
		return nil, err
	}
	return &engine.GenerateOptions{MaxTokens: max(f.Predict, 0), Sampling: &p, Stop: f.Stop, IgnoreEOG: f.IgnoreEOS}, nil
}
