package main

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// tensor is one tensor of the file: rows of cols values, a vector when rows is 0, several such matrices when stack is
// not.
type tensor struct {
	name       string
	typ        ggtype.Type
	rows, cols int
	stack      int
	mean       float32 // norms are around 1
	sigma      float64 // standard deviation of its values
}

// elements returns the number of values.
func (t *tensor) elements() int { return t.vectors() * t.cols }

// bytes returns the size in the file, without padding.
func (t *tensor) bytes() int { return t.vectors() * t.typ.RowBytes(t.cols) }

// vectors returns the number of rows in all.
func (t *tensor) vectors() int { return max(t.stack, 1) * max(t.rows, 1) }

// keyValue is one key of the metadata.
type keyValue struct {
	key   string
	value any // string, uint32, float32, bool, []string or []int32
}

// model is a file before it is written.
type model struct {
	keys    []keyValue
	tensors []tensor

	shape *shape
	mix   mix
}

// newModel lays out a file. Errors are about flags.
func newModel(s shape, typ string) (*model, error) {
	x, ok := mixes[typ]
	if !ok {
		return nil, fmt.Errorf("type %q is none of %v", typ, names(mixes))
	}
	s.defaults()
	if err := s.check(); err != nil {
		return nil, err
	}
	m := &model{shape: &s, mix: x}
	m.metadata()
	m.matrix(roleEmbed, 0, "token_embd.weight", s.vocab, s.width)
	for i := range s.layers {
		m.layer(i)
	}
	m.norm("output_norm.weight", s.width)
	if !s.tied {
		m.matrix(roleOutput, 0, "output.weight", s.vocab, s.width)
	}
	return m, nil
}

// size returns how many weights the tensors hold, in how many bytes.
func (m *model) size() (weights, bytes int64) {
	for i := range m.tensors {
		weights += int64(m.tensors[i].elements())
		bytes += int64(m.tensors[i].bytes())
	}
	return weights, bytes
}

// metadata fills in keys.
func (m *model) metadata() {
	s := m.shape
	m.set("general.architecture", s.arch)
	m.set("general.name", fmt.Sprintf("random %s %d × %d", s.arch, s.layers, s.width))
	m.set("general.file_type", m.mix.fileType)
	m.set("general.quantization_version", uint32(2))
	for _, kv := range []keyValue{
		{"block_count", uint32(s.layers)},
		{"context_length", uint32(s.context)},
		{"embedding_length", uint32(s.width)},
		{"feed_forward_length", uint32(s.ff)},
		{"vocab_size", uint32(s.vocab)},
		{"attention.head_count", uint32(s.heads)},
		{"attention.head_count_kv", uint32(s.kv)},
		{"attention.layer_norm_rms_epsilon", float32(1e-5)},
		{"rope.freq_base", float32(s.ropeBase)},
	} {
		m.set(s.arch+"."+kv.key, kv.value)
	}
	if archs[s.arch].mla {
		m.deepseekKeys()
	} else {
		m.set(s.arch+".attention.key_length", uint32(s.headSize))
		m.set(s.arch+".attention.value_length", uint32(s.headSize))
		m.set(s.arch+".rope.dimension_count", uint32(s.headSize))
	}
	if archs[s.arch].window {
		m.set(s.arch+".attention.sliding_window", uint32(s.slidingLen))
	}
	m.vocabulary(s.vocab)
}

// set adds a key.
func (m *model) set(key string, value any) { m.keys = append(m.keys, keyValue{key, value}) }

// layer adds the tensors of layer i.
func (m *model) layer(i int) {
	s, a := m.shape, archs[m.shape.arch]
	name := func(part string) string { return m.part(i, part) }
	if a.mla {
		m.deepseekAttention(i)
	} else {
		m.attention(i)
	}
	m.norm(name("ffn_norm"), s.width)
	if !a.mla || !m.mixture(i) {
		m.matrix(roleMatrix, i, name("ffn_gate"), s.ff, s.width)
		m.matrix(roleMatrix, i, name("ffn_up"), s.ff, s.width)
		m.matrix(roleDown, i, name("ffn_down"), s.width, s.ff)
	}
	if a.postNorm {
		m.norm(name("post_attention_norm"), s.width)
		m.norm(name("post_ffw_norm"), s.width)
	}
}

// attention adds the attention of layer i, grouped-query attention.
func (m *model) attention(i int) {
	s := m.shape
	name := func(part string) string { return m.part(i, part) }
	q, kv := s.heads*s.headSize, s.kv*s.headSize
	m.norm(name("attn_norm"), s.width)
	m.projection(roleMatrix, i, "attn_q", q)
	m.projection(roleMatrix, i, "attn_k", kv)
	m.projection(roleV, i, "attn_v", kv)
	m.matrix(roleO, i, name("attn_output"), s.width, q)
	if archs[s.arch].qkNorm {
		m.norm(name("attn_q_norm"), s.headSize)
		m.norm(name("attn_k_norm"), s.headSize)
	}
}

// projection adds a matrix of attention's input side, and its bias where the architecture has one.
func (m *model) projection(r role, i int, part string, rows int) {
	m.matrix(r, i, fmt.Sprintf("blk.%d.%s.weight", i, part), rows, m.shape.width)
	if archs[m.shape.arch].bias {
		m.tensors = append(m.tensors, tensor{name: fmt.Sprintf("blk.%d.%s.bias", i, part), cols: rows, sigma: 0.1})
	}
}

// matrix adds a matrix of layer i.
func (m *model) matrix(r role, i int, name string, rows, cols int) {
	t := m.mix.typeOf(r, i, cols, m.shape)
	m.tensors = append(m.tensors, tensor{name: name, typ: t, rows: rows, cols: cols, sigma: 1 / math.Sqrt(float64(cols))})
}

// norm adds the weights of an RMS norm, in F32.
func (m *model) norm(name string, cols int) {
	m.tensors = append(m.tensors, tensor{name: name, cols: cols, mean: 1, sigma: 0.1})
}
