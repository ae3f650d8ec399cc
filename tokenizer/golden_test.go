package tokenizer

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

// golden is the content of testdata/golden.json.gz: see testdata/golden.py, which describes and writes it.
type golden struct {
	Vocabs map[string]struct {
		Tokens []string
		Types  []int64
		Scores []float32
		Merges []string
		// Charsmap are the bytes of tokenizer.ggml.precompiled_charsmap.
		Charsmap []int64
	}
	Texts []string
	Runs  []goldenRun
	IDs   [][][]int32
}

type goldenRun struct {
	Vocab   string
	Set     map[string]any
	Special bool
	IDs     int
}

// The files, each read once: golden_encoders.py describes and writes the second one.
var (
	loadGolden         = sync.OnceValues(func() (*golden, error) { return openGolden("testdata/golden.json.gz") })
	loadGoldenEncoders = sync.OnceValues(func() (*golden, error) { return openGolden("testdata/golden_encoders.json.gz") })
)

func openGolden(path string) (*golden, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	g := &golden{}
	if err := json.NewDecoder(z).Decode(g); err != nil {
		return nil, err
	}
	for i, s := range g.Texts { // a code point stands for a byte
		var b []byte
		for _, r := range s {
			b = append(b, byte(r))
		}
		g.Texts[i] = string(b)
	}
	return g, nil
}

func readGolden(t testing.TB) *golden {
	t.Helper()
	g, err := loadGolden()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// metadata is that of a run: one of the vocabularies with the run's keys.
func (g *golden) metadata(run goldenRun) fake {
	v := g.Vocabs[run.Vocab]
	md := fake{keyTokens: slices.Clone(v.Tokens), keyTypes: v.Types, keyMerges: v.Merges}
	if v.Charsmap != nil {
		md[keyCharsmap] = v.Charsmap
	}
	if v.Scores != nil {
		md[keyScores] = v.Scores
	}
	for key, x := range run.Set {
		if n, ok := x.(float64); ok {
			x = int(n)
		}
		md[key] = x
	}
	return md
}

func (r goldenRun) name() string {
	return fmt.Sprintf("%v-%v-%v", r.Set[keyModel], r.Set[keyPre], r.Special)
}

// TestGolden compares with llama.cpp for every model and pre-tokeniser name, on texts chosen to tell them apart.
func TestGolden(t *testing.T) {
	readGolden(t).compare(t)
}

// TestGoldenEncoders does so for WordPiece and Unigram.
func TestGoldenEncoders(t *testing.T) {
	g, err := loadGoldenEncoders()
	if err != nil {
		t.Fatal(err)
	}
	g.compare(t)
}

// TestGoldenPlamo2 does so for PLaMo 2's scheme.
func TestGoldenPlamo2(t *testing.T) {
	g, err := openGolden("testdata/golden_plamo2.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	g.compare(t)
}

func (g *golden) compare(t *testing.T) {
	for _, run := range g.Runs {
		t.Run(run.name(), func(t *testing.T) {
			tok := mustNew(t, g.metadata(run))
			opt := EncodeOptions{AddSpecial: run.Special, ParseSpecial: run.Special}
			for i, text := range g.Texts {
				if got, want := tok.Encode(text, opt), g.IDs[run.IDs][i]; !slices.Equal(got, want) {
					t.Errorf("text %d %q:\n got %q\nwant %q", i, text, pieces(tok, got), pieces(tok, want))
				}
			}
		})
	}
}

// pieces shows tokens for an error message.
func pieces(tok *Tokenizer, ids []int32) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(tok.AppendPiece(nil, id, true)))
	}
	return out
}

// TestGoldenCoversPretypes makes sure that no row of pretypes is left out.
func TestGoldenCoversPretypes(t *testing.T) {
	covered := map[*pretype]bool{}
	for _, run := range readGolden(t).Runs {
		if name, ok := run.Set[keyPre].(string); ok {
			covered[findPretype(name)] = true
		}
	}
	for i := range pretypes {
		if !covered[&pretypes[i]] {
			t.Errorf("no run for %s", pretypes[i].names)
		}
	}
}

// byteVocab returns the byte-level vocabulary of the golden file with a pre-tokeniser.
func byteVocab(t testing.TB, pre string) *Tokenizer {
	t.Helper()
	run := goldenRun{Vocab: "bytes", Set: map[string]any{keyModel: "gpt2", keyPre: pre, keyBOS: 5.0, keyEOS: 6.0}}
	return mustNew(t, readGolden(t).metadata(run))
}

// rawVocab returns the vocabulary of characters and <0xFF> bytes of the golden file as another model.
func rawVocab(t testing.TB, model string) *Tokenizer {
	t.Helper()
	run := goldenRun{Vocab: "raw", Set: map[string]any{keyModel: model, keyBOS: 2.0, keyEOS: 1.0}}
	return mustNew(t, readGolden(t).metadata(run))
}
