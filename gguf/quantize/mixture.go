package quantize

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// role is what a tensor does, as far as mixtures care.
type role int

const (
	roleOther role = iota
	roleEmbedding
	roleOutput
	roleQ
	roleK
	roleV
	roleQKV
	roleKVB
	roleAttnOutput
	roleUp
	roleGate
	roleDown
)

// roles are found by a part of the tensor's name, the first that fits.
var roles = []struct {
	part string
	role role
}{
	{"attn_qkv.weight", roleQKV}, {"attn_kv_b.weight", roleKVB}, {"attn_v.weight", roleV}, {"attn_k.weight", roleK},
	{"attn_q.weight", roleQ}, {"attn_output.weight", roleAttnOutput},
	{"ffn_up", roleUp}, {"ffn_gate", roleGate}, {"ffn_down", roleDown},
}

func roleOf(name string) role {
	switch name {
	case "output.weight":
		return roleOutput
	case "token_embd.weight", "per_layer_token_embd.weight":
		return roleEmbedding
	}
	for _, r := range roles {
		if strings.Contains(name, r.part) {
			return r.role
		}
	}
	return roleOther
}

// values reports whether a role holds the values of attention, which suffer most from few bits.
func (r role) values() bool { return r == roleV || r == roleQKV || r == roleKVB }

// neverQuantised are parts of names of tensors that stay as they are: small ones, and those of which every bit counts.
var neverQuantised = []string{
	"_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj",
	"ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight",
	"time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight",
	"time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
	"time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight",
	"time_mix_lerp_fused.weight", "attn_rel_b.weight", ".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_",
	".rel_pos", ".patch_embd", ".patch_merger", "a.rvq.codebook", "mm.a.code_embd",
}

// quantisable reports whether mixtures touch a tensor at all: matrices named *weight but those above.
func quantisable(t *gguf.Tensor) bool {
	matrix := false
	for _, d := range t.Shape[1:] {
		matrix = matrix || d > 1
	}
	if !matrix || !strings.HasSuffix(t.Name, "weight") || t.Name == "position_embd.weight" || t.Name == "token_types.weight" {
		return false
	}
	return !slices.ContainsFunc(neverQuantised, func(part string) bool { return strings.Contains(t.Name, part) })
}

// mixture chooses the types of a model's tensors, which it must be asked for in the order of sorted: rules depend on
// how many tensors of a role came before.
type mixture struct {
	file       FileType
	arch       string
	layers     int // of the model
	experts    int // of a layer
	shared     int // query heads per key head
	large      bool
	tied       bool // the embedding is the output matrix too
	importance bool

	values, down, gate, up int // of the role so far
	allValues              int
}

// newMixture reads what the rules depend on from f's metadata.
func newMixture(f *gguf.File, file FileType, importance bool) *mixture {
	m := &mixture{file: file, importance: importance, tied: true}
	m.arch, _ = f.String("general.architecture")
	m.layers, m.experts = number(f, m.arch+".block_count"), number(f, m.arch+".expert_count")
	heads, kv := number(f, m.arch+".attention.head_count"), number(f, m.arch+".attention.head_count_kv")
	switch {
	case !f.Has(m.arch + ".attention.head_count_kv"):
		m.shared = 1
	case kv > 0:
		m.shared = heads / kv
	}
	m.large = m.layers == 80 && slices.Contains([]string{"deci", "olmo", "qwen2"}, m.arch) ||
		m.layers == 80 && m.arch == "llama" && m.shared > 1 || m.layers == 68 && m.arch == "jais2"
	for _, t := range f.Tensors() {
		r := roleOf(t.Name)
		m.tied = m.tied && r != roleOutput
		if r.values() {
			m.allValues++
		}
	}
	return m
}

// number returns an integer of the metadata, the first of a list, 0 if there is none.
func number(f *gguf.File, key string) int {
	if v, ok := f.Value(key); ok && v.Kind() == gguf.KindArray {
		if list, err := f.Ints(key); err == nil && len(list) > 0 {
			return int(list[0])
		}
		return 0
	}
	n, _ := f.Int(key)
	return int(n)
}

// sorted returns the tensors by layer and name, those of no layer first.
func sorted(ts []*gguf.Tensor) []*gguf.Tensor {
	return slices.SortedFunc(slices.Values(ts), func(a, b *gguf.Tensor) int {
		return cmp.Or(cmp.Compare(layerOf(a.Name), layerOf(b.Name)), cmp.Compare(a.Name, b.Name))
	})
}

// layerOf returns the layer that a tensor's name says, -1 for none.
func layerOf(name string) int {
	n := -1
	if _, err := fmt.Sscanf(name, "blk.%d.", &n); err != nil {
		return -1
	}
	return n
}

// choose returns the type for a tensor that is quantisable. The rules are those of llama.cpp's llama-quant.cpp: a file
// type means the same tensors in the same types there and here.
func (m *mixture) choose(t *gguf.Tensor) gguf.Type {
	typ, r := m.file.Default(), roleOf(t.Name)
	switch {
	case r == roleOutput || m.tied && r == roleEmbedding:
		return m.output(t, typ)
	case m.file == ftMXFP4:
		if len(t.Shape) > 2 && t.Shape[2] > 1 {
			return ggtype.MXFP4
		}
		return ggtype.Q8_0
	case r == roleEmbedding:
		return m.embedding(typ)
	case m.twoBits():
		return m.twoBitType(typ, r)
	case r.values():
		return m.valueType(typ)
	case r == roleK && m.experts == 8:
		return ggtype.Q8_0
	case r == roleK || r == roleQ:
		return m.queryType(typ)
	case r == roleDown:
		return m.downType(typ, t.Name)
	case r == roleAttnOutput:
		return m.attnOutput(typ)
	case r == roleGate:
		m.gate++
		return m.hiddenType(typ, m.gate-1, t.Name)
	case r == roleUp:
		m.up++
		return m.hiddenType(typ, m.up-1, t.Name)
	}
	return typ
}

// embedding is the type of an embedding that is not the output matrix too.
func (m *mixture) embedding(typ gguf.Type) gguf.Type {
	switch m.file {
	case ftTQ1, ftTQ2, ftQ2:
		return ggtype.Q4_K
	case ftIQ2XXS, ftIQ2XS, ftIQ1S, ftIQ1M:
		return ggtype.Q2_K
	case ftIQ2S, ftIQ2M, ftIQ3XXS:
		return ggtype.IQ3_S
	}
	return typ
}

// twoBits reports whether the mixture is one of 2 bits or fewer, with rules of their own.
func (m *mixture) twoBits() bool {
	return m.oneBit() || m.file == ftIQ2XXS || m.file == ftIQ2XS || m.file == ftIQ2S || m.file == ftIQ2M
}

func (m *mixture) oneBit() bool { return m.file == ftIQ1S || m.file == ftIQ1M }

// twoBitType is the type of a tensor in such a mixture.
func (m *mixture) twoBitType(typ gguf.Type, r role) gguf.Type {
	large := m.file == ftIQ2S || m.file == ftIQ2M
	better := pick(large, ggtype.IQ3_S, ggtype.Q2_K)
	switch {
	case r.values():
		return pick(m.shared >= 4 || m.experts >= 4, ggtype.Q4_K, better)
	case r == roleK && m.experts == 8:
		return ggtype.Q4_K
	case r == roleDown:
		m.down++
		return pick(m.down-1 < m.layers/8, better, typ)
	case r == roleAttnOutput && m.experts == 8:
		return ggtype.Q5_K
	case r == roleAttnOutput:
		return pick(m.oneBit(), ggtype.IQ2_XXS, pick(large, ggtype.IQ3_S, typ))
	}
	return typ
}

// queryType is the type of W_Q and W_K.
func (m *mixture) queryType(typ gguf.Type) gguf.Type {
	switch m.file {
	case ftIQ3XS:
		return ggtype.IQ3_XXS
	case ftIQ3XXS:
		return ggtype.IQ2_S
	}
	return typ
}

// hiddenType is the type of a gate or an up-projection, number i of its role.
func (m *mixture) hiddenType(typ gguf.Type, i int, name string) gguf.Type {
	if m.experts > 1 {
		i = layerOf(name)
	}
	return pick(m.file == ftIQ3XS && i >= m.layers/8 && i < 7*m.layers/8, ggtype.IQ3_XXS, typ)
}

// output is the type of the output matrix, and of an embedding that is it too.
func (m *mixture) output(t *gguf.Tensor, typ gguf.Type) gguf.Type {
	elems, _ := typ.Block()
	switch {
	case m.file == ftMXFP4 || m.arch == "falcon" || t.Shape[0]%uint64(elems) != 0:
		return ggtype.Q8_0
	case m.twoBits() || m.file == ftIQ3XXS:
		return ggtype.Q5_K
	case typ != ggtype.Q8_0:
		return ggtype.Q6_K
	}
	return typ
}

// more reports whether layer i of n gets more bits in mixtures that give them to some: the first and last eighth, and
// every third between.
func more(i, n int) bool { return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2 }

// valueType is the type of a tensor with values of attention.
func (m *mixture) valueType(typ gguf.Type) gguf.Type {
	i := m.values
	m.values++
	switch f := m.file; {
	case f == ftQ2K && m.shared >= 4, f == ftQ2KS && m.shared >= 4:
		typ = ggtype.Q4_K
	case f == ftQ2K:
		typ = ggtype.Q3_K
	case f == ftIQ3M, (f == ftIQ3XXS || f == ftIQ3XS || f == ftIQ3S) && m.shared >= 4:
		typ = ggtype.Q4_K
	case f == ftIQ3XXS && !m.importance:
		typ = ggtype.IQ3_S
	case f == ftQ3KM && i < 2, f == ftQ3KL, f == ftQ4KS && i < 4:
		typ = ggtype.Q5_K
	case f == ftQ3KM:
		typ = ggtype.Q4_K
	case (f == ftIQ4NL || f == ftIQ4XS) && m.shared >= 4:
		typ = ggtype.Q5_K
	case (f == ftQ4KM || f == ftQ5KM) && more(i, m.allValues):
		typ = ggtype.Q6_K
	}
	if m.large && (typ == ggtype.Q3_K || typ == ggtype.Q4_K) {
		typ = ggtype.Q5_K
	}
	if m.experts == 8 {
		typ = ggtype.Q8_0
	}
	return typ
}

// downType is the type of a W_down.
func (m *mixture) downType(typ gguf.Type, name string) gguf.Type {
	i, n := m.down, m.layers
	m.down++
	if m.experts > 1 {
		i = layerOf(name) // experts do not come in the order of layers
	}
	falcon, early := m.arch == "falcon", i < n/8
	switch m.file {
	case ftQ2K:
		return ggtype.Q3_K
	case ftQ2KS:
		return pick(early, ggtype.Q4_K, typ)
	case ftIQ3XXS:
		return pick(m.importance, typ, pick(early, ggtype.Q4_K, ggtype.Q3_K))
	case ftIQ3M:
		return pick(early || m.experts == 8 && more(i, n), ggtype.Q4_K, typ)
	case ftQ3KM:
		return pick(i < n/16, ggtype.Q5_K, pick(!falcon || more(i, n), ggtype.Q4_K, ggtype.Q3_K))
	case ftQ3KL:
		return pick(falcon, ggtype.Q4_K, ggtype.Q5_K)
	case ftQ4KM:
		if falcon {
			return pick(i < n/16, ggtype.Q6_K, pick(more(i, n), ggtype.Q5_K, ggtype.Q4_K))
		}
		return pick(more(i, n), ggtype.Q6_K, typ)
	case ftIQ4NL, ftIQ4XS:
		return pick(early && !m.importance, ggtype.Q5_K, typ)
	case ftQ5KM:
		return pick(more(i, n), ggtype.Q6_K, typ)
	case ftQ4KS:
		return pick(early && !falcon, ggtype.Q5_K, typ)
	case ftQ4_0:
		return pick(early && m.importance, ggtype.Q4_1, typ)
	case ftQ5_0:
		return pick(early && m.importance, ggtype.Q5_1, typ)
	}
	return typ
}

func pick(cond bool, yes, no gguf.Type) gguf.Type {
	if cond {
		return yes
	}
	return no
}

// attnOutput is the type of the projection behind attention.
func (m *mixture) attnOutput(typ gguf.Type) gguf.Type {
	if m.arch == "falcon" {
		return pick(m.file == ftQ3KL, ggtype.Q4_K, typ)
	}
	if m.experts == 8 {
		five := []FileType{ftQ2K, ftQ3KS, ftQ3KM, ftIQ4NL, ftQ4KS, ftQ4KM, ftIQ4XS, ftIQ3XS, ftIQ3XXS, ftIQ3S, ftIQ3M}
		return pick(slices.Contains(five, m.file), ggtype.Q5_K, typ)
	}
	switch m.file {
	case ftQ2K:
		return ggtype.Q3_K
	case ftIQ3XXS:
		return ggtype.IQ3_S
	case ftQ3KM, ftIQ3M:
		return ggtype.Q4_K
	case ftQ3KL:
		return ggtype.Q5_K
	}
	return typ
}

// fallback returns typ, or another for rows that are no whole blocks of it.
func fallback(t *gguf.Tensor, typ gguf.Type) gguf.Type {
	fits := func(typ gguf.Type) bool {
		elems, _ := typ.Block()
		return t.Shape[0]%uint64(elems) == 0
	}
	if fits(typ) {
		return typ
	}
	switch typ {
	case ggtype.IQ4_XS, ggtype.IQ3_S, ggtype.IQ3_XXS, ggtype.IQ2_S, ggtype.IQ2_XS, ggtype.IQ2_XXS, ggtype.IQ1_S, ggtype.IQ1_M:
		typ = ggtype.IQ4_NL
	case ggtype.Q2_K, ggtype.Q3_K, ggtype.TQ1_0, ggtype.TQ2_0, ggtype.Q2_0:
		typ = ggtype.Q4_0
	case ggtype.Q4_K:
		typ = ggtype.Q5_0
	case ggtype.Q5_K:
		typ = ggtype.Q5_1
	case ggtype.Q6_K:
		typ = ggtype.Q8_0
	}
	if !fits(typ) {
		typ = ggtype.F16
	}
	return typ
}
