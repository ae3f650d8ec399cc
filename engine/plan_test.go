package engine

import (
	"strings"
	"testing"
)

// smolShape has the hyperparameters of SmolLM2-135M that a plan depends on.
func smolShape() *hparams {
	h := &hparams{layers: 3, heads: []int{9, 9, 9}, kvHeads: []int{3, 3, 3}, keySize: 64, valueSize: 64, local: make([]bool, 3)}
	h.rope.Dims, h.rope.Base, h.rope.Scale = 64, 1e5, 1
	return h
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		form   string
		exact  []int
		compat bool
		want   latentShape // of layer 1
	}{
		{"83%", nil, false, latentShape{l: 320, blocks: 1, key: 112, near: 64}},
		{"67%", nil, false, latentShape{l: 256, blocks: 1, key: 96, near: 64}},
		{"50%", nil, false, latentShape{l: 192, blocks: 1, key: 64, near: 64}},
		{"33%", nil, false, latentShape{l: 128, blocks: 1, key: 48, near: 64}},
		{"25%", nil, false, latentShape{l: 96, blocks: 1, key: 32, near: 64}},
		{"1%", nil, false, latentShape{l: 32, blocks: 1, key: 16, near: 64}},
		{"64+128", nil, false, latentShape{r: 64, l: 128, blocks: 1, key: 48, near: 64}},
		{"0+8", nil, false, latentShape{l: 8, blocks: 1, key: 8, near: 64}},
		{"1152B", nil, false, latentShape{l: 192, blocks: 1, key: 64, near: 64}},     // 3 layers × 192 values × 2 bytes
		{"1200B", nil, false, latentShape{l: 192, blocks: 1, key: 64, near: 64}},     // a limit: rounded down
		{"1152B", []int{2}, false, latentShape{l: 96, blocks: 1, key: 32, near: 64}}, // 768 of them for layer 2
		{"83%", nil, true, latentShape{r: 40, l: 280, blocks: 1}},
		{"50%", nil, true, latentShape{r: 40, l: 152, blocks: 1}},
		{"33%", nil, true, latentShape{r: 32, l: 96, blocks: 1}},
		{"64+128", nil, true, latentShape{r: 64, l: 128, blocks: 1}},
	} {
		form, err := ParseMLA(c.form)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := smolShape().plan(form, c.exact, c.compat)
		if err != nil || plan[0] != c.want || plan[1] != plan[0] {
			t.Errorf("%s without %v: %v, %v; want %v", c.form, c.exact, plan, err, c.want)
			continue
		}
		if exact := plan[2].l == 0; exact != (c.exact != nil) {
			t.Errorf("%s without %v: layer 2 is %v", c.form, c.exact, plan[2])
		}
	}
}

// Every share gives rows that can be made: even rotated parts that RoPE has, something latent, no more than asked for.
func TestPlanOfEveryShare(t *testing.T) {
	for _, kv := range []int{1, 2, 3, 8} {
		for _, d := range []int{2, 4, 16, 80, 128} {
			h := smolShape()
			h.kvHeads, h.heads, h.keySize, h.valueSize, h.rope.Dims = []int{kv, kv, kv}, []int{kv, kv, kv}, d, d, d
			for p := 0.5; p < 100; p += 0.5 {
				plan, err := h.plan(MLA{Percent: p}, nil, false)
				if err != nil {
					if !strings.Contains(err.Error(), "every layer") || p < 85 && kv*d >= 32 {
						t.Fatalf("%d heads of %d at %v%%: %v", kv, d, p, err)
					}
					continue
				}
				s := plan[0]
				if s.r%2 != 0 || s.r < 0 || s.l < 1 || s.blocks*s.r > kv*d || kv%s.blocks != 0 || s.blocks*s.row() >= 2*kv*d {
					t.Fatalf("%d heads of %d at %v%%: %v", kv, d, p, s)
				}
			}
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct {
		form  MLA
		exact []int
		want  string
	}{
		{MLA{Percent: 50}, []int{3}, "layers 0 to 2"},
		{MLA{Percent: 50}, []int{-1}, "layers 0 to 2"},
		{MLA{Percent: 99.9}, nil, "every layer"},
		{MLA{R: 200, L: 10}, nil, "200 rotated values"},
		{MLA{R: 192, L: 193}, nil, "385 values"},
		{MLA{Bytes: 2304}, nil, "caches 2304 bytes"},
		{MLA{Bytes: 700}, []int{0}, "take 768 bytes"},
	} {
		if plan, err := smolShape().plan(c.form, c.exact, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v without %v: %v, %v", c.form, c.exact, plan, err)
		}
	}
	if _, err := new(hparams).plan(MLA{Bytes: 1}, nil, false); err == nil {
		t.Error("a model without layers has a plan")
	}
}
