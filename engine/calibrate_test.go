package engine

import (
	"slices"
	"testing"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// Behind the last layer, streams are what the model, and the converted one, make of the text: also windows of several passes, and where near
// tokens are seen differently. Statistics of a window go one way.
func TestCalibrationStreams(t *testing.T) {
	for name, b := range fullRankModels() {
		checkStreams(t, name, b, latentShape{l: 40, blocks: 1, key: 20, near: 32})
		checkStreams(t, name, b, latentShape{r: 8, l: 32, blocks: 1})
	}
}

func checkStreams(t *testing.T, name string, b *gguftest.Builder, s latentShape) {
	t.Helper()
	m := loadFile(t, b.Write(t), Options{MLA: MLAOff})
	windows := append(windowsOf(8, 20, 90), randomIDs(calibrationBatch+101, 90), randomIDs(2*calibrationBatch, 90))
	made := map[string]*tensor{}
	plan := slices.Repeat([]latentShape{s}, m.h.layers)
	c := &converter{m: m, cal: newCalibration(m, windows), h: m.h.planned(plan), plan: plan, made: made}
	if err := c.h.makeTurns(m.run.ropes); err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context(), func(int) {}); err != nil {
		t.Fatal(err)
	}
	check := func(what string, x stream, most float64) {
		t.Helper()
		at, e := 0, m.h.embed
		row, hidden := make([]float32, e), make([]float32, e)
		for _, ids := range windows {
			all := allLogits(t, m, ids)
			var got, want [][]float32
			for i := 0; i < len(ids); i += 17 {
				x.rows(at+i, 1).load(hidden, 0, 1)
				norm(hidden, hidden, m.w.norm, m.h.eps)
				logits := make([]float32, len(all[i]))
				for j := range logits {
					m.w.output.Row(row, j)
					logits[j] = vek32.Dot(row, hidden)
				}
				got, want = append(got, logits), append(want, all[i])
			}
			if d := nmse(got, want); !(d < most) {
				t.Errorf("%s, %+v, %s: logits of a window of %d are wrong by %g of their energy", name, s, what, len(ids), d)
			}
			at += len(ids)
		}
	}
	check("original", c.cal.x, 1e-4)
	if err := m.rebuild(made, c.h); err != nil {
		t.Fatal(err)
	}
	check("converted", c.cal.y, 1e-4)
}

// A window's pieces are the window, none is a single token or longer than a pass, and all of them count on one side.
func TestPieced(t *testing.T) {
	for _, n := range []int{2, calibrationBatch, calibrationBatch + 1, 2*calibrationBatch + 1, 5000} {
		ids := randomIDs(n, 90)
		var got []int32
		e := &evidence{fit: &gram{}, check: &gram{}, no: checkEvery - 2}
		for pos, piece := range pieced(ids) {
			if pos != len(got) || len(piece) < 2 || len(piece) > calibrationBatch {
				t.Errorf("%d tokens: %d from %d on", n, len(piece), pos)
			}
			got = append(got, piece...)
			if e.of(&pass{pos: pos}) != e.fit {
				t.Errorf("%d tokens: the piece from %d on is judged by, not what comes before", n, pos)
			}
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%d tokens became %d", n, len(got))
		}
		if e.of(&pass{}) != e.check {
			t.Error("nothing to judge by")
		}
	}
}
