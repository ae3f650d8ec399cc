package gguftest

import (
	"fmt"
	"math/rand/v2"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// gemma4Shape is what models of Gemma 4 differ in.
type gemma4Shape struct {
	matrix                          ggtype.Type
	width, head, window, ffn, every int // head is the size where there is a window, and twice it elsewhere
	embedding, shared               int
	seed                            uint64 // for which no router's choice is nearly a tie
	fused, ownValues, experts, both bool   // both: gates and up-projections of experts are one tensor
}

func addGemma4(out map[string]Sketch) {
	add := func(name string, limit float64, g gemma4Shape) { out[name] = Sketch{limit, g.build} }
	small := gemma4Shape{matrix: ggtype.F32, width: 64, head: 16, window: 8, ffn: 96, every: 3}
	with := func(f func(g *gemma4Shape)) gemma4Shape {
		g := small
		f(&g)
		return g
	}
	add("gemma4-e", 1e-5, with(func(g *gemma4Shape) { g.embedding, g.shared, g.ownValues = 32, 3, true }))
	add("gemma4-own", 1e-5, with(func(g *gemma4Shape) { g.embedding, g.ownValues = 32, true }))
	add("gemma4-dense", 1e-5, small)
	out["gemma4-scaled"] = Sketch{1e-5, func() *Builder { // positions of some values only, and what acts without a key
		b := small.build().Set("gemma4.rope.scaling.attn_factor", float32(1.3)).Set("gemma4.rope.dimension_count", uint32(24))
		return b.Delete("gemma4.final_logit_softcapping")
	}}
	add("gemma4-experts", 1e-5, with(func(g *gemma4Shape) { g.experts, g.both, g.seed = true, true, 1 }))
	add("gemma4-fused", 1e-5, with(func(g *gemma4Shape) { g.experts, g.ownValues, g.fused = true, true, true }))
	wide := gemma4Shape{width: 256, head: 64, window: 8, ffn: 256, embedding: 256, shared: 2, every: 2, ownValues: true}
	wide.matrix = ggtype.Q8_0
	// Rounded activations: with the same weights in float32 ours are 3.5e-3 off, llama.cpp's 4.7e-3.
	add("gemma4-q8", 6e-3, wide)
	wide.matrix = ggtype.Q4_K
	add("gemma4-q4k", 1e-3, wide)
}

// global reports whether a layer has no window.
func (g gemma4Shape) global(i int) bool { return i%g.every == g.every-1 }

// build makes as many layers as make two without a window.
func (g gemma4Shape) build() *Builder {
	const heads = 4
	layers := 2 * g.every
	s := newSketch("gemma4", g.matrix, g.width, layers, heads, g.ffn)
	s.r = rand.New(rand.NewPCG(51, g.seed))
	flags, kv := make([]bool, layers), make([]uint32, layers)
	for i := range layers {
		if flags[i], kv[i] = true, 2; g.global(i) {
			flags[i], kv[i] = false, 1
		}
	}
	full := 2 * g.head
	s.key("attention.key_length", uint32(full)).key("attention.value_length", uint32(full))
	s.key("attention.key_length_swa", uint32(g.head)).key("attention.value_length_swa", uint32(g.head))
	s.key("rope.dimension_count", uint32(full)).key("rope.dimension_count_swa", uint32(g.head))
	s.key("rope.freq_base", float32(1e6)).key("rope.freq_base_swa", float32(1e4))
	s.key("attention.sliding_window", uint32(g.window)).key("attention.sliding_window_pattern", flags)
	s.key("attention.head_count_kv", kv).key("attention.shared_kv_layers", uint32(g.shared))
	s.key("embedding_length_per_layer_input", uint32(g.embedding)).key("final_logit_softcapping", float32(12))
	if g.shared > 0 { // their networks are twice as wide
		widths := make([]uint32, layers)
		for i := range widths {
			widths[i] = uint32(g.networkOf(i, layers))
		}
		s.key("feed_forward_length", widths)
	}
	if g.experts {
		s.key("expert_count", uint32(8)).key("expert_used_count", uint32(2)).key("expert_feed_forward_length", uint32(32))
	}
	s.proportional(full)
	if n := g.embedding; n > 0 {
		s.add("per_layer_token_embd", n*layers, SketchVocab)
		s.add("per_layer_model_proj", g.width, n*layers)
		s.add("per_layer_proj_norm", n)
	}
	for i := range layers {
		g.layer(s, i, layers)
	}
	return s.Builder
}

func (g gemma4Shape) networkOf(i, layers int) int {
	if i >= layers-g.shared {
		return 2 * g.ffn
	}
	return g.ffn
}

// proportional adds divisors that leave three quarters of the frequencies without rotation.
func (s *sketch) proportional(size int) {
	s.add("rope_freqs", size/2)
	s.Edit("rope_freqs.weight", func(x []float32) {
		for i := range x {
			if x[i] = 1; i >= len(x)/4 {
				x[i] = 1e30
			}
		}
	})
}

func (g gemma4Shape) layer(s *sketch, i, layers int) {
	add, w, q, kv := s.layer(i), g.width, 4*g.head, 2*g.head
	if g.global(i) {
		q = 2 * q
	}
	for _, name := range []string{"attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"} {
		add(name, w)
	}
	if own := i < layers-g.shared; g.fused {
		add("attn_qkv", w, q+2*kv)
	} else {
		add("attn_q", w, q)
		if own {
			add("attn_k", w, kv)
		}
		if own && (g.ownValues || !g.global(i)) {
			add("attn_v", w, kv)
		}
	}
	add("attn_output", q, w)
	add("attn_q_norm", q/4)
	if i < layers-g.shared {
		add("attn_k_norm", q/4)
	}
	n := g.networkOf(i, layers)
	add("ffn_gate", w, n)
	add("ffn_up", w, n)
	add("ffn_down", n, w)
	if g.experts {
		g.mixture(s, i)
	}
	if e := g.embedding; e > 0 {
		add("inp_gate", w, e)
		add("proj", e, w)
		add("post_norm", w)
		add("layer_output_scale", 1)
	}
}

func (g gemma4Shape) mixture(s *sketch, i int) {
	const n, ff = 8, 32
	add, w := s.layer(i), g.width
	add("post_ffw_norm_1", w)
	add("post_ffw_norm_2", w)
	add("pre_ffw_norm_2", w)
	add("ffn_gate_inp", w, n)
	s.plain(i, "ffn_gate_inp.scale", w)
	if g.both {
		add("ffn_gate_up_exps", w, 2*ff, n)
	} else {
		add("ffn_gate_exps", w, ff, n)
		add("ffn_up_exps", w, ff, n)
	}
	add("ffn_down_exps", ff, w, n)
	s.plain(i, "ffn_down_exps.scale", n)
}

// addGemma3n adds Gemma 3n with 25 layers: the first 20 have keys and values of their own, every fifth has no window.
func addGemma3n(out map[string]Sketch) {
	out["gemma3n"] = Sketch{1e-5, func() *Builder { return gemma3n(ggtype.F32) }}
	out["gemma3n-q8"] = Sketch{2e-3, func() *Builder { return gemma3n(ggtype.Q8_0) }} // both round activations, in their own order
}

func gemma3n(matrix ggtype.Type) *Builder {
	const layers, width, heads, head, embedding, copies = 25, 32, 2, 16, 256, 4
	s := newSketch("gemma3n", matrix, width, layers, heads, 64)
	s.key("attention.key_length", uint32(head)).key("attention.value_length", uint32(head)).key("attention.head_count_kv", uint32(1))
	s.key("rope.freq_base", float32(1e6)).key("attention.sliding_window", uint32(8))
	s.add("altup_proj", width, width, copies-1)
	s.add("altup_unembd_proj", width, width, copies-1)
	s.add("per_layer_token_embd", embedding*layers, SketchVocab)
	s.add("per_layer_model_proj", width, embedding*layers)
	s.add("per_layer_proj_norm", embedding)
	for i := range layers {
		add := s.layer(i)
		for _, name := range []string{"attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm", "post_norm", "altup_router_norm",
			"altup_correct_scale", "laurel_post_norm"} {
			add(name, width)
		}
		add("attn_q", width, heads*head)
		add("attn_k", width, head)
		add("attn_v", width, head)
		add("attn_output", heads*head, width)
		add("attn_q_norm", head)
		add("attn_k_norm", head)
		add("ffn_gate", width, 64)
		add("ffn_up", width, 64)
		add("ffn_down", 64, width)
		add("inp_gate", width, embedding)
		add("proj", embedding, width)
		add("altup_correct_coef", copies, copies)
		add("altup_predict_coef", copies, copies*copies)
		add("altup_router", width, copies)
		add("laurel_l", width, 64)
		add("laurel_r", 64, width)
		for _, name := range []string{"post_attention_norm", "post_ffw_norm", "post_norm", "attn_q_norm"} {
			s.shrink(i, name) // in so many layers differences in rounding would grow
		}
	}
	return s.Builder
}

// shrink divides weights by four.
func (s *sketch) shrink(i int, name string) {
	s.Edit(fmt.Sprintf("blk.%d.%s.weight", i, name), func(x []float32) {
		for j := range x {
			x[j] /= 4
		}
	})
}
