package arch_test

import (
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// needed are keys and tensors that files of an architecture must have, because without them another model would run.
var needed = []struct{ model, name string }{
	{"gpt-oss", "gpt-oss.attention.sliding_window"},
	{"gpt-oss", "blk.1.attn_output.bias"},
	{"gpt-oss", "output.weight"},
	{"exaone-moe", "exaone-moe.attention.sliding_window"},
	{"mimo2", "mimo2.attention.sliding_window_pattern"},
	{"granite_swa", "granite_swa.attention.sliding_window"},
	{"pangu-embedded", "blk.0.attn_output.bias"},
	{"gemma-embedding", "gemma-embedding.attention.sliding_window"},
	{"glm4moe", "blk.1.exp_probs_b.bias"},
	{"olmo2", "output.weight"},
	{"qwen3vl", "qwen3vl.rope.dimension_sections"},
	{"granite", "granite.attention.layer_norm_rms_epsilon"},
}

// A key or tensor that is missing is an error that names it.
func TestMissing(t *testing.T) {
	models, texts := gguftest.ByArchitecture(), gguftest.TextVariants()
	models["gemma-embedding"] = func() *gguftest.Builder { return texts["gemma-embedding"] }
	for _, c := range needed {
		b := models[c.model]()
		b.Delete(c.name).Remove(c.name)
		if _, err := loadBuilt(t, b); err == nil || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s without %s: %v", c.model, c.name, err)
		}
	}
}

// Groups of experts count in every architecture that has experts, as in llama.cpp.
func TestGroupsOfExperts(t *testing.T) {
	n := 0
	for name, build := range gguftest.ByArchitecture() {
		b := build()
		_, s := spec(t, b)
		count := 0
		for _, l := range s.Layers {
			if m, ok := l.FFN.(model.Experts); ok {
				count = m.Count
			}
		}
		if count < 4 || count%2 != 0 {
			continue
		}
		n++
		_, s = spec(t, b.Set(name+".expert_group_count", uint32(2)).Set(name+".expert_group_used_count", uint32(1)))
		for i, l := range s.Layers {
			if m, ok := l.FFN.(model.Experts); ok && (m.Groups != 2 || m.GroupsUsed != 1) {
				t.Errorf("%s: layer %d has no groups", name, i)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d architectures with experts", n)
	}
}
