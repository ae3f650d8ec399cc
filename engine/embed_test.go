package engine

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// embeddings is the content of testdata/embeddings.json: see embeddings.py, which writes it.
type embeddings struct {
	Vectors map[string][][]float32
	Scores  map[string][]float32
}

func readEmbeddings(t *testing.T) *embeddings {
	t.Helper()
	e := &embeddings{}
	readJSON(t, "testdata/embeddings.json", e)
	return e
}

// Vectors are llama.cpp's for every text, and do not depend on the others. LATENTGO_WRITE names a folder to write the
// models and texts to instead, for embeddings.py.
func TestEmbed(t *testing.T) {
	if dir := os.Getenv("LATENTGO_WRITE"); dir != "" {
		writeTextModels(t, dir)
		return
	}
	want := readEmbeddings(t).Vectors
	for name, b := range gguftest.TextVariants() {
		t.Run(name, func(t *testing.T) {
			m := loadFile(t, b.Write(t), Options{})
			got, err := m.Embed(t.Context(), gguftest.TextSamples, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range want[name] {
				if c, e := cosine(got[i], w), nmse(got[i:i+1], want[name][i:i+1]); len(got[i]) != len(w) || !(c > 0.9999) || !(e < 1e-4) {
					t.Errorf("text %d: %d values of %d, cosine %v, error %.2g", i, len(got[i]), len(w), c, e)
				}
			}
			if len(got) != len(gguftest.TextSamples) || len(want[name]) != len(got) {
				t.Errorf("%d vectors for %d texts, %d are known", len(got), len(gguftest.TextSamples), len(want[name]))
			}
			for i, text := range gguftest.TextSamples {
				alone, err := m.Embed(t.Context(), []string{text}, nil)
				if err != nil || !slices.Equal(alone[0], got[i]) {
					t.Errorf("text %d has another vector alone (%v)", i, err)
				}
			}
			if n := m.CacheBytes(); n != 0 {
				t.Errorf("%d bytes are still cached", n)
			}
		})
	}
}

// Scores are llama.cpp's for every pair.
func TestRerank(t *testing.T) {
	want := readEmbeddings(t).Scores
	for name, b := range gguftest.RerankVariants() {
		m := loadFile(t, b.Write(t), Options{})
		docs := gguftest.TextSamples[:len(gguftest.TextSamples)-1]
		got, err := m.Rerank(t.Context(), gguftest.TextQuery, docs)
		if err != nil || len(got) != len(docs) || len(want[name]) != len(got) {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		for i, w := range want[name] {
			if d := math.Abs(float64(got[i] - w)); !(d < 5e-3) {
				t.Errorf("%s, document %d: %v, want %v", name, i, got[i], w)
			}
		}
	}
}

func writeTextModels(t *testing.T, dir string) {
	t.Helper()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, models := range []map[string]*gguftest.Builder{gguftest.TextVariants(), gguftest.RerankVariants()} {
		for name, b := range models {
			write(name+".gguf", b.Bytes())
		}
	}
	raw, err := json.Marshal(map[string]any{"texts": gguftest.TextSamples, "query": gguftest.TextQuery})
	if err != nil {
		t.Fatal(err)
	}
	write("texts.json", raw)
}

func dotProduct(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func cosine(a, b []float32) float64 {
	if len(a) != len(b) {
		return 0
	}
	return dotProduct(a, b) / math.Sqrt(dotProduct(a, a)*dotProduct(b, b))
}

// Options change what is made of a vector, not the vector.
func TestEmbedOptions(t *testing.T) {
	m := loadFile(t, gguftest.TextVariants()["llama"].Write(t), Options{})
	texts := gguftest.TextSamples
	var none context.Context // stands for the background
	embed := func(opt *EmbedOptions) [][]float32 {
		t.Helper()
		out, err := m.Embed(none, texts, opt)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	whole, raw, cut := embed(nil), embed(&EmbedOptions{Raw: true}), embed(&EmbedOptions{Dimensions: 10, Pooling: PoolMean})
	for i := range texts {
		if n := dotProduct(whole[i], whole[i]); math.Abs(n-1) > 1e-6 {
			t.Errorf("text %d: squared length %v", i, n)
		}
		if c, n := cosine(raw[i], whole[i]), dotProduct(raw[i], raw[i]); c < 1-1e-9 || math.Abs(n-1) < 1e-3 {
			t.Errorf("text %d: raw vector of squared length %v, cosine %v", i, n, c)
		}
		if c, n := cosine(cut[i], whole[i][:10]), dotProduct(cut[i], cut[i]); len(cut[i]) != 10 || c < 1-1e-9 || math.Abs(n-1) > 1e-6 {
			t.Errorf("text %d: %d dimensions of squared length %v, cosine %v", i, len(cut[i]), n, c)
		}
	}
	// The last token of a text is the first of none but the first text, which begins with BOS as all do.
	first, last := embed(&EmbedOptions{Pooling: PoolFirst}), embed(&EmbedOptions{Pooling: PoolLast})
	for i := range texts {
		if c := cosine(first[i], first[0]); c < 1-1e-9 {
			t.Errorf("text %d: BOS gives another vector: cosine %v", i, c)
		}
		if i > 0 && cosine(last[i], last[0]) > 0.999 {
			t.Errorf("text %d has the last vector of text 0", i)
		}
	}
	if out := func() [][]float32 { texts = nil; return embed(nil) }(); len(out) != 0 {
		t.Errorf("%d vectors of no texts", len(out))
	}
}

// What can't be done is an error that says so.
func TestEmbedErrors(t *testing.T) {
	variants, ranks := gguftest.TextVariants(), gguftest.RerankVariants()
	long := strings.Repeat("the rain ", 200)
	bert := loadFile(t, variants["bert"].Write(t), Options{})
	open := loadFile(t, gguftest.TextVariants()["llama"].Delete("llama.pooling_type").Write(t), Options{MaxCacheBytes: 1 << 12})
	rank := loadFile(t, ranks["rank-bert"].Write(t), Options{})
	odd := loadFile(t, gguftest.TextVariants()["llama"].Set("llama.pooling_type", uint32(9)).Write(t), Options{})
	none := loadFile(t, gguftest.EncoderVariants()["bert"].Build().Write(t), Options{})
	vocab := loadFile(t, variants["bert"].Write(t), Options{VocabOnly: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		m    *Model
		ctx  context.Context
		text string
		opt  EmbedOptions
		is   error
		says string
	}{
		{"long", bert, nil, long, EmbedOptions{}, ErrTooLong, "text 1: 402 tokens, the model takes 256"},
		{"dimensions", bert, nil, "a", EmbedOptions{Dimensions: 65}, nil, "65 dimensions: the model's vectors have 64"},
		{"negative dimensions", bert, nil, "a", EmbedOptions{Dimensions: -1}, nil, "-1 dimensions"},
		{"unknown pooling", bert, nil, "a", EmbedOptions{Pooling: "max"}, nil, `pooling "max"`},
		{"open pooling", open, nil, "a", EmbedOptions{}, nil, `no key "llama.pooling_type"`},
		{"pooling from the future", odd, nil, "a", EmbedOptions{}, nil, "pooling 9"},
		{"reranker", rank, nil, "a", EmbedOptions{}, nil, "Rerank"},
		{"cache", open, nil, long[:450], EmbedOptions{Pooling: PoolLast}, ErrLimit, "MaxCacheBytes"},
		{"cancelled", bert, ctx, "a", EmbedOptions{}, context.Canceled, ""},
		{"no tokenizer", none, nil, "a", EmbedOptions{Pooling: PoolMean}, ErrNoTokenizer, ""},
		{"no weights", vocab, nil, "a", EmbedOptions{}, ErrNoWeights, ""},
	} {
		out, err := tt.m.Embed(tt.ctx, []string{"the", tt.text}, &tt.opt)
		if err == nil || out != nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, %v", tt.name, out, err)
		}
	}
	if _, err := bert.Rerank(t.Context(), "a", []string{"b"}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("reranking without a head: %v", err)
	}
	if _, err := rank.Rerank(t.Context(), "a", []string{"b", long}); !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), "document 1") {
		t.Errorf("a long document: %v", err)
	}
	bert.Close()
	if _, err := bert.Embed(t.Context(), []string{"a"}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if n := open.CacheBytes(); n != 0 {
		t.Errorf("%d bytes are still cached", n)
	}
}

// A text that is cut is the text as far as it goes, with the token that ends it.
func TestEmbedTruncate(t *testing.T) {
	m := loadFile(t, gguftest.TextVariants()["bert"].Write(t), Options{})
	long, cut := strings.Repeat("the ", 300), strings.Repeat("the ", 254)
	got, err := m.Embed(t.Context(), []string{long, cut}, &EmbedOptions{Truncate: true})
	if err != nil || !slices.Equal(got[0], got[1]) {
		t.Errorf("cut by half: cosine %v, %v", cosine(got[0], got[1]), err)
	}
}

// Texts share passes with sessions and with each other, whose results stay what they are alone.
func TestEmbedBesideSessions(t *testing.T) {
	m := loadFile(t, gguftest.TextVariants()["llama"].Set("llama.context_length", uint32(2048)).Write(t), Options{})
	texts := append([]string{strings.Repeat("the rain on the shore, ", 60)}, gguftest.TextSamples...)
	want, err := m.Embed(t.Context(), texts, nil)
	if err != nil {
		t.Fatal(err)
	}
	generate := func() (s string) {
		session := newSession(t, m, nil)
		defer session.Close()
		for piece, err := range session.GenerateText(t.Context(), "the", &GenerateOptions{MaxTokens: 60, IgnoreEOG: true, Sampling: &Sampling{}}) {
			if err != nil {
				t.Error(err)
			}
			s += piece.Text
		}
		return s
	}
	alone := generate()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if s := generate(); s != alone {
				t.Errorf("beside texts a session says %q, alone %q", s, alone)
			}
		})
		wg.Go(func() {
			got, err := m.Embed(t.Context(), texts, nil)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("text %d has another vector beside sessions", i)
				}
			}
		})
	}
	wg.Wait()
	if n := m.CacheBytes(); n != 0 {
		t.Errorf("%d bytes are still cached", n)
	}
}

// More texts than a pass takes are evaluated in several.
func TestEmbedMany(t *testing.T) {
	texts := slices.Repeat(gguftest.TextSamples, 40)
	for _, name := range []string{"bert", "llama"} {
		m := loadFile(t, gguftest.TextVariants()[name].Write(t), Options{})
		got, err := m.Embed(t.Context(), texts, nil)
		if err != nil || len(got) != len(texts) {
			t.Fatalf("%s: %d vectors, %v", name, len(got), err)
		}
		for i := range got {
			if !slices.Equal(got[i], got[i%len(gguftest.TextSamples)]) {
				t.Fatalf("%s: text %d has another vector than before", name, i)
			}
		}
	}
}
