package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/hubtest"
	"github.com/latentgo/latentgo/internal/logprob"
	"github.com/latentgo/latentgo/internal/testenv"
)

// TestMain makes the program available to scripts, and to tests through PATH, as "chat".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"chat": main})
}

// TestScripts runs testdata/script: what the program does with files, flags and streams.
//
//	exits CODE chat …    the command ends with the code
//	json FILE PATH VALUE a value of a JSON file (or stdout), at a path like prompt.median or ids.0; * only has to be there
//	is FILE TEXT         the file (or stdout) is exactly the text
//	bytes FILE N         the file has N bytes
//	sameprompt A B …     the files, JSON of chat run, have the same prompt
//	seedagain MODEL      a random answer comes again with the seed that its JSON has
//	logprobs MODEL       log-probabilities are those of chat logits
//	close A B            two files of float32 are within a thousandth of the largest value
//	bom WAY IN OUT       copies a file: strip or add a byte order mark, or as utf16
//	hidden N             the folder has N hidden files: temporary ones that were left behind
//	env FOLDER           a small model with weights in safetensors; the Hub has it as owner/safe
//	env ADAPTER          an adapter in PEFT's form for that model
//	env TINY             a random model of two layers in F32, whose rows fit every type
//	env MODEL, SHARED    the real model and the shared vectors; conditions [model] and [shared]
func TestScripts(t *testing.T) {
	shared, model := optional(t, func(t *testing.T) string { return testenv.Shared(t, "vectors/arch") }), optional(t, realModel)
	if shared != "" {
		shared = filepath.Join(shared, "../..")
	}
	hub := newHub(t, shared)
	tiny := gguftest.Tiny{Arch: "llama", Layers: 2, Width: 256, FFN: 256, Heads: 4, KVHeads: 2, Size: 64, Vocab: 259, Bytes: true}
	tinyPath := tiny.Build().Write(t)
	adapter := filepath.Join(t.TempDir(), "adapter")
	if err := os.CopyFS(adapter, hubtest.Adapter(t, "../../gguf/huggingface/testdata/lora/qwen3.json")); err != nil {
		t.Fatal(err)
	}
	folder := hubtest.Read(t, "../../gguf/huggingface/testdata/qwen3.json").Write(t, t.TempDir())
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("LATENTGO_CACHE", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("HF_ENDPOINT", hub)
			e.Setenv("SHARED", shared)
			e.Setenv("MODEL", model)
			e.Setenv("TINY", tinyPath)
			e.Setenv("FOLDER", folder)
			e.Setenv("ADAPTER", adapter)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "shared":
				return shared != "", nil
			case "model":
				return model != "", nil
			case "fulldisk":
				_, err := os.Stat("/dev/full")
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "json": cmdJSON, "is": cmdIs, "bytes": cmdBytes, "hidden": cmdHidden,
			"sameprompt": cmdSamePrompt, "seedagain": cmdSeedAgain, "logprobs": cmdLogProbs, "close": cmdClose, "bom": cmdBOM,
		},
	})
}

// realModel is testenv.Model, which is not asked for in short tests.
func realModel(t *testing.T) string {
	if testing.Short() {
		t.Skip("no real model in short tests")
	}
	return testenv.Model(t)
}

// optional returns the result of find, "" when it skips.
func optional(t *testing.T, find func(*testing.T) string) (path string) {
	t.Run("find", func(t *testing.T) { path = find(t) })
	return path
}

// newHub starts a stand-in for the Hub: owner/repo holds a small model as F32 and Q8_0, owner/safe one with weights in
// safetensors, everything else is not found.
func newHub(t *testing.T, shared string) string {
	raw := []byte("GGUF, but nothing else")
	if shared != "" {
		var err error
		if raw, err = os.ReadFile(filepath.Join(shared, "vectors", "arch", "llama-dense.gguf")); err != nil {
			t.Fatal(err)
		}
	}
	safe := hubtest.Read(t, "../../gguf/huggingface/testdata/qwen3.json").Folder(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/models/owner/repo/tree/main":
			_, _ = fmt.Fprintf(w, `[{"type":"file","path":"m-F32.gguf","size":%d},{"type":"file","path":"m-Q8_0.gguf","size":%d}]`, len(raw), len(raw))
		case strings.HasPrefix(r.URL.Path, "/owner/repo/resolve/main/m-"):
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(raw))
		case r.URL.Path == "/api/models/owner/safe/tree/main":
			var list []map[string]any
			for name, f := range safe {
				list = append(list, map[string]any{"type": "file", "path": name, "size": len(f.Data)})
			}
			_ = json.NewEncoder(w).Encode(list)
		case strings.HasPrefix(r.URL.Path, "/owner/safe/resolve/main/"):
			http.ServeFileFS(w, r, safe, strings.TrimPrefix(r.URL.Path, "/owner/safe/resolve/main/"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// cmdClose implements "close A B".
func cmdClose(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: close A B")
	}
	a, b := []byte(ts.ReadFile(args[0])), []byte(ts.ReadFile(args[1]))
	if len(a) != len(b) || len(a) == 0 {
		ts.Fatalf("%d and %d bytes", len(a), len(b))
	}
	far, most := 0.0, 0.0
	for i := 0; i+4 <= len(a); i += 4 {
		x := float64(math.Float32frombits(binary.LittleEndian.Uint32(a[i:])))
		y := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		far, most = max(far, math.Abs(x-y)), max(most, math.Abs(x))
	}
	if near := far < most/1000; near == neg {
		ts.Fatalf("they are %g apart, values are up to %g", far, most)
	}
}

// cmdExits implements "exits CODE command args…".
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE command args...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstdout: %s\nstderr: %s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// cmdJSON implements "json FILE PATH VALUE".
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var v, want any
	ts.Check(json.NewDecoder(bytes.NewReader([]byte(ts.ReadFile(args[0])))).Decode(&v))
	got, found := at(v, args[1])
	if args[2] == "*" {
		if found == neg {
			ts.Fatalf("%s: found is %v in %v", args[1], found, v)
		}
		return
	}
	if err := json.Unmarshal([]byte(args[2]), &want); err != nil {
		want = args[2]
	}
	if equal := found && reflect.DeepEqual(got, want); equal == neg {
		ts.Fatalf("%s is %v, want %v", args[1], got, want)
	}
}

// cmdIs implements "is FILE TEXT".
func cmdIs(ts *testscript.TestScript, _ bool, args []string) {
	if got := ts.ReadFile(args[0]); got != args[1] {
		ts.Fatalf("%s is %q, want %q", args[0], got, args[1])
	}
}

// cmdBytes implements "bytes FILE N".
func cmdBytes(ts *testscript.TestScript, _ bool, args []string) {
	st, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if strconv.FormatInt(st.Size(), 10) != args[1] {
		ts.Fatalf("%s has %d bytes, want %s", args[0], st.Size(), args[1])
	}
}

// cmdHidden implements "hidden N".
func cmdHidden(ts *testscript.TestScript, _ bool, args []string) {
	names, err := filepath.Glob(ts.MkAbs(".*.*"))
	ts.Check(err)
	if strconv.Itoa(len(names)) != args[0] {
		ts.Fatalf("hidden files: %q, want %s", names, args[0])
	}
}

// answerIn reads a file that holds the JSON of `chat run`.
func answerIn(ts *testscript.TestScript, file string) (a answered) {
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &a))
	return a
}

// cmdSamePrompt implements "sameprompt A B …".
func cmdSamePrompt(ts *testscript.TestScript, _ bool, args []string) {
	first := answerIn(ts, args[0]).Prompt
	for _, file := range args[1:] {
		if got := answerIn(ts, file).Prompt; len(first) == 0 || !slices.Equal(got, first) {
			ts.Fatalf("%s: prompt %v, but %v in %s", file, got, first, args[0])
		}
	}
}

// cmdSeedAgain implements "seedagain MODEL".
func cmdSeedAgain(ts *testscript.TestScript, _ bool, args []string) {
	run := func(more ...string) answered {
		ts.Check(ts.Exec("chat", append([]string{"run", "-m", args[0], "-p", "abc", "-n", "12", "--temp", "5", "--top-k", "0", "--ignore-eos", "--json"}, more...)...))
		return answerIn(ts, "stdout")
	}
	first := run()
	if again := run("-s", strconv.FormatInt(first.Seed, 10)); !slices.Equal(again.IDs, first.IDs) || first.Seed < 0 {
		ts.Fatalf("seed %d: %v, then %v", first.Seed, first.IDs, again.IDs)
	}
	if other := run(); slices.Equal(other.IDs, first.IDs) || other.Seed == first.Seed {
		ts.Fatalf("two runs without a seed are the same: %d, %v", other.Seed, other.IDs)
	}
}

// cmdLogProbs implements "logprobs MODEL".
func cmdLogProbs(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("chat", "run", "-m", args[0], "-p", "abc", "-n", "4", "-s", "5", "--temp", "2", "--ignore-eos", "--json"))
	a := answerIn(ts, "stdout")
	all, err := marshal(append(slices.Clone(a.Prompt), a.IDs...))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("all.json"), []byte(all), 0o644))
	ts.Check(ts.Exec("chat", "logits", "-m", args[0], "all.json", "-o", ts.MkAbs("all.f32"), "--json", "--force"))
	var l logitsResult
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &l))
	raw := ts.ReadFile("all.f32")
	for i, id := range a.IDs {
		row := make([]float32, l.Vocab)
		at := 4 * l.Vocab * (len(a.Prompt) + i - 1)
		_, err := binary.Decode([]byte(raw[at:]), binary.LittleEndian, row)
		ts.Check(err)
		if want := float64(row[id]) - logprob.LogSum(make([]float32, len(row)), row); math.Abs(want-float64(a.LogProbs[i])) > 0.05 {
			ts.Fatalf("token %d: log-probability %g, want %g", i, a.LogProbs[i], want)
		}
	}
}

// cmdBOM implements "bom WAY IN OUT".
func cmdBOM(ts *testscript.TestScript, _ bool, args []string) {
	const mark = "\ufeff"
	text := ts.ReadFile(args[1])
	switch args[0] {
	case "strip":
		if !strings.HasPrefix(text, mark) {
			ts.Fatalf("%s has no byte order mark", args[1])
		}
		text = strings.TrimPrefix(text, mark)
	case "add":
		text = mark + text
	case "utf16":
		var b []byte
		for _, u := range utf16.Encode([]rune(mark + text)) {
			b = append(b, byte(u), byte(u>>8))
		}
		text = string(b)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o644))
}

// at looks up a dotted path in decoded JSON; "." is the value itself.
func at(v any, path string) (any, bool) {
	if path == "." {
		return v, true
	}
	for _, p := range strings.Split(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			x, ok := c[p]
			if !ok {
				return nil, false
			}
			v = x
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i < 0 || i >= len(c) {
				return nil, false
			}
			v = c[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// marshal returns v as JSON.
func marshal(v any) (string, error) {
	raw, err := json.Marshal(v)
	return string(raw), err
}
