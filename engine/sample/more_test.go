package sample

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// ended is a vocabulary some of whose tokens end an answer.
type ended struct {
	pieces
	end []bool
}

func (v ended) IsEOG(id int32) bool { return v.end[id] }
func (v ended) EOT() (int32, bool)  { return -1, false }
func (v ended) EOS() (int32, bool)  { return 0, true }

// item is a candidate of the twin of infill.
type item struct {
	tok
	p    float64
	text string
	end  bool
	gone bool
}

// infill follows llama.cpp's steps one by one on texts.
func (t twin) infill(v ended) twin {
	var list []item
	p := t.probs()
	end, rest := 0.0, 0.0
	for i, x := range t {
		list = append(list, item{x, p[i], v.pieces[x.id], v.end[x.id], false})
		if v.end[x.id] {
			end += p[i]
		} else {
			rest += p[i]
		}
	}
	if 3*end*float64(len(t)) > rest {
		return keepItems(list, func(x item) bool { return x.end }).toks()
	}
	mergeItems(list)
	list = keepItems(list, func(x item) bool { return !x.gone && (x.p >= 0.2 || x.end) })
	sum, others := 0.0, 0
	for _, x := range list {
		sum += x.p
		if !x.end {
			others++
		}
	}
	if others == 0 {
		return twin{{0, 1}}
	}
	return keepItems(list, func(x item) bool { return x.p >= sum/float64(others+1) || x.end }).toks()
}

func mergeItems(list []item) {
	for i := range list {
		for j := range list {
			a, b := &list[i], &list[j]
			if i == j || a.gone || b.gone || a.text == "" || !strings.HasPrefix(b.text, a.text) {
				continue
			}
			if b.p > a.p {
				a, b = b, a
			}
			a.p, b.p, b.gone = a.p+b.p, 0, true
		}
	}
}

type items []item

func keepItems(list items, keep func(item) bool) (kept items) {
	for _, x := range list {
		if keep(x) {
			kept = append(kept, x)
		}
	}
	return kept
}

func (list items) toks() (out twin) {
	for _, x := range list {
		out = append(out, x.tok)
	}
	return out
}

func TestInfill(t *testing.T) {
	for _, ends := range []int{0, 20, 40} { // of 100 tokens
		againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
			v := ended{make(pieces, len(logits)), make([]bool, len(logits))}
			for id := range logits {
				text := strings.Repeat("ab", r.IntN(3)) + strings.Repeat("c", r.IntN(3)) + strings.Repeat("a", r.IntN(2))
				v.end[id] = r.IntN(100) < ends && (ends == 40 || logits[id] < -4)
				if v.end[id] {
					text = ""
				}
				v.pieces[id] = text
			}
			s, err := newInfill(v)
			if err != nil {
				t.Fatal(err)
			}
			return s, newTwin(logits).infill(v)
		})
	}
	p := Params{Samplers: []string{"infill"}}
	if _, err := New(p, Options{}); !errors.Is(err, ErrParam) {
		t.Errorf("without a vocabulary: %v", err)
	}
	if _, err := New(p, Options{Vocab: pieces{"a"}}); !errors.Is(err, ErrParam) {
		t.Errorf("without ends: %v", err)
	}
}

// The twin of adaptive_p has the mean as a sum over all draws, and the draw as a search in the distribution.
func TestAdaptive(t *testing.T) {
	for _, target := range []float64{tiny, 0.1, 0.5, 1} {
		for _, decay := range []float64{tiny, 0.5, 0.99} {
			for shape, make := range shapes {
				r := rand.New(rand.NewPCG(3, 4))
				p := Params{Seed: 11, Temperature: 1, AdaptiveTarget: target, AdaptiveDecay: decay}
				ch, err := New(p, Options{})
				if err != nil {
					t.Fatal(err)
				}
				var u random
				u.reseed(11, streamDraw)
				var drawn []float64
				for step := range 60 {
					logits := make(r, 30)
					want, prob := adaptiveTwin(logits, target, decay, drawn, u.float64)
					got := ch.Sample(logits)
					if got != want {
						t.Fatalf("%s, target %g, decay %g, draw %d: token %d, want %d", shape, target, decay, step, got, want)
					}
					switch step % 7 {
					case 3: // another token was taken
						ch.Accept((got + 1) % 30)
					default:
						ch.Accept(got)
						if got != None {
							drawn = append(drawn, prob)
						}
					}
				}
			}
		}
	}
}

func adaptiveTwin(logits []float32, target, decay float64, drawn []float64, u func() float64) (id int32, p float64) {
	t := newTwin(logits)
	if len(t) == 0 {
		u()
		return None, 0
	}
	mean, weight := 0.0, 0.0
	for i := range drawn {
		w := math.Pow(decay, float64(len(drawn)-1-i))
		mean, weight = mean+w*drawn[i], weight+w
	}
	before := math.Pow(decay, float64(len(drawn))) / (1 - decay)
	mean = (mean + before*target) / (weight + before)
	goal := min(1, max(0, 2*target-mean))
	probs := map[int32]float64{}
	weights, sum := map[int32]float64{}, 0.0
	for i, q := range t.probs() {
		d := math.Abs(q-goal) / 0.3
		probs[t[i].id], weights[t[i].id] = q, math.Exp(5-10*d*d/(1+d))
		sum += weights[t[i].id]
	}
	x := u() * sum
	for i := range int32(len(logits)) {
		if w := weights[i]; w > 0 {
			id = i
			if x -= w; x < 0 {
				break
			}
		}
	}
	return id, probs[id]
}

func TestAdaptiveIsOffByDefault(t *testing.T) {
	for _, p := range []Params{{Temperature: 1}, DefaultParams(), {Temperature: 1, AdaptiveTarget: 0.3, Samplers: []string{"temperature"}}} {
		ch, err := New(p, Options{})
		if err != nil || !strings.HasSuffix(ch.String(), "→ draw") {
			t.Errorf("%v, %v", ch, err)
		}
	}
	ch, err := New(Params{AdaptiveTarget: 0.3, Temperature: 1, Seed: 2}, Options{})
	if err != nil || !strings.HasSuffix(ch.String(), "adaptive_p") {
		t.Fatalf("%v, %v", ch, err)
	}
	logits := shapes["normal"](rand.New(rand.NewPCG(1, 1)), 100)
	for range 3 {
		ch.Accept(ch.Sample(logits))
	}
	if n := testing.AllocsPerRun(20, func() { ch.Accept(ch.Sample(logits)) }); n != 0 {
		t.Errorf("%g allocations per token", n)
	}
}

func TestTextBias(t *testing.T) {
	encode := func(text string) (ids []int32) {
		for _, c := range text {
			ids = append(ids, c-'a')
		}
		return ids
	}
	p := Params{TextBias: TextBias{"ab": 3, "bc": -1, "d": math.Inf(-1)}}
	ch, err := New(p, Options{Encode: encode})
	if err != nil {
		t.Fatal(err)
	}
	logits := []float32{0, 1.5, 2, 9, 2.5}
	want := []float32{3, 3.5, 1, negInf, 2.5}
	ch.candidates.load(logits)
	ch.stages[0].apply(&ch.candidates)
	if !reflect.DeepEqual(ch.candidates.dense, want) {
		t.Errorf("%v, want %v", ch.candidates.dense, want)
	}
	if _, err := New(p, Options{}); !errors.Is(err, ErrParam) {
		t.Errorf("without a tokenizer: %v", err)
	}
	for _, bad := range []string{`{"":1}`, `{"a":true}`, `{"a":"b"}`, `[]`, `{"a":1e300}`} {
		if err := p.Set("text_bias", bad); !errors.Is(err, ErrParam) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	text, err := json.Marshal(p)
	var q Params
	if err2 := json.Unmarshal(text, &q); err != nil || err2 != nil || !reflect.DeepEqual(q.TextBias, p.TextBias) {
		t.Errorf("%s becomes %v: %v, %v", text, q.TextBias, err, err2)
	}
	if s, err := p.Get("text_bias"); err != nil || q.Set("text_bias", s) != nil || !reflect.DeepEqual(q.TextBias, p.TextBias) {
		t.Errorf("%s, %v", s, err)
	}
}

// A stage of one's own runs where it is named, on what is left there.
func TestOwnStage(t *testing.T) {
	var seen []int32
	half := func(tokens []int32, logits []float32) {
		seen = append(seen[:0], tokens...)
		for i, id := range tokens {
			if id%2 == 0 {
				logits[i] = float32(math.NaN())
			} else {
				logits[i] += float32(id)
			}
		}
	}
	stages := map[string]Stage{"half": half}
	ch, err := New(Params{Samplers: []string{"top_k", "half", "Temp"}, TopK: 3}, Options{Stages: stages})
	if err != nil {
		t.Fatal(err)
	}
	logits := []float32{1, 7, 9, 5, 8, 0}
	if id := ch.Sample(logits); id != 1 || !reflect.DeepEqual(seen, []int32{2, 4, 1}) || ch.String() != "top_k → half → temperature → draw" {
		t.Errorf("token %d of %v, %v", id, seen, ch)
	}
	if n := testing.AllocsPerRun(20, func() { ch.Sample(logits) }); n != 0 {
		t.Errorf("%g allocations per token", n)
	}
	for _, bad := range []struct {
		samplers []string
		stages   map[string]Stage
	}{{nil, stages}, {[]string{"top_k"}, stages}, {[]string{"half"}, nil}, {[]string{"half"}, map[string]Stage{"half": nil}},
		{[]string{"top-k"}, map[string]Stage{"top-k": half}}} {
		if _, err := New(Params{Samplers: bad.samplers}, Options{Stages: bad.stages}); !errors.Is(err, ErrParam) {
			t.Errorf("samplers %v: %v", bad.samplers, err)
		}
	}
}
