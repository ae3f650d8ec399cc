package arch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// A tensor that an architecture does not name would be left out of what it computes: the error names it.
func TestUnknownTensors(t *testing.T) {
	for _, name := range []string{
		"blk.0.attn_sinks.weight", "blk.1.ssm_conv1d.weight", "blk.0.ffn_sub_norm.weight", "blk.1.post_attention_norm.weight",
		"blk.0.attn_q_norm.weight", "blk.2.attn_norm.weight", "token_types.weight", "output_norm.bias", "cls.output.weight",
	} {
		b := gguftest.TinyLlama().Build()
		b.AddRandom(gguftest.NewRand(), name, ggtype.F32, 64)
		_, err := loadBuilt(t, b)
		if !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Keys that llama.cpp reads for other architectures, or not at all, change nothing. Writers put every key into every
// file.
func TestUnreadKeys(t *testing.T) {
	unread := map[string][]string{
		"llama":    {"attention.scale", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow", "rope.scaling.yarn_log_multiplier"},
		"mistral3": {"attention.scale"},
		"qwen2":    {"attention.scale", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_log_multiplier"},
		"qwen3":    {"attention.scale", "rope.scaling.yarn_beta_slow", "rope.scaling.yarn_log_multiplier"},
		"gemma3":   {"attention.scale", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_log_multiplier"},
	}
	common := []string{"residual_scale", "embedding_scale", "logit_scale", "attention.temperature_scale2", "attn_logit_softcapping"}
	ids := gguftest.RandomIDs(40, 80)
	for name, keys := range unread {
		base := func() *gguftest.Builder {
			b := gguftest.Convertible()[name]
			b.Set(name+".rope.scaling.type", "yarn").Set(name+".rope.scaling.factor", float32(4))
			return b.Set(name+".rope.scaling.original_context_length", uint32(16))
		}
		want := logits(t, open(t, base().Write(t), model.Options{Threads: 2}), ids, len(ids))
		b := base()
		for _, k := range append(slices.Clone(common), keys...) {
			b.Set(name+"."+k, float32(0.25))
		}
		if name != "gemma3" {
			b.Set(name+".final_logit_softcapping", float32(2))
		}
		if got := logits(t, open(t, b.Write(t), model.Options{Threads: 2}), ids, len(ids)); !slices.Equal(got, want) {
			t.Errorf("%s: keys that it does not read change the logits", name)
		}
	}
}
