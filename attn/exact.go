package attn

// Latent is multi-head latent attention as found from a grouped-query attention. A token's cached row is
//
//	row = [ R rotated values | L latent values ]
//
// shared by all heads. Head h reads its key through the up-projection K_h and its value through V_h; both are absorbed
// (q_h K_h into the query, V_h into the output projection), so that decode touches nothing but rows.
//
// In the exact form the up-projections are selections: K_h and V_h have a single one per column, so a product with them
// is a window of the row. Keys and Values keep just these windows, one per key/value head, and absorbing them costs
// nothing; a cache may keep the columns of each window together.
type Latent struct {
	R, L   int    // values per token under RoPE, and without
	Keys   []Span // window of each key/value head's key in the row
	Values []Span // window of its value
}

// Span is a window of a cached row, standing for the selection matrix that has ones there.
type Span struct{ Off, Len int }

// RowSize returns R + L, the cached values per token.
func (m *Latent) RowSize() int { return m.R + m.L }

// Exact returns latent attention that equals grouped-query attention without loss.
//
// Write each RoPE pair as a complex number, k_i ∈ C^G the i-th pair of all G key heads: RoPE multiplies all of k_i by
// the same e^{jθ_i·pos}, so any invertible M_i may be applied to k_i and its inverse adjoint to the queries. The exact
// form takes M_i = 1 and keeps all G·d/2 components under RoPE: R = G·d. The values of all heads, which no position
// touches, are the latent: L = G·v. The encoder [W_K; W_V] is then the model's own projection, with whatever bias and
// norm the model applies before RoPE, and the cache holds as many values as before. A compressed form chooses other
// M_i, keeps R < G·d components and encodes the rest together with the values.
func Exact(g Geometry) *Latent {
	m := &Latent{R: g.KVHeads * g.KeySize, L: g.KVHeads * g.ValueSize}
	for h := range g.KVHeads {
		m.Keys = append(m.Keys, Span{h * g.KeySize, g.KeySize})
		m.Values = append(m.Values, Span{m.R + h*g.ValueSize, g.ValueSize})
	}
	return m
}
