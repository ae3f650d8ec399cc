package huggingface

import (
	"slices"
	"testing"
)

// TestRun: folders of large families become files that the engine runs.
func TestRun(t *testing.T) {
	for _, name := range []string{"bitnet", "chatglm", "deepseek-v3.2", "glm-4-9b", "glm-4.7-flash", "glm-5", "hunyuan-4b", "hunyuan-a13b",
		"k-exaone", "kimi-k2", "kimi-linear", "mimo-v2-flash", "mistral-small-4", "step-3.5-flash", "trinity"} {
		got := logitsOf(t, baseFile(t, name), false)
		if len(got) == 0 || slices.ContainsFunc(got, func(x float32) bool { return x-x != 0 }) {
			t.Errorf("%s: %d logits, or some that are no numbers", name, len(got))
		}
	}
}
