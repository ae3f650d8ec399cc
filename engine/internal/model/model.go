package model

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/lora"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/pool"
)

// Options says how Load prepares a model.
type Options struct {
	Threads  int   // workers, at least 1
	Watch    Watch // for what goes into the matrices; nil for nobody who asks
	PlainGQA bool  // keep grouped-query attention plain instead of running it as latent attention in its exact form
	// Tensors replace the file's of the same name or come on top of them; may be nil.
	Tensors  map[string]*Tensor
	Adapters []lora.Scaled // added while the model runs
}

// Model is a decoder with its weights, its worker pool and a lane for passes. One pass runs at a time: callers take turns.
type Model struct {
	Lane
	coded     bool // some layers have calibrated codes
	spec      *Spec
	file      *gguf.File
	options   Options
	ropes     []ropePlan
	embed     *kernel.Matrix // [vocab, width]
	output    Linear         // [vocab, width]; the embedding when tied
	norm      *normWeights   // before the output
	embedNorm *normWeights   // on embeddings, or nil
	head      *classifier    // of a model that has one, or nil
	dense     dense
	typeEmbed []float32      // embedding of token type 0, or nil
	positions *kernel.Matrix // [context, width] learned position embeddings, or nil
	perLayer  *perLayer      // embeddings that layers add, or nil
	streams   *streams       // of AltUp's copies of the residual stream, or nil
	copies    copiesEnds     // of other copies, or nil
	bias      []float32      // of the output, or nil
	layers    []*Layer
	cached    attention.Meter // of sequences
}

// ropePlan is a position embedding, and with compressed layers its form by blocks of positions.
type ropePlan struct {
	rope             *attn.Rope
	long             *attn.Rope // of sequences with a long context, see Sequence.SetContext; nil for the same
	block, longBlock *attention.BlockRope
}

// Load finds every tensor that the spec names and makes a model of them. A tensor of f that it does not name is an
// error that wraps ErrUnsupported, since it would be left out of what the model computes.
func Load(f *gguf.File, s *Spec, o Options) (*Model, error) {
	m := &Model{spec: s, file: f, options: o}
	m.Lane.model = m
	var err error
	if m.ropes, err = planRopes(f, s); err != nil {
		return nil, err
	}
	for _, a := range o.Adapters {
		if err := a.Check(s.Arch); err != nil {
			return nil, err
		}
	}
	ld := m.loader(o.Tensors)
	for _, name := range s.factorTensors() {
		ld.asked[name] = true
	}
	ld.around(m)
	for i := range s.Layers {
		if ld.err != nil {
			break
		}
		m.layers = append(m.layers, ld.layer(i))
	}
	ld.required()
	ld.leftovers()
	ld.unchanged()
	if ld.err != nil {
		return nil, ld.err
	}
	m.coded = ld.coded
	m.exec = newExecutor(m, pool.New(max(o.Threads, 1)))
	return m, nil
}

// around loads what lies before and behind the layers.
func (ld *Loader) around(m *Model) {
	s := m.spec
	m.embed = ld.matrix("token_embd.weight", s.Vocab, s.Width)
	m.norm = ld.streamNorm(cmp.Or(s.OutputNorm, "output_norm"))
	if s.EmbedNorm {
		m.embedNorm = ld.norm("token_embd_norm", s.Width)
	}
	if s.EmbedUnit {
		m.embedNorm = &normWeights{eps: s.Eps}
	}
	if s.Classifier != nil {
		m.head = ld.classifier(*s.Classifier)
	}
	if s.Dense {
		m.dense = ld.dense()
	}
	if s.TokenTypes {
		ld.tokenType(m)
	}
	if s.Positions {
		m.positions = ld.matrix(positionTable, s.Context, s.Width)
	}
	if s.LayerEmbedding > 0 {
		m.perLayer = ld.perLayer()
	}
	if s.AltUp.Streams > 0 {
		m.streams = ld.streams()
	}
	if s.Copies != nil {
		m.copies = s.Copies.ends(ld)
	}
	if s.OutputBias {
		m.bias = ld.vector("output.bias", s.Vocab, false)
	}
	m.output = Linear{m.embed, 1, nil, nil}
	if !s.Tied && !s.Encoder && ld.has("output.weight") {
		m.output = ld.linear("output", s.Vocab, s.Width, s.OutputScale)
	}
}

func (m *Model) loader(over map[string]*Tensor) *Loader {
	return &Loader{f: m.file, over: over, spec: m.spec, ropes: m.ropes, plain: m.options.PlainGQA, watch: m.options.Watch, asked: map[string]bool{},
		adapters: m.options.Adapters, changed: map[*lora.Pair]bool{}}
}

// layer loads layer i.
func (ld *Loader) layer(i int) *Layer {
	s := ld.spec.Layers[i]
	l := &Layer{Index: i, Spec: s, state: i, outScale: 1}
	i -= s.Repeats // of its tensors
	if ld.scaled = nil; s.OwnScales {
		ld.scaled = func(name string) string { return LayerName(l.Index, strings.TrimPrefix(name, LayerName(i, ""))) }
	}
	name := func(n string) string { return LayerName(i, n) }
	if !s.NoPreNorm {
		l.norm = ld.layerNorm(i, cmp.Or(s.MixerNorm, "attn_norm"))
		if s.FFN != nil {
			l.ffnNorm = ld.layerNorm(i, cmp.Or(s.FFNNorm, "ffn_norm"))
		}
	}
	if s.SumNorms {
		ld.sumNorms(l)
	}
	if s.PostNorm {
		l.postNorm = ld.layerNorm(i, cmp.Or(s.MixerPostNorm, "post_attention_norm"))
		l.postFFNNorm = ld.layerNorm(i, cmp.Or(s.FFNPostNorm, "post_ffw_norm"))
		if s.PostEps != 0 {
			l.postNorm.eps, l.postFFNNorm.eps = s.PostEps, s.PostEps
		}
	}
	if s.Mixer != nil {
		l.mixer = s.Mixer.load(ld, i)
		ld.forms(l)
		if a, ok := s.Mixer.(Attention); ok {
			l.state -= a.Shares
		}
	}
	if s.NGrams != nil {
		l.grams = s.NGrams.load(ld, i)
		l.mixer = &gramMixer{l.mixer, l.grams}
	}
	if s.FFN != nil {
		l.ffn = s.FFN.load(ld, i)
	}
	if s.Side != nil {
		l.sideNorm, l.side = ld.layerNorm(i, s.SideNorm), s.Side.load(ld, i)
	}
	if s.StreamNorm != "" {
		l.fedNorm = ld.norm(s.StreamNorm, ld.spec.Width)
	}
	l.embedding, l.altUp = ld.layerEmbedding(i), ld.altUp(i)
	ld.surround(l)
	if ld.err == nil && l.mixer != nil {
		l.types = l.altUp.inputs(l.mixer.inputs())
	}
	if s.OutputScale || s.EmbedSkip {
		if f := ld.vector(name("layer_output_scale.weight"), 1, s.EmbedSkip); f != nil {
			l.outScale = f[0]
		}
	}
	return l
}

// LoadLayer loads layer i as spec says, which need not be the model's own, with tensors that replace the file's.
// Buffers of the next pass are made large enough for it.
func (m *Model) LoadLayer(i int, spec *Spec, over map[string]*Tensor) (*Layer, error) {
	ld := m.loader(over)
	ld.spec, ld.plain = spec, true
	if err := m.addBlockRopes(spec); err != nil {
		return nil, err
	}
	ld.ropes = m.ropes
	l := ld.layer(i)
	if ld.err != nil {
		return nil, ld.err
	}
	m.exec.include(l)
	return l, nil
}

// addBlockRopes plans block-wise RoPE for compressed layers of a spec, where it is not planned yet.
func (m *Model) addBlockRopes(s *Spec) error {
	for i := range m.ropes {
		if m.ropes[i].block != nil || !s.usesRecent() {
			continue
		}
		if err := m.ropes[i].planBlocks(s.BlockRopePhase); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the workers. No pass may be under way or follow.
func (m *Model) Close() { m.exec.pool.Close() }

// Spec returns what the model was built from. It must not be changed.
func (m *Model) Spec() *Spec { return m.spec }

// File returns the file whose tensors the model has.
func (m *Model) File() *gguf.File { return m.file }

// Vocab returns the number of tokens.
func (m *Model) Vocab() int { return m.spec.Vocab }

// BatchSize returns the most rows that a pass takes.
func (m *Model) BatchSize() int { return m.exec.batch }

// Shareable reports whether what a sequence computes does not depend on what else is in its passes, nor on how its
// prompts are cut into passes, to the bit. Otherwise it takes passes of its own.
func (m *Model) Shareable() bool {
	return !slices.ContainsFunc(m.layers, func(l *Layer) bool { return l.mixer != nil && !l.mixer.shareable() })
}

// Layer returns layer i.
func (m *Model) Layer(i int) *Layer { return m.layers[i] }

// Rope returns a position embedding, and its form by blocks of positions where there are compressed layers.
func (m *Model) Rope(i int) (*attn.Rope, *attention.BlockRope) {
	return m.ropes[i].rope, m.ropes[i].block
}

// PlanRopes makes Rope tell the block-wise form of position embeddings that a spec's compressed layers need.
func (m *Model) PlanRopes(s *Spec) error { return m.addBlockRopes(s) }

// Workers returns how many workers compute.
func (m *Model) Workers() int { return m.exec.pool.Size() }

// StepBytes returns what a decode step after depth tokens reads: bytes of weights, each matrix once and of a mixture
// the experts that a token uses, and bytes of a sequence's states.
func (m *Model) StepBytes(f CacheFormat, depth int) (weights, cache int) {
	weights = matrixBytes(m.output.Matrix)
	for _, l := range m.layers {
		if l.mixer != nil {
			w, c := l.mixer.bytes(f, depth)
			weights, cache = weights+w, cache+c
		}
		if l.ffn != nil {
			weights += l.ffn.bytes()
		}
		if l.side != nil {
			weights += l.side.bytes()
		}
		weights += l.embedding.bytes() + l.altUp.bytes()
	}
	return weights, cache
}

// errTooMany is a caller's mistake: it asked BatchSize.
var errTooMany = errors.New("more rows than a pass takes")
