package huggingface

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
)

// check reads the folder again and compares it with the file: what does not come back was lost on the way.
func (x *exporter) check(e *Export) error {
	want := map[gguf.Type]Weights{typeF32: F32, typeF16: F16, typeBF16: BF16}[x.typ]
	m, err := Open(e.FS(), "model", &Options{Weights: want})
	if err != nil {
		return fmt.Errorf("%w: the folder can't be read again: %w", ErrUnsupported, err)
	}
	defer m.Close()
	lost := append(x.lostTensors(m.File), x.lostKeys(m.File)...)
	if lost == nil {
		return nil
	}
	if n := len(lost); n > 5 {
		lost = append(lost[:5], fmt.Sprintf("%d more", n-5))
	}
	return fmt.Errorf("%w: a %s would lose %s", ErrUnsupported, x.class, strings.Join(lost, ", "))
}

// lostTensors names what tensors of the file are others in again.
func (x *exporter) lostTensors(again *gguf.File) (lost []string) {
	for _, t := range x.f.Tensors() {
		if a, err := again.Tensor(t.Name); err != nil || !sameShape(a.Shape, t.Shape) {
			lost = append(lost, "tensor "+t.Name)
		}
	}
	for _, t := range again.Tensors() {
		if !x.has(t.Name) && t.Name != "output.weight" { // which is written for a class that can't share the embedding
			lost = append(lost, "that there is no tensor "+t.Name)
		}
	}
	return lost
}

// unsaid are keys that say how a file was made, or what the folder says otherwise: the rules of a tokenizer are written
// out.
var unsaid = []string{"tokenizer.ggml.pre", "rope.scaling.finetuned"}

// Keys of tokenizers.
const (
	keySpacePrefix = "tokenizer.ggml.add_space_prefix"
	keyKinds       = "tokenizer.ggml.token_type"
	keyScores      = "tokenizer.ggml.scores"
)

// piecesOnly are keys that say something about SentencePiece only; some files with byte-level BPE have them.
var piecesOnly = []string{keySpacePrefix, keyScores, "tokenizer.ggml.remove_extra_whitespaces"}

// lostKeys names what keys about the architecture and the tokenizer are others in again. What only again has are
// defaults that the file leaves out.
func (x *exporter) lostKeys(again *gguf.File) (lost []string) {
	kind, _ := x.f.String("tokenizer.ggml.model")
	for _, key := range x.f.Keys() {
		own, ok := strings.CutPrefix(key, x.arch+".")
		if !ok && !strings.HasPrefix(key, "tokenizer.") || slices.Contains(unsaid, own) || slices.Contains(x.adapted, own) ||
			kind == "gpt2" && slices.Contains(piecesOnly, key) {
			continue
		}
		if sameValue(x.f, again, key, x.again(key)) || key == keyKinds && sameKinds(x.f, again) || key == keyScores && sameScores(x.f, again) {
			continue
		}
		lost = append(lost, "key "+key)
	}
	return lost
}

// again is what a key is called in the file that the folder makes.
func (x *exporter) again(key string) string {
	if own, ok := strings.CutPrefix(key, x.arch+"."); ok && x.becomes != "" {
		return x.becomes + "." + own
	}
	return key
}

// sameShape compares shapes without dimensions of 1 at the end, which tools drop.
func sameShape(a, b []uint64) bool {
	trim := func(s []uint64) []uint64 {
		for len(s) > 1 && s[len(s)-1] == 1 {
			s = s[:len(s)-1]
		}
		return s
	}
	return slices.Equal(trim(a), trim(b))
}

// sameValue compares the values of a key and of what it is called again; integers by their numbers. A 0 says what no key
// says.
func sameValue(f, again *gguf.File, key, other string) bool {
	a, _ := f.Value(key)
	b, ok := again.Value(other)
	if !ok {
		return fmt.Sprint(a.Any()) == "0"
	}
	x, y := a.Any(), b.Any()
	return reflect.DeepEqual(x, y) || fmt.Sprint(x) == fmt.Sprint(y)
}

// sameKinds compares the kinds of tokens. The reader guesses by its looks whether an added token steers the model, while
// tokenizer.json says it, and in some classes the token for what is unknown is an added one.
func sameKinds(f, again *gguf.File) bool {
	a, err1 := f.Ints(keyKinds)
	b, err2 := again.Ints(keyKinds)
	added := func(kind int64) bool {
		return kind == int64(kindControl) || kind == int64(kindUserDefined) || kind == int64(kindUnknown)
	}
	return err1 == nil && err2 == nil && slices.EqualFunc(a, b, func(x, y int64) bool { return x == y || added(x) && added(y) })
}

// sameScores compares the scores of tokens that texts are made of; others have some that nothing reads.
func sameScores(f, again *gguf.File) bool {
	a, err1 := f.Floats(keyScores)
	b, err2 := again.Floats(keyScores)
	kinds, err3 := f.Ints(keyKinds)
	if err1 != nil || err2 != nil || err3 != nil || len(a) != len(b) || len(a) != len(kinds) {
		return false
	}
	for i, kind := range kinds {
		if a[i] != b[i] && kind == int64(kindNormal) {
			return false
		}
	}
	return true
}
