package huggingface

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/safetensors"
	"github.com/latentgo/latentgo/internal/floatdata"
)

// adapterFile is where PEFT keeps the matrices of an adapter.
const adapterFile = "adapter_model.safetensors"

// OpenAdapter reads a folder with a low-rank adapter in PEFT's form, adapter_config.json and adapter_model.safetensors,
// as a GGUF file of that kind, which exists nowhere: package gguf/lora reads it. base is the model that the adapter is
// for; it tells how names and orders of rows differ. The folder's file is read once, here. Errors wrap ErrUnsupported
// or ErrFolder.
func OpenAdapter(dir fs.FS, name string, base *gguf.File) (*gguf.File, error) {
	f, err := openAdapter(dir, name, base)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func openAdapter(dir fs.FS, name string, base *gguf.File) (*gguf.File, error) {
	var cfg config
	if err := readJSON(dir, "adapter_config.json", &cfg); err != nil {
		return nil, err
	}
	alpha, err := adapterAlpha(cfg)
	if err != nil {
		return nil, fmt.Errorf("adapter_config.json: %w", err)
	}
	m, err := modelOf(base)
	if err != nil {
		return nil, err
	}
	w := &weights{}
	file, err := w.open(dir, adapterFile)
	if err != nil {
		return nil, err
	}
	defer w.close() //nolint:errcheck // it was only read
	pairs, err := pairsOf(file)
	if err != nil {
		return nil, err
	}
	out := new(gguf.Writer)
	for _, k := range []key{{"general.architecture", m.arch}, {"general.type", "adapter"}, {"adapter.type", "lora"},
		{"general.name", name}, {"adapter.lora.alpha", float32(alpha)}} {
		if err := out.Set(k.name, k.value); err != nil {
			return nil, err
		}
	}
	var experts expertPairs
	for _, p := range pairs {
		of, err := experts.take(m, base, p)
		if !of && err == nil {
			err = m.addPair(out, base, p)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", p.module, err)
		}
	}
	if err := experts.write(out); err != nil {
		return nil, err
	}
	var image memory
	if _, err := out.WriteTo(&image); err != nil {
		return nil, err
	}
	return gguf.OpenBytes(name, image)
}

// memory is a file in memory.
type memory []byte

// Write implements io.Writer.
func (m *memory) Write(b []byte) (int, error) {
	*m = append(*m, b...)
	return len(b), nil
}

// adapterAlpha returns what products are multiplied by, times the rank.
func adapterAlpha(cfg config) (float64, error) {
	rank, okRank := cfg.number("r")
	alpha, okAlpha := cfg.number("lora_alpha")
	switch {
	case cfg.text("peft_type") != "LORA":
		return 0, fmt.Errorf("an adapter of type %q is %w", cfg.text("peft_type"), ErrUnsupported)
	case !okRank || rank < 1 || !okAlpha:
		return 0, fmt.Errorf("%w: no r and lora_alpha", ErrFolder)
	case len(cfg.object("alpha_pattern")) > 0:
		return 0, fmt.Errorf("an alpha of its own for some modules is %w", ErrUnsupported)
	}
	for _, k := range []string{"use_dora", "fan_in_fan_out"} {
		if cfg.boolean(k, false) {
			return 0, fmt.Errorf("%s is %w", k, ErrUnsupported)
		}
	}
	if cfg.boolean("use_rslora", false) {
		if len(cfg.object("rank_pattern")) > 0 {
			return 0, fmt.Errorf("use_rslora with rank_pattern is %w", ErrUnsupported)
		}
		alpha *= math.Sqrt(rank) // the product is multiplied by alpha / √r instead of alpha / r
	}
	return alpha, nil
}

// modelOf returns a model of the family of a GGUF file, with what its keys tell about heads.
func modelOf(base *gguf.File) (*model, error) {
	arch, err := base.String("general.architecture")
	if err != nil {
		return nil, err
	}
	m := &model{arch: arch, cfg: config{}, experts: map[string][]tensor{}, waiting: map[string]int{}}
	for _, class := range slices.Sorted(maps.Keys(families)) {
		if f := families[class]; f.arch == arch && m.class == "" {
			m.class, m.family = class, f
		}
	}
	if m.class == "" {
		return nil, fmt.Errorf("adapters for models of architecture %q are %w", arch, ErrUnsupported)
	}
	for key, names := range configKeys {
		if n, err := base.Uint(arch + "." + key); err == nil && n < math.MaxInt32 {
			for _, name := range names {
				m.cfg[name] = whole(int(n))
			}
		}
	}
	m.rope = config{}
	// What GLM's order of rows depends on.
	if sections, err := base.Ints(arch + ".rope.dimension_sections"); err == nil {
		list := make([]any, len(sections))
		for i, n := range sections {
			list[i] = json.Number(strconv.FormatInt(n, 10))
		}
		m.rope["mrope_section"] = list
	}
	if n, err := base.Uint(arch + ".rope.dimension_count"); err == nil && m.headDim() > 0 {
		m.rope["partial_rotary_factor"] = number(float64(n) / float64(m.headDim()))
	}
	m.err = nil // of models without heads
	m.blocks, _ = m.cfg.integer("num_hidden_layers")
	return m, nil
}

// configKeys are names that config.json has for what the keys of a GGUF file tell.
var configKeys = map[string][]string{
	"block_count":             {"num_hidden_layers"},
	"embedding_length":        {"hidden_size", "n_embd"},
	"attention.head_count":    {"num_attention_heads", "n_head"},
	"attention.head_count_kv": {"num_key_value_heads", "num_kv_heads"},
	"attention.key_length":    {"head_dim"},
	"feed_forward_length":     {"intermediate_size"},
	"expert_count":            {"num_local_experts", "num_experts"},
}

// pair is two matrices of an adapter.
type pair struct {
	module string
	a, b   *safetensors.Tensor
}

// pairsOf finds them by their names: base_model.model.MODULE.lora_A.weight.
func pairsOf(file *safetensors.File) ([]*pair, error) {
	byModule := map[string]*pair{}
	var list []*pair
	for _, t := range file.Tensors() {
		name := strings.TrimPrefix(t.Name, "base_model.model.")
		module, isA := strings.CutSuffix(name, ".lora_A.weight")
		if !isA {
			var isB bool
			if module, isB = strings.CutSuffix(name, ".lora_B.weight"); !isB {
				return nil, fmt.Errorf("%s: tensor %q is no matrix lora_A or lora_B: such adapters are %w", adapterFile, t.Name, ErrUnsupported)
			}
		}
		p := byModule[module]
		if p == nil {
			p = &pair{module: module}
			byModule[module] = p
			list = append(list, p)
		}
		if len(t.Shape) != 2 || t.Elements() == 0 {
			return nil, fmt.Errorf("%s: tensor %q has shape %v: such adapters are %w", adapterFile, t.Name, t.Shape, ErrUnsupported)
		}
		if isA {
			p.a = t
		} else {
			p.b = t
		}
	}
	for _, p := range list {
		if p.a == nil || p.b == nil || p.a.Shape[0] != p.b.Shape[1] {
			return nil, fmt.Errorf("%s: %w: %s has no two matrices that can be multiplied", adapterFile, ErrFolder, p.module)
		}
	}
	return list, nil
}

// folderName returns the name that a module of the adapter has in the model's folder, as the family has it; false if it
// has none.
func (m *model) folderName(module string) (string, bool) {
	name, ok := rename(module + ".weight")
	if ok && m.filter != nil {
		name, ok = m.filter(m, name)
	}
	return strings.TrimSuffix(name, ".weight"), ok
}

// become sets m.out to what the family makes of a tensor.
func (m *model) become(name string, t tensor) error {
	modify := m.modify
	if modify == nil {
		modify = (*model).plain
	}
	m.out = nil
	if err := modify(m, name, block(name), t); err != nil {
		return err
	}
	if len(m.out) == 0 {
		return fmt.Errorf("an adapter for it is %w", ErrUnsupported)
	}
	return nil
}

// adaptable refuses modules whose matrix is no reordering of rows of the folder's, so that no product can be added to it.
func (m *model) adaptable(module string) error {
	switch {
	case (strings.HasPrefix(m.arch, "qwen35") || m.arch == "qwen4exp") && strings.HasSuffix(module, "linear_attn.out_proj"):
		return fmt.Errorf("an adapter for it is %w: its columns have another order in files", ErrUnsupported)
	case m.arch == "bitnet" && strings.HasSuffix(module, "_proj"):
		return fmt.Errorf("an adapter for it is %w: its weights have three values in files", ErrUnsupported)
	case m.arch == "bailingmoe" && module == "lm_head":
		return fmt.Errorf("an adapter for it is %w: its columns may be normed in files", ErrUnsupported)
	}
	return nil
}

// addPair adds what a pair becomes: what the family does to rows of the model's matrix it does to those of B.
func (m *model) addPair(w *gguf.Writer, base *gguf.File, p *pair) error {
	name, ok := m.folderName(p.module)
	if !ok {
		return fmt.Errorf("an adapter for it is %w", ErrUnsupported)
	}
	if err := m.adaptable(p.module); err != nil {
		return err
	}
	for cut := true; cut; { // parameters of one module are wrapped in each other
		name, cut = strings.CutSuffix(name, ".base_layer")
	}
	if strings.HasSuffix(name, ".experts") {
		return m.fusedPair(w, base, name, p)
	}
	if err := m.become(name+".weight", load(p.b)); err != nil {
		return err
	}
	a := load(p.a)
	for _, b := range m.out {
		if len(b.shape) != 2 || b.shape[1] != a.shape[0] {
			return fmt.Errorf("an adapter for it is %w", ErrUnsupported)
		}
		if err := addFactors(w, b.name, a, b.tensor); err != nil {
			return err
		}
	}
	return nil
}

// addFactors adds the matrices for a tensor of the model.
func addFactors(w *gguf.Writer, name string, a, b tensor) error {
	for _, x := range []named{{name + ".lora_a", a}, {name + ".lora_b", b}} {
		shape := make([]uint64, len(x.shape))
		for i, n := range x.shape {
			shape[len(shape)-1-i] = uint64(n)
		}
		if err := w.AddTensorAt(x.name, typeF32, shape, floatdata.Reader(typeF32, elements(x.shape), x.read)); err != nil {
			return err
		}
	}
	return nil
}
