package tokenizer_test

import (
	"fmt"

	"github.com/latentgo/latentgo/tokenizer"
)

// words is metadata of a vocabulary of four tokens; programs pass a *gguf.File.
type words struct{}

func (words) Has(key string) bool {
	return key == "tokenizer.ggml.model" || key == "tokenizer.ggml.tokens" || key == "tokenizer.ggml.token_type"
}
func (words) String(string) (string, error) { return "llama", nil }
func (words) Strings(string) ([]string, error) {
	return []string{"<unk>", "<s>", "</s>", "▁", "h", "i", "hi", "▁hi", "<0xC3>", "<0xA9>"}, nil
}
func (words) Ints(string) ([]int64, error)     { return []int64{2, 3, 3, 1, 1, 1, 1, 1, 6, 6}, nil }
func (words) Floats(string) ([]float32, error) { return nil, nil }
func (words) Uint(string) (uint64, error)      { return 0, nil }
func (words) Bool(string) (bool, error)        { return false, nil }

func Example() {
	tok, err := tokenizer.New(words{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := tok.Encode("hi hi</s>", tokenizer.EncodeOptions{AddSpecial: true, ParseSpecial: true})
	fmt.Println(ids, tok.IsEOG(ids[3]))
	fmt.Println(tok.Decode(ids[1:], tokenizer.DecodeOptions{}))
	// Output:
	// [1 7 7 2] true
	// hi hi
}

// A character may come as several tokens: the decoder waits until it is complete.
func ExampleDecoder() {
	tok, err := tokenizer.New(words{})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := tok.NewDecoder(false)
	for _, id := range tok.Encode("hié", tokenizer.EncodeOptions{}) {
		fmt.Printf("%q ", d.Next(id))
	}
	fmt.Printf("%q\n", d.Flush())
	// Output: " hi" "" "é" ""
}
