package tokenizer

import (
	"fmt"
	"maps"
	"testing"
)

// fake is metadata in memory. Arrays are []string, []int64, []float32.
type fake map[string]any

func value[T any](f fake, key string) (T, error) {
	v, ok := f[key].(T)
	if !ok {
		return v, fmt.Errorf("%s is %T", key, f[key])
	}
	return v, nil
}

func (f fake) Has(key string) bool {
	_, ok := f[key]
	return ok
}

func (f fake) String(key string) (string, error)    { return value[string](f, key) }
func (f fake) Bool(key string) (bool, error)        { return value[bool](f, key) }
func (f fake) Strings(key string) ([]string, error) { return value[[]string](f, key) }
func (f fake) Ints(key string) ([]int64, error)     { return value[[]int64](f, key) }
func (f fake) Floats(key string) ([]float32, error) { return value[[]float32](f, key) }

func (f fake) Uint(key string) (uint64, error) {
	if n, ok := f[key].(uint64); ok {
		return n, nil
	}
	n, err := value[int](f, key)
	if err == nil && n < 0 {
		err = fmt.Errorf("%s: %d is negative", key, n)
	}
	return uint64(n), err
}

// with returns a copy with more keys; nil removes a key.
func (f fake) with(pairs ...any) fake {
	g := maps.Clone(f)
	for i := 0; i < len(pairs); i += 2 {
		if key := pairs[i].(string); pairs[i+1] == nil {
			delete(g, key)
		} else {
			g[key] = pairs[i+1]
		}
	}
	return g
}

func mustNew(t testing.TB, md Metadata) *Tokenizer {
	t.Helper()
	tok, err := New(md)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// Types of tokens in the files.
const (
	tNormal  = 1
	tUnknown = 2
	tControl = 3
	tUser    = 4
	tUnused  = 5
	tByte    = 6
)

// entry is a token of a vocabulary made for a test.
type entry struct {
	text  string
	kind  int64
	score float32
}

// vocabOf fills in the three arrays of a vocabulary.
func vocabOf(model string, entries []entry) fake {
	var tokens []string
	var types []int64
	var scores []float32
	for _, e := range entries {
		tokens, types, scores = append(tokens, e.text), append(types, e.kind), append(scores, e.score)
	}
	return fake{keyModel: model, keyTokens: tokens, keyTypes: types, keyScores: scores}
}

// tinySPM is a SentencePiece vocabulary: <unk> <s> </s>, the bytes from 3, a few words from 259.
func tinySPM(more ...entry) fake {
	entries := []entry{{"<unk>", tUnknown, 0}, {"<s>", tControl, 0}, {"</s>", tControl, 0}}
	for b := range 256 {
		entries = append(entries, entry{fmt.Sprintf("<0x%02X>", b), tByte, 0})
	}
	for i, s := range []string{"▁t", "he", "▁the", "▁", "e", "t", "h", "▁▁", "cat", "ca", "a", "c", "▁c", "▁cat"} {
		entries = append(entries, entry{s, tNormal, float32(-i)})
	}
	return vocabOf("llama", append(entries, more...))
}

// tinyBPE is a byte-level vocabulary: the bytes 0 … 255 under their own numbers, <|end|> 256, a few words from 257.
func tinyBPE(more ...entry) fake {
	var entries []entry
	for b := range 256 {
		entries = append(entries, entry{string(byteRunes[b]), tNormal, 0})
	}
	entries = append(entries, entry{"<|end|>", tControl, 0})
	for _, s := range []string{"he", "Ġt", "Ġthe", "ca", "cat", "Ġcat", "12", "ĊĊ"} {
		entries = append(entries, entry{s, tNormal, 0})
	}
	merges := []string{"h e", "Ġ t", "Ġt he", "c a", "ca t", "1 2", "Ċ Ċ"}
	return vocabOf("gpt2", append(entries, more...)).with(keyMerges, merges, keyPre, "gpt-2", keyEOS, 256, keyBOS, 256)
}
