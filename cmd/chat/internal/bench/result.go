package bench

import (
	"math"
	"slices"
)

// Layout is Result.Layout.
const Layout = "latentgo-bench/1"

// Result is a run; see the package's documentation for its JSON.
type Result struct {
	Layout      string  `json:"layout"`
	Model       string  `json:"model"`
	FileType    string  `json:"file_type"`
	WeightBytes int64   `json:"weight_bytes"`
	Threads     int     `json:"threads"`
	CPU         string  `json:"cpu"`
	MLA         string  `json:"mla"`
	Cache       string  `json:"cache"`
	TokenBytes  int     `json:"token_bytes"`
	Read        *Rate   `json:"read_gb_per_s,omitempty"`
	Rows        []Row   `json:"rows"`
	Depth       int     `json:"depth"`
	Prompt      *Rate   `json:"prompt,omitempty"`
	Decode      *Rate   `json:"decode,omitempty"`
	Slope       float64 `json:"us_per_cached_token,omitempty"`
}

// The kinds of rows.
const (
	Prompt = "prompt"
	Decode = "decode"
)

// Case says what a row measures.
type Case struct {
	Kind      string `json:"kind"`
	Tokens    int    `json:"tokens"`
	Depth     int    `json:"depth"`
	Sequences int    `json:"sequences"`
}

// Row is a case and what came out.
type Row struct {
	Case
	Rate        *Rate   `json:"tokens_per_s"`
	GMACs       float64 `json:"gmacs_per_s"`
	WeightBytes int     `json:"weight_bytes,omitempty"`
	CacheBytes  int     `json:"cache_bytes,omitempty"`
	GBs         float64 `json:"gb_per_s,omitempty"`
	ReadShare   float64 `json:"read_share,omitempty"`
	Other       float64 `json:"vs_tokens_per_s,omitempty"`
	Ratio       float64 `json:"vs_ratio,omitempty"`
}

// Rate sums up repetitions.
type Rate struct {
	Best    float64   `json:"best"`
	Median  float64   `json:"median"`
	Least   float64   `json:"least"`
	Samples []float64 `json:"samples,omitempty"`
}

// NewRate sums samples up, all rounded to hundredths; nil for none.
func NewRate(samples []float64) *Rate {
	n := len(samples)
	if n == 0 {
		return nil
	}
	r := &Rate{Samples: make([]float64, n)}
	for i, x := range samples {
		r.Samples[i] = Round2(x)
	}
	sorted := slices.Sorted(slices.Values(samples))
	r.Least, r.Best, r.Median = Round2(sorted[0]), Round2(sorted[n-1]), Round2((sorted[(n-1)/2]+sorted[n/2])/2)
	return r
}

// spread is the distance between best and least, as a share of the median.
func (r *Rate) spread() float64 { return (r.Best - r.Least) / r.Median }

// Round2 rounds to hundredths, as the peers of this benchmark print rates.
func Round2(x float64) float64 { return math.Round(x*100) / 100 }

// finish fills in what follows from the rows: the first rates, the shares of the bandwidth, the slope of one sequence's
// steps in tenths of a nanosecond.
func (r *Result) finish() {
	r.Depth = r.Rows[0].Depth
	var single []Row
	for i := range r.Rows {
		row := &r.Rows[i]
		switch {
		case row.Kind == Prompt && r.Prompt == nil:
			r.Prompt = row.Rate
		case row.Kind == Decode && r.Decode == nil:
			r.Decode = row.Rate
		}
		if row.Kind == Decode && row.Sequences == 1 {
			single = append(single, *row)
		}
		if r.Read != nil && row.GBs > 0 {
			row.ReadShare = math.Round(1e3*row.GBs/r.Read.Median) / 1e3
		}
	}
	if len(single) < 2 {
		return
	}
	first, last := single[0], single[len(single)-1]
	us := 1e6 * (1/last.Rate.Best - 1/first.Rate.Best) / float64(last.Depth-first.Depth)
	r.Slope = math.Round(us*1e4) / 1e4
}

// Compare fills in the ratios to another run and returns how many rows it has too.
func (r *Result) Compare(o *Other) (found int) {
	for i := range r.Rows {
		row := &r.Rows[i]
		if rate, ok := o.rates[row.Case]; ok {
			row.Other, row.Ratio = Round2(rate), math.Round(1e3*row.Rate.Median/rate)/1e3
			found++
		}
	}
	return found
}
