package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/testenv"
)

// openVocab builds the tokeniser of a GGUF file.
func openVocab(t testing.TB, path string) *Tokenizer {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tok, err := New(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return tok
}

// TestVectors runs the vectors of llama.cpp's test-tokenizer-0: texts in .inp, ids line by line in .out, no BOS,
// special tokens not parsed.
func TestVectors(t *testing.T) {
	dir := testenv.Shared(t, "vectors/tokenizer")
	paths, err := filepath.Glob(filepath.Join(dir, "*.gguf"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vocabularies in %s (%v)", dir, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".gguf"), func(t *testing.T) {
			runVectors(t, openVocab(t, path), path)
		})
	}
}

func runVectors(t *testing.T, tok *Tokenizer, path string) {
	inp := readText(t, path+".inp")
	out := readText(t, path+".out")
	texts := strings.Split(inp, "\n__ggml_vocab_test__\n")
	lines := strings.Split(out, "\n")
	if len(lines) < len(texts) {
		t.Fatalf("%d texts, %d lines of ids", len(texts), len(lines))
	}
	for i, text := range texts {
		want := parseIDs(t, lines[i])
		if got := tok.Encode(text, EncodeOptions{}); !slices.Equal(got, want) {
			t.Errorf("text %d %q:\n got %v\nwant %v", i, text, got, want)
		}
	}
}

func readText(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func parseIDs(t testing.TB, line string) []int32 {
	t.Helper()
	var ids []int32
	for s := range strings.FieldsSeq(line) {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, int32(n))
	}
	return ids
}

// TestSmolLM2 compares with what llama.cpp says about prompts for the default model: special tokens parsed, no BOS.
func TestSmolLM2(t *testing.T) {
	var golden map[string]struct {
		Text string
		IDs  []int32
	}
	if err := json.Unmarshal([]byte(readText(t, testenv.Shared(t, "golden/smollm2/llamacpp.json"))), &golden); err != nil {
		t.Fatal(err)
	}
	tok := openVocab(t, testenv.Model(t))
	for name, g := range golden {
		if strings.HasPrefix(name, "_") {
			continue // not a prompt
		}
		if got := tok.Encode(g.Text, EncodeOptions{ParseSpecial: true}); !slices.Equal(got, g.IDs) {
			t.Errorf("%s: got %v\nwant %v", name, got, g.IDs)
		}
		if got := tok.Decode(g.IDs, DecodeOptions{Special: true}); got != g.Text {
			t.Errorf("%s: decoded %q, want %q", name, got, g.Text)
		}
	}
}
