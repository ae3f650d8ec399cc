package sample

import (
	"encoding/json"
	"math"
)

// A Params has two notations. In Go, a field's zero value is off, or the default of a field that only tunes what is on.
// Spelled out, as in JSON, in Set and Get and in model files, every number means what it means to llama.cpp: 0 is 0.
// Where the two differ (Field.unset is not 0), a spelled-out 0 is stored as Zero, or as tiny in a field of floats.

// Zero stands for 0 in the integer fields of Params whose own 0 is a default: Seed, RepeatLastN, DryAllowedLength and
// DryPenaltyLastN. Set, JSON and model files need no such stand-in.
const Zero = math.MinInt32

// tiny stands for 0 in the float fields whose own 0 is off or a default.
const tiny = math.SmallestNonzeroFloat64

// spelled returns p spelled out.
func (p *Params) spelled() Params {
	s := *p
	for i := range fields {
		fields[i].spell(&s)
	}
	return s
}

// spell changes one field from Go's notation.
func (f *Field) spell(p *Params) {
	switch v := f.ptr(p).(type) {
	case *int64:
		*v = spellInt(*v, int64(f.unset))
	case *int:
		*v = spellInt(*v, int(f.unset))
	case *float64:
		switch {
		case f.unset != 0 && *v == 0:
			*v = f.unset
		case *v == tiny:
			*v = 0
		}
	case *[]string:
		if f.Name == "dry_sequence_breakers" && *v == nil {
			*v = defaultBreakers()
		}
	}
}

func spellInt[T int | int64](v, unset T) T {
	switch {
	case v == 0:
		return unset
	case unset != 0 && v == Zero:
		return 0
	}
	return v
}

// store is the inverse of spell.
func (f *Field) store(p *Params) {
	switch v := f.ptr(p).(type) {
	case *int64:
		if f.unset != 0 && *v == 0 {
			*v = Zero
		}
	case *int:
		if f.unset != 0 && *v == 0 {
			*v = Zero
		}
	case *float64:
		if f.unset != 0 && *v == 0 {
			*v = tiny
		}
	}
}

// spelledParams has the fields of Params without its methods.
type spelledParams Params

// MarshalJSON spells all parameters out.
func (p Params) MarshalJSON() ([]byte, error) { return json.Marshal(spelledParams(p.spelled())) }

// UnmarshalJSON changes the parameters that data names. As in Set, a number means what it means to llama.cpp, so that a
// 0 is not the zero value's default.
func (p *Params) UnmarshalJSON(data []byte) error {
	s := spelledParams(p.spelled())
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*p = Params(s)
	for i := range fields {
		fields[i].store(p)
	}
	return nil
}
