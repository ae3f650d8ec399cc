package convert

import (
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Attention beside layers that sum up the past converts like any other: a conversion that leaves nothing out changes
// nothing, also where heads are gated, and the other layers stay as they are.
func TestFullRankHybridsAreExact(t *testing.T) {
	ids := gguftest.RandomIDs(70, gguftest.HybridVocab)
	for name, h := range gguftest.HybridVariants() {
		if !strings.ContainsAny(h.Mixers, "apg") || h.Matrix != ggtype.F32 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			f, s := converttest.Open(t, h.Build())
			want := converttest.Logits(t, converttest.Load(t, f, s, nil), ids, converttest.All)
			recent := recentPlan(s, 1, 0, 96)
			for i, plan := range [][]model.CompressedShape{fullRank(s, 1), fullRank(s, 2), recent} {
				m := compressTo(t, f, s, plan, false)
				if !m.Spec().AnyCompressed() {
					t.Fatal("nothing was converted")
				}
				for _, step := range []int{converttest.All, converttest.One} {
					if e := converttest.NMSE(converttest.Logits(t, m, ids, step), want); !(e < 1e-5) {
						t.Errorf("plan %d, %d at a time: logits differ by %.2g", i, step, e)
					}
				}
			}
		})
	}
}

// What can't be compressed says why.
func TestHybridsThatDoNotConvert(t *testing.T) {
	for name, want := range map[string]string{
		"mamba2": "no attention", "mamba": "no attention", "falcon-h1": "attention beside another mixer",
	} {
		_, s := converttest.Open(t, gguftest.HybridVariants()[name].Build())
		if _, err := plan(s, Form{Percent: 50}, nil, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
