package huggingface

import (
	"fmt"
	"strings"
)

// More language models of those that see or hear. Their towers are not converted.

var _ = register(family{
	arch:   "glm4",
	names:  withNextn(withNames(glm4Names, nil)),
	init:   (*model).nextnLayers,
	modify: (*model).glm4,
	keys:   (*model).glmOCRKeys,
	vocab:  (*model).vocabGLM4,
}, "GlmOcrForConditionalGeneration")

var _ = register(family{
	arch:   "paddleocr",
	filter: ernieFilter,
	keys:   (*model).commonKeys,
	vocab:  (*model).vocabErnie,
}, "PaddleOCRVLForConditionalGeneration")

var _ = register(family{
	arch:   "hunyuan_vl",
	names:  hunyuanNames,
	init:   hunyuanVLInit,
	filter: (*model).untied,
	keys:   (*model).hunyuanVLKeys,
	vocab:  (*model).vocabHunyuan,
}, "HunYuanVLForConditionalGeneration")

var _ = register(family{
	arch:   "gemma4",
	names:  gemma4Names,
	filter: gemma4Filter,
	extra:  (*model).gemma4Factors,
	modify: (*model).gemma4,
	keys:   (*model).gemma4UnifiedKeys,
	vocab:  (*model).vocabGemma4,
}, "Gemma4UnifiedForConditionalGeneration")

var _ = register(family{
	arch:   "qwen3vlmoe",
	filter: withoutThinker,
	modify: (*model).qwen3VLMoE,
	keys:   (*model).qwen3OmniKeys,
	vocab:  (*model).vocabTurns,
}, "Qwen3OmniMoeForConditionalGeneration")

var _ = register(family{
	arch:   "qwen3vl",
	filter: withoutThinker,
	keys:   (*model).qwen3ASRKeys,
	vocab:  (*model).vocabASR,
}, "Qwen3ASRForConditionalGeneration")

var _ = register(family{
	arch:  "qwen2",
	keys:  (*model).pooledKeys,
	vocab: (*model).vocabEither,
}, "Qwen2AudioForConditionalGeneration", "AudioFlamingo3ForConditionalGeneration", "DotsOCRForCausalLM")

var _ = register(family{
	arch:  "qwen3",
	keys:  (*model).pooledKeys,
	vocab: (*model).vocabEither,
	init:  noReranker,
}, "StepVLForConditionalGeneration")

var _ = register(family{
	arch:   "llama",
	init:   smolVLMHeads,
	modify: (*model).llama,
	filter: otherLlamaFilter,
	extra:  (*model).llama3Factors,
	keys:   (*model).llamaKeys,
	vocab:  (*model).vocabLlama,
	names:  llamaNames,
}, "VLlama3ForCausalLM", "LlavaForConditionalGeneration", "VoxtralForConditionalGeneration", "JanusForConditionalGeneration",
	"Sarashina2VisionForCausalLM")

var _ = register(family{
	arch:   "exaone4",
	names:  withNextn(withNames(exaone4Names, nil)),
	init:   (*model).nextnLayers,
	filter: exaone45Filter,
	extra:  (*model).llama3Factors,
	modify: (*model).exaone45,
	keys:   (*model).exaone45Keys,
}, "Exaone4_5_ForConditionalGeneration")

var _ = register(withFilter(qwen35("qwen35"), miniCPMVFilter), "MiniCPMV4_6ForConditionalGeneration")

// withFilter is a family with another filter.
func withFilter(f family, filter func(m *model, name string) (string, bool)) family {
	f.filter = filter
	return f
}

func (m *model) glmOCRKeys() {
	m.glm4Keys()
	m.count("nextn_predict_layers", "num_nextn_predict_layers")
}

// hunyuanVLInit names the rotation in several dimensions as older configurations do.
func hunyuanVLInit(m *model) error {
	if m.rope.text("rope_type") == "dynamic" && m.rope.has("mrope_section") {
		m.rope["rope_type"], m.rope["xdrope_section"] = "xdrope", m.rope["mrope_section"]
	}
	return nil
}

func (m *model) hunyuanVLKeys() {
	m.hunyuanKeys()
	if m.rope.text("rope_type") != "xdrope" {
		return
	}
	need := func(key string) float64 {
		x, ok := m.rope.number(key)
		if !ok {
			m.fail("rope_parameters have no %s", key)
		}
		return x
	}
	m.f32("rope.freq_base", need("rope_theta"))
	m.f32("rope.scaling.alpha", need("alpha"))
	m.list("rope.scaling.type", "none")
	factor, ok := m.rope.number("factor")
	if !ok {
		factor = 1
	}
	m.f32("rope.scaling.factor", factor)
	n := m.need("max_position_embeddings")
	m.u32("rope.scaling.original_context_length", n)
	m.u32("context_length", n)
	list, _ := m.rope["xdrope_section"].([]any)
	if len(list) == 0 {
		m.fail("rope_parameters have no xdrope_section")
	}
	m.counts("rope.dimension_sections", list)
}

// gemma4UnifiedKeys are Gemma 4's, and the tokens that must not be sampled.
func (m *model) gemma4UnifiedKeys() {
	m.gemma4Keys()
	gen, err := readOptional(m.dir, "generation_config.json")
	if err != nil {
		m.err = err
		return
	}
	list, _ := gen["suppress_tokens"].([]any)
	if list == nil {
		return
	}
	out := make([]int32, len(list))
	for i, v := range list {
		n, ok := toInt(v)
		if !ok || n < 0 {
			m.err = fmt.Errorf("generation_config.json: %w: suppress_tokens has %v, which is no token", ErrFolder, v)
			return
		}
		out[i] = int32(n)
	}
	m.set("tokenizer.ggml.suppress_tokens", out)
}

func (m *model) qwen3OmniKeys() {
	m.qwen3VLMoEKeys()
	m.u32("n_deepstack_layers", 0)
}

func (m *model) qwen3ASRKeys() {
	m.qwen3VLKeys()
	m.u32("n_deepstack_layers", 0)
}

// vocabTurns is Qwen's vocabulary, with the end of a turn as begin and end of a text.
func (m *model) vocabTurns() error {
	if err := m.vocabEither(); err != nil {
		return err
	}
	return m.turnEnds()
}

// turnEnds sets the tokens that begin and end a text to the end of a turn, <|im_end|>, if the folder has it.
func (m *model) turnEnds() error {
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	decoder := tc.object("added_tokens_decoder")
	for key := range decoder {
		var id uint32
		if decoder.object(key).text("content") != "<|im_end|>" {
			continue
		}
		if _, err := fmt.Sscanf(key+"\n", "%d\n", &id); err != nil {
			return fmt.Errorf("tokenizer_config.json: %w: added_tokens_decoder: %q is no token", ErrFolder, key)
		}
		m.set("tokenizer.ggml.bos_token_id", id)
		m.set("tokenizer.ggml.eos_token_id", id)
	}
	return nil
}

// turnsTemplate is ChatML, which models of speech get whatever their folders say.
const turnsTemplate = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}" +
	"{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

func (m *model) vocabASR() error {
	if err := m.vocabEither(); err != nil {
		return err
	}
	m.set("tokenizer.chat_template", turnsTemplate)
	return m.turnEnds()
}

// smolVLMHeads adds the number of heads where SmolVLM2's configuration has none.
func smolVLMHeads(m *model) error {
	if m.class == "VLlama3ForCausalLM" && !m.cfg.has("num_attention_heads") {
		m.cfg["num_attention_heads"] = whole(32)
	}
	return nil
}

// otherLlamaFilter drops what belongs to towers that other models do not have.
func otherLlamaFilter(m *model, name string) (string, bool) {
	switch m.class {
	case "JanusForConditionalGeneration":
		for _, p := range []string{"aligner.", "vqmodel.", "generation_embeddings.", "generation_aligner.", "generation_head."} {
			if strings.HasPrefix(name, "model."+p) {
				return "", false
			}
		}
	case "Sarashina2VisionForCausalLM":
		rest, ok := strings.CutPrefix(name, "llm.")
		if !ok && strings.HasPrefix(name, "norm.") {
			return "", false
		}
		name = rest
	}
	return llamaFilter(m, name)
}

// exaone45Filter gives the layers that predict a token further on their places behind the others.
func exaone45Filter(m *model, name string) (string, bool) {
	if strings.HasPrefix(name, "mtp.") {
		if m.or(0, "num_nextn_predict_layers") == 0 {
			return "", false
		}
		if m.cfg.boolean("mtp_share_layers", false) {
			return name, true // one layer for all of them, see exaone45
		}
	}
	return exaoneMoEFilter(m, name)
}

// exaone45 adds a tensor.
func (m *model) exaone45(name string, bid int, t tensor) error {
	if rest, ok := strings.CutPrefix(name, "mtp.layers."); ok {
		_, part, _ := strings.Cut(rest, ".")
		for i := m.need("num_hidden_layers"); i < m.blocks; i++ {
			if err := m.plain(fmt.Sprintf("model.layers.%d.%s", i, part), i, t); err != nil {
				return err
			}
		}
		return nil
	}
	return m.exaoneMoE(name, bid, t)
}

func (m *model) exaone45Keys() {
	m.exaone4Keys()
	if n := m.or(0, "num_nextn_predict_layers"); n > 0 {
		m.u32("nextn_predict_layers", n)
	}
}

// miniCPMVFilter drops what the script does not convert either.
func miniCPMVFilter(m *model, name string) (string, bool) {
	if strings.HasPrefix(name, "model.merger.") || strings.HasPrefix(name, "mtp") {
		return "", false
	}
	return qwenNextFilter(m, name)
}
