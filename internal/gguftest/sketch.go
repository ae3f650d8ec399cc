package gguftest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// Sketch is a small random model of an architecture that shares little with others, written tensor by tensor. The same
// sketch gives the same bytes.
type Sketch struct {
	Limit float64 // of the error of its logits
	Build func() *Builder
}

// SketchVocab is the vocabulary of all of them.
const SketchVocab = 48

// SketchTokens returns how many tokens the vector of a sketch is of, which has the logits of the last ones: beyond all
// windows, and where tokens are pooled enough for some pools.
func SketchTokens(name string) int {
	switch name {
	case "deepseek4":
		return 150
	case "qwen4exp":
		return 43
	}
	return 40
}

// SketchVariants are models by name, those that llama.cpp's logits in engine/testdata/sketches belong to.
func SketchVariants() map[string]Sketch {
	out := map[string]Sketch{}
	addBitNet(out)
	addGemma3n(out)
	addGemma4(out)
	addKimiLinear(out)
	addFamilies(out)
	addSparse(out)
	addBlocks(out)
	addLinear(out)
	addCopies(out)
	addPools(out)
	return out
}

// sketch is a file in the making.
type sketch struct {
	*Builder
	r      *rand.Rand
	arch   string
	matrix ggtype.Type
}

// newSketch begins a file with what all have: width, layers, heads, a network's width, and a tokenizer that nobody
// knows.
func newSketch(arch string, matrix ggtype.Type, width, layers, heads, ffn int) *sketch {
	s := &sketch{Builder: &Builder{}, r: rand.New(rand.NewPCG(51, 52)), arch: arch, matrix: matrix}
	tokens := make([]string, SketchVocab)
	for i := range tokens {
		tokens[i] = fmt.Sprint("t", i)
	}
	s.AddKV("general.architecture", arch).AddKV("tokenizer.ggml.model", "test").AddKV("tokenizer.ggml.tokens", tokens)
	s.key("block_count", uint32(layers)).key("context_length", uint32(512)).key("vocab_size", uint32(SketchVocab))
	s.key("embedding_length", uint32(width)).key("feed_forward_length", uint32(ffn))
	s.key("attention.head_count", uint32(heads)).key("attention.layer_norm_rms_epsilon", float32(1e-5))
	s.add("token_embd", width, SketchVocab)
	s.add("output_norm", width)
	return s
}

// key sets a key of the architecture.
func (s *sketch) key(name string, v any) *sketch {
	s.Set(s.arch+"."+name, v)
	return s
}

// add adds "<name>.weight": a vector, or matrices of the sketch's type where its blocks fit.
func (s *sketch) add(name string, shape ...int) {
	t := s.matrix
	if block, _ := t.Block(); len(shape) == 1 || shape[0]%block != 0 {
		t = ggtype.F32
	}
	if t == ggtype.Q4_K || t == ggtype.TQ2_0 {
		s.addCodes(name+".weight", t, shape...)
		return
	}
	s.AddRandom(s.r, name+".weight", t, shape...)
}

// addCodes adds matrices of random codes and scales, with factors that make weights of about AddRandom's size.
func (s *sketch) addCodes(name string, t ggtype.Type, shape ...int) {
	dims := make([]uint64, len(shape))
	for i, d := range shape {
		dims[i] = uint64(d)
	}
	data := make([]byte, Size(t, dims))
	for i := range data {
		data[i] = byte(s.r.Uint32())
		if t == ggtype.TQ2_0 { // four codes of three values
			data[i] = byte(s.r.IntN(3) | s.r.IntN(3)<<2 | s.r.IntN(3)<<4 | s.r.IntN(3)<<6)
		}
	}
	_, n := t.Block()
	for at := 0; at < len(data); at += n {
		if t == ggtype.TQ2_0 {
			binary.LittleEndian.PutUint16(data[at+n-2:], 0x30ff) // 0.15 per code
			continue
		}
		binary.LittleEndian.PutUint16(data[at:], 0x1419)   // 0.001 per code and scale
		binary.LittleEndian.PutUint16(data[at+2:], 0x1fae) // 0.0075 per minimum
	}
	s.AddTensor(name, t, dims, data)
}

// layer returns a function that adds tensors of layer i.
func (s *sketch) layer(i int) func(name string, shape ...int) {
	return func(name string, shape ...int) { s.add(fmt.Sprintf("blk.%d.%s", i, name), shape...) }
}

// plain adds a vector without a suffix.
func (s *sketch) plain(i int, name string, shape ...int) {
	s.AddRandom(s.r, fmt.Sprintf("blk.%d.%s", i, name), ggtype.F32, shape...)
}

func addBitNet(out map[string]Sketch) {
	out["bitnet"] = Sketch{1e-5, func() *Builder { return bitnet(ggtype.F32, 64) }}
	out["bitnet-tq2"] = Sketch{1e-3, func() *Builder { return bitnet(ggtype.TQ2_0, 256) }} // both round activations
}

func bitnet(matrix ggtype.Type, width int) *Builder {
	const layers, heads = 2, 4
	s := newSketch("bitnet", matrix, width, layers, heads, width)
	s.key("attention.head_count_kv", uint32(2))
	for i := range layers {
		add := s.layer(i)
		for _, name := range []string{"attn_norm", "attn_sub_norm", "ffn_norm", "ffn_sub_norm"} {
			add(name, width)
		}
		add("attn_q", width, width)
		add("attn_k", width, width/2)
		add("attn_v", width, width/2)
		add("attn_output", width, width)
		add("ffn_gate", width, width)
		add("ffn_up", width, width)
		add("ffn_down", width, width)
		for _, name := range []string{"attn_q", "attn_v", "attn_output", "ffn_gate", "ffn_down"} {
			s.plain(i, name+".scale", 1)
		}
	}
	return s.Builder
}
