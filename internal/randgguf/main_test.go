package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
)

// write runs the program and returns the file's path.
func write(t *testing.T, flags string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.gguf")
	var out, errs bytes.Buffer
	if code := run(append([]string{"-o", path}, strings.Fields(flags)...), &out, &errs); code != 0 {
		t.Fatalf("randgguf %s: exit code %d: %s", flags, code, &errs)
	}
	return path
}

// logits returns what the file's model predicts after ids.
func logits(t *testing.T, path string, ids ...int32) []float32 {
	t.Helper()
	m, err := engine.Load(path, &engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l, err := s.Eval(context.Background(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32(nil), l...)
}

// Every quantisation and every architecture runs: logits are finite, spread by about 1, and depend on tokens before the
// last.
func TestFilesRun(t *testing.T) {
	const small = " -layers 4 -vocab 300"
	var cases []string
	for typ := range mixes {
		cases = append(cases, "-type "+typ+small)
	}
	for a := range archs {
		cases = append(cases, "-type Q8_0 -arch "+a+small, "-type Q4_K_M -ff 800 -arch "+a+small)
	}
	cases = append(cases, "-type Q4_K_M -preset deepseek-v3-tiny", "-type F16 -preset deepseek-v3-tiny", "-type Q4_0 -tied=false"+small, "-type Q6_K -head-size 80"+small)
	for _, flags := range cases {
		t.Run(flags, func(t *testing.T) {
			path := write(t, flags)
			a, b := logits(t, path, 70, 80, 90, 100), logits(t, path, 71, 80, 90, 100)
			mean, spread := moments(a)
			if !(math.Abs(mean) < 0.3) || !(spread > 0.5 && spread < 2) {
				t.Errorf("logits have mean %.2f and deviation %.2f", mean, spread)
			}
			diff := make([]float32, len(a))
			for i := range a {
				diff[i] = a[i] - b[i]
			}
			if _, d := moments(diff); !(d > 0.02) {
				t.Errorf("another first token moves the logits by %.4f only", d)
			}
		})
	}
}

// The large shapes are what they claim to be; nothing is written.
func TestPresets(t *testing.T) {
	for preset, want := range map[string]int64{
		"smollm2-135m":     134515008,
		"llama-1b":         1235814400, // Llama 3.2 1B
		"deepseek-v2-lite": 15706484224,
		"llama-8b-attn":    4*(2*4096*4096+2*4096*1024+3*4096*14336+2*4096) + 4096*4096 + 4096,
	} {
		weights, _ := layout(t, "-preset "+preset).size()
		if weights != want {
			t.Errorf("%s has %d weights, want %d", preset, weights, want)
		}
	}
	if _, b := layout(t, "-preset=llama-1b -type Q8_0").size(); b != (1235814400-33*2048)/32*34+4*33*2048 {
		t.Errorf("llama-1b as Q8_0 has %d bytes", b)
	}
	m := layout(t, "-layers 3 --preset llama-1b -tied=false")
	if m.shape.layers != 3 || m.shape.width != 2048 || m.shape.tied {
		t.Errorf("flags don't override the preset: %+v", m.shape)
	}
}

func TestReproducible(t *testing.T) {
	read := func(flags string) []byte {
		b, err := os.ReadFile(write(t, flags))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a := read("-seed 1")
	if !bytes.Equal(a, read("-seed 1")) {
		t.Error("the same flags give other bytes")
	}
	if bytes.Equal(a, read("-seed 2")) {
		t.Error("another seed gives the same bytes")
	}
	st, err := os.Stat(write(t, ""))
	if err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, error %v", st.Mode(), err)
	}
}

// A tensor keeps its weights when others are added.
func TestTensorsAreIndependent(t *testing.T) {
	data := func(flags string) []byte {
		f, err := gguf.Open(write(t, flags))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		x, err := f.Tensor("blk.1.ffn_up.weight")
		if err != nil {
			t.Fatal(err)
		}
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(b)
	}
	if !bytes.Equal(data("-layers 2"), data("-layers 3 -tied=false -vocab 700")) {
		t.Error("a tensor changes with its neighbours")
	}
}

func TestVocabulary(t *testing.T) {
	for _, n := range []string{"259", "300", "1000", "5000"} {
		m, err := engine.Load(write(t, "-vocab "+n), nil)
		if err != nil {
			t.Fatalf("-vocab %s: %v", n, err)
		}
		defer m.Close()
		const text = "chat about bananas: äöü\x00"
		ids, err := m.Encode(text, true, false)
		if err != nil {
			t.Fatal(err)
		}
		tok, _ := m.Tokenizer()
		var back []byte
		for _, id := range ids {
			back = tok.AppendPiece(back, id, false)
		}
		if string(back) != text {
			t.Errorf("-vocab %s: %q comes back as %q", n, text, back)
		}
		if _, err := m.Template(); err != nil {
			t.Errorf("-vocab %s: %v", n, err)
		}
	}
}

// Wrong flags end with code 2, an output that can't be written with code 1, and no file is left.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "-o FILE"},
		{"-o DIR/x -type Q4", 2, "Q4_K_M"},
		{"-o DIR/x -preset llama-9b", 2, "llama-1b"},
		{"-o DIR/x -arch gpt", 2, "gemma3"},
		{"-o DIR/x -layers 0", 2, "-layers"},
		{"-o DIR/x -heads 0", 2, "-heads"},
		{"-o DIR/x -kv 3", 2, "-kv"},
		{"-o DIR/x -vocab 258", 2, "-vocab"},
		{"-o DIR/x -vocab 99999999", 2, "-vocab"},
		{"-o DIR/x -head-size 31", 2, "odd"},
		{"-o DIR/x -arch qwen2 -head-size 32", 2, "head size"},
		{"-o DIR/x -rope-base 0", 2, "-rope-base"},
		{"-o DIR/x -width many", 2, "many"},
		{"-o DIR/none/x", 1, "none"},
		{"-o DIR", 1, "DIR"},
	} {
		var errs bytes.Buffer
		args := strings.Fields(strings.ReplaceAll(c.args, "DIR", dir))
		code := run(args, io.Discard, &errs)
		if code != c.code || !strings.Contains(errs.String(), strings.ReplaceAll(c.says, "DIR", dir)) {
			t.Errorf("randgguf %s: code %d, %s", c.args, code, &errs)
		}
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Dir(dir) + "/.*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if code := run([]string{"-h"}, io.Discard, io.Discard); code != 0 {
		t.Errorf("-h ends with code %d", code)
	}
}
