package gguftest

import (
	"strings"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// Models that take texts: TextVariants and RerankVariants have vocabularies of 48 tokens for the letters of TextSamples.

// TextSamples are texts for these models; some letters have no token.
var TextSamples = []string{
	"the rain in the north, and then the hail", "A", "Lied: Ätna, néon!", "the  other\tline is not here\nhail rain",
	"torn notes on the shore and in the air, in a line as thin as rain, then the other, then the other ashore, and no end in it, and no hint on the end",
}

// TextQuery is the query that RerankVariants score all TextSamples but the last for.
const TextQuery = "is there rain on the shore"

// letters have tokens of their own, at the start of a word and in it.
const letters = "aehilnorst"

// others occur in texts besides.
const others = "ALÄé:!\t,quy{x}\n"

// words are what the vocabularies have beside letters.
func words(space string) (list []string) {
	for _, w := range []string{"the", "and", "in", "rain", "not", "th", "an"} {
		list = append(list, space+w)
	}
	return append(list, "er", "re", "he", "d", space+",", space+".")
}

// addVocab gives a model of 48 tokens a vocabulary for texts: special tokens, letters and words, and control tokens to
// fill up.
func (b *Builder) addVocab(model string, special []string, keys map[string]any) *Builder {
	const control, normal, size = 3, 1, 48
	tokens, types, scores := special, make([]int32, len(special)), make([]float32, len(special))
	for i := range types {
		types[i] = control
		if tokens[i] == "<unk>" || tokens[i] == "[UNK]" {
			types[i] = 2
		}
	}
	const space = "\u2581"
	list := words(space)
	if model == "llama" { // llama.cpp needs bytes for characters without tokens, of which there are none then
		for _, r := range space + letters + others {
			list = append(list, string(r))
		}
	} else {
		for _, r := range letters {
			list = append(list, space+string(r), string(r))
		}
	}
	if model == "t5" {
		list = append(list, space)
	}
	for i, w := range list {
		tokens, types, scores = append(tokens, w), append(types, normal), append(scores, float32(len(w))/2-9-float32(i%5)/4)
	}
	for len(tokens) < size {
		tokens, types, scores = append(tokens, "<"+strings.Repeat("x", len(tokens))+">"), append(types, control), append(scores, 0)
	}
	if len(tokens) != size {
		panic("gguftest: too many tokens")
	}
	const p = "tokenizer.ggml."
	b.Set(p+"model", model).Set(p+"tokens", tokens).Set(p+"token_type", types).Set(p+"scores", scores)
	for k, v := range keys {
		b.Set(p+k, v)
	}
	return b
}

// wordPiece gives a model BERT's kind of vocabulary.
func (b *Builder) wordPiece() *Builder {
	return b.addVocab("bert", []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, map[string]any{
		"bos_token_id": uint32(2), "seperator_token_id": uint32(3), "unknown_token_id": uint32(1), "padding_token_id": uint32(0), "mask_token_id": uint32(4)})
}

// unigram gives a model XLM-R's kind of vocabulary.
func (b *Builder) unigram() *Builder {
	return b.addVocab("t5", []string{"<s>", "<pad>", "</s>", "<unk>"}, map[string]any{
		"bos_token_id": uint32(0), "eos_token_id": uint32(2), "unknown_token_id": uint32(3), "padding_token_id": uint32(1), "seperator_token_id": uint32(2),
		"add_bos_token": true, "add_eos_token": true, "add_sep_token": true, "add_space_prefix": true, "remove_extra_whitespaces": true})
}

// sentencePiece gives a model Llama's kind of vocabulary; end says whether texts end with EOS.
func (b *Builder) sentencePiece(end bool) *Builder {
	return b.addVocab("llama", []string{"<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"}, map[string]any{
		"bos_token_id": uint32(1), "eos_token_id": uint32(2), "unknown_token_id": uint32(0), "add_bos_token": true, "add_eos_token": end})
}

// relative builds one of the models that differ from llama.
func relative(arch string, changes ...relativeChange) *Builder {
	o := relatives{}
	o.add("m", arch, changes...)
	return o["m"].Build()
}

// TextVariants are models that turn texts into vectors, those that llama.cpp's in engine/testdata/embeddings.json belong
// to.
func TextVariants() map[string]*Builder {
	const mean, first, last = uint32(1), uint32(2), uint32(3)
	out := map[string]*Builder{}
	add := func(name string, b *Builder, pooling uint32) {
		arch := b.keys[0].value.(string)
		out[name] = b.AddKV(arch+".pooling_type", pooling)
	}
	encoders := EncoderVariants()
	for name, pooling := range map[string]uint32{"bert": mean, "nomic-bert": first, "jina-bert": mean, "modern-bert": first, "nomic-bert-moe": mean} {
		m := encoders[name]
		m.Context = 256
		b := m.Build()
		if name == "nomic-bert-moe" {
			b.unigram()
		} else {
			b.wordPiece()
		}
		add(name, b, pooling)
	}
	both := relKey("attention.causal", false)
	add("eurobert", relative("eurobert", both, relTied).sentencePiece(true), mean)
	add("neo-bert", relative("neo-bert", both, relTied, func(m *Relative) {
		m.KVHeads, m.FusedQKV, m.FusedFFN, m.OutputNorm = relativeHeads, true, true, "enc.output_norm"
	}).wordPiece(), first)
	gemma := func(arch string) *Builder {
		b := relative(arch, relLayers(6, 64), relQKNorm, relPost, relTied, relWindow, relKey("rope.freq_base", float32(1e6)),
			relKey("attention.key_length", uint32(relativeHead)), relKey("attention.value_length", uint32(relativeHead)))
		return b.sentencePiece(true)
	}
	add("gemma-embedding", gemma("gemma-embedding"), mean)
	b, r := gemma("gemma-embedding"), NewRand()
	b.AddKV("gemma-embedding.dense_2_feat_in", uint32(relativeWidth)).AddKV("gemma-embedding.dense_2_feat_out", uint32(80))
	b.AddKV("gemma-embedding.dense_3_feat_in", uint32(80)).AddKV("gemma-embedding.dense_3_feat_out", uint32(relativeWidth))
	b.AddRandom(r, "dense_2.weight", ggtype.F32, relativeWidth, 80)
	b.AddRandom(r, "dense_3.weight", ggtype.F32, 80, relativeWidth)
	add("gemma-embedding-dense", b, mean)
	add("qwen3", relative("qwen3", relQKNorm, relTied).sentencePiece(true), last)
	add("llama", relative("llama").sentencePiece(false), mean)
	return out
}

// RerankVariants are models that score pairs of texts, those that llama.cpp's scores in engine/testdata/embeddings.json
// belong to.
func RerankVariants() map[string]*Builder {
	out := map[string]*Builder{}
	for name, b := range RankVariants() {
		out[name] = b.wordPiece()
	}
	out["rank-xlm-r"] = RankVariants()["rank-bert"].unigram()
	b := relative("qwen3", relQKNorm, relTied).sentencePiece(false)
	b.AddRandom(NewRand(), "cls.output.weight", ggtype.F32, relativeWidth, 2)
	b.AddKV("qwen3.pooling_type", uint32(4)).AddKV("qwen3.classifier.output_labels", []string{"yes", "no"})
	b.AddKV("tokenizer.chat_template.rerank", "<|im_start|>query {query} note{x}<|im_end|>\nline: {document}<|im_end|>")
	out["rank-qwen3"] = b
	return out
}
