package engine

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/kernel"
)

// refRoute is the definition, by sorting: the weight of each expert, 0 for those that are not chosen.
func refRoute(m *mixture, bias, logits []float32, used int) []float64 {
	n := len(logits)
	p, score := make([]float64, n), make([]float64, n)
	sum := 0.0
	for i, l := range logits {
		p[i] = math.Exp(float64(l))
		sum += p[i]
	}
	for i := range p {
		if p[i] /= sum; m.sigmoid {
			p[i] = 1 / (1 + math.Exp(-float64(logits[i])))
		}
		score[i] = p[i]
		if bias != nil {
			score[i] += float64(bias[i])
		}
	}
	descending := func(x []float64) []int {
		ix := make([]int, len(x))
		for i := range ix {
			ix[i] = i
		}
		slices.SortStableFunc(ix, func(a, b int) int { return cmp.Compare(x[b], x[a]) })
		return ix
	}
	if m.groups > 1 {
		size := n / m.groups
		best := make([]float64, m.groups)
		for g := range best {
			part := slices.Clone(score[g*size : (g+1)*size])
			slices.Sort(part)
			best[g] = part[size-1] + part[size-2]
		}
		for _, g := range descending(best)[m.groupsUsed:] {
			for i := range size {
				score[g*size+i] = math.Inf(-1)
			}
		}
	}
	out := make([]float64, n)
	chosen := descending(score)[:used]
	total := 0.0
	for _, e := range chosen {
		total += p[e]
	}
	for _, e := range chosen {
		if out[e] = p[e] * float64(m.scale); m.norm {
			out[e] /= total
		}
	}
	return out
}

func TestRoute(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, m := range []mixture{
		{count: 8, scale: 1},
		{count: 8, scale: 2.5, norm: true},
		{count: 64, scale: 1, sigmoid: true},
		{count: 64, scale: 2.5, sigmoid: true, norm: true, groups: 8, groupsUsed: 3},
		{count: 12, scale: 1, groups: 6, groupsUsed: 4},
		{count: 4, scale: 1, groups: 1, groupsUsed: 1},
	} {
		var r router // of one worker, for tokens and layers of all kinds
		for round := range 200 {
			used := 1 + rnd.IntN(min(m.count, 8))
			logits, bias := make([]float32, m.count), []float32(nil)
			if round%2 == 1 {
				bias = make([]float32, m.count)
			}
			for i := range logits {
				logits[i] = float32(rnd.NormFloat64() * 2)
			}
			for i := range bias {
				bias[i] = float32(rnd.NormFloat64() * 0.2)
			}
			want := refRoute(&m, bias, logits, used)
			ids, weights := make([]int32, used), make([]float32, used)
			r.route(&m, bias, logits, ids, weights)
			got := make([]float64, m.count)
			for i, e := range ids {
				if got[e] != 0 {
					t.Fatalf("expert %d twice", e)
				}
				got[e] = float64(weights[i])
			}
			for e := range want {
				if math.Abs(got[e]-want[e]) > 1e-5*float64(m.scale) {
					t.Fatalf("%+v: expert %d has weight %v, want %v", m, e, got[e], want[e])
				}
			}
		}
	}
}

// Whatever the logits, the choice is one of different experts that exist.
func TestRouteOfNaNs(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, m := range []mixture{{count: 8, scale: 1}, {count: 8, scale: 1, sigmoid: true, norm: true, groups: 4, groupsUsed: 2}} {
		for _, x := range [][2]float32{{nan, nan}, {inf, -inf}, {inf, nan}, {-inf, -inf}} {
			logits := make([]float32, 8)
			for i := range logits {
				logits[i] = x[i%2]
			}
			ids := make([]int32, 4)
			new(router).route(&m, nil, logits, ids, make([]float32, 4))
			slices.Sort(ids)
			if len(slices.Compact(ids)) != 4 || ids[0] < 0 || ids[3] > 7 {
				t.Errorf("%v: %v", x, ids)
			}
		}
	}
}

func TestSortChoices(t *testing.T) {
	var m mixing
	m.grow(3, 1, widths{experts: 6, used: 2, mixed: 2})
	copy(m.ids, []int32{4, 1, 1, 0, 4, 1})
	m.sort(6, 6)
	if want := []int32{0, 1, 4}; !slices.Equal(m.active, want) {
		t.Errorf("active %v, want %v", m.active, want)
	}
	if want := []int32{3, 1, 2, 5, 0, 4}; !slices.Equal(m.order, want) {
		t.Errorf("order %v, want %v", m.order, want)
	}
	if want := []int32{0, 1, 4, 4, 4, 6, 6}; !slices.Equal(m.start, want) {
		t.Errorf("start %v, want %v", m.start, want)
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
		{"no experts for sparse layers", del("expert_count"), ErrInvalid, "leading_dense_block_count"},
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
		{"unknown gating", set("expert_gating_func", uint32(4)), ErrUnsupported, "expert_gating_func"},
		{"scale NaN", set("expert_weights_scale", nan), ErrInvalid, "expert_weights_scale"},
		{"norm of the wrong kind", set("expert_weights_norm", uint32(1)), gguf.ErrKind, "expert_weights_norm"},
		{"uneven groups", set("expert_group_count", uint32(5)), ErrInvalid, "expert_group_count"},
		{"groups of one", set("expert_group_count", uint32(16)), ErrInvalid, "expert_group_count"},
		{"no groups used", set("expert_group_used_count", uint32(0)), ErrInvalid, "expert_group_used_count"},
		{"more groups used than there are", set("expert_group_used_count", uint32(5)), ErrInvalid, "expert_group_used_count"},
		{"groups too small", set("expert_used_count", uint32(9)), ErrInvalid, "expert_group_used_count"},
		{"expert matrix of integers", func(b *gguftest.Builder) {
			b.Set("deepseek2.block_count", uint32(4)).Set("deepseek2.leading_dense_block_count", uint32(1))
			d := tinyV3()
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
			d.attention(part)
			d.feedForward(part, false)
		}, kernel.ErrType, "blk.3.ffn_up_exps.weight"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := tinyV3().build()
			c.edit(b)
			m, err := Load(b.Write(t), nil)
			if err == nil {
				m.Close()
				t.Fatal("loads")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "test.gguf") {
				t.Errorf("error %q does not name the file and %q", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %q is not %q", err, c.is)
			}
		})
	}
}
