package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// TestInspectWarnings: what the engine does without is listed; a sound file has no such list.
func TestInspectWarnings(t *testing.T) {
	b := (&gguftest.Builder{}).AddKV("general.architecture", "llama").AddKV("tokenizer.ggml.model", "llama").
		AddKV("tokenizer.ggml.tokens", []string{"<unk>", "<s>", "</s>", "a"}).AddKV("tokenizer.ggml.token_type", []int32{2, 3, 3, 1})
	show := func() string {
		f, err := gguf.Open(b.Write(t))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var out bytes.Buffer
		printWarnings(&out, f)
		return out.String()
	}
	if got := show(); got != "" {
		t.Errorf("a sound file: %q", got)
	}
	b.AddKV("tokenizer.ggml.bos_token_id", uint32(4294967295)).AddKV("general.sampling.top_p", float32(7)).AddKV("general.sampling.temp", "hot")
	got := show()
	for _, want := range []string{"warnings: 3\n", "bos_token_id: no token 4294967295", "general.sampling.top_p: ", "general.sampling.temp"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
}
