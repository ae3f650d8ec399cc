package main

import (
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/latentgo/latentgo/internal/models"
	"github.com/latentgo/latentgo/internal/testenv"
)

func TestErrWriterKeepsTheFirstError(t *testing.T) {
	r, w := io.Pipe()
	_ = r.CloseWithError(os.ErrPermission)
	e := &errWriter{w: w}
	for range 2 {
		if _, err := e.Write([]byte("x")); !errors.Is(err, os.ErrPermission) {
			t.Errorf("write: %v", err)
		}
	}
	if !errors.Is(e.Err(), os.ErrPermission) {
		t.Errorf("kept: %v", e.Err())
	}
}

func TestParseNow(t *testing.T) {
	for s, want := range map[string]string{
		"2026-01-02T03:04:05": "2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00": "2026-01-02T03:04:05+02:00", "2026-01-02": "2026-01-02T00:00:00Z",
	} {
		if got, err := parseNow(s); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	if _, err := parseNow("noon"); err == nil {
		t.Error("noon was accepted")
	}
}

func TestJSONValue(t *testing.T) {
	got := jsonValue([]any{[]uint8{1, 2}, float32(0.1), math.NaN(), []float64{math.Inf(1), 1e-5}, "x", true})
	raw, err := marshal(got)
	if want := `[[1,2],0.1,"NaN",["+Inf",1e-05],"x",true]`; err != nil || raw != want {
		t.Errorf("%s %v, want %s", raw, err, want)
	}
}

func TestUnknownCommand(t *testing.T) {
	known := []string{"chat", "run", "tokenize", "inspect", "list", "pull"}
	for arg, want := range map[string]string{
		"tokenise": `did you mean "tokenize"?`, "Inspect": `did you mean "inspect"?`, "ruin": `did you mean "run"?`, "show": `did you mean "inspect"?`,
		"serve": "unknown subcommand", "hello": "unknown subcommand", "x": "unknown subcommand", "rm": "unknown subcommand", "my_word-2": "unknown subcommand",
		"smollm2": "a model's name", "no/such.gguf": "a model's name", "hf.co/a/b": "a model's name", "and/or": "a repository or a prompt", "llama3.2": "unknown subcommand", "qwen:7b": "unknown subcommand",
	} {
		if err := unknownCommand(arg, known); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", arg, err, want)
		}
	}
	for _, prompt := range []string{"run", "list", "why not", "Hello!", "2+2", "42", "こんにちは", "Grüße", "Continue:", "Yes.", "a/b/c", "-m", "--version", "", "what is\nthis"} {
		if err := unknownCommand(prompt, known); err != nil {
			t.Errorf("%q: %v", prompt, err)
		}
	}
}

func TestModelAndPrompt(t *testing.T) {
	for _, c := range []struct {
		model, words, name, prompt, err string
	}{
		{"", "Why is the sky blue?", "", "Why is the sky blue?", ""},
		{"", "hello", "", "hello", ""},
		{"", "smollm2|Why?", "smollm2", "Why?", ""},
		{"", "m.gguf|one|two", "m.gguf", "one two", ""},
		{"", "m.gguf", "m.gguf", "", ""},
		{"", "owner/repo:Q8_0|Why?", "owner/repo:Q8_0", "Why?", ""},
		{"", "and/or", "", "", "-m or -p tells which"},
		{"", "why|not", "", "", `"why" is no model`},
		{"m.gguf", "why|not", "m.gguf", "why not", ""},
		{"m.gguf", "smollm2|what is it", "m.gguf", "smollm2 what is it", ""},
		{"m.gguf", "", "m.gguf", "", ""},
	} {
		var words []string
		if c.words != "" {
			words = strings.Split(c.words, "|")
		}
		name, prompt, err := modelAndPrompt(c.model, words)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %v", c.words, err)
			}
		} else if err != nil || name != c.name || prompt != c.prompt {
			t.Errorf("%q: %q %q %v", c.words, name, prompt, err)
		}
	}
}

func TestDecodeText(t *testing.T) {
	for raw, want := range map[string]string{"\xef\xbb\xbfabc": "abc", "abc": "abc", "": "", "\xef\xbb\xbf": "", "a\xef\xbb\xbfb": "a\ufeffb", "\xef\xbb": "\xef\xbb", "\xff": "\xff"} {
		if got, err := decodeText("x", []byte(raw)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
	for raw, want := range map[string]string{"\xff\xfea\x00": "UTF-16", "\xfe\xff\x00a": "UTF-16", "\xff\xfe\x00\x00a\x00\x00\x00": "UTF-32", "\x00\x00\xfe\xff": "UTF-32", "\xff\xfe": "UTF-16"} {
		if _, err := decodeText("name", []byte(raw)); err == nil || !strings.Contains(err.Error(), "name is a text in "+want) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestParseIDs(t *testing.T) {
	for raw, want := range map[string][]int32{"[]": {}, " [1,\n2 ] \n": {1, 2}, "[-1]": {-1}, "[2147483647]": {math.MaxInt32}} {
		if got, err := parseIDs("x", []byte(raw)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", raw, got, err)
		}
	}
	for raw, want := range map[string]string{
		"": "x:1:1: not a JSON list of token ids: it is empty", " \n": "it is empty", "[1,2,]": "x:1:6: not a JSON list of token ids: a comma with nothing behind it",
		"[1,2": "x:1:5: not a JSON list of token ids: it ends before its closing bracket", "[1,\n 2 3]": "x:2:4: ", "[1.5]": "x:1:2: not a JSON list of token ids: 1.5 is none",
		"[1,null]": "x:1:4: not a JSON list of token ids: null is none", `[1,"é","b"]`: `the text "é" is none`, "[[1]]": "a list is none", `[{"a":1}]`: "an object is none",
		"1,2": "x:1:1: not a JSON list of token ids: it does not begin with a bracket", "null": "does not begin with a bracket", `{"a":1}`: "does not begin with a bracket",
		"[1] 2": "x:1:5: not a JSON list of token ids: something follows its end", "[1]]": "something follows its end", "[1]\n[2]": "x:2:1: ", "[99999999999]": "99999999999 is none",
		"[1,,2]": "x:1:4: ", "[,1]": "x:1:2: ", "[1 2]": "x:1:4: ", "[true]": "true is none", "[1e1]": "1e1 is none", "[": "ends before", "]": "x:1:1: ", "['a']": "x:1:2: ",
	} {
		if _, err := parseIDs("x", []byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", raw, err, want)
		}
	}
}

// No more threads compute than there are processors, and whoever asks for more is told.
func TestThreadsAreCapped(t *testing.T) {
	most := min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	for asked, want := range map[int]int{0: 0, 1: 1, most: most, most + 1: most, 8 * most: most, 100000: most} {
		var stderr strings.Builder
		f := &threadsFlag{Threads: asked}
		if got := f.count(&app{stderr: &stderr}); got != want || (asked > most) != strings.Contains(stderr.String(), "processors") {
			t.Errorf("%d: %d threads, %q", asked, got, stderr.String())
		}
	}
}

// What a conversion asks of the garbage collector ends with it.
func TestSavingMemoryIsUndone(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	a := newApp(strings.NewReader(""), io.Discard, io.Discard)
	defer a.stopSignals()
	model := testenv.Shared(t, "vectors/arch/llama-dense.gguf")
	m, err := a.load(&cachedFlags{loadFlags: loadFlags{modelFlag: modelFlag{model}, MLA: "50%", convertFlags: convertFlags{calibFlags: calibFlags{Tokens: 256}, NoCache: true}}})
	if err != nil {
		t.Fatal(err)
	}
	_ = m.Close()
	if left := debug.SetGCPercent(77); left != 77 {
		t.Errorf("GC percent is %d after the load", left)
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		width       int
		names, want []string
	}{
		{10, []string{"exact", "50%"}, []string{"exact", "50%"}},
		{6, []string{"a-long-name.Q4_1", "a-long-name.Q8_0"}, []string{"….Q4_1", "….Q8_0"}},
		{6, []string{"first/of-one-end", "other/of-one-end"}, []string{"A", "B"}},
		{6, []string{"same-name-twice", "same-name-twice"}, []string{"…twice", "…twice"}},
	} {
		if got := shorten(c.names, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d: %q, want %q", c.names, c.width, got, c.want)
		}
	}
}

// The table fits a terminal of 80 columns, and its rows tell the models apart.
func TestCompareTableFits(t *testing.T) {
	row := func(file, asked, mla string, ppl float64) compared {
		return compared{File: file, Asked: asked, MLA: mla, CacheBytes: 1234567, Recent: 458752, PPL: ppl, Ratio: ppl / 17.6, KL: 0.123456, KL99: 1.2345, Top1: 1}
	}
	long := "/models/" + strings.Repeat("very-long-", 9) + "name."
	for _, c := range []struct {
		r        comparison
		twoFiles bool
		want     []string
	}{
		{comparison{A: row("/m/a.gguf", "exact", "exact", 17.6), Models: []compared{row("/m/a.gguf", "50%", "compressed 24+40, 2 of 30 layers exact", 19), row("/m/a.gguf", "128+256", "compressed 128+256", 12345678)}}, false,
			[]string{"exact ", "50% ", "128+256 ", "50%: compressed 24+40, 2 of 30 layers exact, 458.8 kB per session beside\n"}},
		{comparison{A: row("/m/a.gguf", "exact", "exact", 17.6), Models: []compared{row("/m/b.gguf", "exact", "exact", 19)}}, true, []string{"a ", "b "}},
		{comparison{A: row("/m/a.gguf", "exact", "exact", 17.6), Models: []compared{row("/n/a.gguf", "exact", "exact", 19)}}, true, []string{"/m/a ", "/n/a "}},
		{comparison{A: row(long+"Q4_1.gguf", "exact", "exact", 1e9), Models: []compared{row(long+"Q8_0.gguf", "exact", "exact", 1e30)}}, true, []string{"Q4_1 ", "Q8_0 ", "name.Q8_0,\n  458.8 kB"}},
	} {
		var out strings.Builder
		a := &app{out: &errWriter{w: &out}}
		c.r.print(a, c.twoFiles)
		lines := strings.Split(out.String(), "\n")
		for _, line := range lines {
			if n := runewidth.StringWidth(line); n > 80 && !strings.Contains(line, "very-long-very-long") {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
	}
}

func TestLabels(t *testing.T) {
	for _, step := range []models.Step{models.StepWait, models.StepConnect, models.StepDownload, models.StepUnpack, models.StepVerify, models.StepRetry} {
		if l := label(models.Progress{Step: step, File: "m.gguf", Source: "host"}); !strings.Contains(l, "m.gguf") && !strings.Contains(l, "host") {
			t.Errorf("%s: %q", step, l)
		}
	}
}
