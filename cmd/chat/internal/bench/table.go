package bench

import (
	"fmt"
	"io"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
)

// String names a case for people.
func (c Case) String() string {
	s := fmt.Sprintf("%s of %d at depth %d", c.Kind, c.Tokens, c.Depth)
	if c.Sequences > 1 {
		s += fmt.Sprintf(" × %d", c.Sequences)
	}
	return s
}

// Print writes the table for people; o is what Compare was given, or nil.
func (r *Result) Print(w io.Writer, o *Other) {
	if r.Read != nil {
		p(w, "%d threads, %s; memory reads %.1f GB/s (%.1f … %.1f)\n", r.Threads, r.CPU, r.Read.Median, r.Read.Least, r.Read.Best)
	} else {
		p(w, "%d threads, %s\n", r.Threads, r.CPU)
	}
	p(w, "%s, %s, %s; mla %s, cache %s of %d bytes per token\n", human.Line(r.Model), r.FileType, human.Size(r.WeightBytes), r.MLA, r.Cache, r.TokenBytes)
	if o != nil {
		p(w, "against %s, %d threads\n", human.Line(o.Title), o.Threads)
	}
	p(w, "\n%-7s %6s %7s %5s %10s %7s %7s %7s %9s", "", "tokens", "depth", "seqs", "tokens/s", "spread", "GB/s", "of read", "GMAC/s")
	if o != nil {
		p(w, " %10s %6s", "other", "ratio")
	}
	p(w, "\n")
	for _, row := range r.Rows {
		row.print(w)
		if o != nil && row.Other > 0 {
			p(w, " %10.2f %6.2f", row.Other, row.Ratio)
		}
		p(w, "\n")
	}
	if r.Slope != 0 {
		p(w, "each cached token costs a step %.3f µs\n", r.Slope)
	}
}

// print writes a row without what Compare says.
func (row *Row) print(w io.Writer) {
	p(w, "%-7s %6d %7d %5d %10.2f %5.1f %%", row.Kind, row.Tokens, row.Depth, row.Sequences, row.Rate.Median, 100*row.Rate.spread())
	gbs, share := "", ""
	if row.GBs > 0 {
		gbs = fmt.Sprintf("%.2f", row.GBs)
	}
	if row.ReadShare > 0 {
		share = fmt.Sprintf("%.0f %%", 100*row.ReadShare)
	}
	p(w, " %7s %7s %9.2f", gbs, share, row.GMACs)
}

// p writes; whoever gave w keeps its errors.
func p(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
