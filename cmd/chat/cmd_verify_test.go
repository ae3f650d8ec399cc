package main

import (
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// A file that Ollama's reader sees otherwise does not pass.
func TestCheckOllama(t *testing.T) {
	same := new(gguftest.Builder).AddKV("general.architecture", "x").AddTensor("t", ggtype.Q8_0, []uint64{32, 2}, nil)
	other := new(gguftest.Builder).AddKV("general.architecture", "x").AddTensor("t", ggtype.TQ1_0, []uint64{256}, nil)
	for _, c := range []struct {
		b    *gguftest.Builder
		ok   bool
		text string
	}{
		{same, true, "takes it, and agrees on all keys and tensors"},
		{other, false, `tensor "t": 0 bytes of type unknown`},
	} {
		f, err := gguf.OpenBytes("test.gguf", c.b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if k := checkOllama(f); k.OK != c.ok || !strings.Contains(k.Note, c.text) {
			t.Errorf("%+v, want %v and %q", k, c.ok, c.text)
		}
	}
}

// The first weight that is no number is found, in any type.
func TestCheckWeights(t *testing.T) {
	half := make([]byte, 4*34)
	half[2*34], half[2*34+1] = 0x00, 0x7e // NaN as the scale of the third block
	half[2*34+2] = 1
	b := new(gguftest.Builder).AddTensor("fine", ggtype.F32, []uint64{8}, nil).AddTensor("bad", ggtype.Q8_0, []uint64{64, 2}, half)
	f, err := gguf.OpenBytes("test.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(nil, &strings.Builder{}, &strings.Builder{})
	defer a.stopSignals()
	k, err := a.checkWeights(f)
	if err != nil || k.OK || !strings.Contains(k.Note, `tensor "bad": weight 64`) {
		t.Errorf("%+v, %v", k, err)
	}
}
