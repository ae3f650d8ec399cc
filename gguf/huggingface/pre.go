package huggingface

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/internal/wordsets"
	"github.com/latentgo/latentgo/tokenizer"
)

// sample is the text by whose tokens llama.cpp's script knows a tokenizer: spaces and line ends of all lengths, emojis,
// digits, scripts, punctuation and contractions.
const sample = "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶\u200d🌫️ (multiple emojis concatenated) ✅ 🦙🦙 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 កាន់តែពិសេសអាច😁 ?我想在apple工作1314151天～ ------======= нещо на Български ''''''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE you sure? 'M not sure I'll make it, 'D you like some tea? We'Ve a'lL"

// pretokenizers.txt has a line per tokenizer that the script knows: SHA-256 of the sample's tokens, and the name of the
// rules by which text is cut into words.
//
//go:embed pretokenizers.txt
var pretokenizers string

// knownPre finds a name by a SHA-256.
func knownPre(sum string) (string, bool) {
	for line := range strings.Lines(pretokenizers) {
		if hash, name, _ := strings.Cut(strings.TrimSpace(line), " "); hash == sum {
			return name, true
		}
	}
	return "", false
}

// Expressions that cut text into words, as they stand in tokenizer.json.
const (
	contractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	tailRules    = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	slashRules   = `| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	upperWord    = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
	lowerWord    = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`
	gptWords     = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	qwenWords    = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}` + tailRules
	fromTheEnd   = `\d{1,3}(?=(?:\d{3})*\b)` // numbers in groups of three
	bloomWords   = ` ?[^(\s|[.,!?…。，、।۔،])]+`
	manySpaces   = `\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`
	casedWords   = upperWord + contractions + "?|" + lowerWord + contractions + "?"
	kanji        = "[" + wordsets.Kanji + "]+"
	deepSeekWord = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+"
	deepSeekRest = deepSeekWord + `[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// wordRules are the steps of a pre_tokenizer in tokenizer.json, as signature writes them. The first of names is what a
// tokenizer with them is called that nothing else is known about; the others cut words alike, and so does what
// tokenizer.PreTokenizer puts beside any of them.
type wordRules struct {
	names []string
	steps []string
}

// ruleList are all that have a name.
var ruleList = []wordRules{
	{[]string{"gpt-2", "trillion", "roberta-bpe"}, []string{"ByteLevel+"}},
	{[]string{"smollm", "starcoder"}, []string{"Digits", "ByteLevel+"}},
	{[]string{"llama-bpe", "dbrx", "chatglm-bpe", "glm4"},
		[]string{split(contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}` + tailRules), "ByteLevel"}},
	{[]string{"qwen2", "stablelm2"}, []string{split(qwenWords), "ByteLevel"}},
	{[]string{"qwen35"}, []string{split(contractions +
		`|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`), "ByteLevel"}},
	{[]string{"gpt-4o", "granite-embed-multi-97m"}, []string{split(casedWords + `|\p{N}{1,3}` + slashRules), "ByteLevel"}},
	{[]string{"tekken"}, []string{split(upperWord + "|" + lowerWord + `|\p{N}` + slashRules), "ByteLevel"}},
	{[]string{"kimi-k2"}, []string{split(`[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+` +
		contractions + `?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*` +
		contractions + `?|\p{N}{1,3}` + tailRules), "ByteLevel"}},
	{[]string{"bloom", "poro-chat"}, []string{split(bloomWords), "ByteLevel"}},
	{[]string{"viking"}, []string{split(bloomWords), split(`\p{N}`), "ByteLevel"}},
	{[]string{"deepseek-v3"}, []string{split(`\p{N}{1,3}`), split(kanji), split(deepSeekRest), "ByteLevel"}},
	{[]string{"spark2_5"}, []string{split(`\p{N}{1,3}`), split(kanji), split(deepSeekWord + `|[\r\n]|\s+(?!\S)|\s+`),
		split(`\p{N}`), "ByteLevel"}},
	{[]string{"afmoe"}, []string{split(`\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))`), split("[" + wordsets.Asian + "]+"), split(deepSeekRest), "ByteLevel"}},
	{[]string{"deepseek-llm"}, []string{split(`[\r\n]`), split(`\s?[` + wordsets.European + "]+"),
		split(`\s?[` + wordsets.WideSigns + "]+"), split(`\s+$`), split("[" + wordsets.East + "]+"), split(`\p{N}+`), "ByteLevel"}},
	{[]string{"deepseek-coder"}, []string{split(`[\r\n]`), split(`\s?\p{L}+`), split(`\s?\p{P}+`),
		split("[" + wordsets.East + "]+"), split(`\p{N}`), "ByteLevel"}},
	{[]string{"falcon"}, []string{split("[\\p{P}$+<=>^~|`]+"), split(gptWords), split(`[0-9][0-9][0-9]`), "ByteLevel"}},
	{[]string{"laguna"}, []string{split(`[^\n]+|[\n]+`), split(qwenWords), "ByteLevel"}},
	{[]string{"minicpm5"}, []string{split(`\p{N}{1,3}`),
		split(contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+` + tailRules), "ByteLevel"}},
	{[]string{"jais-2"}, []string{split(contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|` +
		manySpaces), "ByteLevel"}},
	{[]string{"seed-coder"}, []string{split(contractions +
		`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`), "ByteLevel"}},
	{[]string{"ufakzeka"}, []string{split(`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}` + tailRules), "ByteLevel"}},
	{[]string{"exaone-moe"}, []string{split(contractions + `|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}` +
		`| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`), "ByteLevel"}},
	{[]string{"cohere2moe"}, []string{split(fromTheEnd), split(casedWords + `|\p{N}{1,3}` + slashRules), "ByteLevel"}},
	{[]string{"youtu"}, []string{split("[" + wordsets.Hangul + "]+|[" + wordsets.WideMarks + "]+|[" + wordsets.Bopomofo + "]+|" + kanji),
		split(casedWords + `|\p{N}` + slashRules), "ByteLevel"}},
}

// split is the signature of a step that cuts by an expression.
func split(expression string) string { return "Split(" + expression + ")" }

// rules maps the pre_tokenizer of tokenizer.json, see signature, to the name of its rules.
var rules = func() map[string]string {
	out := map[string]string{}
	for _, r := range ruleList {
		out[strings.Join(r.steps, " ")] = r.names[0]
	}
	return out
}()

// signature writes a pre_tokenizer as a text: its steps, with the expressions of those that have some.
func signature(p config) string {
	switch typ := p.text("type"); typ {
	case "Sequence":
		var parts []string
		list, _ := p["pretokenizers"].([]any)
		for _, v := range list {
			if o, ok := v.(map[string]any); ok && o["type"] != "Sequence" {
				parts = append(parts, signature(o))
			}
		}
		return strings.Join(parts, " ")
	case "Split":
		pattern := p.object("pattern")
		return split(pattern.text("Regex") + pattern.text("String"))
	case "ByteLevel":
		if p.boolean("use_regex", true) {
			return "ByteLevel+"
		}
		return typ
	default:
		return typ
	}
}

// pre returns the name of the rules by which text is cut into words: of the tokenizer that cuts the sample alike, or
// else of the rules that tokenizer.json has.
func (t *tokenizerJSON) pre(tokens []token) (string, error) {
	if t.Model.Type == "WordPiece" {
		if name, ok := knownPre(t.sampleSum(phantom(tokens), "")); ok {
			return name, nil
		}
		return "bert-bge", nil
	}
	sig := signature(t.PreTokenizer)
	own, ok := rules[sig]
	if ok {
		if name, known := knownPre(t.sampleSum(tokens, own)); known {
			return name, nil
		}
		if own == "llama-bpe" {
			own = t.llamaLike()
		}
		return own, nil
	}
	tried := []string{}
	for line := range strings.Lines(pretokenizers) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains(tried, name) {
			continue
		}
		tried = append(tried, name)
		if found, known := knownPre(t.sampleSum(tokens, name)); known {
			return found, nil
		}
	}
	return "", fmt.Errorf("tokenizer.json: the rules of pre_tokenizer, %.500q, are %w", sig, ErrUnsupported)
}

// llamaLike returns which of the rules with Llama 3's words a tokenizer has.
func (t *tokenizerJSON) llamaLike() string {
	switch {
	case slices.ContainsFunc(t.Added, func(a addedToken) bool { return a.Content == "[gMASK]" }):
		return "glm4"
	case !t.Model.IgnoreMerges:
		return "dbrx" // words that are tokens are made by merges like all others
	}
	return "llama-bpe"
}

// sampleSum returns the SHA-256 of the sample's tokens with rules of a name, "" if there are no such rules here.
func (t *tokenizerJSON) sampleSum(tokens []token, pre string) string {
	md := vocabMetadata{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre, "tokenizer.ggml.add_bos_token": false}
	if pre == "" {
		md["tokenizer.ggml.model"] = "bert"
	} else if merges, err := t.merges(); err == nil {
		md["tokenizer.ggml.merges"] = merges
	}
	texts, kinds := make([]string, len(tokens)), make([]int64, len(tokens))
	for i, tok := range tokens {
		texts[i], kinds[i] = tok.text, int64(tok.kind)
	}
	md["tokenizer.ggml.tokens"], md["tokenizer.ggml.token_type"] = texts, kinds
	tk, err := tokenizer.New(md)
	if err != nil {
		return ""
	}
	before, after := t.around()
	ids := slices.Concat(before, tk.Encode(sample, tokenizer.EncodeOptions{}), after)
	var s strings.Builder
	for i, id := range ids {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(strconv.Itoa(int(id)))
	}
	sum := sha256.Sum256([]byte("[" + s.String() + "]"))
	return hex.EncodeToString(sum[:])
}

// around returns the tokens that are put before and behind a text.
func (t *tokenizerJSON) around() (before, after []int32) {
	list, ok := t.PostProcessor["processors"].([]any)
	if !ok {
		list = []any{map[string]any(t.PostProcessor)}
	}
	for _, v := range list {
		o, _ := v.(map[string]any)
		p := config(o)
		if p.text("type") != "TemplateProcessing" {
			continue
		}
		dst := &before
		for _, s := range steps(p["single"]) {
			if s.sequence != "" {
				dst = &after
				continue
			}
			raw, _ := p.object("special_tokens").object(s.token)["ids"].([]any)
			for _, v := range raw {
				if id, ok := toInt(v); ok {
					*dst = append(*dst, int32(id))
				}
			}
		}
	}
	return before, after
}

// vocabMetadata is a vocabulary as tokenizer.New reads it.
type vocabMetadata map[string]any

// errKey is returned for a key that is missing.
var errKey = fmt.Errorf("no such key")

// get returns the value of a key.
func get[T any](m vocabMetadata, key string) (v T, err error) {
	v, ok := m[key].(T)
	if !ok {
		return v, fmt.Errorf("%s: %w", key, errKey)
	}
	return v, nil
}

// Has implements tokenizer.Metadata.
func (m vocabMetadata) Has(key string) bool { return m[key] != nil }

// String implements tokenizer.Metadata.
func (m vocabMetadata) String(key string) (string, error) { return get[string](m, key) }

// Uint implements tokenizer.Metadata.
func (m vocabMetadata) Uint(key string) (uint64, error) { return get[uint64](m, key) }

// Bool implements tokenizer.Metadata.
func (m vocabMetadata) Bool(key string) (bool, error) { return get[bool](m, key) }

// Strings implements tokenizer.Metadata.
func (m vocabMetadata) Strings(key string) ([]string, error) { return get[[]string](m, key) }

// Floats implements tokenizer.Metadata.
func (m vocabMetadata) Floats(key string) ([]float32, error) { return get[[]float32](m, key) }

// Ints implements tokenizer.Metadata.
func (m vocabMetadata) Ints(key string) ([]int64, error) { return get[[]int64](m, key) }
