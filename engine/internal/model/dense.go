package model

// dense are the matrices that embedding models multiply a pooled vector by: dense_2, with a bias where the file has one,
// and dense_3. Each may be missing.
type dense []*headMatrix

// dense loads what the file has of them.
func (ld *Loader) dense() dense {
	var d dense
	width := ld.spec.Width
	for _, name := range []string{"dense_2", "dense_3"} {
		if m := ld.headMatrix(name, width); m != nil {
			d, width = append(d, m), m.rows
		}
	}
	return d
}

// Dense returns what the model's dense layers make of a pooled vector: itself without them.
func (m *Model) Dense(x []float32) []float32 {
	for _, d := range m.dense {
		x = d.mul(x)
	}
	return x
}

// Dimensions returns the length of what Dense returns.
func (m *Model) Dimensions() int {
	if n := len(m.dense); n > 0 {
		return m.dense[n-1].rows
	}
	return m.spec.Width
}
