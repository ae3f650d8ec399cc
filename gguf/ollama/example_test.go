package ollama_test

import (
	"fmt"
	"log"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/ollama"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// model opens a file; a program of your own calls gguf.Open.
func model() *gguf.File {
	b := new(gguftest.Builder).AddKV("general.architecture", "llama").AddKV("llama.block_count", uint32(2)).
		AddTensor("token_embd.weight", ggtype.Q8_0, []uint64{64, 3}, nil)
	f, err := gguf.OpenBytes("model.gguf", b.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	return f
}

func ExampleDecode() {
	f := model()
	defer f.Close()
	g, err := ollama.Decode(f) // *ggml.GGML of github.com/ollama/ollama/fs/ggml
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.KV().Architecture(), g.KV().BlockCount(), g.Tensors().Items()[0].Name)
	// Output: llama 2 token_embd.weight
}

func ExampleVerify() {
	f := model()
	defer f.Close()
	r := ollama.Verify(f)
	fmt.Println(r.Keys, r.Tensors, r.Differences)
	// Output: 2 1 []
}
