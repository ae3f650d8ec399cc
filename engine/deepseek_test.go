package engine

import (
	"math"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/kernel"
)

// either way, since both round what they cache: one token may differ.
func TestDeepseekLogits(t *testing.T) {
	for name, d := range gguftest.DeepVariants() {
		t.Run(name, func(t *testing.T) {
			ids := gguftest.RandomIDs(28, d.Vocab)
			want := readLogits(t, "testdata/deepseek2/"+name+".f32", len(ids))
			m := loadFile(t, d.Build().Write(t), Options{})
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

// The expanded form of a long prompt and the absorbed form of decode agree. With all experts chosen: a choice between
// nearly equal ones may fall either way.
func TestDeepseekFormsAgree(t *testing.T) {
	lite, v3, old := gguftest.DeepLite(), gguftest.DeepV3(), gguftest.DeepVariants()["old"]
	lite.Used, v3.Used, old.Used = lite.Experts, v3.Experts, old.Experts
	v3.Keys["expert_group_used_count"] = uint32(4)
	for _, d := range []gguftest.Deep{lite, v3, gguftest.DeepDense(), old} {
		ids := gguftest.RandomIDs(150, d.Vocab)
		m := loadFile(t, d.Build().Write(t), Options{})
		if e := nmse(stepLogits(t, m, ids), allLogits(t, m, ids)); !(e < 1e-4) {
			t.Errorf("decode differs from prefill: %.2g", e)
		}
	}
}

// Any number of threads gives the same bits.
func TestDeepseekThreadsAgree(t *testing.T) {
	for _, d := range []gguftest.Deep{gguftest.DeepLite(), gguftest.DeepV3()} {
		path := d.Build().Write(t)
		ids := gguftest.RandomIDs(100, d.Vocab)
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
	for _, d := range []gguftest.Deep{gguftest.DeepLite(), gguftest.DeepV3()} {
		d.Matrix = kernel.Q8_0
		m := loadFile(t, d.Build().Write(t), Options{})
		s := newSession(t, m, nil)
		ids := gguftest.RandomIDs(200, d.Vocab)
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

// Layers for speculative decoding at the end of a file are not run, and need not be there.
func TestPredictLayersAreLeftOut(t *testing.T) {
	d := gguftest.DeepLite()
	ids := gguftest.RandomIDs(12, d.Vocab)
	want := allLogits(t, loadFile(t, d.Build().Write(t), Options{}), ids)
	b := d.Build().Set("deepseek2.block_count", uint32(d.Layers+1)).AddKV("deepseek2.nextn_predict_layers", uint32(1))
	m := loadFile(t, b.Write(t), Options{})
	if e := nmse(allLogits(t, m, ids), want); e != 0 || m.Info().Layers != d.Layers {
		t.Errorf("%d layers, error %.2g", m.Info().Layers, e)
	}
	if in := m.Info(); in.RopeSize != d.Rope || in.LatentSize != d.L || in.CacheBytes != 2*d.Layers*(d.Rope+d.L) {
		t.Errorf("cache of %d + %d values, %d bytes", in.RopeSize, in.LatentSize, in.CacheBytes)
	}
}

// Files that no such model can have: each is refused with an error that names the file and what is wrong.
func TestDeepseekRefuses(t *testing.T) {
	set := func(key string, v any) func(*gguftest.Builder) {
		return func(b *gguftest.Builder) { b.Set("deepseek2."+key, v) }
	}
	del := func(key string) func(*gguftest.Builder) {
		return func(b *gguftest.Builder) { b.Delete("deepseek2." + key) }
	}
	nan := float32(math.NaN())
	for _, c := range []struct {
		name string
		edit func(*gguftest.Builder)
		is   error
		want string
	}{
		{"no latent", del("attention.kv_lora_rank"), gguf.ErrNoKey, "kv_lora_rank"},
		{"latent of another model", set("attention.kv_lora_rank", uint32(128)), ErrInvalid, "blk.0.attn_kv_a_mqa.weight"},
		{"latent of 0", set("attention.kv_lora_rank", uint32(0)), ErrInvalid, "kv_lora_rank"},
		{"huge rank of queries", set("attention.q_lora_rank", uint32(1<<30)), ErrInvalid, "q_lora_rank"},
		{"other rank of queries", set("attention.q_lora_rank", uint32(16)), ErrInvalid, "blk.0.attn_q_a.weight"},
		{"no rank of queries", set("attention.q_lora_rank", uint32(0)), gguf.ErrNoTensor, "blk.0.attn_q.weight"},
		{"values of no size", del("attention.value_length_mla"), gguf.ErrNoKey, "value_length_mla"},
		{"keys of the older form", del("attention.key_length_mla"), ErrInvalid, "blk.0.attn_q_b.weight"},
		{"more rotated than there is", set("rope.dimension_count", uint32(64)), ErrInvalid, "rope.dimension_count"},
		{"all rotated", set("rope.dimension_count", uint32(48)), ErrInvalid, "rope.dimension_count"},
		{"odd rotation", set("rope.dimension_count", uint32(15)), ErrInvalid, "rope.dimension_count"},
		{"scores of 0", set("rope.scaling.attn_factor", float32(0)), ErrInvalid, "scores"},
		{"multiplier NaN", set("rope.scaling.yarn_log_multiplier", nan), ErrInvalid, "yarn_log_multiplier"},
		{"temperature without length", set("attention.temperature_scale", float32(0.1)), gguf.ErrNoKey, "temperature_length"},
		{"only layers for speculation", set("nextn_predict_layers", uint32(3)), ErrInvalid, "nextn_predict_layers"},
		{"no experts for sparse layers", del("expert_count"), ErrInvalid, "of 0 experts"},
		{"sparse layer without tensors", set("leading_dense_block_count", uint32(0)), gguf.ErrNoTensor, "blk.0.ffn_gate_inp"},
		{"dense layer without tensors", set("leading_dense_block_count", uint32(9)), gguf.ErrNoTensor, "blk.1.ffn_gate"},
		{"too many experts", set("expert_count", uint32(1<<20)), ErrInvalid, "expert_count"},
		{"experts of another model", set("expert_count", uint32(8)), ErrInvalid, "blk.1.ffn_gate_inp.weight"},
		{"no experts used", set("expert_used_count", uint32(0)), ErrInvalid, "expert_used_count"},
		{"more experts used than there are", set("expert_used_count", uint32(17)), ErrInvalid, "expert_used_count"},
		{"experts without width", del("expert_feed_forward_length"), gguf.ErrNoKey, "expert_feed_forward_length"},
		{"wider experts", set("expert_feed_forward_length", uint32(64)), ErrInvalid, "blk.1.ffn_"},
		{"more shared experts", set("expert_shared_count", uint32(3)), ErrInvalid, "blk.1.ffn_gate_shexp"},
		{"shared experts beyond measure", set("expert_shared_count", uint32(1<<31)), ErrInvalid, "expert_shared_count"},
		{"unknown gating", set("expert_gating_func", uint32(5)), ErrUnsupported, "expert_gating_func"},
		{"scale NaN", set("expert_weights_scale", nan), ErrInvalid, "expert_weights_scale"},
		{"norm of the wrong kind", set("expert_weights_norm", uint32(1)), gguf.ErrKind, "expert_weights_norm"},
		{"uneven groups", set("expert_group_count", uint32(5)), ErrInvalid, "expert_group_count"},
		{"groups of one", set("expert_group_count", uint32(16)), ErrInvalid, "expert_group_count"},
		{"no groups used", set("expert_group_used_count", uint32(0)), ErrInvalid, "expert_group_used_count"},
		{"more groups used than there are", set("expert_group_used_count", uint32(5)), ErrInvalid, "expert_group_used_count"},
		{"groups too small", set("expert_used_count", uint32(9)), ErrInvalid, "expert_group_used_count"},
		{"expert matrix of integers", expertsOfIntegers, kernel.ErrType, "blk.3.ffn_up_exps.weight"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := gguftest.DeepV3().Build()
			c.edit(b)
			loadFails(t, b.Write(t), c.is, c.want)
		})
	}
}

// expertsOfIntegers adds a layer with a matrix of a type that no weight has.
func expertsOfIntegers(b *gguftest.Builder) {
	b.Set("deepseek2.block_count", uint32(4)).Set("deepseek2.leading_dense_block_count", uint32(1))
	d := gguftest.DeepV3()
	part := func(name string, typ kernel.Type, shape ...int) {
		dims := make([]uint64, len(shape))
		for i, n := range shape {
			dims[i] = uint64(n)
		}
		if name == "ffn_up_exps.weight" {
			typ = gguf.Type(26)
		}
		b.AddTensor("blk.3."+name, typ, dims, nil)
	}
	d.AddLayer(part, false)
}
