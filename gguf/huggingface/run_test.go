package huggingface

import (
	"slices"
	"testing"
)

// TestRun: folders of large families become files that the engine runs.
func TestRun(t *testing.T) {
	for _, name := range []string{"bitnet", "chatglm", "cohere2moe", "deepseek-v3.2", "glm-4-9b", "glm-4.7-flash", "glm-5", "hunyuan-4b", "hunyuan-a13b", "hy3", "internlm3", "jais2",
		"k-exaone", "kimi-k2", "kimi-linear", "ling-lite", "maincoder", "mellum", "mimo-v2-flash", "minicpm3", "mistral-small-4", "nanbeige",
		"nemotron-super", "openelm", "smallthinker", "step-3.5-flash", "trinity", "youtu",
		"arctic-instruct", "baichuan2-7b", "codeshell-7b", "dbrx", "dots3-note", "exaone-4.5", "gemma-4-unified", "glm-4.1v",
		"glm-5.3", "glm-ocr", "granite-swa", "granitemoe-swa", "hunyuan-ocr", "grok-1", "grok-2", "grovemoe", "hy4", "jais-590m", "kimi-k3",
		"kimi-k3-mxfp4", "laguna-s", "laguna-xs", "ling-3.0", "ling-3.0-vl", "maple", "minicpm-v-4.6", "minimax-m1", "minimax-m3", "muse-glimmer",
		"paddleocr-vl", "pangu-embedded", "plamo-13b", "hrm-text", "talkie", "plamo-2-1b", "plamo-3", "qwen-7b", "qwen3-asr", "qwen3-omni", "qwen3.8-next", "refact-1.6b",
		"sarvam-30b", "smolvlm2", "solar-open", "spark-x2.5", "xverse-7b", "cogvlm-chat", "nemotron-51b"} {
		t.Run(name, func(t *testing.T) {
			got := logitsOf(t, baseFile(t, name), false)
			if len(got) == 0 || slices.ContainsFunc(got, func(x float32) bool { return x-x != 0 }) {
				t.Errorf("%d logits, or some that are no numbers", len(got))
			}
		})
	}
}
