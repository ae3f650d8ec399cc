package arch

import (
	"math"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// qwen4exp is Qwen 4 (experimental), as a text model: Qwen 3.5's delta nets and gated attention, in most layers to blocks
// of tokens that an indexer picks; copies of the residual stream; and in one layer what a table says of n-grams.
func qwen4exp(r *model.Reader) *model.Spec {
	s := qwenHybridExperts(r, model.DeltaNet{Scales: true, Sigmoid: true})
	r.Sections(&s.Ropes[0], true)
	c := model.GatedCopies{Copies: r.Size("hyper_connection.count", -1, 2, model.MaxCopies), Rank: r.Size("hyper_connection.low_rank", -1, 1, model.MaxWidth)}
	s.Copies, s.OutputNorm = c, model.NoNorm
	blocks := qwen4Blocks(r, s)
	for i := range s.Layers {
		l := &s.Layers[i]
		l.NoPreNorm = true
		if a, ok := l.Mixer.(model.Attention); ok {
			a.Index, a.Unbiased = blocks[i], true
			l.Mixer = a
		}
	}
	qwen4Grams(r, s, c.Copies)
	return s
}

// qwen4Blocks reads which blocks of tokens each layer attends to.
func qwen4Blocks(r *model.Reader, s *model.Spec) []model.BlockIndexer {
	const ratios = "attention.compress_ratios"
	x := r.Indexer(s.Ropes[0].Dims)
	out := make([]model.BlockIndexer, len(s.Layers))
	for i, tokens := range r.Sizes(ratios, len(out), make([]int, len(out)), 0, 64) {
		out[i] = model.BlockIndexer{Size: x.Size, Heads: x.Heads}
		if tokens == 0 {
			continue
		}
		if x.TopK%tokens != 0 {
			r.Fail(ratios, "layer %d: blocks of %d tokens don't divide the %d that are picked", i, tokens, x.TopK)
		}
		out[i].Block, out[i].Blocks = tokens, x.TopK/tokens
	}
	return out
}

// qwen4Grams reads in which layer n-grams are added, and how they are looked up.
func qwen4Grams(r *model.Reader, s *model.Spec, copies int) {
	const layers, row, size = "ple.layers", "embedding_length_per_layer_input", "ple.ngram_size"
	if !r.Has(layers) {
		return
	}
	at := r.Ints(layers, 1)
	if n, err := r.File().Ints(r.Arch() + "." + layers); err == nil && len(n) > 1 {
		r.Refuse("key %q: n-grams in %d layers", r.Arch()+"."+layers, len(n))
	}
	g := model.NGrams{Copies: copies, Size: r.Size(size, -1, 2, model.MaxNGram), Heads: r.Size("ple.heads_per_ngram", -1, 1, model.MaxNGramRows)}
	g.Conv, g.RowSize = r.Size("ple.conv_kernel", -1, 2, 1<<8), r.Size(row, -1, 1, model.MaxWidth)
	g.End = int32(r.Size("ple.eos_token_id", -1, 0, math.MaxInt32))
	rows := (g.Size - 1) * g.Heads
	if rows*g.RowSize != s.Width {
		r.Fail(row, "%d rows of %d values, want %d in all", rows, g.RowSize, s.Width)
	}
	g.Multipliers, g.Offsets, g.Counts = r.Ints("ple.layer_multipliers", g.Size), r.Ints("ple.head_offsets", rows), r.Ints("ple.head_vocab_sizes", rows)
	for i, n := range g.Counts {
		if n < 1 || n > math.MaxInt32 || g.Offsets[i] < 0 || g.Offsets[i] > math.MaxInt32 {
			r.Fail("ple.head_vocab_sizes", "%d rows from %d on", n, g.Offsets[i])
		}
	}
	if r.Err() != nil {
		return
	}
	if i := at[0]; i < 0 || i >= int64(len(s.Layers)) || !slices.ContainsFunc(s.Layers[i:i+1], recurrentLayer) {
		r.Fail(layers, "%d is no layer of a delta net", i)
		return
	}
	s.Layers[at[0]].NGrams = &g
}

func recurrentLayer(l model.LayerSpec) bool {
	_, ok := l.Mixer.(model.DeltaNet)
	return ok
}
