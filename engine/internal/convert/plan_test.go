package convert

import (
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/convert/llamacpp"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// smolSpec has what a plan for SmolLM2-135M depends on.
func smolSpec() *model.Spec {
	return planned(attn.Geometry{Heads: 9, KVHeads: 3, KeySize: 64, ValueSize: 64}, 1e5)
}

// planned is a model of three layers.
func planned(g attn.Geometry, base float64) *model.Spec {
	s := &model.Spec{Arch: "llama", Ropes: []attn.RopeConfig{{Dims: g.KeySize, Base: base, Scale: 1}}}
	for range 3 {
		s.Layers = append(s.Layers, model.LayerSpec{Mixer: model.Attention{Geometry: g}})
	}
	return s
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		form  Form
		exact []int
		llama bool
		want  model.CompressedShape // of layer 1
	}{
		{Form{Percent: 83}, nil, false, model.CompressedShape{L: 320, Blocks: 1, Keys: 112, Recent: 64}},
		{Form{Percent: 67}, nil, false, model.CompressedShape{L: 256, Blocks: 1, Keys: 96, Recent: 64}},
		{Form{Percent: 50}, nil, false, model.CompressedShape{L: 192, Blocks: 1, Keys: 64, Recent: 64}},
		{Form{Percent: 33}, nil, false, model.CompressedShape{L: 128, Blocks: 1, Keys: 48, Recent: 64}},
		{Form{Percent: 25}, nil, false, model.CompressedShape{L: 96, Blocks: 1, Keys: 32, Recent: 64}},
		{Form{Percent: 1}, nil, false, model.CompressedShape{L: 32, Blocks: 1, Keys: 16, Recent: 64}},
		{Form{R: 64, L: 128}, nil, false, model.CompressedShape{R: 64, L: 128, Blocks: 1, Keys: 48, Recent: 64}},
		{Form{R: 0, L: 8}, nil, false, model.CompressedShape{L: 8, Blocks: 1, Keys: 8, Recent: 64}},
		{Form{Bytes: 1152}, nil, false, model.CompressedShape{L: 192, Blocks: 1, Keys: 64, Recent: 64}},     // 3 layers × 192 values × 2 bytes
		{Form{Bytes: 1200}, nil, false, model.CompressedShape{L: 192, Blocks: 1, Keys: 64, Recent: 64}},     // a limit: rounded down
		{Form{Bytes: 1152}, []int{2}, false, model.CompressedShape{L: 96, Blocks: 1, Keys: 32, Recent: 64}}, // 768 of them for layer 2
		{Form{Percent: 83}, nil, true, model.CompressedShape{R: 40, L: 280, Blocks: 1}},
		{Form{Percent: 50}, nil, true, model.CompressedShape{R: 40, L: 152, Blocks: 1}},
		{Form{Percent: 33}, nil, true, model.CompressedShape{R: 32, L: 96, Blocks: 1}},
		{Form{R: 64, L: 128}, nil, true, model.CompressedShape{R: 64, L: 128, Blocks: 1}},
	} {
		plan, err := plan(smolSpec(), c.form, c.exact, c.llama)
		if err != nil || plan[0] != c.want || plan[1] != plan[0] {
			t.Errorf("%s without %v: %v, %v; want %v", c.form, c.exact, plan, err, c.want)
			continue
		}
		if exact := plan[2].L == 0; exact != (c.exact != nil) {
			t.Errorf("%s without %v: layer 2 is %v", c.form, c.exact, plan[2])
		}
	}
}

// Every share gives rows that can be made: even rotated parts that RoPE has, something latent, no more than asked for.
func TestPlanOfEveryShare(t *testing.T) {
	for _, kv := range []int{1, 2, 3, 8} {
		for _, d := range []int{2, 4, 16, 80, 128} {
			m := planned(attn.Geometry{Heads: kv, KVHeads: kv, KeySize: d, ValueSize: d}, 1e5)
			for p := 0.5; p < 100; p += 0.5 {
				plan, err := plan(m, Form{Percent: p}, nil, false)
				if err != nil {
					if !strings.Contains(err.Error(), "every layer") || p < 85 && kv*d >= 32 {
						t.Fatalf("%d heads of %d at %v%%: %v", kv, d, p, err)
					}
					continue
				}
				s := plan[0]
				if s.R%2 != 0 || s.R < 0 || s.L < 1 || s.Blocks*s.R > kv*d || kv%s.Blocks != 0 || s.Blocks*s.Row() >= 2*kv*d {
					t.Fatalf("%d heads of %d at %v%%: %v", kv, d, p, s)
				}
			}
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct {
		form  Form
		exact []int
		want  string
	}{
		{Form{Percent: 50}, []int{3}, "layers 0 to 2"},
		{Form{Percent: 50}, []int{-1}, "layers 0 to 2"},
		{Form{Percent: 99.9}, nil, "every layer"},
		{Form{R: 200, L: 10}, nil, "200 rotated values"},
		{Form{R: 192, L: 193}, nil, "385 values"},
		{Form{Bytes: 2304}, nil, "caches 2304 bytes"},
		{Form{Bytes: 700}, []int{0}, "take 768 bytes"},
	} {
		if plan, err := plan(smolSpec(), c.form, c.exact, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v without %v: %v, %v", c.form, c.exact, plan, err)
		}
	}
	if _, err := plan(new(model.Spec), Form{Bytes: 1}, nil, false); err == nil {
		t.Error("a model without layers has a plan")
	}
}

// What has another attention than a conversion takes is refused by the kind of its error.
func TestPlanOfOtherMixers(t *testing.T) {
	mla := smolSpec()
	mla.Arch = "deepseek2"
	mla.Layers[2].Mixer = model.MLA{}
	if _, err := plan(mla, Form{Percent: 50}, nil, false); !errors.Is(err, ErrConverted) || !strings.Contains(err.Error(), "deepseek2") {
		t.Errorf("latent attention: %v", err)
	}
	done := smolSpec().Compress([]model.CompressedShape{{L: 64, Blocks: 1}, {}, {R: 32, L: 64, Blocks: 1}}, 1)
	if _, err := plan(done, Form{Percent: 50}, nil, false); !errors.Is(err, ErrConverted) ||
		!strings.Contains(err.Error(), "compressed 0+64, 32+64, 1 of 3 layers exact") {
		t.Errorf("a compressed model: %v", err)
	}
}

// Attention that rows of one size per token can't stand for is refused by the property that stands in the way.
func TestPlanNamesObstacles(t *testing.T) {
	for name, want := range map[string]string{"bloom": "ALiBi", "mpt": "ALiBi"} {
		_, s := converttest.Open(t, gguftest.ClassicVariants()[name].Build())
		_, err := plan(s, Form{Percent: 50}, nil, false)
		if !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// There is nothing to compress in an encoder.
func TestPlanRefusesEncoders(t *testing.T) {
	_, s := converttest.Open(t, gguftest.EncoderVariants()["nomic-bert"].Build())
	if _, err := plan(s, Form{Percent: 50}, nil, false); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), "encoder") {
		t.Error(err)
	}
}

// The form for llama.cpp is refused by name as well.
func TestLlamaFormNamesObstacles(t *testing.T) {
	for name, want := range map[string]string{
		"starcoder2": "layer norms", "gpt2": "learned position embeddings", "olmo-clamped": "clamped", "stablelm-normed": "attn_q_norm",
	} {
		f, s := converttest.Open(t, gguftest.ClassicVariants()[name].Build())
		shapes := make([]model.CompressedShape, len(s.Layers))
		for i := range shapes {
			shapes[i] = model.CompressedShape{R: 2, L: 30, Blocks: 1}
		}
		if err := llamacpp.Check(f, s.Compress(shapes, 0)); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Layers whose attention rows can't express stay as they are, which is told; when there are no others, the form is
// refused for the reason.
func TestPlanAroundObstacles(t *testing.T) {
	s := smolSpec()
	chunked := s.Layers[0].Mixer.(model.Attention)
	chunked.Chunked, chunked.Window = true, 128
	s.Layers[0].Mixer, s.Layers[2].Mixer = chunked, chunked
	shapes, err := plan(s, Form{Bytes: 1800}, nil, false) // 768 of them for each of the two
	if want := (model.CompressedShape{L: 128, Blocks: 1, Keys: 48, Recent: 64}); err != nil || shapes[1] != want || shapes[0].L+shapes[2].L != 0 {
		t.Errorf("%v, %v", shapes, err)
	}
	if got, want := staying(s), "2 of 3 layers stay exact: they have attention within chunks of a fixed size"; len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
	s.Layers[1].Mixer = chunked
	if _, err := plan(s, Form{Percent: 50}, nil, false); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), "chunks") {
		t.Error(err)
	}
	sharing := smolSpec()
	last := sharing.Layers[2].Mixer.(model.Attention)
	last.Shares = 1
	sharing.Layers[2].Mixer = last
	if shapes, err = plan(sharing, Form{Percent: 50}, nil, false); err != nil || shapes[0].L == 0 || shapes[1].L+shapes[2].L != 0 {
		t.Errorf("%v, %v", shapes, err)
	}
	if got := staying(sharing); len(got) != 2 {
		t.Errorf("%q", got)
	}
}
