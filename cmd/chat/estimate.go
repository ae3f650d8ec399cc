package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/bandwidth"
)

// estimateFlags say of what session inspect is to tell how much memory it takes and how fast it is.
type estimateFlags struct {
	Context int       `short:"c" name:"ctx-size" aliases:"ctx,context" placeholder:"N" help:"Also tell what a session of so many tokens takes, and how fast this machine's memory lets it be."`
	Cache   cacheForm `name:"cache" placeholder:"TYPE" help:"The session's cache: f16, q8, q4, or a share such as 14%; with --ctx-size (default f16)."`
}

// Validate checks the values.
func (f *estimateFlags) Validate() error {
	if f.Cache.Cache != (engine.Cache{}) && f.Context == 0 {
		return errors.New("--cache is of a session: give its --ctx-size too")
	}
	if f.Cache.MaxKL > 0 {
		return errors.New("--cache: how small a cache may be for a divergence is found out with the weights: chat compare tells")
	}
	return (&sessionFlags{Context: f.Context}).Validate()
}

// estimated is what a full session takes.
type estimated struct {
	Context    int     `json:"context"`
	Cache      string  `json:"cache"`
	Bytes      int     `json:"cache_bytes"`
	TokenBytes int     `json:"token_bytes"`
	FixedBytes int     `json:"fixed_bytes"` // however long the session is
	Weights    int     `json:"step_weight_bytes"`
	Read       int     `json:"step_cache_bytes"` // of the last token
	Threads    int     `json:"threads"`
	GBPerS     float64 `json:"read_gb_per_s"`
	PerSecond  float64 `json:"most_tokens_per_s"`
}

// estimate finds out what a session takes, of the header alone.
func (f *estimateFlags) estimate(a *app, file *gguf.File) (e estimated, err error) {
	hollow, err := file.Hollow()
	if err != nil {
		return e, err
	}
	cache, share := f.Cache.Cache, f.Cache.Share
	if mayCalibrate(cache) {
		cache = engine.Cache{} // the bytes of a calibrated one are a share of these
	}
	m, err := engine.LoadGGUF(a.ctx, hollow, &engine.Options{Cache: cache})
	if err != nil {
		return e, err
	}
	defer m.Close()
	if n := m.Info().Context; f.Context > n {
		a.note("chat: the model was trained for %d tokens", n)
	}
	s, err := m.NewSession(&engine.SessionOptions{Context: f.Context})
	if err != nil {
		return e, err
	}
	defer s.Close()
	e = estimated{Context: f.Context, Cache: f.Cache.String(), TokenBytes: s.TokenBytes(), FixedBytes: s.FixedBytes()}
	if c := m.Conversion(); c != nil && f.Cache.Cache == (engine.Cache{}) {
		if form, ok := strings.CutPrefix(c.Form, "cache "); ok {
			e.Cache = form // what the file was written for
		}
	}
	e.Weights, e.Read = s.StepBytes(f.Context - 1)
	if n := f.Cache.TokenBytes; n > 0 && e.TokenBytes > 0 {
		share = min(float64(n)/float64(e.TokenBytes), 1)
	}
	if share > 0 {
		e.TokenBytes, e.Read = int(share*float64(e.TokenBytes)), int(share*float64(e.Read))
	}
	e.Bytes = f.Context*e.TokenBytes + e.FixedBytes
	e.Threads = m.Info().Threads
	e.GBPerS = slices.Max(bandwidth.Measure(e.Threads, 256<<20, 3))
	e.PerSecond = 1e9 * e.GBPerS / float64(max(e.Weights+e.Read, 1))
	return e, nil
}

// print writes two lines about it.
func (e estimated) print(w io.Writer) {
	size := func(n int) string { return human.Size(int64(n)) }
	_, _ = fmt.Fprintf(w, "\nsession of %d tokens, cache %s: %s, %s per token", e.Context, e.Cache, size(e.Bytes), size(e.TokenBytes))
	if e.FixedBytes > 0 {
		_, _ = fmt.Fprintf(w, " and %s", size(e.FixedBytes))
	}
	_, _ = fmt.Fprintf(w, "\n  its last token reads %s of weights and %s of cache: at most %.3g tokens/s at %.3g GB/s,\n  which %d threads read here\n",
		size(e.Weights), size(e.Read), e.PerSecond, e.GBPerS, e.Threads)
}
