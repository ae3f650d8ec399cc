package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// A file that Ollama's reader sees otherwise is an error, with what differs printed before.
func TestVerify(t *testing.T) {
	same := new(gguftest.Builder).AddKV("general.architecture", "x").AddTensor("t", ggtype.Q8_0, []uint64{32, 2}, nil)
	other := new(gguftest.Builder).AddKV("general.architecture", "x").AddTensor("t", ggtype.TQ1_0, []uint64{256}, nil)
	for _, c := range []struct {
		b       *gguftest.Builder
		ok      bool
		text    string
		tensors int
	}{
		{same, true, "takes it, and agrees on all 1 keys and 1 tensors", 1},
		{other, false, "agrees on 1 keys and 0 tensors, and differs in 1:\n  tensor \"t\": 0 bytes of type unknown", 0},
	} {
		f, err := gguf.OpenBytes("test.gguf", c.b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		a := newApp(nil, &out, nil)
		defer a.stopSignals()
		if err := a.verify(f, false); errors.Is(err, errDiffers) == c.ok || !strings.Contains(out.String(), c.text) {
			t.Errorf("%q, %v", out.String(), err)
		}
		out.Reset()
		err = a.verify(f, true)
		var v verified
		if jerr := json.Unmarshal(out.Bytes(), &v); jerr != nil || errors.Is(err, errDiffers) == c.ok || v.OK != c.ok || v.Tensors != c.tensors {
			t.Errorf("%s, %v, %v", out.String(), err, jerr)
		}
	}
}
