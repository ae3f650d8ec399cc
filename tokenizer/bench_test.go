package tokenizer

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
)

// benchVocabs are one vocabulary of each kind: SPM, byte-level BPE with a new and an old pre-tokeniser.
var benchVocabs = []string{"llama-spm", "llama-bpe", "qwen2", "gpt-2", "deepseek-llm"}

func vocabPath(t testing.TB, name string) string {
	return filepath.Join(testenv.Shared(t, "vectors/tokenizer"), "ggml-vocab-"+name+".gguf")
}

// megabyte returns s repeated to 1 MB.
func megabyte(s string) string { return strings.Repeat(s, 1+(1<<20)/len(s))[:1<<20] }

// mixed is text in which hardly any word repeats: letters of several scripts, digits and signs at random.
func mixed(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("abcdefghijklmnopqrstuvwxyzéüñабвгд中文字日本語한국어0123456789.,;:!?'\"()[]{}   \n\t")
	var b strings.Builder
	for b.Len() < n {
		b.WriteRune(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func BenchmarkEncode(b *testing.B) {
	prose := readText(b, testenv.Shared(b, "text/eval.txt"))
	texts := []struct{ name, text string }{
		{"prose", megabyte(prose)},
		{"random", mixed(1 << 20)},
		{"letter", megabyte("a")},
		{"spaces", megabyte(" ")},
		{"lines", megabyte("\n")},
	}
	for _, name := range benchVocabs {
		tok := openVocab(b, vocabPath(b, name))
		for _, tt := range texts {
			b.Run(name+"/"+tt.name, func(b *testing.B) {
				b.SetBytes(int64(len(tt.text)))
				b.ReportAllocs()
				var ids []int32
				for b.Loop() {
					ids = tok.AppendEncode(ids[:0], tt.text, EncodeOptions{ParseSpecial: true})
				}
			})
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, name := range benchVocabs {
		b.Run(name, func(b *testing.B) {
			path := vocabPath(b, name)
			for b.Loop() {
				openVocab(b, path)
			}
		})
	}
}

func BenchmarkDecoder(b *testing.B) {
	tok := openVocab(b, vocabPath(b, "llama-bpe"))
	ids := tok.Encode(mixed(1<<16), EncodeOptions{})
	var dst []byte
	b.SetBytes(1 << 16)
	b.ReportAllocs()
	for b.Loop() {
		d := tok.NewDecoder(false)
		dst = dst[:0]
		for _, id := range ids {
			dst = d.AppendNext(dst, id)
		}
	}
}
