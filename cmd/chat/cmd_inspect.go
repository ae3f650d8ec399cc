package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/models"
	"github.com/latentgo/latentgo/tokenizer"
)

// inspectCmd is `chat inspect`: what a GGUF file holds. Files of any architecture can be inspected, since nothing but
// the header is read, on the Hub too. Long arrays are abbreviated for people; --json has everything.
type inspectCmd struct {
	jsonFlag
	modelFlag
	estimateFlags

	Name   string `arg:"" optional:"" type:"nonempty" placeholder:"MODEL" help:"The model, as for -m."`
	Tree   bool   `xor:"what" help:"Only tensors, as a tree of the parts of their names, with the size of each branch."`
	Tensor string `xor:"what" type:"nonempty" placeholder:"NAME" help:"Only this tensor: range, mean and histogram of its weights."`
	Verify bool   `xor:"what" help:"Every check instead: the same as chat verify."`
}

// Validate implements kong's hook.
func (c *inspectCmd) Validate() error {
	if c.Context > 0 && (c.Tree || c.Verify || c.Tensor != "") {
		return errors.New("--ctx-size goes with the whole file, not with --tree, --tensor or --verify")
	}
	return errors.Join(c.estimateFlags.Validate(), c.take(c.Name))
}

// Run implements kong's command.
func (c *inspectCmd) Run(a *app) error {
	if c.Verify {
		return (&verifyCmd{jsonFlag: c.jsonFlag, modelFlag: c.modelFlag}).Run(a)
	}
	f, err := c.open(a)
	if err != nil {
		return err
	}
	defer f.Close()
	if c.Tensor != "" {
		return a.inspectTensor(f, c.Tensor, c.JSON)
	}
	var session *estimated
	if c.Context > 0 {
		e, err := c.estimate(a, f)
		if err != nil {
			return err
		}
		session = &e
	}
	if c.JSON {
		in := inspection(f)
		in.Session = session
		return a.printJSON(in)
	}
	w := bufio.NewWriter(a.out)
	if c.Tree {
		printTree(w, f)
		return w.Flush()
	}
	printHead(w, f)
	printMetadata(w, f)
	printWarnings(w, f)
	printTensors(w, f)
	if session != nil {
		session.print(w)
	}
	return w.Flush()
}

// open opens the model. Of one that is on the Hub and not here, only what is asked for is read.
func (c *inspectCmd) open(a *app) (*gguf.File, error) {
	bar := newTransferBar(a.stderr)
	defer bar.clear()
	if err := refuseFolder(c.Model); err != nil {
		return nil, err
	}
	repo, file, ok, err := models.OpenRemote(a.ctx, c.Model, &models.Options{Progress: bar.report})
	if err != nil {
		return nil, err
	}
	if ok {
		return gguf.OpenFS(repo, file)
	}
	path, err := a.fetch(c.Model, models.Options{})
	if err != nil {
		return nil, err
	}
	return gguf.Open(path)
}

// inspected is what `chat inspect --json` prints.
type inspected struct {
	File        string            `json:"file"`
	Version     int               `json:"version"`
	ByteOrder   string            `json:"byte_order"`
	Size        int64             `json:"size"` // bytes, all parts
	Parts       int               `json:"parts"`
	Alignment   int               `json:"alignment"`
	Parameters  uint64            `json:"parameters"`
	WeightBytes uint64            `json:"weight_bytes"`
	Metadata    metadata          `json:"metadata"`
	Warnings    []string          `json:"warnings"` // what the engine does without, see warnings
	Tensors     []inspectedTensor `json:"tensors"`
	Session     *estimated        `json:"session,omitempty"`
}

// inspectedTensor is one tensor; the shape is in file order, the fastest dimension first.
type inspectedTensor struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Shape  []uint64 `json:"shape"`
	Size   uint64   `json:"size"`
	Offset uint64   `json:"offset"`
	Part   int      `json:"part,omitempty"`
}

// inspection collects everything about f.
func inspection(f *gguf.File) inspected {
	in := inspected{File: f.Name(), Version: f.Version(), ByteOrder: byteOrder(f), Size: f.Size(), Parts: f.Parts(),
		Alignment: f.Alignment(), Metadata: metadata{f}, Warnings: warnings(f), Tensors: []inspectedTensor{}}
	for _, t := range f.Tensors() {
		in.Parameters += t.Elements()
		in.WeightBytes += t.Size()
		in.Tensors = append(in.Tensors, inspectedTensor{t.Name, t.Type.String(), t.Shape, t.Size(), t.Offset, t.Part})
	}
	return in
}

// byteOrder names the byte order of f.
func byteOrder(f *gguf.File) string {
	if f.ByteOrder() == binary.BigEndian {
		return "big"
	}
	return "little"
}

// printHead writes the lines about the file as a whole.
func printHead(w io.Writer, f *gguf.File) {
	_, _ = fmt.Fprintf(w, "%s\n  GGUF version %d, %s-endian, %s, alignment %d", human.Line(f.Name()), f.Version(), byteOrder(f), human.Size(f.Size()), f.Alignment())
	if f.Parts() > 1 {
		_, _ = fmt.Fprintf(w, ", %d parts", f.Parts())
	}
	in := inspection(f)
	if in.Parameters > 0 {
		_, _ = fmt.Fprintf(w, "\n  %d weights in %s, %.2f bits each", in.Parameters, human.Size(int64(in.WeightBytes)), 8*float64(in.WeightBytes)/float64(in.Parameters))
	}
	_, _ = fmt.Fprintln(w)
}

// printMetadata writes one line per key; long values are abbreviated.
func printMetadata(w io.Writer, f *gguf.File) {
	keys := f.Keys()
	_, _ = fmt.Fprintf(w, "\nmetadata: %d keys\n", len(keys))
	width := 0
	for _, k := range keys {
		width = max(width, len(k))
	}
	for _, k := range keys {
		v, _ := f.Value(k)
		kind := v.Kind().String()
		if v.Kind() == gguf.KindArray {
			kind = "[" + v.Elem().String() + "]"
		}
		_, _ = fmt.Fprintf(w, "  %-*s  %-5s  %s\n", width, human.Line(k), kind, human.Line(v.String()))
	}
}

// warnings lists what the vocabulary and the sampling keys of f hold that the engine does without. A file without a
// vocabulary, or with one that is not supported, is no fault.
func warnings(f *gguf.File) []string {
	list := []string{}
	tok, err := tokenizer.New(f)
	switch {
	case err == nil:
		list = append(list, tok.Warnings()...)
	case !errors.Is(err, tokenizer.ErrNoVocab) && !errors.Is(err, tokenizer.ErrUnsupported):
		list = append(list, err.Error())
	}
	if _, err := sample.FromMetadata(f); err != nil {
		list = append(list, strings.Split(err.Error(), "\n")...)
	}
	return list
}

// printWarnings writes a line each.
func printWarnings(w io.Writer, f *gguf.File) {
	list := warnings(f)
	if len(list) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\nwarnings: %d\n", len(list))
	for _, line := range list {
		_, _ = fmt.Fprintf(w, "  %s\n", human.Line(line))
	}
}

// printTensors writes one line per tensor, and a sum per type.
func printTensors(w io.Writer, f *gguf.File) {
	ts := f.Tensors()
	_, _ = fmt.Fprintf(w, "\ntensors: %d\n", len(ts))
	width := 0
	count, bytes := map[string]int{}, map[string]uint64{}
	for _, t := range ts {
		width = max(width, len(t.Name))
		count[t.Type.String()]++
		bytes[t.Type.String()] += t.Size()
	}
	for _, t := range ts {
		_, _ = fmt.Fprintf(w, "  %-*s  %-7s  %-16s  %s\n", width, human.Line(t.Name), t.Type, shape(t.Shape), human.Size(int64(t.Size())))
	}
	for _, name := range slices.Sorted(maps.Keys(count)) {
		_, _ = fmt.Fprintf(w, "%8d × %-7s  %s\n", count[name], name, human.Size(int64(bytes[name])))
	}
}

// shape renders dimensions, the fastest first.
func shape(dims []uint64) string {
	s := make([]string, len(dims))
	for i, d := range dims {
		s[i] = strconv.FormatUint(d, 10)
	}
	return strings.Join(s, " × ")
}
