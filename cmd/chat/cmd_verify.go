package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/ollama"
	"github.com/latentgo/latentgo/internal/logprob"
	"github.com/latentgo/latentgo/quant"
	"github.com/latentgo/latentgo/tokenizer"
)

// verifyCmd is `chat verify MODEL`: whether a file is sound from the header to the last weight. Exit code 1 says that
// something is wrong.
type verifyCmd struct {
	jsonFlag
	modelFlag

	Name string `arg:"" optional:"" type:"nonempty" placeholder:"MODEL" help:"The model, as for -m."`
}

// check is one line of `chat verify`.
type check struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Note  string `json:"note"` // what was checked, or what is wrong
}

// errUnsound ends `chat verify` for a file in which something is wrong.
var errUnsound = errors.New("something is wrong with the file")

// Validate implements kong's hook.
func (c *verifyCmd) Validate() error { return c.take(c.Name) }

// Run implements kong's command.
func (c *verifyCmd) Run(a *app) error {
	f, err := a.openGGUF(c.Model)
	if err != nil {
		return err
	}
	defer f.Close()
	checks := []check{{"header", true, fmt.Sprintf("%d keys, %d tensors, all inside the file and apart", len(f.Keys()), len(f.Tensors()))}}
	weights := check{Check: "weights"}
	if err := f.Guard(func() (err error) { weights, err = a.checkWeights(f); return err }); err != nil {
		return err
	}
	checks = append(checks, weights, checkOllama(f), checkVocabulary(f), a.checkModel(f))
	if err := a.ctx.Err(); err != nil {
		return err
	}
	ok := true
	for _, k := range checks {
		ok = ok && k.OK
		if !c.JSON {
			a.printf("%-10s  %-5s  %s\n", k.Check, map[bool]string{true: "ok", false: "WRONG"}[k.OK], human.Line(k.Note))
		}
	}
	if c.JSON {
		if err := a.printJSON(map[string]any{"file": f.Name(), "ok": ok, "checks": checks}); err != nil {
			return err
		}
	}
	if !ok {
		return fmt.Errorf("%s: %w", f.Name(), errUnsound)
	}
	return nil
}

// checkWeights decodes every block: none may hold NaN or infinity.
func (a *app) checkWeights(f *gguf.File) (check, error) {
	bar := newBar(a.stderr, f.Size(), "weights", inBytes)
	defer bar.Clear() //nolint:errcheck // only the screen
	k := check{Check: "weights", OK: true}
	others, n := map[string]bool{}, uint64(0)
	for _, t := range f.Tensors() {
		at, err := a.firstBad(t)
		switch {
		case errors.Is(err, quant.ErrType):
			others[t.Type.String()] = true
		case err != nil:
			return k, err
		case at >= 0:
			return check{k.Check, false, fmt.Sprintf("tensor %q: weight %d is infinite or no number", t.Name, at)}, nil
		default:
			n += t.Elements()
		}
		_ = bar.Add64(int64(t.Size()))
		f.Release()
	}
	k.Note = fmt.Sprintf("%d, all finite", n)
	for typ := range others {
		k.Note += ", but those of type " + typ + ", which are not decoded"
	}
	return k, nil
}

// firstBad returns the first weight of a tensor that is not finite, -1 for none.
func (a *app) firstBad(t *gguf.Tensor) (int, error) {
	data, err := t.Bytes()
	if err != nil {
		return 0, err
	}
	const piece = 1 << 14 // a multiple of every block
	x := make([]float32, piece)
	for at := 0; at < int(t.Elements()); at += piece {
		if err := a.ctx.Err(); err != nil {
			return 0, err
		}
		n := min(piece, int(t.Elements())-at)
		if err := quant.Dequantize(x[:n], t.Type, data[t.Type.RowBytes(at):]); err != nil {
			return 0, err
		}
		for i, v := range x[:n] {
			if d := v - v; d != 0 || math.IsNaN(float64(d)) {
				return at + i, nil
			}
		}
	}
	return -1, nil
}

// checkOllama holds the file against Ollama's reader.
func checkOllama(f *gguf.File) check {
	if f.ByteOrder() == binary.BigEndian {
		return check{"ollama", true, "not checked: it reads no big-endian files"}
	}
	r := ollama.Verify(f)
	if len(r.Differences) > 0 {
		return check{"ollama", false, strings.Join(r.Differences, "; ")}
	}
	return check{"ollama", true, fmt.Sprintf("%s takes it, and agrees on all keys and tensors", r.Reader)}
}

// probeText is a text with what tokenizers stumble over.
const probeText = "Hello, world! 1234567 naïve Größe 你好 🙂\n\tfunc main() {  return }\n"

// checkVocabulary tokenises a text and turns it back. Tokenizers that fold letters or spaces may change it.
func checkVocabulary(f *gguf.File) check {
	k := check{Check: "tokenizer", OK: true}
	tok, err := tokenizer.New(f)
	switch {
	case errors.Is(err, tokenizer.ErrNoVocab):
		k.Note = "the file has none"
	case errors.Is(err, tokenizer.ErrUnsupported):
		k.Note = "not checked: " + err.Error()
	case err != nil:
		k.OK, k.Note = false, err.Error()
	default:
		ids := tok.Encode(probeText, tokenizer.EncodeOptions{})
		if back := tok.Decode(ids, tokenizer.DecodeOptions{}); strings.TrimLeft(back, " ") != probeText {
			k.Note = fmt.Sprintf("%d tokens; their text is another than the sample's: %q", len(ids), back)
		} else {
			k.Note = fmt.Sprintf("%d tokens, whose text is the sample's", len(ids))
		}
	}
	return k
}

// checkModel loads the model and evaluates a token.
func (a *app) checkModel(f *gguf.File) check {
	k := check{Check: "model", OK: true}
	m, err := a.loadFile(f.Name(), &engine.Options{})
	switch {
	case errors.Is(err, engine.ErrUnsupported), errors.Is(err, engine.ErrNoWeights):
		k.Note = "not loaded: " + err.Error()
		return k
	case err != nil:
		return check{k.Check, false, err.Error()}
	}
	defer m.Close()
	s, err := m.NewSession(&engine.SessionOptions{Context: 8})
	if errors.Is(err, engine.ErrNoWeights) {
		k.Note = "not loaded: " + err.Error()
		return k
	}
	if err == nil {
		defer s.Close()
		err = s.EvalAll(a.ctx, []int32{0}, func(_ int, logits []float32) error {
			if sum := logprob.LogSum(make([]float32, len(logits)), logits); math.IsNaN(sum) || math.IsInf(sum, 0) {
				return errors.New("its logits are not finite")
			}
			return nil
		})
	}
	if err != nil {
		return check{k.Check, false, err.Error()}
	}
	k.Note = "it loads, and a token gives finite logits"
	return k
}
