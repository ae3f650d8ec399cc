package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/kernel"
)

// deep describes a small random model with DeepSeek's attention and experts.
type deep struct {
	layers, dense, embed, ff, voc int
	heads, n, r, v, q, l          int
	experts, used, width, shared  int
	oldKV, bias, fused            bool
	matrix                        kernel.Type
	keys                          map[string]any // below "deepseek2."
}

// tinyLite is like DeepSeek-V2-Lite, tinyV3 like DeepSeek-V3.
func tinyLite() deep {
	return deep{
		layers: 3, dense: 1, embed: 64, ff: 96, voc: 80, heads: 4, n: 32, r: 16, v: 32, l: 64,
		experts: 8, used: 3, width: 32, shared: 2, matrix: kernel.F32,
		keys: map[string]any{
			"rope.scaling.type": "yarn", "rope.scaling.factor": float32(40), "rope.scaling.original_context_length": uint32(64),
			"rope.scaling.yarn_log_multiplier": float32(0.0707), "expert_weights_scale": float32(1),
		},
	}
}

func tinyV3() deep {
	d := tinyLite()
	d.q, d.experts, d.shared, d.bias = 32, 16, 1, true
	d.keys = map[string]any{
		"rope.scaling.type": "yarn", "rope.scaling.factor": float32(4), "rope.scaling.original_context_length": uint32(64),
		"rope.scaling.yarn_log_multiplier": float32(0.1), "expert_weights_scale": float32(2.5), "expert_weights_norm": true,
		"expert_gating_func": uint32(2), "expert_group_count": uint32(4), "expert_group_used_count": uint32(2),
	}
	return d
}

// tinyDense is what a conversion writes for llama.cpp: no experts, queries from one matrix, one key/value head.
func tinyDense() deep {
	d := tinyLite()
	d.dense, d.experts, d.used, d.width, d.shared = 3, 0, 0, 0, 0
	d.keys = map[string]any{"rope.scaling.factor": float32(2)}
	return d
}

// deepModels are variants that llama.cpp's logits in testdata/deepseek2 belong to.
func deepModels() map[string]deep {
	with := func(d deep, keys map[string]any) deep {
		for k, v := range keys {
			d.keys[k] = v
		}
		return d
	}
	models := map[string]deep{"lite": tinyLite(), "v3": tinyV3(), "dense": tinyDense()}
	old := tinyLite()
	old.oldKV, old.v = true, 48
	models["old"] = old
	models["softmax-norm"] = with(tinyLite(), map[string]any{"expert_weights_norm": true, "expert_gating_func": uint32(1)})
	models["yarn-plain"] = with(tinyLite(), map[string]any{
		"rope.scaling.yarn_log_multiplier": float32(0), "rope.scaling.attn_factor": float32(0.9), "rope.scaling.yarn_beta_fast": float32(4),
	})
	fused := tinyV3()
	fused.fused = true
	models["fused"] = with(fused, map[string]any{"expert_group_count": uint32(0)})
	models["temperature"] = with(tinyV3(), map[string]any{
		"attention.temperature_scale": float32(0.3), "attention.temperature_length": uint32(8),
	})
	return models
}

// build returns the model as a GGUF file.
func (d deep) build() *gguftest.Builder {
	b := &gguftest.Builder{}
	b.AddKV("general.architecture", "deepseek2")
	d.metadata(func(k string, v any) { b.Set("deepseek2."+k, v) })
	tokens := make([]string, d.voc)
	for i := range tokens {
		tokens[i] = fmt.Sprint("tok_", i)
	}
	b.AddKV("tokenizer.ggml.model", "test").AddKV("tokenizer.ggml.tokens", tokens)
	r := rand.New(rand.NewPCG(7, 8))
	add := func(name string, t kernel.Type, shape ...int) { (tiny{}).tensor(b, r, name, t, shape...) }
	add("token_embd.weight", d.matrix, d.embed, d.voc)
	add("output_norm.weight", kernel.F32, d.embed)
	for i := range d.layers {
		part := func(name string, t kernel.Type, shape ...int) { add(fmt.Sprintf("blk.%d.%s", i, name), t, shape...) }
		d.attention(part)
		d.feedForward(part, i < d.dense)
	}
	return b
}

func (d deep) metadata(set func(string, any)) {
	set("block_count", uint32(d.layers))
	set("context_length", uint32(512))
	set("embedding_length", uint32(d.embed))
	set("feed_forward_length", uint32(d.ff))
	set("attention.head_count", uint32(d.heads))
	set("attention.layer_norm_rms_epsilon", float32(1e-5))
	set("attention.q_lora_rank", uint32(d.q))
	set("attention.kv_lora_rank", uint32(d.l))
	set("rope.dimension_count", uint32(d.r))
	set("rope.freq_base", float32(10000))
	set("leading_dense_block_count", uint32(d.dense))
	set("expert_feed_forward_length", uint32(d.width))
	set("expert_shared_count", uint32(d.shared))
	if d.experts > 0 {
		set("expert_count", uint32(d.experts))
		set("expert_used_count", uint32(d.used))
	}
	if d.oldKV {
		set("attention.head_count_kv", uint32(d.heads))
		set("attention.key_length", uint32(d.n+d.r))
		set("attention.value_length", uint32(d.v))
	} else {
		set("attention.head_count_kv", uint32(1))
		set("attention.key_length", uint32(d.l+d.r))
		set("attention.value_length", uint32(d.l))
		set("attention.key_length_mla", uint32(d.n+d.r))
		set("attention.value_length_mla", uint32(d.v))
	}
	for k, v := range d.keys {
		set(k, v)
	}
}

func (d deep) attention(add func(string, kernel.Type, ...int)) {
	add("attn_norm.weight", kernel.F32, d.embed)
	if d.q > 0 {
		add("attn_q_a.weight", d.matrix, d.embed, d.q)
		add("attn_q_a_norm.weight", kernel.F32, d.q)
		add("attn_q_b.weight", d.matrix, d.q, d.heads*(d.n+d.r))
	} else {
		add("attn_q.weight", d.matrix, d.embed, d.heads*(d.n+d.r))
	}
	add("attn_kv_a_mqa.weight", d.matrix, d.embed, d.l+d.r)
	add("attn_kv_a_norm.weight", kernel.F32, d.l)
	if d.oldKV {
		add("attn_kv_b.weight", d.matrix, d.l, d.heads*(d.n+d.v))
	} else {
		add("attn_k_b.weight", d.matrix, d.n, d.l, d.heads)
		add("attn_v_b.weight", d.matrix, d.l, d.v, d.heads)
	}
	add("attn_output.weight", d.matrix, d.heads*d.v, d.embed)
}

func (d deep) feedForward(add func(string, kernel.Type, ...int), dense bool) {
	add("ffn_norm.weight", kernel.F32, d.embed)
	if dense {
		add("ffn_gate.weight", d.matrix, d.embed, d.ff)
		add("ffn_up.weight", d.matrix, d.embed, d.ff)
		add("ffn_down.weight", d.matrix, d.ff, d.embed)
		return
	}
	add("ffn_gate_inp.weight", kernel.F32, d.embed, d.experts)
	if d.bias {
		add("exp_probs_b.bias", kernel.F32, d.experts)
	}
	if d.fused {
		add("ffn_gate_up_exps.weight", d.matrix, d.embed, 2*d.width, d.experts)
	} else {
		add("ffn_gate_exps.weight", d.matrix, d.embed, d.width, d.experts)
		add("ffn_up_exps.weight", d.matrix, d.embed, d.width, d.experts)
	}
	add("ffn_down_exps.weight", d.matrix, d.width, d.embed, d.experts)
	if w := d.width * d.shared; w > 0 {
		add("ffn_gate_shexp.weight", d.matrix, d.embed, w)
		add("ffn_up_shexp.weight", d.matrix, d.embed, w)
		add("ffn_down_shexp.weight", d.matrix, w, d.embed)
	}
}

// Variants of the architecture against llama.cpp's logits for the same files. A choice between nearly equal experts may fall
// either way, since both round what they cache: one token may differ.
func TestDeepseekLogits(t *testing.T) {
	for name, d := range deepModels() {
		t.Run(name, func(t *testing.T) {
			ids := randomIDs(28, d.voc)
			want := readLogits(t, "testdata/deepseek2/"+name+".f32", len(ids))
			m := loadFile(t, d.build().Write(t), Options{})
			for form, got := range map[string][][]float32{"prefill": allLogits(t, m, ids), "decode": stepLogits(t, m, ids)} {
				if n := differing(got, want); n > 1 {
					t.Errorf("%s: %d of %d tokens have other logits, error %.2g", form, n, len(ids), nmse(got, want))
				}
			}
		})
	}
}

// differing returns how many tokens have other logits.
func differing(got, want [][]float32) int {
	n := 0
	for i := range want {
		if !(nmse(got[i:i+1], want[i:i+1]) < 1e-4) {
			n++
		}
	}
	return n
}

// The expanded form of a long prompt and the absorbed form of decode agree. With all experts chosen: a choice between nearly
// equal ones may fall either way.
func TestDeepseekFormsAgree(t *testing.T) {
	lite, v3, old := tinyLite(), tinyV3(), deepModels()["old"]
	lite.used, v3.used, old.used = lite.experts, v3.experts, old.experts
	v3.keys["expert_group_used_count"] = uint32(4)
	for _, d := range []deep{lite, v3, tinyDense(), old} {
		ids := randomIDs(150, d.voc)
		m := loadFile(t, d.build().Write(t), Options{})
		if !(&pass{runner: m.run}).widens(&m.w.layers[0], len(ids)) {
			t.Fatal("the prompt is too short for the expanded form")
		}
		if e := nmse(stepLogits(t, m, ids), allLogits(t, m, ids)); !(e < 1e-4) {
			t.Errorf("decode differs from prefill: %.2g", e)
		}
	}
}

// Any number of threads gives the same bits.
func TestDeepseekThreadsAgree(t *testing.T) {
	for _, d := range []deep{tinyLite(), tinyV3()} {
		path := d.build().Write(t)
		ids := randomIDs(100, d.voc)
		m := loadFile(t, path, Options{})
		want, steps := allLogits(t, m, ids), stepLogits(t, m, ids)
		for _, threads := range []int{1, 3, 5} {
			other := loadFile(t, path, Options{Threads: threads})
			if e := nmse(allLogits(t, other, ids), want); e != 0 {
				t.Errorf("%d threads differ from 2: %.2g", threads, e)
			}
			if e := nmse(stepLogits(t, other, ids), steps); e != 0 {
				t.Errorf("decode with %d threads differs from 2: %.2g", threads, e)
			}
		}
	}
}

// A step allocates nothing once the context has grown, whichever experts it takes.
func TestDeepseekDecodeDoesNotAllocate(t *testing.T) {
	for _, d := range []deep{tinyLite(), tinyV3()} {
		d.matrix = kernel.Q8_0
		m := loadFile(t, d.build().Write(t), Options{})
		s := newSession(t, m, nil)
		ids := randomIDs(200, d.voc)
		i := 0
		step := func() {
			if _, err := s.Eval(t.Context(), ids[i:i+1]); err != nil {
				t.Fatal(err)
			}
			i++
		}
		step()
		if n := testing.AllocsPerRun(len(ids)-2, step); n > 0 {
			t.Errorf("%v allocations per step", n)
		}
	}
}

// The files of one model that don't name the gating function mean another one.
func TestGatingDefault(t *testing.T) {
	for _, c := range []struct {
		layers, vocab int
		sigmoid       bool
	}{{47, 154880, true}, {48, 154880, true}, {27, 154880, false}, {47, 32, false}} {
		d := tinyLite()
		d.layers = c.layers
		b := (&gguftest.Builder{}).AddKV("general.architecture", "deepseek2")
		d.metadata(func(k string, v any) { b.Set("deepseek2."+k, v) })
		b.AddTensor("token_embd.weight", kernel.Q4_0, []uint64{32, uint64(c.vocab)}, nil)
		f, err := gguf.Open(b.Write(t))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		h, err := readHParams(f)
		if err != nil {
			t.Fatal(err)
		}
		if h.experts.sigmoid != c.sigmoid {
			t.Errorf("%d layers, %d tokens: sigmoid %v", c.layers, c.vocab, h.experts.sigmoid)
		}
	}
}

// Layers for speculative decoding at the end of a file are not run, and need not be there.
func TestPredictLayersAreLeftOut(t *testing.T) {
	d := tinyLite()
	ids := randomIDs(12, d.voc)
	want := allLogits(t, loadFile(t, d.build().Write(t), Options{}), ids)
	b := d.build().Set("deepseek2.block_count", uint32(d.layers+1)).AddKV("deepseek2.nextn_predict_layers", uint32(1))
	m := loadFile(t, b.Write(t), Options{})
	if e := nmse(allLogits(t, m, ids), want); e != 0 || m.Info().Layers != d.layers {
		t.Errorf("%d layers, error %.2g", m.Info().Layers, e)
	}
	if in := m.Info(); in.RopeSize != d.r || in.LatentSize != d.l || in.CacheBytes != 2*d.layers*(d.r+d.l) {
		t.Errorf("cache of %d + %d values, %d bytes", in.RopeSize, in.LatentSize, in.CacheBytes)
	}
}
