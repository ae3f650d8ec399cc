package gguf

import (
	"strconv"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// BenchmarkOpen opens and closes a file with a vocabulary of 150,000 tokens and as many merges; bytes are the file's.
func BenchmarkOpen(b *testing.B) {
	words := make([]string, 150_000)
	for i := range words {
		words[i] = strconv.Itoa(i * 7919)
	}
	builder := new(gguftest.Builder).AddKV("tokenizer.ggml.tokens", words).AddKV("tokenizer.ggml.merges", words)
	path := builder.Write(b)
	b.SetBytes(int64(len(builder.Header())))
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

// BenchmarkStrings decodes a vocabulary of 150,000 tokens.
func BenchmarkStrings(b *testing.B) {
	f := openBytes(b, new(gguftest.Builder).AddKV("tokens", make([]string, 150_000)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Strings("tokens"); err != nil {
			b.Fatal(err)
		}
	}
}
