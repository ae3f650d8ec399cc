package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// llama.cpp's quantiser gives every tensor of every mixture the same type; testdata/mixes.py wrote down what it does.
func TestMixesAreLlamaCpps(t *testing.T) {
	raw, err := os.ReadFile("testdata/mixes.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Flags, Type string
		Tensors     map[string]string
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		m := layout(t, "-type "+row.Type+" "+row.Flags)
		got := typeRuns(m)
		for name, want := range row.Tensors {
			if got[name] != want {
				t.Errorf("%s %s: %s is %s, want %s", row.Type, row.Flags, name, got[name], want)
			}
		}
		if len(got) != len(row.Tensors) {
			t.Errorf("%s %s: %d kinds of matrices, want %d", row.Type, row.Flags, len(got), len(row.Tensors))
		}
	}
}

// layout parses flags and lays out the file that they name.
func layout(t *testing.T, flags string) *model {
	t.Helper()
	opt, err := parse(append([]string{"-o", "x"}, strings.Fields(flags)...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newModel(opt.shape, opt.typ)
	if err != nil {
		t.Fatalf("%s: %v", flags, err)
	}
	return m
}

// typeRuns maps the matrices of m without their layer to their types over the layers, runs as TYPE*COUNT.
func typeRuns(m *model) map[string]string {
	types := map[string][]string{}
	for _, x := range m.tensors {
		if x.rows == 0 {
			continue
		}
		name := strings.TrimSuffix(x.name, ".weight")
		if rest, ok := strings.CutPrefix(name, "blk."); ok {
			_, name, _ = strings.Cut(rest, ".")
		}
		types[name] = append(types[name], x.typ.String())
	}
	runs := map[string]string{}
	for name, list := range types {
		for i := 0; i < len(list); {
			n := 1
			for i+n < len(list) && list[i+n] == list[i] {
				n++
			}
			runs[name] = strings.TrimSpace(fmt.Sprintf("%s %s*%d", runs[name], list[i], n))
			i += n
		}
	}
	return runs
}

func TestMXFP4IsEverywhereButInTheOutput(t *testing.T) {
	got := typeRuns(layout(t, "-type MXFP4 -layers 3 -tied=false"))
	for name, want := range map[string]string{"token_embd": "MXFP4*1", "output": "Q8_0*1", "ffn_down": "MXFP4*3", "attn_v": "MXFP4*3"} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
}
