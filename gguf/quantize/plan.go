package quantize

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/encode"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Unchanged is the file type that leaves every tensor in the type it has, but for Options.Overrides.
const Unchanged FileType = math.MaxUint32

// ErrType is wrapped by errors about a type that cannot be encoded, or tensors that cannot be decoded.
var ErrType = kernel.ErrType

// Importance says how much the columns of tensors matter, by tensor name: the mean square of the activations that each
// column is multiplied by. A tensor of several matrices (experts) has as many times its columns.
type Importance map[string][]float32

// Override gives the tensors whose name Pattern matches, anywhere, a type of their own.
type Override struct {
	Pattern *regexp.Regexp
	Type    gguf.Type
}

// ParseOverride reads an override such as `ffn_down=Q6_K` or `^output\.weight$=q8_0`.
func ParseOverride(s string) (Override, error) {
	i := strings.LastIndexByte(s, '=')
	if i < 1 {
		return Override{}, fmt.Errorf("%.100q is not REGEX=TYPE, such as ffn_down=Q6_K", s)
	}
	re, err := regexp.Compile(s[:i])
	if err != nil {
		return Override{}, fmt.Errorf("%q: %w", s, err)
	}
	for t := gguf.Type(0); t <= ggtype.Q2_0; t++ {
		if encode.Can(t) && strings.EqualFold(t.String(), s[i+1:]) {
			return Override{re, t}, nil
		}
	}
	return Override{}, fmt.Errorf("%q: %q is no type of tensors that can be written", s, s[i+1:])
}

// Options say what a Plan does. The zero value of all but Type is the default.
type Options struct {
	Type       FileType     // the mixture, or Unchanged
	Overrides  []Override   // the first that matches a tensor counts, instead of the mixture
	Importance Importance   // nil for none
	Threads    int          // that encode; 0 is one per processor
	Report     func(Result) // is told about each tensor after it was encoded; nil for nobody
}

// Result is what became of a tensor that was encoded.
type Result struct {
	Choice
	RMSE float64 // root of the mean squared error of its weights
	Size float64 // root of their mean square
}

// Choice is a tensor and the type that it gets.
type Choice struct {
	Tensor *gguf.Tensor
	Type   gguf.Type
	// Wanted is the type that the mixture has for it; Type differs where a row is no whole number of its blocks.
	Wanted gguf.Type
	// Weighted reports whether there is an importance for it.
	Weighted bool
}

// Bytes returns the size of the tensor in its new type.
func (c Choice) Bytes() uint64 {
	elems, size := c.Type.Block()
	return c.Tensor.Elements() / uint64(elems) * uint64(size)
}

// Plan says what every tensor of a file becomes.
type Plan struct {
	file    *gguf.File
	opt     Options
	choices []Choice
}

// NewPlan chooses types for all tensors of f, which must stay open as long as the plan is used. Errors wrap ErrType for
// a type that cannot be encoded to or from, or say which override matches nothing, or that a mixture of few bits needs
// importance.
func NewPlan(f *gguf.File, opt Options) (*Plan, error) {
	p := &Plan{file: f, opt: opt}
	if opt.Type != Unchanged && opt.Type.find() < 0 {
		return nil, fmt.Errorf("quantize %s: file type %d: %w", f.Name(), opt.Type, ErrType)
	}
	types, used := p.types()
	for i, o := range opt.Overrides {
		if !used[i] {
			return nil, fmt.Errorf("quantize %s: the pattern %q matches no tensor that can be quantised, or others come before it", f.Name(), o.Pattern)
		}
	}
	for _, t := range f.Tensors() {
		c := types[t]
		if err := p.check(&c); err != nil {
			return nil, fmt.Errorf("quantize %s: tensor %q: %w", f.Name(), t.Name, err)
		}
		p.choices = append(p.choices, c)
	}
	return p, nil
}

// types chooses for all tensors, and says which overrides did something.
func (p *Plan) types() (types map[*gguf.Tensor]Choice, used []bool) {
	m := newMixture(p.file, p.opt.Type, p.opt.Importance != nil)
	types, used = map[*gguf.Tensor]Choice{}, make([]bool, len(p.opt.Overrides))
	for _, t := range sorted(p.file.Tensors()) {
		typ := t.Type
		if quantisable(t) {
			if i := p.override(t.Name); i >= 0 {
				typ, used[i] = p.opt.Overrides[i].Type, true
			} else if p.opt.Type != Unchanged {
				if typ = p.opt.Type.Default(); blocks(typ) {
					typ = m.choose(t)
				}
			}
		}
		c := Choice{Tensor: t, Wanted: typ, Type: typ}
		if typ != t.Type {
			c.Type = fallback(t, typ)
		}
		types[t] = c
	}
	return types, used
}

// blocks reports whether a type has blocks of several weights.
func blocks(t gguf.Type) bool {
	elems, _ := t.Block()
	return elems > 1
}

// override returns the override that counts for a tensor, -1 for none.
func (p *Plan) override(name string) int {
	for i, o := range p.opt.Overrides {
		if o.Pattern.MatchString(name) {
			return i
		}
	}
	return -1
}

// needsImportance are the types that llama.cpp refuses without importance too, as the result would not speak.
var needsImportance = []gguf.Type{ggtype.IQ3_XXS, ggtype.IQ2_S, ggtype.IQ2_XS, ggtype.IQ2_XXS, ggtype.IQ1_S, ggtype.IQ1_M}

// check says why a choice cannot be, and looks up its importance.
func (p *Plan) check(c *Choice) error {
	t := c.Tensor
	if c.Type == t.Type {
		return nil
	}
	if !encode.Can(c.Type) {
		return fmt.Errorf("to type %v: %w", c.Type, ErrType)
	}
	if _, ok := kernel.ActTypeOf(t.Type); !ok {
		return fmt.Errorf("from type %v: %w", t.Type, ErrType)
	}
	w, ok := p.opt.Importance[t.Name]
	if ok {
		if n := t.Shape[0] * matrices(t); uint64(len(w)) != n && roleOf(t.Name) != roleEmbedding {
			return fmt.Errorf("importance for %d columns, it has %d: the matrix is of another model", len(w), n)
		} else if c.Weighted = uint64(len(w)) == n; !valid(w) {
			return errors.New("importance that is negative, infinite or no number")
		}
	}
	needs := slices.Contains(needsImportance, c.Type) || c.Type == ggtype.Q2_K && p.opt.Type == ftQ2KS
	if r := roleOf(t.Name); needs && !c.Weighted && r != roleEmbedding && r != roleOutput {
		return fmt.Errorf("type %v needs an importance matrix: make one with chat imatrix", c.Type)
	}
	return nil
}

// matrices returns how many matrices a tensor holds: its experts.
func matrices(t *gguf.Tensor) uint64 {
	n := uint64(1)
	for _, d := range t.Shape[min(2, len(t.Shape)):] {
		n *= d
	}
	return n
}

// valid reports whether all values are numbers that are not negative.
func valid(w []float32) bool {
	for _, v := range w {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return false
		}
	}
	return true
}

// Choices returns what becomes of each tensor, in file order. The slice must not be changed.
func (p *Plan) Choices() []Choice { return p.choices }

// Requantises reports how many tensors are quantised already and get another type: from the original model they would
// lose less.
func (p *Plan) Requantises() (n int) {
	for _, c := range p.choices {
		if c.Type != c.Tensor.Type && blocks(c.Tensor.Type) {
			n++
		}
	}
	return n
}
