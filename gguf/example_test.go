package gguf_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// writeModel stands for a model on disk.
func writeModel() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "gguf")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "model.gguf")
	b := new(gguftest.Builder).
		AddKV("general.architecture", "llama").
		AddKV("llama.block_count", uint32(2)).
		AddKV("tokenizer.ggml.tokens", []string{"<s>", "</s>", "hello"}).
		AddTensor("token_embd.weight", ggtype.Q8_0, []uint64{64, 3}, nil)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	return path, func() { os.RemoveAll(dir) }
}

func Example() {
	path, remove := writeModel()
	defer remove()
	f, err := gguf.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	blocks, err := f.Uint("llama.block_count")
	fmt.Println(blocks, err)
	tokens, err := f.Strings("tokenizer.ggml.tokens")
	fmt.Println(tokens, err)
	for _, t := range f.Tensors() {
		fmt.Println(t.Name, t.Type, t.Shape, t.Size())
	}
	_, err = f.Float("llama.rope.freq_base")
	fmt.Println(errors.Is(err, gguf.ErrNoKey))
	// Output:
	// 2 <nil>
	// [<s> </s> hello] <nil>
	// token_embd.weight Q8_0 [64 3] 204
	// true
}

func ExampleFile_Guard() {
	path, remove := writeModel()
	defer remove()
	f, err := gguf.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	sum := 0
	err = f.Guard(func() error {
		t, err := f.Tensor("token_embd.weight")
		if err != nil {
			return err
		}
		data, err := t.Bytes()
		for _, b := range data {
			sum += int(b) // would fault if the file had been truncated
		}
		return err
	})
	fmt.Println(sum, err)
	// Output: 0 <nil>
}
