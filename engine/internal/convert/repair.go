package convert

import (
	"math"
	"runtime/debug"

	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/hugepage"
	"github.com/latentgo/latentgo/internal/kernel"
)

// ridgeShare is how strongly repaired projections are pulled towards the original, see NormalEquations.Ridge.
// RATIONALE.md has the figures.
const ridgeShare = 0.2

// repair replaces a projection by the regression on what was gathered, in the projection's own type where that can be
// written. It goes only so far as pays on the part of the text that it was not fitted to, rounding included.
func (c *layerwise) repair(split *regression.Split, old model.Linear, name string, made tensors.Map) error {
	defer debug.FreeOSMemory() // normal equations are the most memory that a conversion takes, and are garbage now
	before := old.Floats()
	rows, metric, err := split.Train.Ridge(before, ridgeShare, c.m.Parallel)
	if err != nil {
		return err
	}
	var v *regression.Validator
	loss := math.Inf(1)
	if split.Validate != nil {
		v = regression.NewValidator(split.Validate, c.m.Parallel)
		loss = v.Shrink(rows, before)
	}
	typ := tensors.Writable(old.Type)
	data, err := c.round(rows, old.Cols, old.Scale, typ, metric)
	if err != nil {
		return err
	}
	if v != nil {
		m, err := kernel.NewMatrix(typ, old.Rows, old.Cols, data)
		if err != nil {
			return err
		}
		if !(v.Loss(model.Linear{Matrix: m, Scale: old.Scale}.Floats()) < loss) {
			return nil
		}
	}
	made.Add(name, typ, data, old.Cols, old.Rows)
	return nil
}

// round encodes rows of n weights, divided by scale, so that the error of products stays small in the metric given.
func (c *layerwise) round(rows []float32, n int, scale float32, typ kernel.Type, metric *regression.Factor) ([]byte, error) {
	q := kernel.NewGPTQ(n, metric.At)
	size := typ.RowBytes(n)
	data := hugepage.Make[byte](size * (len(rows) / n))
	err := c.m.Parallel(len(rows)/n, func(r int) error {
		row := make([]float32, n)
		for j := range row {
			row[j] = rows[r*n+j] / scale
		}
		return q.Quantize(data[r*size:][:size], typ, row)
	})
	return data, err
}
