package speculate

import (
	"slices"

	"github.com/latentgo/latentgo/tokenizer"
)

// Models of a family have vocabularies that are filled up to different sizes: those of a draft model may differ by this
// many tokens at the end, as with llama.cpp.
const padding = 128

// SameVocabulary reports whether the tokens of two models of so many tokens mean the same, but for padding. A model
// without a tokenizer, which is nil, goes only with another one.
func SameVocabulary(a, b *tokenizer.Tokenizer, sizeA, sizeB int) bool {
	n := min(sizeA, sizeB)
	if max(sizeA, sizeB)-n > padding || (a == nil) != (b == nil) {
		return false
	}
	for id := int32(0); a != nil && int(id) < n; id++ {
		if a.Text(id) != b.Text(id) {
			return false
		}
	}
	return true
}

// Known returns how many of the first guesses are in a vocabulary of so many tokens.
func Known(guesses []int32, vocab int) int {
	i := slices.IndexFunc(guesses, func(id int32) bool { return int(id) >= vocab })
	if i < 0 {
		return len(guesses)
	}
	return i
}

// Sure is the logarithm of the probability below which a draft model stops guessing.
const Sure = -0.5

// Best returns the token with the largest logit.
func Best(logits []float32) int32 {
	best := 0
	for i, x := range logits {
		if x > logits[best] {
			best = i
		}
	}
	return int32(best)
}
