package llamacpp

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/kernel"
)

// A field of a spec that nobody has thought of is refused as soon as it says something: there is no list of what is
// refused.
func TestUnknownFieldsAreRefused(t *testing.T) {
	type Novel struct {
		Sinks   bool
		Tables  []int
		Nothing float64
	}
	c := &checker{}
	c.fields(reflect.ValueOf(Novel{Sinks: true, Tables: []int{1}}))
	if got := strings.Join(c.obstacles, "; "); !strings.Contains(got, "Novel.Sinks") || !strings.Contains(got, "Novel.Tables") ||
		strings.Contains(got, "Nothing") {
		t.Errorf("obstacles: %s", got)
	}
}

// Fields that are listed exist.
func TestKnownFieldsExist(t *testing.T) {
	types := map[string]reflect.Type{}
	for _, v := range []any{
		model.Spec{}, model.LayerSpec{}, model.Attention{}, model.GatedFFN{}, model.CompressedShape{}, attn.Geometry{}, attn.RopeConfig{},
	} {
		types[reflect.TypeOf(v).Name()] = reflect.TypeOf(v)
	}
	for name := range fields {
		typ, field, _ := strings.Cut(name, ".")
		if _, ok := types[typ].FieldByName(field); !ok {
			t.Errorf("there is no %s", name)
		}
	}
}

// The norm of latents stays linear for the largest latent that any input can give.
func TestLatentScaleBoundsTheNorm(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyFloat("llama").Build())
	plan := slices.Repeat([]model.CompressedShape{{R: 8, L: 20, Blocks: 1}}, 3)
	x := &exporter{spec: m.Spec().Compress(plan, 0), shape: plan[0]}
	r := gguftest.NewRand()
	for i := range 3 {
		p, _ := m.Layer(i).Projections()
		weights := make([]float32, 28*48)
		for j := range weights {
			weights[j] = float32(r.NormFloat64() * math.Pow(10, float64(i-1)))
		}
		enc := encoder(t, weights)
		b := x.latentScale(enc, p.Norm)
		if f, _ := math.Frexp(b); f != 0.5 {
			t.Errorf("layer %d: scale %v is not a power of two", i, b)
		}
		part := mat.DenseCopyOf(dense(enc).Slice(8, 28, 0, 48))
		for j, w := range p.Norm {
			for r := range 20 {
				part.Set(r, j, part.At(r, j)*float64(w))
			}
		}
		mean := math.Pow(mat.Norm(part, 2), 2) * 48 / 20 // of c², for the input that the latent answers most
		eps := float64(x.spec.Eps)
		if e := 1 - math.Sqrt(eps/(eps+b*b*mean)); !(e <= latentError) || e == 0 {
			t.Errorf("layer %d: scale %v changes latents by %v", i, b, e)
		}
		if b := x.latentScale(encoder(t, make([]float32, 28*48)), p.Norm); b != 1 {
			t.Errorf("latents that are always 0 are scaled by %v", b)
		}
	}
}

func encoder(t *testing.T, w []float32) *kernel.Matrix {
	t.Helper()
	data := make([]byte, 4*len(w))
	if err := kernel.Quantize(data, ggtype.F32, w); err != nil {
		t.Fatal(err)
	}
	m, err := kernel.NewMatrix(ggtype.F32, 28, 48, data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Rotated values are not given to pairs that hardly turn: how many do depends on base and scale.
func TestMaxRotated(t *testing.T) {
	for _, c := range []struct {
		dims        int
		base, scale float64
		want        int
	}{{64, 1e5, 1, 40}, {64, 1e4, 1, 50}, {128, 5e5, 1, 68}, {64, 1e5, 0.25, 32}, {64, 10, 1, 64}, {2, 1e6, 1, 2}} {
		if got := MaxRotated(attn.RopeConfig{Dims: c.dims, Base: c.base, Scale: c.scale}); got != c.want {
			t.Errorf("%d values, base %v, scale %v: %d, want %d", c.dims, c.base, c.scale, got, c.want)
		}
	}
}
