package engine

import (
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// rewritten copies a file with keys set and tensors left out or replaced; nil data leaves one out.
func rewritten(t *testing.T, path string, keys map[string]any, tensors map[string]func(*gguf.Writer) error) string {
	t.Helper()
	f := openGGUF(t, path)
	w := new(gguf.Writer)
	err := w.CopyMetadata(f, func(key string) bool { v, ok := keys[key]; return !ok || v != nil })
	for key, v := range keys {
		if v != nil {
			err = errors.Join(err, w.Set(key, v))
		}
	}
	for _, x := range f.Tensors() {
		put, ok := tensors[x.Name]
		switch {
		case !ok:
			err = errors.Join(err, w.AddTensorFrom(x))
		case put != nil:
			err = errors.Join(err, put(w))
		}
	}
	out := filepath.Join(t.TempDir(), "edited.gguf")
	if err := errors.Join(err, w.WriteFile(t.Context(), out, nil)); err != nil {
		t.Fatal(err)
	}
	return out
}

// Converted files whose own keys or tensors are wrong: each is refused with an error that names what is wrong.
func TestLoadRefusesConverted(t *testing.T) {
	path, _ := convertTo(t, gguftest.TinyLlama().Build().Write(t), quick(MLA{R: 8, L: 24}))
	ints := func(a, b uint32) []uint32 { return []uint32{a, b} }
	put := func(name string, typ gguf.Type, data []byte, shape ...uint64) map[string]func(*gguf.Writer) error {
		return map[string]func(*gguf.Writer) error{name: func(w *gguf.Writer) error {
			return w.AddTensor(name, typ, shape, func() ([]byte, error) { return data, nil })
		}}
	}
	pairs := func(p ...uint32) (b []byte) {
		for _, x := range p {
			b = binary.LittleEndian.AppendUint32(b, x)
		}
		return b
	}
	for _, c := range []struct {
		name    string
		keys    map[string]any
		tensors map[string]func(*gguf.Writer) error
		is      error
		want    string
	}{
		{"a later version", map[string]any{model.KeyVersion: uint32(4)}, nil, ErrUnsupported, "version 4"},
		{"an earlier version", map[string]any{model.KeyVersion: uint32(2)}, nil, ErrUnsupported, "convert the original again"},
		{"a version of the wrong kind", map[string]any{model.KeyVersion: "1"}, nil, ErrUnsupported, model.KeyVersion},
		{"no rope sizes", map[string]any{model.KeyRopeSize: nil}, nil, gguf.ErrNoKey, model.KeyRopeSize},
		{"a rope size for all", map[string]any{model.KeyRopeSize: uint32(8)}, nil, gguf.ErrKind, model.KeyRopeSize},
		{"too few latent sizes", map[string]any{model.KeyLatentSize: []uint32{24}}, nil, ErrInvalid, "1 values for 2 layers"},
		{"a negative size", map[string]any{model.KeyLatentSize: []int32{24, -24}}, nil, ErrInvalid, "layer 1: -24"},
		{"a huge size", map[string]any{model.KeyLatentSize: ints(24, 1<<31)}, nil, ErrInvalid, "layer 1"},
		{"rows longer than the model's", map[string]any{model.KeyLatentSize: ints(24, 60)}, nil, ErrInvalid, "layer 1"},
		{"odd rotated part", map[string]any{model.KeyRopeSize: ints(8, 7)}, nil, ErrInvalid, "layer 1"},
		{"no key sizes", map[string]any{model.KeyKeySize: nil}, nil, gguf.ErrNoKey, model.KeyKeySize},
		{"keys of nothing", map[string]any{model.KeyKeySize: ints(16, 0)}, nil, ErrInvalid, "layer 1: 0 of 24"},
		{"keys of more than there is", map[string]any{model.KeyKeySize: ints(25, 16)}, nil, ErrInvalid, "layer 0: 25 of 24"},
		{"keys of another size than the tensors have", map[string]any{model.KeyKeySize: ints(16, 8)}, nil, ErrInvalid, "blk.1." + model.TensorQuery},
		{"near tokens for one layer", map[string]any{model.KeyRecent: []uint32{64}}, nil, ErrInvalid, model.KeyRecent},
		{"near tokens that are no multiple", map[string]any{model.KeyRecent: ints(64, 33)}, nil, ErrInvalid, "layer 1: 33 tokens"},
		{"too many near tokens", map[string]any{model.KeyRecent: ints(1<<20, 64)}, nil, ErrInvalid, "layer 0"},
		{"no phase", map[string]any{model.KeyRopePhase: nil}, nil, gguf.ErrNoKey, model.KeyRopePhase},
		{"a phase of 0", map[string]any{model.KeyRopePhase: float32(0)}, nil, ErrInvalid, model.KeyRopePhase},
		{"a phase that is no number", map[string]any{model.KeyRopePhase: float32(math.NaN())}, nil, ErrInvalid, model.KeyRopePhase},
		{"an endless phase", map[string]any{model.KeyRopePhase: float32(math.Inf(1))}, nil, ErrInvalid, model.KeyRopePhase},
		{"no blocks", map[string]any{model.KeyBlocks: ints(1, 0)}, nil, ErrInvalid, "layer 1: 0 blocks"},
		{"blocks that don't divide heads", map[string]any{model.KeyBlocks: ints(3, 1)}, nil, ErrInvalid, "layer 0: 3 blocks"},
		{"another shape than the tensors have", map[string]any{model.KeyLatentSize: ints(22, 24)}, nil, ErrInvalid, "blk.0.attn_latent"},
		{"no projection", nil, map[string]func(*gguf.Writer) error{"blk.0.attn_k.weight": nil}, gguf.ErrNoTensor, "blk.0.attn_k.weight"},
		{"no encoder", nil, map[string]func(*gguf.Writer) error{"blk.1." + model.TensorEncodeKV: nil}, gguf.ErrNoTensor, "blk.1." + model.TensorEncodeKV},
		{"no query side", nil, map[string]func(*gguf.Writer) error{"blk.1." + model.TensorQuery: nil}, gguf.ErrNoTensor, "blk.1." + model.TensorQuery},
		{"no pairs", nil, map[string]func(*gguf.Writer) error{"blk.0." + model.TensorPairs: nil}, gguf.ErrNoTensor, model.TensorPairs},
		{"a pair beyond the model's", nil, put("blk.0."+model.TensorPairs, ggtype.I32, pairs(0, 1, 8, 2), 4, 1), ErrInvalid, "entry 2 is 8"},
		{"a negative pair", nil, put("blk.0."+model.TensorPairs, ggtype.I32, pairs(0, 1, 1<<31, 2), 4, 1), ErrInvalid, "entry 2"},
		{"pairs as floats", nil, put("blk.0."+model.TensorPairs, ggtype.F32, make([]byte, 16), 4, 1), ErrInvalid, "want I32"},
		{"means of too few keys", nil, put("blk.1."+model.TensorKeyMean, ggtype.F32, make([]byte, 4*31), 31), ErrInvalid, "blk.1." + model.TensorKeyMean},
		{"too few pairs", nil, put("blk.0."+model.TensorPairs, ggtype.I32, pairs(0, 1), 2, 1), ErrInvalid, model.TensorPairs},
	} {
		t.Run(c.name, func(t *testing.T) {
			loadFails(t, rewritten(t, path, c.keys, c.tensors), c.is, c.want)
		})
	}
}

// What only tells how a file was made may be missing or wrong: it loads.
func TestLoadWithoutProvenance(t *testing.T) {
	path, _ := convertTo(t, gguftest.TinyLlama().Build().Write(t), quick(MLA{R: 8, L: 24}))
	keys := map[string]any{}
	for _, key := range openGGUF(t, path).Keys() {
		if strings.HasPrefix(key, "latentgo.") && !strings.HasPrefix(key, "latentgo.mla.") && key != model.KeyVersion {
			keys[key] = nil
		}
	}
	bare := loadFile(t, rewritten(t, path, keys, nil), Options{})
	for key := range keys {
		keys[key] = []string{"of another kind"}
	}
	odd := loadFile(t, rewritten(t, path, keys, nil), Options{})
	want := allLogits(t, loadFile(t, path, Options{}), gguftest.RandomIDs(20, 80))
	for name, m := range map[string]*Model{"bare": bare, "odd": odd} {
		if e := nmse(allLogits(t, m, gguftest.RandomIDs(20, 80)), want); e != 0 {
			t.Errorf("%s: other logits: %.2g", name, e)
		}
	}
	if odd.Conversion() == nil || odd.Conversion().Form != "" {
		t.Errorf("%+v", odd.Conversion())
	}
}
