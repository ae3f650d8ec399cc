package tokenizer

import "strings"

// pretype is how a byte-level BPE vocabulary wants its text cut into words before merging, and what else depends on the
// name in tokenizer.ggml.pre. The zero value of each flag is what most vocabularies want.
type pretype struct {
	names string // values of tokenizer.ggml.pre, separated by spaces
	split []splitter

	raw          bool // merges work on UTF-8 as it is, not on the printable form of bytes
	escape       bool // spaces are U+2581 in the vocabulary
	ignoreMerges bool // a word that is a token needs no merges to get there
	wholeLines   bool // a run of line ends that is a token is taken whole
	addBOS       bool // default of tokenizer.ggml.add_bos_token
	forceBOS     bool // ... whatever that key says
	addSEP       bool // default of tokenizer.ggml.add_sep_token
	noBOS        bool // no BOS unless tokenizer.ggml.bos_token_id names one
	tidy         bool // Decode may remove spaces before punctuation
}

// Sets of classes that several pre-tokenisers share.
const (
	cWord   = cLetter | cMark
	notWord = ^(cLetter | cNumber | cNewline)          // [^\r\n\p{L}\p{N}]
	notSign = ^(cLetter | cPunct | cSymbol | cNewline) // [^\r\n\p{L}\p{P}\p{S}]
	cRest   = ^(cWhite | cLetter | cNumber)            // [^\s\p{L}\p{N}]
	cSign   = cPunct | cSymbol
)

// Splitters that several pre-tokenisers share.
var (
	gpt2Words = each(contraction(false), spaced(cLetter), spaced(cNumber), spaced(cRest), spacesBefore, spaces)

	llama3Words = words(prefixed(notWord, cLetter), 3, tailLines)
	qwen2Words  = words(prefixed(notWord, cLetter), 1, tailLines)

	deepseekWords = each(asciiWord, prefixed(notSign, cWord), marks(cSign, tailLines), lines, spacesBefore, spaces)

	digits1 = each(upTo(1, cNumber))
	digits3 = each(upTo(3, cNumber))
	digits  = each(run(cNumber))
	ascii3  = each(threeDigits)
)

// words is the scheme of cl100k: contractions, words, numbers of up to n digits, signs with a tail, line ends, spaces.
func words(word matcher, n int, t tail) splitter {
	return each(contractionFold, word, upTo(n, cNumber), marks(cRest, t), lines, spacesBefore, spaces)
}

// suffixed is the scheme of o200k: as words, but a contraction belongs to the word before it.
func suffixed(word matcher, n int) splitter {
	return each(followed(word), upTo(n, cNumber), marks(cRest, tailSlashes), lines, spacesBefore, spaces)
}

// pretypes lists every pre-tokeniser of llama.cpp by behaviour.
var pretypes = []pretype{
	// What llama.cpp does with files from before the key existed: an approximation of several.
	{names: "default", tidy: true,
		split: []splitter{each(signs("$+<=>^~|")), gpt2Words, digits, ascii3}},
	// Llama 3 and those who took over its tokeniser: cl100k with numbers in threes.
	{names: "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano", tidy: true,
		split: []splitter{llama3Words}, ignoreMerges: true, addBOS: true},
	// The same words, every token by merges.
	{names: "dbrx smaug-bpe", tidy: true, split: []splitter{llama3Words}},
	// GLM has no BOS.
	{names: "chatglm-bpe", tidy: true, split: []splitter{llama3Words}, noBOS: true},
	{names: "glm4 glm5", tidy: true, split: []splitter{llama3Words}, noBOS: true, ignoreMerges: true},
	// Numbers are cut before anything else, so that the space before one stays alone.
	{names: "minicpm5", tidy: true, ignoreMerges: true,
		split: []splitter{digits3, words(prefixed(notWord, cLetter), 1<<30, tailLines)}},
	// Runs of spaces in powers of two, as its vocabulary has them.
	{names: "jais-2", tidy: true,
		split: []splitter{each(contractionFold, prefixed(notWord, cLetter), upTo(3, cNumber), marks(cRest, tailLines),
			lines, spaceLadder)}},
	// Qwen 2: cl100k with single digits. Several others differ in their files, not in what they match.
	{names: "stablelm2 megrez", tidy: true, split: []splitter{qwen2Words}},
	{names: "qwen2 deepseek-r1-qwen kormo f2llmv2 hunyuan solar-open bailingmoe bailingmoe2 llada-moe grok-2",
		split: []splitter{qwen2Words}},
	// Qwen 3.5: combining marks belong to words.
	{names: "qwen35",
		split: []splitter{each(contractionFold, prefixed(notWord, cWord), upTo(1, cNumber), marks(cRest&^cMark, tailLines),
			lines, spacesBefore, spaces)}},
	// No word crosses a line end, not even punctuation.
	{names: "laguna", split: []splitter{each(byLines), qwen2Words}},
	// Punctuation does not take the line ends behind it.
	{names: "seed-coder", split: []splitter{words(prefixed(notWord, cLetter), 1, tailNone)}},
	// Turkish: an apostrophe begins a suffix, there are no English contractions.
	{names: "ufakzeka",
		split: []splitter{each(prefixed(notWord, cLetter), upTo(1, cNumber), marks(cRest, tailLines),
			lines, spacesBefore, spaces)}},
	// Words with single spaces between them stay together.
	{names: "exaone-moe", tidy: true, split: []splitter{words(phrase(notWord), 1, tailOne)}},
	// Mistral's Tekken: words begin at capitals, single digits, no contractions.
	{names: "tekken", ignoreMerges: true, addBOS: true,
		split: []splitter{each(cased(notWord, cLetter), upTo(1, cNumber), marks(cRest, tailSlashes),
			lines, spacesBefore, spaces)}},
	// o200k: words begin at capitals and keep their contraction.
	{names: "gpt-4o llama4 kanana2 talkie minimax-m2", split: []splitter{suffixed(cased(notWord, cLetter), 3)}},
	// o200k with combining marks in words.
	{names: "granite-embed-multi-97m", split: []splitter{suffixed(cased(notWord, cWord), 3)}, ignoreMerges: true},
	// Numbers are grouped from their end; case plays no role, because llama.cpp knows letters only.
	{names: "tiny_aya cohere2moe", split: []splitter{thousands, suffixed(prefixed(notWord, cWord), 3)}},
	// Scripts without spaces are cut out first.
	{names: "youtu", ignoreMerges: true,
		split: []splitter{each(of(hangulSet), of(wideMarkSet), of(bopomofoSet), of(kanjiSet)),
			suffixed(prefixed(notWord, cWord), 1)}},
	// Chinese characters apart from other letters.
	{names: "kimi-k2",
		split: []splitter{each(han, followed(notHan), upTo(3, cNumber), marks(cRest, tailLines), lines, spacesBefore, spaces)}},
	// DeepSeek V3: numbers, then CJK, then the rest.
	{names: "deepseek-v3 hunyuan-dense hy_v4 joyai-llm", split: []splitter{digits3, each(of(kanjiSet)), deepseekWords}},
	// As before, but line ends stand alone.
	{names: "spark2_5",
		split: []splitter{digits3, each(of(kanjiSet)),
			each(asciiWord, prefixed(notSign, cWord), spaced(cSign), oneLine, spacesBefore, spaces), digits1}},
	// As DeepSeek V3 with grouped numbers and more scripts.
	{names: "afmoe", split: []splitter{thousands, each(of(asianSet)), deepseekWords}},
	// The first DeepSeek: one list of characters after the other.
	{names: "deepseek-llm",
		split: []splitter{each(oneLine), each(whiteOf(europeanSet)), each(whiteOf(wideSignSet)), trailing,
			each(of(eastSet)), digits}},
	{names: "deepseek-coder",
		split: []splitter{each(oneLine), each(whiteThen(cLetter)), each(whiteThen(cPunct)), each(of(eastSet)), digits1}},
	// GPT-2 with signs and groups of digits cut out.
	{names: "falcon", tidy: true, split: []splitter{each(signs("$+<=>^~|`")), gpt2Words, ascii3}},
	// GPT-2 with single digits.
	{names: "starcoder refact codeshell exaone minerva-7b mellum2", tidy: true, split: []splitter{digits1, gpt2Words}},
	{names: "command-r smollm", split: []splitter{digits1, gpt2Words}},
	// The original.
	{names: "gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert mpt olmo jais exaone4",
		tidy: true, split: []splitter{gpt2Words}},
	{names: "jina-v1-en jina-v2-code roberta-bpe", tidy: true, split: []splitter{gpt2Words}, addSEP: true},
	{names: "trillion granite-docling", split: []splitter{gpt2Words}},
	// BLOOM: everything up to a space or a stop is a word.
	{names: "poro-chat", split: []splitter{each(notOf(bloomStops))}},
	{names: "bloom gpt3-finnish", tidy: true, split: []splitter{each(notOf(bloomStops))}},
	{names: "viking", split: []splitter{each(notOf(bloomStops)), digits1}},
	// Words of any length; only numbers are cut.
	{names: "superbpe", split: []splitter{digits, thousandsInside}},
	// GPT-2 after image tokens, indentation, digits and signs were cut out.
	{names: "chameleon", addBOS: true,
		split: []splitter{each(sentinel), each(imageToken), each(indent), digits1, each(oneSign), gpt2Words}},
	// Whole lines: the vocabulary has U+2581 for spaces and merges over UTF-8.
	{names: "gemma4 granite-embed-multi-311m", tidy: true, forceBOS: true,
		split: []splitter{each(byLines)}, raw: true, escape: true, wholeLines: true},
	{names: "sarvam-moe", split: []splitter{each(byLines)}, raw: true, escape: true},
	// Words are what stands between white space.
	{names: "whitespace", tidy: true, split: []splitter{each(solid)}, raw: true},
}

// findPretype returns the row of pretypes that has name; nil if there is none.
func findPretype(name string) *pretype {
	for i := range pretypes {
		for n := range strings.FieldsSeq(pretypes[i].names) {
			if n == name {
				return &pretypes[i]
			}
		}
	}
	return nil
}

// PreTokenizer tells about a value of tokenizer.ggml.pre, how a byte-level BPE vocabulary wants its text cut into
// words: all names of the same rules, and whether a word that is a token needs no merges to get there. ok is false for
// a name that New refuses.
func PreTokenizer(name string) (names []string, ignoreMerges, ok bool) {
	p := findPretype(name)
	if p == nil {
		return nil, false, false
	}
	return strings.Fields(p.names), p.ignoreMerges, true
}
