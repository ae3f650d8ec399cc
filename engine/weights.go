package engine

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/quant"
)

// weights are a model's tensors by role. Matrices lie in the file's mapping; vectors are copies in float32.
type weights struct {
	embed  *quant.Matrix // [vocab, width]
	output linear        // [vocab, width]; the embedding when tied
	norm   []float32     // before the output
	bias   []float32     // of the output, or nil
	layers []layer
}

// linear is a matrix whose products are multiplied by a scale, 1 in most files.
type linear struct {
	*quant.Matrix
	scale float32
}

// Mul is quant.Matrix.Mul with the scale applied.
func (l linear) Mul(dst []float32, ld int, a *quant.Act, r0, r1 int) {
	l.Matrix.Mul(dst, ld, a, r0, r1)
	if l.scale != 1 {
		for t := range a.N {
			scale(dst[t*ld:][r0:r1], l.scale)
		}
	}
}

// layer is one transformer block: its tensors (nil where the model has none) and the form of its attention.
type layer struct {
	geo   attn.Geometry // of the model
	attn  *attn.Layer   // over the cache
	lat   *latent       // nil unless the cache is compressed
	rope  int           // index of its position embedding
	local bool

	attnNorm, postAttnNorm []float32
	q, k, v, o             linear
	in                     []linear // projections
	qBias, kBias, vBias    []float32
	oBias                  []float32
	qNorm, kNorm           []float32

	ffnNorm, postFFNNorm       []float32
	gate, up, down             linear
	gateBias, upBias, downBias []float32
	moe                        *moe // nil unless it is a mixture of experts; gate, up and down are then the shared ones
	// forms in which the inputs of q k v, of o, of gate and up, and of down are wanted
	inForms, outForms, ffnForms, downForms []quant.Form
}

// loader finds tensors by name, those of a conversion first, and keeps the first error.
type loader struct {
	f    *gguf.File
	over map[string]*tensor // replace f's tensors or come on top of them; may be nil
	err  error
}

// tensor is a tensor of a file, or one that a conversion made.
type tensor struct {
	name  string
	typ   quant.Type
	shape []uint64 // fastest dimension first
	bytes func() ([]byte, error)
}

func (ld *loader) fail(t *tensor, err error) {
	if ld.err == nil && err != nil {
		ld.err = fmt.Errorf("%s: tensor %q: %w", ld.f.Name(), t.name, err)
	}
}

func (ld *loader) has(name string) bool {
	_, err := ld.tensor(name)
	return err == nil
}

func (ld *loader) tensor(name string) (*tensor, error) {
	if t, ok := ld.over[name]; ok {
		return t, nil
	}
	t, err := ld.f.Tensor(name)
	if err != nil {
		return nil, err
	}
	return fileTensor(t), nil
}

// elements returns the number of weights.
func (t *tensor) elements() uint64 {
	n := uint64(1)
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// size returns the bytes that they take.
func (t *tensor) size() uint64 {
	n, size := t.typ.Block()
	return t.elements() / uint64(n) * uint64(size)
}

func fileTensor(t *gguf.Tensor) *tensor { return &tensor{t.Name, t.Type, t.Shape, t.Bytes} }

// find returns the tensor and its bytes when its shape is [dims…], fastest dimension first.
func (ld *loader) find(name string, dims ...int) (*tensor, []byte) {
	if ld.err != nil {
		return nil, nil
	}
	t, err := ld.tensor(name)
	if err != nil {
		ld.err = err
		return nil, nil
	}
	if !sameShape(t.shape, dims) {
		ld.fail(t, fmt.Errorf("shape %v, want %v: %w", t.shape, dims, ErrInvalid))
		return nil, nil
	}
	b, err := t.bytes()
	ld.fail(t, err)
	return t, b
}

// sameShape compares shapes; trailing ones don't matter.
func sameShape(shape []uint64, dims []int) bool {
	for i := range max(len(shape), len(dims)) {
		a, b := uint64(1), uint64(1)
		if i < len(shape) {
			a = shape[i]
		}
		if i < len(dims) {
			b = uint64(dims[i])
		}
		if a != b {
			return false
		}
	}
	return true
}

// matrix loads weights [rows, cols].
func (ld *loader) matrix(name string, rows, cols int) *quant.Matrix {
	t, b := ld.find(name, cols, rows)
	if ld.err != nil {
		return nil
	}
	m, err := quant.NewMatrix(t.typ, rows, cols, b)
	ld.fail(t, err)
	return m
}

// linear loads "<name>.weight" and the scale that quantisers such as NVFP4's leave in "<name>.scale".
func (ld *loader) linear(name string, rows, cols int, scaled bool) linear {
	l := linear{ld.matrix(name+".weight", rows, cols), 1}
	if s := ld.vector(name+".scale", 1, false); s != nil && scaled {
		l.scale = s[0]
	}
	if f := float64(l.scale); ld.err == nil && (f == 0 || math.IsNaN(f) || math.IsInf(f, 0)) {
		ld.err = fmt.Errorf("%s: tensor %q: scale %v: %w", ld.f.Name(), name+".scale", f, ErrInvalid)
	}
	return l
}

// vector loads n weights as float32; nil when the tensor is missing and not required.
func (ld *loader) vector(name string, n int, required bool) []float32 {
	if !required && !ld.has(name) {
		return nil
	}
	t, b := ld.find(name, n)
	if ld.err != nil {
		return nil
	}
	v := make([]float32, n)
	ld.fail(t, quant.Dequantize(v, t.typ, b))
	return v
}

// loadWeights finds every tensor that the architecture has. Shapes follow from the hyperparameters.
func loadWeights(f *gguf.File, over map[string]*tensor, h *hparams, form MLA) (*weights, error) {
	ld := &loader{f: f, over: over}
	t, err := f.Tensor("token_embd.weight")
	if err != nil {
		return nil, err
	}
	if len(t.Shape) != 2 || t.Shape[1] == 0 || t.Shape[1] > maxWidth*16 {
		return nil, fmt.Errorf("%s: tensor %q: shape %v is not [width, vocabulary]: %w", f.Name(), t.Name, t.Shape, ErrInvalid)
	}
	vocab := int(t.Shape[1])
	w := &weights{
		embed:  ld.matrix("token_embd.weight", vocab, h.embed),
		norm:   ld.vector("output_norm.weight", h.embed, true),
		bias:   ld.vector("output.bias", vocab, false),
		layers: make([]layer, h.layers),
	}
	w.output = linear{w.embed, 1}
	if ld.has("output.weight") {
		w.output = ld.linear("output", vocab, h.embed, true)
	}
	for i := range w.layers {
		ld.layer(&w.layers[i], i, h, form)
	}
	return w, ld.err
}

func (ld *loader) layer(l *layer, i int, h *hparams, form MLA) {
	geo := attn.Geometry{Heads: h.heads[i], KVHeads: h.kvHeads[i], KeySize: h.keySize, ValueSize: h.valueSize}
	if h.local[i] {
		l.local, l.rope, geo.Window = true, 1, h.window
	}
	l.geo = geo
	var err error
	if l.attn, err = newAttention(geo, form); err != nil && ld.err == nil {
		ld.err = fmt.Errorf("%s: layer %d: %w", ld.f.Name(), i, err)
	}
	name := func(s string) string { return fmt.Sprintf("blk.%d.%s", i, s) }
	if h.arch.mla {
		ld.mla(l, i, h, name)
	} else {
		ld.attention(l, i, h, name)
	}
	if h.mixed(i) {
		ld.experts(l, i, h, name)
	} else {
		ld.feedForward(l, h.ff[i], h, name)
	}
	if ld.err == nil {
		l.in = l.projections()
		l.inForms = forms(l.in...)
		l.outForms = forms(l.o)
		l.ffnForms = forms(l.ffnInputs()...)
		l.downForms = forms(l.ffnOutputs()...)
	}
}

// newAttention is where grouped-query attention becomes latent attention, or stays what it is.
func newAttention(geo attn.Geometry, form MLA) (*attn.Layer, error) {
	if form.Off {
		return attn.NewGQA(geo)
	}
	return attn.NewMLA(geo)
}

func (ld *loader) attention(l *layer, i int, h *hparams, name func(string) string) {
	g := l.geo
	nq, nk, nv, no := g.Heads*g.KeySize, g.KVHeads*g.KeySize, g.KVHeads*g.ValueSize, g.Heads*g.ValueSize
	l.attnNorm = ld.vector(name("attn_norm.weight"), h.embed, true)
	l.postAttnNorm = ld.vector(name("post_attention_norm.weight"), h.embed, h.arch.postNorm)
	l.q = ld.linear(name("attn_q"), nq, h.embed, true)
	if h.compressed(i) {
		l.lat = ld.latent(l, i, h, name)
	}
	if l.lat == nil || l.lat.encKV != nil {
		l.k = ld.linear(name("attn_k"), nk, h.embed, true)
		l.v = ld.linear(name("attn_v"), nv, h.embed, true)
	}
	l.o = ld.linear(name("attn_output"), h.embed, no, true)
	l.qBias = ld.vector(name("attn_q.bias"), nq, false)
	l.kBias = ld.vector(name("attn_k.bias"), nk, false)
	l.vBias = ld.vector(name("attn_v.bias"), nv, false)
	l.oBias = ld.vector(name("attn_output.bias"), h.embed, false)
	l.qNorm = ld.vector(name("attn_q_norm.weight"), g.KeySize, h.arch.qkNorm)
	l.kNorm = ld.vector(name("attn_k_norm.weight"), g.KeySize, h.arch.qkNorm)
}

func (ld *loader) feedForward(l *layer, ff int, h *hparams, name func(string) string) {
	l.ffnNorm = ld.vector(name("ffn_norm.weight"), h.embed, true)
	l.postFFNNorm = ld.vector(name("post_ffw_norm.weight"), h.embed, h.arch.postNorm)
	l.gate = ld.linear(name("ffn_gate"), ff, h.embed, !h.arch.bareFFN)
	l.up = ld.linear(name("ffn_up"), ff, h.embed, !h.arch.bareFFN)
	l.down = ld.linear(name("ffn_down"), h.embed, ff, !h.arch.bareFFN)
	l.gateBias = ld.vector(name("ffn_gate.bias"), ff, false)
	l.upBias = ld.vector(name("ffn_up.bias"), ff, false)
	l.downBias = ld.vector(name("ffn_down.bias"), h.embed, false)
	// Here a scale counts for the bias too, other than in attention: (W·x + b)·s.
	scale(l.gateBias, l.gate.scale)
	scale(l.upBias, l.up.scale)
	scale(l.downBias, l.down.scale)
}

// projections are the matrices that attention multiplies the layer's input by.
func (l *layer) projections() []linear {
	if l.lat != nil && l.lat.native != nil && l.lat.native.qA.Matrix != nil {
		return []linear{l.lat.native.qA, l.lat.enc}
	}
	if l.lat != nil && l.lat.encKV == nil {
		return []linear{l.q, l.lat.enc}
	}
	return []linear{l.q, l.k, l.v}
}

// forms returns the distinct forms in which the matrices want their input.
func forms(ms ...linear) []quant.Form {
	var out []quant.Form
	for _, m := range ms {
		f := m.Form()
		seen := false
		for _, o := range out {
			seen = seen || o == f
		}
		if !seen {
			out = append(out, f)
		}
	}
	return out
}

// ropeFactors returns the frequency divisors of Llama 3 files, nil when there are none.
func ropeFactors(f *gguf.File, h *hparams) ([]float32, error) {
	ld := &loader{f: f}
	v := ld.vector("rope_freqs.weight", h.rope.Dims/2, false)
	return v, ld.err
}
