package main

// The vocabulary is a byte-level one as GPT-2's: the 256 bytes, pairs of lower-case letters, pairs of such pairs, and
// three control tokens at the end. Each token of two or four letters has its merge, so that text is tokenised into
// something, and loading costs what it costs with a real vocabulary of that size.

const (
	letters  = 26
	pairs    = letters * letters
	specials = 3
	minVocab = 256 + specials
	maxVocab = minVocab + pairs + pairs*pairs
)

// Values of tokenizer.ggml.token_type.
const (
	typeNormal  = 1
	typeControl = 3
)

// vocabulary adds the keys of a tokenizer with n tokens.
func (m *model) vocabulary(n int) {
	tokens, merges := byteTokens(), []string{}
	for i := range n - minVocab {
		left, right := halves(i)
		tokens = append(tokens, left+right)
		merges = append(merges, left+" "+right)
	}
	tokens = append(tokens, "<|endoftext|>", "<|im_start|>", "<|im_end|>")
	types := make([]int32, n)
	for i := range types {
		types[i] = typeNormal
		if i >= n-specials {
			types[i] = typeControl
		}
	}
	m.set("tokenizer.ggml.model", "gpt2")
	m.set("tokenizer.ggml.pre", "gpt-2")
	m.set("tokenizer.ggml.tokens", tokens)
	m.set("tokenizer.ggml.token_type", types)
	m.set("tokenizer.ggml.merges", merges)
	m.set("tokenizer.ggml.bos_token_id", uint32(n-3))
	m.set("tokenizer.ggml.eos_token_id", uint32(n-1))
	m.set("tokenizer.ggml.add_bos_token", false)
}

// halves returns what merge i joins: two letters, and when all pairs of letters are there, two pairs.
func halves(i int) (left, right string) {
	if i < pairs {
		return letter(i / letters), letter(i % letters)
	}
	i -= pairs
	return pair(i / pairs), pair(i % pairs)
}

// letter returns lower-case letter i.
func letter(i int) string { return string(rune('a' + i)) }

// pair returns token i of two letters.
func pair(i int) string { return letter(i/letters) + letter(i%letters) }

// byteTokens spells each byte as a printable character, as byte-level vocabularies do: those of ASCII and Latin-1 that
// can be seen stand for themselves, the others are U+0100 … in order.
func byteTokens() []string {
	tokens := make([]string, 256, 256+pairs)
	next := rune(0x100)
	for b := range rune(256) {
		r := b
		if b <= ' ' || 0x7F <= b && b <= 0xA0 || b == 0xAD {
			r = next
			next++
		}
		tokens[b] = string(r)
	}
	return tokens
}
