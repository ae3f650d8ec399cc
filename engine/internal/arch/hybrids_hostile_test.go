package arch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Keys of hybrids that can't be are errors that name them.
func TestHybridKeys(t *testing.T) {
	for _, c := range []struct {
		model, key string
		value      any
		want       string
	}{
		{"qwen35", "ssm.group_count", uint32(0), "ssm.group_count"},
		{"qwen35", "ssm.group_count", uint32(3), "ssm.time_step_rank"},
		{"qwen35", "ssm.inner_size", uint32(65), "ssm.inner_size"},
		{"qwen35", "ssm.conv_kernel", uint32(1), "ssm.conv_kernel"},
		{"qwen35", "full_attention_interval", uint32(0), "full_attention_interval"},
		{"qwen35", "attention.recurrent_layers", []bool{true}, "attention.recurrent_layers"},
		{"qwen35", "attention.value_length", uint32(8), "attention.value_length"},
		{"qwen35", "rope.dimension_sections", []int32{0, 0, 0, 0}, "rope.dimension_sections"},
		{"mamba2", "ssm.group_count", uint32(3), "ssm.group_count"},
		{"mamba2", "ssm.time_step_rank", uint32(3), "ssm.inner_size"},
		{"mamba", "ssm.state_size", uint32(1 << 30), "ssm.state_size"},
		{"lfm2", "shortconv.l_cache", uint32(1), "shortconv.l_cache"},
		{"lfm2", "attention.head_count_kv", []uint32{0, 3, 0}, "attention.head_count_kv"},
		{"nemotron_h_moe-latent", "moe_latent_size", uint32(1 << 30), "moe_latent_size"},
		{"jamba", "ssm.time_step_rank", uint32(0), "ssm.time_step_rank"},
	} {
		h := gguftest.HybridVariants()[c.model]
		_, err := loadBuilt(t, h.Build().Set(h.Arch+"."+c.key, c.value))
		if err == nil || !strings.Contains(err.Error(), c.want) || !(errors.Is(err, model.ErrInvalid) || errors.Is(err, model.ErrUnsupported)) {
			t.Errorf("%s, %s = %v: %v", c.model, c.key, c.value, err)
		}
	}
}

// A tensor that another family's mixer has is not left out in silence.
func TestHybridTensors(t *testing.T) {
	for name, extra := range map[string]string{
		"lfm2": "blk.0.attn_q.weight", "qwen35": "blk.0.ssm_in.weight", "mamba2": "blk.0.ffn_norm.weight", "mamba": "blk.1.ssm_b_norm.weight",
		"nemotron_h": "blk.1.ffn_gate.weight", "granitehybrid": "blk.1.ssm_a", "qwen3next": "blk.0.ssm_alpha.weight",
	} {
		b := gguftest.HybridVariants()[name].Build()
		b.AddRandom(gguftest.NewRand(), extra, ggtype.F32, 32)
		if _, err := loadBuilt(t, b); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), `"`+extra+`"`) {
			t.Errorf("%s with %s: %v", name, extra, err)
		}
	}
}
