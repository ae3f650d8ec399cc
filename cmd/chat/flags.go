package main

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

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

// modelFlag names a model.
type modelFlag struct {
	Model string `short:"m" name:"model" type:"nonempty" placeholder:"MODEL" help:"Path of a GGUF file, owner/repo[:QUANT] of Hugging Face, a URL, or a name (default ${model})."`
}

// take sets the model that a command's argument names, which may be "" for none.
func (f *modelFlag) take(arg string) error {
	switch {
	case arg == "":
	case f.Model != "":
		return fmt.Errorf("the model is named twice: %q and -m %q", arg, f.Model)
	default:
		f.Model = arg
	}
	return nil
}

// threadsFlag says how many threads compute.
type threadsFlag struct {
	Threads int `short:"t" placeholder:"N" help:"Threads that compute; 0 uses all processors, more than those are not used."`
}

// Validate checks the value.
func (f *threadsFlag) Validate() error {
	if f.Threads < 0 {
		return fmt.Errorf("--threads must be between 0 and the number of processors, not %d", f.Threads)
	}
	return nil
}

// count is the number of threads for the engine. More than there are processors would wait for each other at every
// layer: they are left out with a warning.
func (f *threadsFlag) count(a *app) int {
	most := min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	if f.Threads <= most {
		return f.Threads
	}
	a.note("chat: -t %d: there are %d processors for this program, so %d threads compute", f.Threads, most, most)
	return most
}

// loadFlags say which model to load, and how.
type loadFlags struct {
	modelFlag
	threadsFlag
	Lock       bool   `help:"Keep the model in memory, so that no other program can push it out."`
	SmallPages bool   `name:"no-huge-pages" help:"Leave the weights in the file's pages, which programs share, instead of moving them into huge ones, which are faster to read (Linux)."`
	MLA        string `name:"mla" default:"exact" placeholder:"FORM" help:"Attention: exact is latent attention without loss, off keeps it as it is; 50%, 64+128 (rotated+latent values per layer) or 11520B (per token) compress the cache to that (default ${default})."`
	convertFlags
	loraFlags
}

// Validate checks the values.
func (f *loadFlags) Validate() error {
	if err := f.loraFlags.Validate(); err != nil {
		return err
	}
	form, err := engine.ParseMLA(f.MLA)
	if err != nil {
		return fmt.Errorf("--mla: %w", err)
	}
	if err := f.threadsFlag.Validate(); err != nil {
		return err
	}
	return f.convertFlags.check(form, engine.Cache{})
}

// cachedFlags say which model to load, and how its sessions cache.
type cachedFlags struct {
	loadFlags
	cacheFlag
}

// Validate checks the values.
func (f *cachedFlags) Validate() error {
	plain := f.loadFlags
	if mayCalibrate(f.Cache.Cache) {
		plain.convertFlags = convertFlags{}
	}
	if err := plain.Validate(); err != nil || !mayCalibrate(f.Cache.Cache) {
		return err
	}
	if f.MLA != "exact" {
		return fmt.Errorf("--cache %v is for exact attention: leave --mla %s out", f.Cache, f.MLA)
	}
	return f.convertFlags.check(engine.MLA{}, f.Cache.Cache)
}

// calibFlags say what decides how a model is compressed.
type calibFlags struct {
	Calib  string `type:"nonempty" placeholder:"FILE" group:"Compression" help:"Text that decides what of the cache is kept; without it the model writes some itself."`
	Seed   uint64 `name:"calib-seed" placeholder:"N" group:"Compression" help:"Seed of the text that the model writes."`
	Tokens int    `name:"calib-tokens" placeholder:"N" group:"Compression" help:"Tokens of it, or how many the model writes; 0 is 8192, written 6144, for llama.cpp twice as many, of a text with --refine 32768."`
	Exact  []int  `placeholder:"N,…" group:"Compression" help:"Layers that stay as they are, counted from 0."`
}

// check finds wrong values.
func (f *calibFlags) check() error {
	if f.Tokens < 0 {
		return fmt.Errorf("--calib-tokens must not be negative, it is %d", f.Tokens)
	}
	return nil
}

// convertFlags say how a model is compressed at load.
type convertFlags struct {
	calibFlags
	NoCache bool `group:"Compression" help:"Convert again, and do not keep the result for the next start."`
}

// check finds wrong values, and flags that would do nothing for a form.
func (f *convertFlags) check(form engine.MLA, cache engine.Cache) error {
	if err := f.calibFlags.check(); err != nil || form.Compressed() {
		return err
	}
	if mayCalibrate(cache) {
		if f.Exact != nil {
			return errors.New("--exact is about --mla: calibrated codes have no exact layers")
		}
		return nil
	}
	for _, o := range []struct {
		set  bool
		name string
	}{{f.Calib != "", "calib"}, {f.Seed != 0, "calib-seed"}, {f.Tokens != 0, "calib-tokens"}, {f.Exact != nil, "exact"}, {f.NoCache, "no-cache"}} {
		if o.set {
			return fmt.Errorf("--%s is about compression: --mla 50%% or --cache 14%% ask for it", o.name)
		}
	}
	return nil
}

// options are the engine's for a conversion, without a form; the text is read.
func (f *convertFlags) options(a *app) (*engine.ConvertOptions, error) {
	o, err := f.calibFlags.options(a)
	if err == nil {
		o.NoCache = f.NoCache
	}
	return o, err
}

// options are the engine's for a conversion, without a form; the text is read.
func (f *calibFlags) options(a *app) (*engine.ConvertOptions, error) {
	o := &engine.ConvertOptions{Seed: f.Seed, Tokens: f.Tokens, Exact: f.Exact}
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

// nonempty reads a text that must not be empty, such as a name: an empty one is a shell variable that is not set, and
// must not mean the default. Flags ask for it by type:"nonempty".
func nonempty(ctx *kong.DecodeContext, target reflect.Value) error {
	var s string
	if err := ctx.Scan.PopValueInto("string", &s); err != nil {
		return err
	}
	if s == "" {
		return errors.New("must not be empty; leave it out for the default")
	}
	target.SetString(s)
	return nil
}

// sessionFlags say how much a session holds.
type sessionFlags struct {
	Context int `short:"c" name:"ctx-size" aliases:"ctx,context" placeholder:"N" help:"Tokens the conversation may have; 0 is what the model was trained for, at most 8192."`
}

// cacheFlag says how keys, values and latents are cached.
type cacheFlag struct {
	Cache cacheForm `name:"cache" placeholder:"TYPE" help:"Cached keys and values: f16; q8, half of the memory; q4, about a quarter; or a share of it such as 28% or 14%, or bytes per token such as 3KiB, below 28% with codes that are calibrated once; auto:0.01 is the smallest such cache that loses 0.01 nats (default f16)."`
}

// mayCalibrate reports whether a cache is, or may turn out to be, one that text calibrates.
func mayCalibrate(c engine.Cache) bool { return c.Share > 0 || c.TokenBytes > 0 }

// cacheForm reads the engine's form.
type cacheForm struct{ engine.Cache }

// Decode implements kong.MapperValue.
func (c *cacheForm) Decode(ctx *kong.DecodeContext) (err error) {
	var s string
	if err := ctx.Scan.PopValueInto("string", &s); err != nil {
		return err
	}
	c.Cache, err = engine.ParseCache(s)
	return err
}

// shareForm reads the share of a cache with calibrated codes.
type shareForm struct{ engine.Cache }

// Decode implements kong.MapperValue.
func (c *shareForm) Decode(ctx *kong.DecodeContext) error {
	var s string
	if err := ctx.Scan.PopValueInto("string", &s); err != nil {
		return err
	}
	if strings.HasPrefix(s, "auto:") {
		var err error
		c.Cache, err = engine.ParseCache(s)
		return err
	}
	n, percent := strings.CutSuffix(s, "%")
	share, err := strconv.ParseFloat(n, 64)
	if err != nil || !percent {
		return fmt.Errorf("%q is no share such as 14%%; q8 and q4 need nothing in the file: ask for them where it is used", s)
	}
	c.Cache = engine.Cache{Type: engine.CacheCalibrated, Share: share / 100}
	return nil
}

// Validate checks the values.
func (f *sessionFlags) Validate() error {
	switch {
	case f.Context < 0:
		return fmt.Errorf("--ctx-size must not be negative, it is %d", f.Context)
	case f.Context > engine.MaxContext:
		return fmt.Errorf("--ctx-size must be at most %d, it is %d", engine.MaxContext, f.Context)
	}
	return nil
}

// options are the engine's.
func (f *sessionFlags) options() *engine.SessionOptions {
	return &engine.SessionOptions{Context: f.Context}
}

// answerFlags say when an answer ends.
type answerFlags struct {
	Predict   int      `short:"n" name:"n-predict" aliases:"predict" placeholder:"N" help:"Tokens of an answer at most; 0 or -1 is no limit."`
	Stop      []string `name:"stop" sep:"none" placeholder:"TEXT" help:"End the answer before this text (may be repeated)."`
	IgnoreEOS bool     `name:"ignore-eos" help:"Go on after the model ended its answer."`
	TrustText bool     `name:"trust-text" help:"Let control tokens that a prompt spells out act, as in llama.cpp; otherwise they are text."`
	Verbose   bool     `help:"Print prompt and decode speed after each answer."`
	grammarFlags
}

// Validate checks the values.
func (f *answerFlags) Validate() error {
	if f.Predict < -1 {
		return fmt.Errorf("-n must be positive, 0 or -1, not %d", f.Predict)
	}
	return f.grammarFlags.Validate()
}

// options are the engine's for one answer of m.
func (f *answerFlags) options(m *engine.Model, s *samplingFlags) (*engine.GenerateOptions, error) {
	p := m.Sampling()
	if err := s.apply(&p); err != nil {
		return nil, err
	}
	g, err := f.grammar()
	return &engine.GenerateOptions{
		MaxTokens: max(f.Predict, 0), Sampling: &p, Stop: f.Stop, IgnoreEOG: f.IgnoreEOS, Grammar: g,
	}, err
}
