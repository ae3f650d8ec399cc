package huggingface

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/gguf"
)

// expertPairs are the pairs of an adapter for matrices of experts, by the tensor that holds those of all.
type expertPairs struct {
	order []string
	pairs map[string][]*pair // one for each expert, nil where the adapter has none
}

// take keeps a pair for a matrix of one expert, PREFIX.experts.NUMBER.PART; false for all others.
func (x *expertPairs) take(m *model, base *gguf.File, p *pair) (bool, error) {
	name, ok := m.folderName(p.module)
	prefix, rest, found := strings.Cut(name, ".experts.")
	number, part, dotted := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	if !ok || !found || !dotted || err != nil {
		return false, nil
	}
	to, ok := m.lookup(prefix + ".experts." + part)
	if !ok {
		return true, fmt.Errorf("an adapter for it is %w", ErrUnsupported)
	}
	to += ".weight"
	t, err := base.Tensor(to)
	if err != nil {
		return true, err
	}
	if len(t.Shape) != 3 || n < 0 || uint64(n) >= t.Shape[2] || uint64(p.a.Shape[1]) != t.Shape[0] || uint64(p.b.Shape[0]) != t.Shape[1] {
		return true, fmt.Errorf("%w: matrices of shapes %v and %v, the model's tensor %s has %v", ErrFolder, p.a.Shape, p.b.Shape, to, t.Shape)
	}
	list := x.pairs[to]
	if list == nil {
		if x.pairs == nil {
			x.pairs = map[string][]*pair{}
		}
		list = make([]*pair, t.Shape[2])
		x.pairs[to], x.order = list, append(x.order, to)
	}
	for _, other := range list {
		if other != nil && other.a.Shape[0] != p.a.Shape[0] {
			return true, fmt.Errorf("ranks %d and %d of experts in one layer are %w", p.a.Shape[0], other.a.Shape[0], ErrUnsupported)
		}
	}
	list[n] = p
	return true, nil
}

// write adds the pairs to an adapter's file. Experts that it does not change get zeros.
func (x *expertPairs) write(w *gguf.Writer) error {
	for _, to := range x.order {
		var some *pair
		for _, p := range x.pairs[to] {
			if p != nil {
				some = p
			}
		}
		var as, bs []tensor
		for _, p := range x.pairs[to] {
			if p != nil {
				as, bs = append(as, load(p.a)), append(bs, load(p.b))
				continue
			}
			as, bs = append(as, zeros(some.a.Shape[0], some.a.Shape[1])), append(bs, zeros(some.b.Shape[0], some.b.Shape[1]))
		}
		if err := addFactors(w, to, stack(as...), stack(bs...)); err != nil {
			return fmt.Errorf("tensor %q: %w", to, err)
		}
	}
	return nil
}

// fusedPair adds a pair for a parameter that holds the matrices of all experts, MODULE.experts: that of PEFT's
// target_parameters. A is [experts × rank, columns], B is [rows, rank × experts]. Their shapes tell whether the parameter
// is gates and up-projections or down-projections.
func (m *model) fusedPair(w *gguf.Writer, base *gguf.File, module string, p *pair) error {
	down, ok := m.lookup(module + ".down_proj")
	if !ok {
		return fmt.Errorf("an adapter for it is %w", ErrUnsupported)
	}
	t, err := base.Tensor(down + ".weight")
	if err != nil {
		return err
	}
	experts, inner := 0, p.a.Shape[0]
	if len(t.Shape) == 3 && t.Shape[2] <= uint64(inner) {
		experts = int(t.Shape[2])
	}
	if experts == 0 || inner%experts != 0 {
		return fmt.Errorf("%w: %d rows of lora_A, the model's tensor %s has shape %v", ErrFolder, inner, t.Name, t.Shape)
	}
	name := module + ".gate_up_proj"
	if uint64(p.a.Shape[1]) == t.Shape[0] && uint64(p.b.Shape[0]) == t.Shape[1] {
		name = module + ".down_proj"
	}
	rank := inner / experts
	b, err := load(p.b).all()
	if err != nil {
		return err
	}
	rows, values := p.b.Shape[0], make([]float32, len(b))
	for i := range values {
		e, row, k := i/(rows*rank), i/rank%rows, i%rank
		values[i] = b[row*inner+k*experts+e]
	}
	if err := m.become(name, constant(values).reshape(experts, rows, rank)); err != nil {
		return err
	}
	a := load(p.a).reshape(experts, rank, p.a.Shape[1])
	for _, b := range m.out {
		t, err := base.Tensor(b.name)
		if err != nil {
			return err
		}
		if len(b.shape) != 3 || b.shape[2] != rank || !sameShape(t.Shape, []uint64{uint64(a.shape[2]), uint64(b.shape[1]), uint64(b.shape[0])}) {
			return fmt.Errorf("%w: matrices of shapes %v and %v, the model's tensor %s has %v", ErrFolder, p.a.Shape, p.b.Shape, t.Name, t.Shape)
		}
		if err := addFactors(w, b.name, a, b.tensor); err != nil {
			return err
		}
	}
	return nil
}
