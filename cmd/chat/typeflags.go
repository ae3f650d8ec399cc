package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/quantize"
)

// typeFlags change the types of tensors.
type typeFlags struct {
	Type       string   `placeholder:"TYPE" help:"Quantise: ${types}. Mixtures are those of llama.cpp."`
	TensorType []string `sep:"none" placeholder:"REGEX=TYPE" help:"The type of tensors whose name matches, such as ffn_down=Q6_K (may be repeated; the first that matches counts)."`
	Recipe     string   `name:"tensor-type-file" type:"nonempty" placeholder:"FILE" help:"More of these, one a line; a line that begins with # is a comment."`
	Imatrix    string   `type:"nonempty" placeholder:"FILE" help:"How much the columns of matrices matter, from chat imatrix or llama-imatrix: better at few bits."`
	DryRun     bool     `help:"Write nothing, OUT or not: show the types and sizes that tensors would have."`
}

// any reports whether types change.
func (t *typeFlags) any() bool { return t.Type != "" || len(t.TensorType) > 0 || t.Recipe != "" }

// Validate checks the values.
func (t *typeFlags) Validate() error {
	if _, err := t.mixture(); err != nil {
		return err
	}
	if (t.DryRun || t.Imatrix != "") && !t.any() {
		return errors.New("--dry-run and --imatrix are about types: --type, --tensor-type or --tensor-type-file names some")
	}
	return nil
}

// mixture is the quantiser's, without importance.
func (t *typeFlags) mixture() (opt quantize.Options, err error) {
	opt.Type = quantize.Unchanged
	if t.Type != "" {
		if opt.Type, err = quantize.ParseFileType(t.Type); err != nil {
			return opt, fmt.Errorf("--type: %w", err)
		}
	}
	for _, s := range t.TensorType {
		o, err := quantize.ParseOverride(s)
		if err != nil {
			return opt, fmt.Errorf("--tensor-type: %w", err)
		}
		opt.Overrides = append(opt.Overrides, o)
	}
	if t.Recipe == "" {
		return opt, nil
	}
	more, err := readRecipe(t.Recipe)
	opt.Overrides = append(opt.Overrides, more...)
	return opt, err
}

// readRecipe reads a file of --tensor-type-file.
func readRecipe(path string) (list []quantize.Override, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--tensor-type-file: %w", err)
	}
	no := 0
	for line := range strings.Lines(string(b)) {
		no++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		o, err := quantize.ParseOverride(line)
		if err != nil {
			return nil, fmt.Errorf("--tensor-type-file: %s, line %d: %w", path, no, err)
		}
		list = append(list, o)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--tensor-type-file: %s has no line such as ffn_down=Q6_K", path)
	}
	return list, nil
}

// plan says what becomes of the tensors of f.
func (t *typeFlags) plan(a *app, f *gguf.File, threads int, report func(quantize.Result)) (*quantize.Plan, error) {
	opt, err := t.mixture()
	if err != nil {
		return nil, err
	}
	if t.Imatrix != "" {
		if opt.Importance, err = quantize.ReadImportance(t.Imatrix); err != nil {
			return nil, err
		}
	}
	opt.Threads, opt.Report = threads, report
	p, err := quantize.NewPlan(f, opt)
	if err == nil && p.Requantises() > 0 {
		a.note("chat: warning: %d tensors are quantised already: from the original model the result would be better", p.Requantises())
	}
	return p, err
}

// quantisedTensor is one tensor of resaved.
type quantisedTensor struct {
	Name   string  `json:"name"`
	From   string  `json:"from"`
	To     string  `json:"to"`
	Before uint64  `json:"bytes_before"`
	After  uint64  `json:"bytes_after"`
	RMSE   float64 `json:"rmse,omitempty"`           // root of the mean squared error of a weight
	Share  float64 `json:"relative_error,omitempty"` // that, over the root of the mean square of the weights
	Wanted string  `json:"instead_of,omitempty"`     // the type of the mixture, whose blocks do not fit
}

// described returns a choice for output.
func described(c quantize.Choice) quantisedTensor {
	q := quantisedTensor{Name: c.Tensor.Name, From: c.Tensor.Type.String(), To: c.Type.String(), Before: c.Tensor.Size(), After: c.Bytes()}
	if c.Wanted != c.Type {
		q.Wanted = c.Wanted.String()
	}
	return q
}

// quantisedTensors are the results for output.
func quantisedTensors(results []quantize.Result) []quantisedTensor {
	var list []quantisedTensor
	for _, r := range results {
		q := described(r.Choice)
		if q.RMSE = r.RMSE; r.Size > 0 {
			q.Share = r.RMSE / r.Size
		}
		list = append(list, q)
	}
	return list
}

// printPlan writes what would become of each tensor.
func (a *app) printPlan(p *quantize.Plan, asJSON bool) error {
	s := resaved{Files: []string{}}
	for _, c := range p.Choices() {
		s.Before += int64(c.Tensor.Size())
		s.After += int64(c.Bytes())
		s.Tensors = append(s.Tensors, described(c))
	}
	if asJSON {
		return a.printJSON(s)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, q := range s.Tensors {
		note := ""
		if q.Wanted != "" {
			note = "instead of " + q.Wanted + ", whose blocks do not fit"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", human.Line(q.Name), q.From, q.To, human.Size(int64(q.Before)), human.Size(int64(q.After)), note)
	}
	_ = w.Flush()
	a.printf("tensors: %s, now %s\n", human.Size(s.After), human.Size(s.Before))
	return nil
}

// printErrors writes the errors of quantised tensors, a line per type: the mean, and the tensor that suffers most.
func (a *app) printErrors(results []quantize.Result) {
	byType := map[string][]quantisedTensor{}
	var order []string
	for _, q := range quantisedTensors(results) {
		if byType[q.To] == nil {
			order = append(order, q.To)
		}
		byType[q.To] = append(byType[q.To], q)
	}
	slices.SortFunc(order, strings.Compare)
	for _, typ := range order {
		list, sum := byType[typ], 0.0
		for _, q := range list {
			sum += q.Share
		}
		worst := slices.MaxFunc(list, func(p, q quantisedTensor) int { return cmp.Compare(p.Share, q.Share) })
		a.printf("  %4d × %-7s error %5.2f %% of the weights, at most %.2f %% in %s\n",
			len(list), typ, 100*sum/float64(len(list)), 100*worst.Share, human.Line(worst.Name))
	}
}
