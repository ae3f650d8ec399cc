package sample

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Bias maps token ids to what is added to their logits: any number, or −Inf to ban the token. Ids beyond the vocabulary
// are ignored.
//
// The JSON form is an object {"42": -1.5, "7": false} or an array [[42, -1.5], [7, false]]; false stands for −Inf. In
// an array a token may occur several times: its values add up.
type Bias map[int32]float64

// MarshalJSON writes the object form.
func (b Bias) MarshalJSON() ([]byte, error) {
	out := make(map[int32]any, len(b))
	for id, v := range b {
		out[id] = v
		if math.IsInf(v, -1) {
			out[id] = false
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads either form and replaces all of b.
func (b *Bias) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	out := make(Bias)
	var err error
	if bytes.HasPrefix(data, []byte("[")) {
		err = out.readPairs(data)
	} else {
		err = out.readObject(data)
	}
	if err == nil {
		*b = out
	}
	return err
}

func (b Bias) readObject(data []byte) error {
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	for key, value := range object {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is not a token id; text_bias takes texts", key)
		}
		if err := b.add(int32(id), value); err != nil {
			return err
		}
	}
	return nil
}

func (b Bias) readPairs(data []byte) error {
	var pairs [][]any
	if err := json.Unmarshal(data, &pairs); err != nil {
		return err
	}
	for _, pair := range pairs {
		if len(pair) != 2 {
			return fmt.Errorf("%v is not a pair of token id and bias", pair)
		}
		id, ok := pair[0].(float64)
		if !ok || id != math.Trunc(id) || math.Abs(id) > math.MaxInt32 {
			return fmt.Errorf("%v is not a token id", pair[0])
		}
		if err := b.add(int32(id), pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// add adds a decoded JSON value to the token's bias.
func (b Bias) add(id int32, value any) error {
	switch v := value.(type) {
	case float64:
		b[id] += v
		return nil
	case bool:
		if !v {
			b[id] = math.Inf(-1)
			return nil
		}
	}
	return fmt.Errorf("bias %v of token %d is neither a number nor false", value, id)
}

// check refuses NaN, +Inf and negative ids.
func (b Bias) check() error {
	for id, v := range b {
		if id < 0 {
			return fmt.Errorf("%d is not a token id", id)
		}
		if math.IsNaN(v) || v > wide {
			return fmt.Errorf("bias %g of token %d is neither a finite number nor -Inf", v, id)
		}
	}
	return nil
}

// biasStage adds the bias; it owns a flat copy of the map.
type biasStage struct {
	ids    []int32
	values []float32
}

// newBiasStage makes the stage of b and of the tokens that must never be drawn, whose bias is −Inf. As in llama.cpp
// both are one stage, the first of every chain, greedy and Mirostat included.
func newBiasStage(b Bias, suppress []int32) *biasStage {
	s := new(biasStage)
	for id, v := range b {
		s.add(id, float32(v))
	}
	for _, id := range suppress {
		s.add(id, negInf)
	}
	return s
}

func (s *biasStage) add(id int32, value float32) {
	s.ids = append(s.ids, id)
	s.values = append(s.values, value)
}

func (s *biasStage) name() string { return "logit_bias" }

// apply runs first in the chain, so the candidates are still dense.
func (s *biasStage) apply(c *candidates) {
	c.own()
	for i, id := range s.ids {
		if id >= 0 && int(id) < len(c.dense) {
			c.dense[id] += s.values[i]
		}
	}
}
