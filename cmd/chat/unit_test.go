package main

import (
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/models"
)

func TestErrWriterKeepsTheFirstError(t *testing.T) {
	r, w := io.Pipe()
	_ = r.CloseWithError(os.ErrPermission)
	e := &errWriter{w: w}
	for range 2 {
		if _, err := e.Write([]byte("x")); !errors.Is(err, os.ErrPermission) {
			t.Errorf("write: %v", err)
		}
	}
	if !errors.Is(e.Err(), os.ErrPermission) {
		t.Errorf("kept: %v", e.Err())
	}
}

func TestLogSumExp(t *testing.T) {
	for _, x := range [][]float32{{0}, {1, 2, 3}, {-1e4, 0, -5}, {3e4, 3e4}, {-1e5, -1e5, -1e5}} {
		m := float64(x[0])
		for _, v := range x {
			m = max(m, float64(v))
		}
		sum := 0.0
		for _, v := range x {
			sum += math.Exp(float64(v) - m)
		}
		if got, want := logSumExp(x), m+math.Log(sum); math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%v: %v, want %v", x, got, want)
		}
	}
	inf := float32(math.Inf(-1))
	if got := logSumExp([]float32{inf, 2, inf}); got != 2 {
		t.Errorf("with banned tokens: %v", got)
	}
	if got := logSumExp([]float32{inf, inf}); !math.IsInf(got, -1) {
		t.Errorf("nothing possible: %v", got)
	}
}

func TestRateOf(t *testing.T) {
	if rateOf(nil) != nil {
		t.Error("a rate of nothing")
	}
	if r := rateOf([]float64{3, 1.005, 2}); *r != (benchRate{3, 2}) {
		t.Errorf("odd: %+v", r)
	}
	if r := rateOf([]float64{4, 1, 2, 3.333}); *r != (benchRate{4, 2.67}) {
		t.Errorf("even: %+v", r)
	}
}

func TestRandomIDs(t *testing.T) {
	for _, vocab := range []int{4, 128, 49152} {
		for _, id := range randomIDs(500, vocab) {
			if id < 0 || int(id) >= vocab {
				t.Fatalf("vocabulary of %d: token %d", vocab, id)
			}
		}
	}
}

func TestParseNow(t *testing.T) {
	for s, want := range map[string]string{
		"2026-01-02T03:04:05": "2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00": "2026-01-02T03:04:05+02:00", "2026-01-02": "2026-01-02T00:00:00Z",
	} {
		if got, err := parseNow(s); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	if _, err := parseNow("noon"); err == nil {
		t.Error("noon was accepted")
	}
}

func TestJSONValue(t *testing.T) {
	got := jsonValue([]any{[]uint8{1, 2}, float32(0.1), math.NaN(), []float64{math.Inf(1), 1e-5}, "x", true})
	raw, err := marshal(got)
	if want := `[[1,2],0.1,"NaN",["+Inf",1e-05],"x",true]`; err != nil || raw != want {
		t.Errorf("%s %v, want %s", raw, err, want)
	}
}

func TestMistypedCommand(t *testing.T) {
	for prompt, bad := range map[string]bool{"tokenise": true, "Inspect": true, "ruin": true, "hello": false, "why not": false, "benches": false, "x": false} {
		if err := mistypedCommand([]string{prompt}); (err != nil) != bad {
			t.Errorf("%q: %v", prompt, err)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, step := range []models.Step{models.StepWait, models.StepConnect, models.StepDownload, models.StepUnpack, models.StepVerify, models.StepRetry} {
		if l := label(models.Progress{Step: step, File: "m.gguf", Source: "host"}); !strings.Contains(l, "m.gguf") && !strings.Contains(l, "host") {
			t.Errorf("%s: %q", step, l)
		}
	}
}
