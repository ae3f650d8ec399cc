package llamacpp

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/kernel"
)

// arch is the architecture's name.
const arch = "deepseek2"

// Write adds metadata and tensors of compressed model m to w: those that a conversion for llama.cpp made, and for the
// rest the file's own. m must stay open until w is written, and must have passed Check.
func Write(w *gguf.Writer, m *model.Model, set tensors.Set) error {
	x := newExporter(w, m, set)
	if err := x.progression(); err != nil {
		return err
	}
	if err := x.metadata(); err != nil {
		return err
	}
	x.copy("token_embd.weight")
	for i := range x.spec.Layers {
		x.layer(i)
	}
	x.copy("output_norm.weight")
	if _, err := set.Find("output.weight"); err == nil {
		x.copy("output.weight")
	}
	return x.err
}

// exporter writes one model.
type exporter struct {
	m     *model.Model
	w     *gguf.Writer
	set   tensors.Set
	spec  *model.Spec
	attn  model.Attention // of any layer
	shape model.CompressedShape
	err   error // the first

	base, factor float64 // of RoPE
	scale        float64 // of queries, beside what llama.cpp multiplies scores by
}

func newExporter(w *gguf.Writer, m *model.Model, set tensors.Set) *exporter {
	a := m.Spec().Layers[0].Mixer.(model.Attention)
	return &exporter{m: m, w: w, set: set, spec: m.Spec(), attn: a, shape: *a.Compressed}
}

// metadata keeps what is about the model and its tokenizer and describes the new form.
func (x *exporter) metadata() error {
	err := x.w.CopyMetadata(x.set.File, func(key string) bool {
		return strings.HasPrefix(key, "general.") && key != "general.alignment" || strings.HasPrefix(key, "tokenizer.")
	})
	if err != nil {
		return err
	}
	if err := x.w.Set("general.architecture", arch); err != nil {
		return err
	}
	for _, k := range x.keys() {
		if err := x.w.Set(arch+"."+k.key, k.value); err != nil {
			return err
		}
	}
	return nil
}

// keyValue is a key below the architecture's name.
type keyValue struct {
	key   string
	value any
}

func (x *exporter) keys() []keyValue {
	a, s := x.attn, x.shape
	count := func(key string, n int) keyValue { return keyValue{key, uint32(n)} }
	keys := []keyValue{
		count("vocab_size", x.spec.Vocab),
		count("context_length", x.spec.Context),
		count("embedding_length", x.spec.Width),
		count("block_count", len(x.spec.Layers)),
		count("feed_forward_length", x.spec.Layers[0].FFN.(model.GatedFFN).Width),
		count("leading_dense_block_count", len(x.spec.Layers)),
		count("expert_feed_forward_length", 0),
		count("expert_shared_count", 0),
		count("attention.head_count", a.Heads),
		count("attention.head_count_kv", 1),
		count("attention.key_length", s.L+s.R),
		count("attention.value_length", s.L),
		count("attention.key_length_mla", a.KeySize+s.R),
		count("attention.value_length_mla", a.ValueSize),
		count("attention.kv_lora_rank", s.L),
		count("attention.q_lora_rank", 0),
		{"attention.layer_norm_rms_epsilon", x.spec.Eps},
		count("rope.dimension_count", s.R),
		{"rope.freq_base", float32(x.base)},
	}
	if x.factor != 1 {
		keys = append(keys, keyValue{"rope.scaling.type", "linear"}, keyValue{"rope.scaling.factor", float32(x.factor)})
	}
	return keys
}

// copy adds a tensor as it is.
func (x *exporter) copy(name string) {
	t, err := x.set.Find(name)
	if err == nil {
		err = x.w.AddTensor(t.Name, t.Type, slices.Clone(t.Shape), t.Bytes)
	}
	x.keep(err)
}

// add adds a tensor of layer i that is computed when it is written.
func (x *exporter) add(i int, name string, typ kernel.Type, compute func() []*mat.Dense, dims ...int) {
	name = model.LayerName(i, name)
	t := model.NewTensor(name, typ, nil, dims...)
	x.keep(x.w.AddTensor(name, typ, t.Shape, func() ([]byte, error) {
		data, err := tensors.Encode(typ, compute()...)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		return data, nil
	}))
}

// keep remembers the first error.
func (x *exporter) keep(err error) {
	if x.err == nil && err != nil {
		x.err = err
	}
}
