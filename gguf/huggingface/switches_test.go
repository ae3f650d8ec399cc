package huggingface

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/hubtest"
)

// TestSwitches: models of testdata with other switches become the files that llama.cpp's script writes.
func TestSwitches(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, h *hubtest.Model)
		sha256 string
	}{
		// The lengths of columns are summed in single precision.
		{"ling-lite", allOf("F32"), "2fe090f64dfea5d7c6688a757f3a2c1030e81574517e0fdb743c5999797dd556"},
		{"ling-lite", allOf("F16"), "f51c1bb3aa14ee71315a7130c261c8b99f1cf29484f1eabb124e1f875b930679"},
		// Decays are computed in single precision.
		{"glm-5.3", allOf("F16"), "66b122e5d375c05dbd17326c0b12c5a605355d3820ecfd6e94958181c61796e3"},
		{"kimi-k3", allOf("F16"), "342142529b4b3160c81ea4f89fdaecd06fc596c6cc199ce715a16b91de8468fc"},
		// What is added to a norm has its precision.
		{"plamo-2-1b", allOf("F16"), "944ab8511e44df1c8668a56ff9adc98af520d00192a04ebc0385a5cfbc1121e2"},
		{"plamo-3", allOf("F16"), "299a789ccb33f6bdccf9d8c5556934c67eec354fff7e902bb9abc0ebc4b3a3b3"},
		// An output matrix that is the embedding is left out.
		{"dots3-note", tied, "4d300cc14ae0bd2ab2ac9b59d754794bcc7a7a2ea711baecac2ac60b2b895a45"},
		// router.per_expert_scale is no scale of quantised weights.
		{"gemma-4-26b-a4b", perChannel("F8_E4M3", "float"), "a5b66372b3622e8af9934901bf28d184ce132376c6d68c7620f187d6793595f5"},
		{"qwen3", perChannel("I8", "int"), "506d72a2fc049fd99521f6fefeca251fb9c97766bea316b34d45b0fa140b857c"},
	}
	for i, test := range tests {
		t.Run(fmt.Sprint(i, "-", test.name), func(t *testing.T) {
			h := hubtest.Read(t, "testdata/"+test.name+".json")
			test.change(t, &h)
			sum := sha256.Sum256(writeAll(t, h.Folder(t), test.name, nil))
			if got := hex.EncodeToString(sum[:]); got != test.sha256 {
				t.Errorf("the file is %s, the script's %s", got, test.sha256)
			}
		})
	}
}

// allOf gives all floating-point tensors one type.
func allOf(dtype string) func(*testing.T, *hubtest.Model) {
	return func(t *testing.T, h *hubtest.Model) {
		for i := range h.Tensors {
			if d := string(h.Tensors[i][1]); d == `"BF16"` || d == `"F16"` || d == `"F32"` {
				h.Tensors[i][1] = quoted(t, dtype)
			}
		}
		name := map[string]string{"F32": "float32", "F16": "float16"}[dtype]
		setConfig(t, h, func(c map[string]any) {
			for _, k := range []string{"dtype", "torch_dtype"} {
				if _, ok := c[k]; ok {
					c[k] = name
				}
			}
		})
	}
}

// tied says that the output matrix is the embedding, and leaves both there.
func tied(t *testing.T, h *hubtest.Model) {
	setConfig(t, h, func(c map[string]any) { c["tie_word_embeddings"] = true })
}

// perChannel gives projections a type of 8 bits, with a scale for each row.
func perChannel(dtype, kind string) func(*testing.T, *hubtest.Model) {
	return func(t *testing.T, h *hubtest.Model) {
		for i, e := range slices.Clone(h.Tensors) {
			var name string
			var shape []int
			if err := cmp.Or(json.Unmarshal(e[0], &name), json.Unmarshal(e[2], &shape)); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_proj.weight") && len(shape) == 2 && !strings.Contains(name, "vision") {
				h.Tensors[i][1] = quoted(t, dtype)
				scale := [3]json.RawMessage{quoted(t, name+"_scale"), quoted(t, "BF16"), quoted(t, []int{shape[0], 1})}
				h.Tensors = append(h.Tensors, scale)
			}
		}
		format := map[string]string{"float": "float-quantized", "int": "int-quantized"}[kind]
		weights := map[string]any{"num_bits": 8, "type": kind, "strategy": "channel"}
		setConfig(t, h, func(c map[string]any) {
			c["quantization_config"] = map[string]any{"quant_method": "compressed-tensors", "format": format,
				"config_groups": map[string]any{"group_0": map[string]any{"weights": weights}}}
		})
	}
}

// setConfig changes config.json.
func setConfig(t *testing.T, h *hubtest.Model, change func(map[string]any)) {
	t.Helper()
	var c map[string]any
	if err := decodeJSON("config.json", h.Config, &c); err != nil {
		t.Fatal(err)
	}
	change(c)
	h.Config = quoted(t, c)
}

// quoted is the JSON of a value.
func quoted(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
