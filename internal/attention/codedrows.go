package attention

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Rows of latent attention, [r rotated | l latent], in codes: a row is a key, and its latent the value too. What RoPE
// rotates holds all that a row knows of its position, in few values, and takes 8 bits. The latent takes 4: its values are
// divided by how large each was in the first group of the text that was coded (balanced), then rotated by Hadamard.
// Within a chunk, per block of heads:
//
//	codes    rotated, see kernel.CacheRows; latents [groups][l/32][4][32 tokens][4], see kernel.Codes
//	scales   rotated; latents [tokens]
//
// Codes of latents are rows of tokens, which scores want; for weighted sums they are turned to columns, once for all
// heads that share them.

// balanced is what the latents of a store's codes are divided by.
type balanced struct {
	balance [][]float32 // per block [l]; nil before the first group
	end     int         // of that group
	wants   bool        // the pass under way finds it
}

// keepsBalance reports whether the store has a balance once groups are coded: not where windows are so short that no
// token sees another in codes.
func (s *Store) keepsBalance() bool {
	w := s.layer.Window
	return s.layer.latent && s.format == Q4 && (w == 0 || w > codedRecent+1)
}

// readyBalance says whether the pass that begins has to find the balance: no rows are left of those that it was found
// from, and there will be some.
func (s *Store) readyBalance() {
	if !s.keepsBalance() {
		return
	}
	if s.recent.made < s.end {
		s.balanced = balanced{}
	}
	s.wants = s.balance == nil && s.recent.due > s.recent.made
}

// WantsBalance reports whether FindBalance has to be called in the pass before the first Encode.
func (s *Store) WantsBalance() bool { return s.wants }

// FindBalance finds what latents are divided by, from the group of positions from pos on: see Encode. The text's first
// tokens, which are unlike all others, are left out.
func (s *Store) FindBalance(pos int, wide *Store, base int, sc *Scratch) {
	l := s.layer
	s.balance, s.end = nil, pos+Group
	for g := range l.KVHeads {
		sums, x := make([]float32, l.ValueSize), sc.group[:l.ValueSize]
		for i := range Group {
			if pos+i >= exactTokens {
				kernel.F16ToF32(x, s.groupRow(true, g, pos+i, wide, base, sc))
				for c, v := range x {
					sums[c] += v * v
				}
			}
		}
		least := 1e-6 * vek32.Mean(sums)
		for c, v := range sums {
			if sums[c] = float32(math.Sqrt(float64(max(v, least)) / Group)); !(sums[c] > 0) || sums[c] > math.MaxFloat32 {
				sums[c] = 1
			}
		}
		s.balance = append(s.balance, sums)
	}
}

// latentCodes returns how many values of a latent have codes.
func (l *Layer) latentCodes() int { return blocks(l.ValueSize) }

// rotatedRows returns what is rotated of block g's rows from pos on, the first of a panel.
func (s *Store) rotatedRows(g, pos int) kernel.CacheRows {
	codes, scales := s.layer.codedSizes()
	r := blocks(s.layer.r)
	rows := kernel.CacheRows{
		Codes:  s.codes[pos/s.size][s.size*codes*g:][:s.size*r],
		Scales: s.chunks[pos/s.size][s.size*scales*g:][:s.size*r/32],
		Cols:   r,
	}
	return rows.From(pos % s.size)
}

// latentGroups returns codes and scales of block g's latents of n positions from pos on, whole groups in one chunk. The
// codes are those of one group after the other.
func (s *Store) latentGroups(g, pos, n int) (codes []byte, scales []uint16) {
	l, at := s.layer, pos%s.size
	nc, ns := l.codedSizes()
	codes = s.codes[pos/s.size][s.size*nc*g:][s.size*blocks(l.r):]
	scales = s.chunks[pos/s.size][s.size*ns*g:][s.size*blocks(l.r)/32:]
	return codes[at*l.latentCodes()/2:][:n*l.latentCodes()/2], scales[at:][:n]
}

// latentGroup returns the group at pos, as rows of tokens.
func (s *Store) latentGroup(g, pos int) (kernel.Codes, []uint16) {
	codes, scales := s.latentGroups(g, pos, Group)
	return kernel.Codes{Codes: codes, Rows: Group, Cols: s.layer.latentCodes(), Bits: 4}, scales
}

// valueColumns returns codes and scales of head g's values of n positions from pos on, whole groups in one chunk, as
// columns of tokens.
func (s *Store) valueColumns(g, pos, n int, sc *Scratch) (kernel.Codes, []uint16) {
	if !s.layer.latent {
		return s.valueGroups(g, pos, n)
	}
	codes, scales := s.latentGroups(g, pos, n)
	width := s.layer.latentCodes()
	size := Group * width / 2
	for at := 0; at < len(codes); at += size {
		kernel.Codes{Codes: codes[at:][:size], Rows: Group, Cols: width, Bits: 4}.Turned(sc.columns[at:], 0, Group)
	}
	return kernel.Codes{Codes: sc.columns[:len(codes)], Rows: width, Cols: n, Bits: 4}, scales
}

// setRowQueries readies n queries, KeySize apart, for rows: group of them for block g, as many for the next, and so on.
func (s *Store) setRowQueries(sc *Scratch, q []float32, n, g, group int) {
	l := s.layer
	r, v := l.r, l.ValueSize
	if r > 0 {
		sc.queries.Set(q, n, l.KeySize, r, 0)
	}
	x := sc.coded[:n*v]
	for i := range n {
		row := x[i*v:][:v]
		vek32.Mul_Into(row, q[i*l.KeySize+r:][:v], s.balance[g+i/group])
		kernel.Hadamard(row, false)
	}
	sc.factors.Set(x, n, v, v)
}

// rowScores is codedScores for rows.
func (s *Store) rowScores(dst []float32, ldd int, sc *Scratch, first, nq, g, from, n int) {
	for at := 0; at < n; at += Group {
		codes, scales := s.latentGroup(g, from+at)
		sc.factors.Products(dst[at:], ldd, first, nq, codes, scales)
		if s.layer.r == 0 {
			continue
		}
		part := sc.weights[:nq*Group]
		kernel.ScoresQ8(part, Group, &sc.queries, first, nq, s.rotatedRows(g, from+at), Group)
		for i := range nq {
			vek32.Add_Inplace(dst[i*ldd+at:][:Group], part[i*Group:][:Group])
		}
	}
}

// encodeRows is Encode for rows.
func (s *Store) encodeRows(pos, g int, wide *Store, base int, sc *Scratch) {
	l := s.layer
	r := l.r
	latents, scales := s.latentGroup(g, pos)
	x, u := sc.group[:l.KeySize], sc.codes[:l.ValueSize]
	for i := range Group {
		kernel.F16ToF32(x, s.groupRow(false, g, pos+i, wide, base, sc))
		if r > 0 {
			s.rotatedRows(g, pos).Put(i, 0, x[:r])
		}
		vek32.Div_Inplace(x[r:], s.balance[g])
		kernel.Hadamard(x[r:], false)
		scales[i] = kernel.Quantize4(u, x[r:])
		latents.PutRow(i, u)
	}
}

// DecodedRows writes block g's rows of n positions from pos on that are coded, or kept apart as the first of the text:
// dst [n, R+L].
func (s *Store) DecodedRows(dst []float32, g, pos, n int, sc *Scratch) {
	d, firsts := s.layer.KeySize, &s.recent.first
	for i := range n {
		row := dst[i*d:][:d]
		switch {
		case pos+i < firsts.size:
			x, _ := firsts.keys[g].run(sc.rows, pos+i, 1)
			kernel.F16ToF32(row, x[:d])
		case s.layer.code != nil:
			s.transformedRow(row, g, pos+i, sc)
		default:
			s.decodedRow(row, g, pos+i, sc)
		}
	}
}

// decodedRow is DecodedRows for one row in 4 and 8 bits.
func (s *Store) decodedRow(row []float32, g, pos int, sc *Scratch) {
	r, group := s.layer.r, pos&^(Group-1)
	if r > 0 {
		s.rotatedRows(g, group).Get(row[:r], pos-group, 0)
	}
	latents, scales := s.latentGroup(g, group)
	kernel.F16ToF32(sc.scales[:1], scales[pos-group:][:1])
	x := row[r:]
	latents.Row(x, pos-group)
	vek32.MulNumber_Inplace(x, sc.scales[0])
	kernel.Hadamard(x, true)
	vek32.Mul_Inplace(x, s.balance[g])
}

// transformedRow is DecodedRows for one row in codes of a Code.
func (s *Store) transformedRow(row []float32, g, pos int, sc *Scratch) {
	c := s.layer.code
	y := sc.coded[:len(c.keys.Bits)]
	clear(y)
	offset := 0
	for k := range c.runs {
		r := &c.runs[k]
		codes := s.keyRun(g, pos, offset, r)
		offset += r.size()
		for col, p := range r.parts {
			if p.comp >= 0 {
				y[p.comp] += codes.Get(pos%s.size, col) * r.worth[col]
			}
		}
	}
	vek32.MulNumber_Inplace(y, gains[s.tokenGains(g, pos)[0]&15])
	for j := range row {
		row[j] = vek32.Dot(c.keys.Back[g][j*len(y):][:len(y)], y)
	}
}

// NewRowCode returns the codes of a layer of latent attention: of whole rows, whose ends are the values.
func NewRowCode(l *Layer, rows Transform) (*Code, error) {
	if !l.latent || l.recent != nil {
		return nil, fmt.Errorf("codes of rows where there are none, or a window of recent tokens is beside them")
	}
	if err := rows.check(l.KVHeads, l.KeySize); err != nil {
		return nil, err
	}
	c := &Code{keys: rows, runs: keyRuns(rows.Bits)}
	c.planes = c.runs
	c.levels[0] = rows.levels(noiseWeight)
	for _, r := range c.runs {
		c.runBytes += r.size()
		c.planeRows += len(r.parts)
	}
	c.runBytes = (c.runBytes + 7) / 8
	n := len(rows.Bits)
	for g := range l.KVHeads {
		c.output = append(c.output, outputOf(c.planes, rows.Back[g][l.r*n:], n, l.ValueSize))
	}
	return c, nil
}

// addDecoded adds to out [ValueSize] what sums of codes of block, or head, g are worth, and changes the sums.
func (l *Layer) addDecoded(out, sums []float32, g int, balance [][]float32) {
	if l.code != nil {
		l.code.decoded(out, sums, g)
		return
	}
	kernel.Hadamard(sums, true)
	vek32.Mul_Inplace(sums, balance[g])
	vek32.Add_Inplace(out, sums)
}
