package bench

import (
	"github.com/latentgo/latentgo/engine"
)

// work tells what a token of a model takes.
type work struct {
	s             *engine.Session
	perWeightByte float64 // multiply-adds per byte of weights that a step reads
	perCachedByte float64 // and per byte of its cache; 0 where attention is not counted
	output        float64 // values of the output matrix
}

// lookups are matrices of which a token takes rows.
var lookups = map[string]bool{
	"token_embd.weight": true, "position_embd.weight": true, "token_types.weight": true, "per_layer_token_embd.weight": true,
}

// newWork looks at a model.
func newWork(m *engine.Model, s *engine.Session) *work {
	w := &work{s: s}
	f, info := m.File(), m.Info()
	output := "output.weight"
	if _, err := f.Tensor(output); err != nil {
		output = "token_embd.weight" // the embeddings are the output matrix too
	}
	var values, bytes float64
	for _, t := range f.Tensors() {
		if len(t.Shape) < 2 || lookups[t.Name] && t.Name != output {
			continue
		}
		if t.Name == output {
			w.output = float64(t.Elements())
		}
		values += float64(t.Elements())
		bytes += float64(t.Size())
	}
	if bytes > 0 {
		w.perWeightByte = values / bytes
	}
	if (info.MLA == engine.MLAExact.String() || info.MLA == engine.MLAOff.String()) && info.KVHeads > 0 && s.TokenBytes() > 0 {
		cached := float64(info.CacheBytes) / 2 // values per token
		w.perCachedByte = cached * float64(info.Heads) / float64(info.KVHeads) / float64(s.TokenBytes())
	}
	return w
}

// describe fills in what a row's rate means.
func (w *work) describe(row *Row) {
	mean := row.Depth + row.Tokens/2
	weights, cache := w.s.StepBytes(mean)
	_, empty := w.s.StepBytes(0) // a recurrent layer's state is as large at any depth
	products := float64(weights)*w.perWeightByte + float64(cache-empty)*w.perCachedByte
	if row.Kind == Prompt {
		products -= w.output * (1 - 1/float64(row.Tokens)) // only the last token has logits
	}
	row.GMACs = Round2(row.Rate.Median * products / 1e9)
	if row.Kind != Decode {
		return
	}
	row.WeightBytes, row.CacheBytes = w.s.StepBytes(row.Depth)
	steps := row.Rate.Median / float64(row.Sequences)
	row.GBs = Round2(steps * (float64(weights) + float64(row.Sequences)*float64(cache)) / 1e9)
}
