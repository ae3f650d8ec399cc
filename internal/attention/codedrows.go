package attention

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Rows of latent attention in 4-bit codes: a row is a key, and its latent the value too. Its codes are kept once, as rows
// of tokens, which scores want; for weighted sums they are turned to columns, once for all heads that share them.

// latentGroup returns codes and scales of block g's latents of the 32 positions from pos on, as rows of tokens.
func (s *Store) latentGroup(g, pos int) (kernel.Codes, []uint16) {
	codes, scales := s.valueGroups(g, pos, recentStep)
	codes.Rows, codes.Cols = codes.Cols, codes.Rows
	return codes, scales
}

// rowScores is codedScores for rows.
func (s *Store) rowScores(dst []float32, ldd int, sc *Scratch, first, nq, g, from, n int) {
	for at := 0; at < n; at += recentStep {
		codes, scales := s.latentGroup(g, from+at)
		sc.latent.Products(dst[at:], ldd, first, nq, codes, scales)
		if s.layer.r == 0 {
			continue
		}
		codes, scales = s.keyGroup(g, from+at)
		part := sc.weights[:nq*recentStep]
		sc.factors.Products(part, recentStep, first, nq, codes, scales)
		for i := range nq {
			vek32.Add_Inplace(dst[i*ldd+at:][:recentStep], part[i*recentStep:][:recentStep])
		}
	}
}

// latentColumns returns the codes of groups of latents, which are rows of tokens, as columns.
func (s *Store) latentColumns(groups kernel.Codes, sc *Scratch) kernel.Codes {
	columns := groups
	columns.Codes = sc.columns[:len(groups.Codes)]
	size := recentStep * groups.Rows / 2
	for at := 0; at < len(groups.Codes); at += size {
		kernel.TurnCodes(columns.Codes[at:][:size], groups.Codes[at:][:size], recentStep, groups.Rows)
	}
	return columns
}

// encodeRows is Encode for rows.
func (s *Store) encodeRows(pos, g int, row func(values bool, i, n int) []uint16, sc *Scratch) {
	r, n := s.layer.r, s.layer.KeySize
	keys, keyScales := s.keyGroup(g, pos)
	latents, scales := s.latentGroup(g, pos)
	x, u := sc.group[:n], sc.codes[:n]
	for i := range recentStep {
		kernel.F16ToF32(x, row(false, i, n))
		if r > 0 {
			keyScales[i] = kernel.Quantize4(u[:r], x[:r])
			keys.PutRow(i, u[:r])
		}
		scales[i] = kernel.Quantize4(u[r:], x[r:])
		latents.PutRow(i, u[r:])
	}
}
