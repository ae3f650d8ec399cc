package kernel

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestNewMatrixErrors(t *testing.T) {
	for name, c := range map[string]struct {
		typ        Type
		rows, cols int
		bytes      int
		err        error
	}{
		"type":       {Type(26), 1, 256, 1000, ErrType},
		"unknown":    {Type(4), 1, 256, 1000, ErrType},
		"far":        {Type(1 << 31), 1, 256, 1000, ErrType},
		"no rows":    {Q8_0, 0, 32, 1000, ErrShape},
		"no columns": {Q8_0, 1, 0, 1000, ErrShape},
		"negative":   {Q8_0, -1, -32, 1000, ErrShape},
		"block":      {Q8_0, 1, 33, 1000, ErrShape},
		"short":      {Q8_0, 2, 64, 4*34 - 1, ErrShape},
		"overflow":   {Q8_0, math.MaxInt, 64, 1000, ErrShape},
		"overflow 2": {F32, math.MaxInt/4 + 2, math.MaxInt/4 + 2, 1000, ErrShape},
		"fits":       {Q8_0, 2, 64, 4 * 34, nil},
		"longer":     {Q6_K, 3, 256, 1000, nil},
	} {
		m, err := NewMatrix(c.typ, c.rows, c.cols, make([]byte, c.bytes))
		if !errors.Is(err, c.err) || (m == nil) != (err != nil) {
			t.Errorf("%s: %v, %v, want %v", name, m, err, c.err)
		}
	}
}

func TestMatrixRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 31))
	for _, typ := range allTypes {
		elems, _ := typ.Block()
		cols := 2 * elems
		data := weightBlocks(rng, typ, 6, true)
		m, err := NewMatrix(typ, 3, cols, data)
		if err != nil {
			t.Fatal(err)
		}
		all, row := make([]float32, 3*cols), make([]float32, cols+1)
		if err := Dequantize(all, typ, data); err != nil {
			t.Fatal(err)
		}
		for r := range 3 {
			row[cols] = canary
			m.Row(row, r)
			for c, v := range row[:cols] {
				if !sameBits(v, all[r*cols+c]) {
					t.Fatalf("%v [%d,%d]: %v, want %v", typ, r, c, v, all[r*cols+c])
				}
			}
			if row[cols] != canary {
				t.Errorf("%v: row %d wrote behind its end", typ, r)
			}
		}
		if len(m.Bytes()) != len(data) || &m.Bytes()[0] != &data[0] {
			t.Errorf("%v: the bytes were copied", typ)
		}
	}
}

// TestMulWorkers splits a product's rows between goroutines, as the engine does.
func TestMulWorkers(t *testing.T) {
	for _, typ := range []Type{F16, Q4_1, Q4_K} {
		p := newProduct(t, rand.New(rand.NewPCG(32, 32)), typ, 100, 512, 4, false)
		dst := make([]float32, 400)
		var wg sync.WaitGroup
		for r := 0; r < 100; r += 4 * p.m.Align() {
			wg.Go(func() { p.m.Mul(dst, 100, &p.a, r, min(100, r+4*p.m.Align())) })
		}
		wg.Wait()
		p.check(t, dst, 100, 0, 100)
	}
}

// TestActTypes: every type of the package has an ActType whose block divides its own, others have none.
func TestActTypes(t *testing.T) {
	known := map[Type]bool{}
	for _, typ := range allTypes {
		known[typ] = true
		f, ok := ActTypeOf(typ)
		if elems, _ := typ.Block(); !ok || elems%f.Block() != 0 {
			t.Errorf("%v: type %d of blocks of %d, %v", typ, f, f.Block(), ok)
		}
		if generic.mul[typ] == nil {
			t.Errorf("%v has no generic kernel", typ)
		}
	}
	for typ := range Type(100) {
		if _, ok := ActTypeOf(typ); ok != known[typ] {
			t.Errorf("%v: %v", typ, ok)
		}
	}
}

// TestWithGeneric: a set that brings one kernel keeps it and has the generic ones besides.
func TestWithGeneric(t *testing.T) {
	called := false
	k := kernelSet{}
	k.mul[Q8_0] = func([]float32, int, []byte, int, int, *Act) { called = true }
	k = k.withGeneric()
	for _, typ := range allTypes {
		if k.mul[typ] == nil {
			t.Errorf("%v has no kernel", typ)
		}
	}
	if k.mul[Q8_0](nil, 0, nil, 0, 0, nil); !called || k.quantQ8 == nil || k.quantQ8K == nil {
		t.Error("the set is not complete")
	}
}
