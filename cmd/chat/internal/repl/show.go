package repl

import (
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/sample"
)

// show implements /show.
func (r *repl) show(string) bool {
	in := r.Backend.Info()
	used := r.Backend.Used()
	for _, line := range [][2]string{
		{"model", fmt.Sprintf("%s, %s, %s", title(in), in.Architecture, in.FileType)},
		{"file", r.Path},
		{"weights", fmt.Sprintf("%s in %s", human.Count(in.Parameters), human.Size(in.WeightBytes))},
		{"layers", fmt.Sprintf("%d of width %d; %d heads and %d key/value heads of %d; vocabulary %d", in.Layers, in.Embedding, in.Heads, in.KVHeads, in.HeadSize, in.Vocab)},
		{"attention", attention(in)},
		{"KV cache", cache(in, used)},
		{"context", fmt.Sprintf("%d tokens; trained for %d", r.Backend.Context(), in.Context)},
		{"compute", fmt.Sprintf("%d threads, %s", in.Threads, in.CPU)},
		{"system", r.system()},
		{"sampling", r.samplingLine()},
		{"conversation", fmt.Sprintf("%d messages", len(r.history))},
	} {
		r.printf("  %-13s %s\n", line[0], human.Line(line[1]))
	}
	return false
}

// cache says what a number of tokens takes.
func cache(in engine.Info, used int) string {
	fixed := ""
	if in.RecentBytes > 0 {
		fixed = fmt.Sprintf(" and %s for the newest", human.Size(int64(in.RecentBytes)))
	}
	return fmt.Sprintf("%d bytes per token%s; %d bytes in use by %d tokens", in.CacheBytes, fixed, in.RecentBytes+in.CacheBytes*used, used)
}

// attention says which form runs, with r and L of latent attention.
func attention(in engine.Info) string {
	if in.RopeSize == 0 && in.LatentSize == 0 {
		return "grouped-query (mla off)"
	}
	return fmt.Sprintf("latent (mla %s): r = %d values under RoPE, L = %d latent values per token and layer", in.MLA, in.RopeSize, in.LatentSize)
}

// system is the system prompt on one line.
func (r *repl) system() string {
	if r.System == "" {
		return "(the template's own)"
	}
	return r.System
}

// samplingLine lists the parameters that are not at their defaults, and the four that everybody asks for.
func (r *repl) samplingLine() string {
	def := sample.DefaultParams()
	var parts []string
	for _, f := range sample.Fields() {
		value, err := r.sampling.Get(f.Name)
		standard, _ := def.Get(f.Name)
		switch f.Name {
		case "temperature", "top_k", "top_p", "min_p":
		default:
			if value == standard {
				continue
			}
		}
		if err == nil {
			parts = append(parts, f.Name+" "+value)
		}
	}
	return strings.Join(parts, ", ") + " (/set lists all)"
}
