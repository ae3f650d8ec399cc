package huggingface

import (
	"slices"
	"testing"
)

// TestRun: folders of large families become files that the engine runs.
func TestRun(t *testing.T) {
	for _, name := range []string{"bitnet", "chatglm", "cohere2moe", "deepseek-v3.2", "glm-4-9b", "glm-4.7-flash", "glm-5", "hunyuan-4b", "hunyuan-a13b", "hy3", "internlm3", "jais2",
		"k-exaone", "kimi-k2", "kimi-linear", "ling-lite", "maincoder", "mellum", "mimo-v2-flash", "minicpm3", "mistral-small-4", "nanbeige",
		"nemotron-super", "openelm", "smallthinker", "step-3.5-flash", "trinity", "youtu"} {
		got := logitsOf(t, baseFile(t, name), false)
		if len(got) == 0 || slices.ContainsFunc(got, func(x float32) bool { return x-x != 0 }) {
			t.Errorf("%s: %d logits, or some that are no numbers", name, len(got))
		}
	}
}
