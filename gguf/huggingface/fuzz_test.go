package huggingface

import (
	"testing"
	"testing/fstest"
)

// fuzzFile tries a folder with another file in place of one.
func fuzzFile(f *testing.F, model, file string) {
	base := small(f, model)
	f.Add(base[file].Data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		dir := fstest.MapFS{}
		for k, v := range base {
			dir[k] = v
		}
		dir[file] = &fstest.MapFile{Data: data}
		readAll(t, dir, file)
	})
}

func FuzzConfig(f *testing.F)          { fuzzFile(f, "deepseek-v3-fp8", "config.json") }
func FuzzTokenizerJSON(f *testing.F)   { fuzzFile(f, "llama3-8B", "tokenizer.json") }
func FuzzTokenizerModel(f *testing.F)  { fuzzFile(f, "gemma2", "tokenizer.model") }
func FuzzTokenizerConfig(f *testing.F) { fuzzFile(f, "llama2", "tokenizer_config.json") }
func FuzzTiktoken(f *testing.F)        { fuzzFile(f, "kimi-linear", "tiktoken.model") }
