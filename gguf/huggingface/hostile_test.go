package huggingface

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latentgo/latentgo/gguf/safetensors"
	"github.com/latentgo/latentgo/internal/hubtest"
)

// small returns a folder of testdata.
func small(t testing.TB, name string) fstest.MapFS {
	return hubtest.Read(t, "testdata/"+name+".json").Folder(t)
}

// replaceIn changes a text in a file of a folder.
func replaceIn(t testing.TB, dir fstest.MapFS, file, old, text string) {
	t.Helper()
	raw := string(dir[file].Data)
	if !strings.Contains(raw, old) {
		t.Fatalf("%s does not have %q", file, old)
	}
	dir[file] = &fstest.MapFile{Data: []byte(strings.Replace(raw, old, text, 1))}
}

// refusal is a folder that can't be converted.
type refusal struct {
	what, model string
	change      func(dir fstest.MapFS)
	kind        error
	text        string // of the error
}

// TestRefused: what can't be converted is an error of its kind that names the file or the field.
func TestRefused(t *testing.T) {
	refused(t, []refusal{
		{"an unknown class", "qwen3", func(d fstest.MapFS) { replaceIn(t, d, "config.json", "Qwen3ForCausalLM", "FooForCausalLM") },
			ErrUnsupported, `class "FooForCausalLM" are not supported; these are: AfmoeForCausalLM, `},
		{"no class", "qwen3", func(d fstest.MapFS) { d["config.json"].Data = []byte(`{}`) }, ErrUnsupported, `class ""`},
		{"a list for config.json", "qwen3", func(d fstest.MapFS) { d["config.json"].Data = []byte(`[]`) }, ErrFolder, "config.json: offset"},
		{"no config.json", "qwen3", func(d fstest.MapFS) { delete(d, "config.json") }, fs.ErrNotExist, "config.json"},
		{"no weights", "qwen3", func(d fstest.MapFS) { delete(d, "model.safetensors") }, ErrFolder, "no model*.safetensors"},
		{"pickles", "qwen3", func(d fstest.MapFS) {
			delete(d, "model.safetensors")
			d["pytorch_model.bin"] = &fstest.MapFile{}
		}, ErrUnsupported, "pickles of PyTorch"},
		{"a missing part", "qwen3", func(d fstest.MapFS) {
			d["model.safetensors.index.json"] = &fstest.MapFile{Data: []byte(`{"weight_map": {"a": "model-00001-of-00002.safetensors"}}`)}
		}, fs.ErrNotExist, "a part of the model is missing"},
		{"a cut file", "qwen3", func(d fstest.MapFS) { d["model.safetensors"].Data = d["model.safetensors"].Data[:9000] }, safetensors.ErrFormat, "model.safetensors"},
		{"no tokenizer", "qwen3", func(d fstest.MapFS) { delete(d, "tokenizer.json") }, ErrFolder, "neither tokenizer.json nor tokenizer.model"},
		{"a vocabulary that is too large", "qwen3", func(d fstest.MapFS) { replaceIn(t, d, "config.json", `"vocab_size": 320`, `"vocab_size": 20`) }, ErrFolder, "a vocabulary of 20"},
		{"a tensor of another architecture", "qwen3", func(d fstest.MapFS) {
			replaceIn(t, d, "model.safetensors", "model.layers.0.self_attn.q_norm.weight", "model.layers.0.self_attn.x_norm.weight")
		}, ErrUnsupported, `tensor "model.layers.0.self_attn.x_norm.weight"`},
		{"an expert that is missing", "qwen3moe", func(d fstest.MapFS) {
			replaceIn(t, d, "config.json", `"num_local_experts": 4`, `"num_local_experts": 5`)
		}, ErrFolder, "experts are missing"},
		{"GPTQ", "qwen3", func(d fstest.MapFS) {
			replaceIn(t, d, "config.json", `{`, `{"quantization_config": {"quant_method": "gptq"}, `)
		}, ErrUnsupported, `quantised by "gptq"`},
		{"rows that no head has", "llama2", func(d fstest.MapFS) {
			replaceIn(t, d, "config.json", `"num_attention_heads": 4`, `"num_attention_heads": 7`)
		}, ErrFolder, "for 7 heads"},
		{"a reranker", "qwen3", func(d fstest.MapFS) {
			d["README.md"] = &fstest.MapFile{Data: []byte("---\na: b\n---\n# Qwen3-Reranker-0.6B\n")}
		}, ErrUnsupported, "rerankers"},
		{"a card that is no YAML", "qwen3", func(d fstest.MapFS) { d["README.md"] = &fstest.MapFile{Data: []byte("---\n\x01: [\n---\n")} }, ErrFolder, "README.md"},
		{"scales that do not fit", "deepseek-v3-fp8", func(d fstest.MapFS) { replaceIn(t, d, "config.json", `[32, 32]`, `[16, 32]`) }, ErrFolder, "scales of shape"},
	})
}

// TestRefusedFamilies: what only some families refuse.
func TestRefusedFamilies(t *testing.T) {
	refused(t, []refusal{
		{"a vocabulary of tiktoken without numbers", "kimi-linear", func(d fstest.MapFS) { d["tiktoken.model"].Data = []byte("AA==\n") }, ErrFolder,
			"tiktoken.model: line 1"},
		{"a vocabulary of tiktoken without a byte", "kimi-linear", func(d fstest.MapFS) { d["tiktoken.model"].Data = []byte("AQ== 0\n") }, ErrFolder,
			"no token stands for the byte 0"},
		{"tokens of tiktoken in another order", "kimi-linear", func(d fstest.MapFS) { d["tiktoken.model"].Data = []byte("AA== 1\nAQ== 0\n") }, ErrFolder,
			"tiktoken.model: line 2"},
		{"a vocabulary that is too large", "plamo-3", func(d fstest.MapFS) {
			replaceIn(t, d, "config.json", `"vocab_size": 272`, `"vocab_size": 1000000000`)
		}, ErrFolder, "a vocabulary of 1000000000"},
		{"experts without a number", "deepseek-v4-flash", func(d fstest.MapFS) {
			replaceIn(t, d, "config.json", `"n_routed_experts": 2`, `"n_routed_experts": "x"`)
		}, ErrFolder, "n_routed_experts"},
		{"layers that are too many", "qwen3.5", func(d fstest.MapFS) {
			replaceIn(t, d, "config.json", `"mtp_num_hidden_layers": 1`, `"mtp_num_hidden_layers": 2000000000`)
		}, ErrFolder, "mtp_num_hidden_layers"},
		{"networks that differ between layers", "hunyuan-a13b", func(d fstest.MapFS) { replaceIn(t, d, "config.json", `"moe_topk": [2]`, `"moe_topk": [2, 1]`) },
			ErrFolder, "moe_topk differs between layers"},
		{"kinds of layers that are no whole numbers", "mimo-v2-flash", func(d fstest.MapFS) {
			replaceIn(t, d, "config.json", `"hybrid_layer_pattern": [0`, `"hybrid_layer_pattern": [1e300`)
		}, ErrFolder, "hybrid_layer_pattern has 0 of"},
		{"a count of 37 bits", "jamba", func(d fstest.MapFS) {
			replaceIn(t, d, "config.json", `"mamba_expand": 2`, `"mamba_expand": 2000000000`)
		},
			ErrFolder, "ssm.inner_size is 128000000000"},
		{"an unknown kind of indexer", "glm-5", func(d fstest.MapFS) { replaceIn(t, d, "config.json", `["full", `, `["half", `) }, ErrFolder, `"half"`},
		{"texts that begin with nothing", "deepseek-v3.2", func(d fstest.MapFS) {
			replaceIn(t, d, "tokenizer_config.json", `"add_bos_token": true`, `"add_bos_token": false`)
		}, ErrFolder, "add_bos_token"},
	})
}

// refused converts folders.
func refused(t *testing.T, tests []refusal) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			dir := small(t, tt.model)
			tt.change(dir)
			m, err := Open(dir, "model", nil)
			if err == nil {
				_ = m.Close()
				t.Fatal("it was accepted")
			}
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q, wanted one that is %q and says %q", err, tt.kind, tt.text)
			}
		})
	}
}

// TestWeights: the types that a caller may ask for.
func TestWeights(t *testing.T) {
	for _, tt := range []struct {
		model   string
		weights Weights
		want    string
	}{{"qwen3", Auto, "BF16"}, {"qwen3", F16, "F16"}, {"qwen3", F32, "F32"}, {"qwen3", Lossless, "BF16"},
		{"bge-small-en", Auto, "F16"}, {"bge-small-en", Lossless, "F32"}, {"bge-small-en", BF16, "BF16"}} {
		m, err := Open(small(t, tt.model), tt.model, &Options{Weights: tt.weights})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range m.Tensors() {
			if got := x.Type.String(); len(x.Shape) > 1 && !inFloat32(x.Name) && got != tt.want {
				t.Errorf("%s as %d: %s is %s, wanted %s", tt.model, tt.weights, x.Name, got, tt.want)
				break
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestParts: a model in two files with an index is the same model.
func TestParts(t *testing.T) {
	j := hubtest.Read(t, "testdata/qwen3.json")
	whole := writeAll(t, j.Folder(t), "qwen3", nil)
	dir := j.Folder(t)
	half := len(j.Tensors) / 2
	first, second := j, j
	first.Tensors, second.Tensors = j.Tensors[:half], j.Tensors[half:]
	delete(dir, "model.safetensors")
	dir["model-00001-of-00002.safetensors"] = &fstest.MapFile{Data: first.Safetensors(t)}
	dir["model-00002-of-00002.safetensors"] = &fstest.MapFile{Data: second.Safetensors(t)}
	if got := writeAll(t, dir, "qwen3", nil); string(got) != string(whole) {
		t.Error("without an index it is another file")
	}
	index := []string{}
	for i, e := range j.Tensors {
		index = append(index, string(e[0])+`: "model-0000`+string('1'+rune(i/half/1))+`-of-00002.safetensors"`)
		if i/half > 1 {
			index[i] = string(e[0]) + `: "model-00002-of-00002.safetensors"`
		}
	}
	dir["model.safetensors.index.json"] = &fstest.MapFile{Data: []byte(`{"weight_map": {` + strings.Join(index, ", ") + `}}`)}
	if got := writeAll(t, dir, "qwen3", nil); string(got) != string(whole) {
		t.Error("with an index it is another file")
	}
}

// TestMutations changes random bytes of the small files of folders: an error, or a model all of whose tensors can be
// read.
func TestMutations(t *testing.T) {
	files := []string{"config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "model.safetensors", "sentencepiece.bpe.model"}
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	for _, name := range []string{"qwen3", "gemma2", "gpt-oss-20b", "deepseek-v3-fp8", "qwen3.5", "bge-m3"} {
		base := small(t, name)
		r := rand.New(rand.NewPCG(1, uint64(len(name))))
		for i := range rounds {
			dir := fstest.MapFS{}
			for k, v := range base {
				dir[k] = v
			}
			file := files[r.IntN(len(files))]
			old, ok := base[file]
			if !ok {
				continue
			}
			data := append([]byte{}, old.Data...)
			limit := len(data)
			if file == "model.safetensors" {
				limit = 2000
			}
			for range 1 + r.IntN(2) {
				data[r.IntN(limit)] = byte(r.Uint32())
			}
			dir[file] = &fstest.MapFile{Data: data}
			readAll(t, dir, i)
		}
	}
}

// readAll reads a folder if it can be opened.
func readAll(t testing.TB, dir fs.FS, what any) {
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%v: panic: %v", what, r)
		}
	}()
	m, err := Open(dir, "model", nil)
	if err != nil {
		return
	}
	defer m.Close()
	for _, x := range m.Tensors() {
		if _, err := x.Bytes(); err != nil {
			t.Logf("%s: %v", x.Name, err)
		}
	}
}
