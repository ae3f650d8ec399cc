package sample

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// TextBias maps texts to what is added to the logits of the tokens that they consist of, each of them, as llama.cpp
// does with texts: any number, or −Inf to ban the tokens. Values of a token in several texts add up.
//
// The JSON form is an object {" yes": 2, " no": false}; false stands for −Inf.
type TextBias map[string]float64

// MarshalJSON writes the object.
func (b TextBias) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(b))
	for text, v := range b {
		out[text] = v
		if math.IsInf(v, -1) {
			out[text] = false
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads the object and replaces all of b.
func (b *TextBias) UnmarshalJSON(data []byte) error {
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	if object == nil {
		return nil
	}
	out := make(TextBias)
	for text, value := range object {
		v, ok := value.(float64)
		if value == false {
			v, ok = math.Inf(-1), true
		}
		if !ok {
			return fmt.Errorf("bias %v of the text %q is neither a number nor false", value, text)
		}
		out[text] = v
	}
	*b = out
	return nil
}

// check refuses NaN and +Inf, and empty texts.
func (b TextBias) check() error {
	for text, v := range b {
		if text == "" {
			return fmt.Errorf("a text is empty")
		}
		if math.IsNaN(v) || v > wide {
			return fmt.Errorf("bias %g of the text %q is neither a finite number nor -Inf", v, text)
		}
	}
	return nil
}

// addTo adds the biases of all tokens, in an order that does not change.
func (b TextBias) addTo(s *biasStage, encode func(string) []int32) error {
	if len(b) > 0 && encode == nil {
		return fmt.Errorf("%w text_bias: no tokenizer to find the texts' tokens", ErrParam)
	}
	for _, text := range slices.Sorted(maps.Keys(b)) {
		for _, id := range encode(text) {
			s.add(id, float32(b[text]))
		}
	}
	return nil
}
