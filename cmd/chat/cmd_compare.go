package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/latentgo/latentgo/cmd/chat/internal/chart"
	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/measure"
)

// compareCmd is `chat compare A [B] -f TEXT`: how much worse than A other models predict a text: B, or B (A when it is
// alone) with its cache compressed to each of a list of forms. The text is cut as in `chat perplexity`.
type compareCmd struct {
	jsonFlag
	convertFlags
	threadsFlag
	forceFlag

	A       string      `arg:"" type:"nonempty" placeholder:"A" help:"The reference, as for -m of other commands."`
	B       string      `arg:"" optional:"" type:"nonempty" placeholder:"B" help:"The model to compare with it; A itself when left out."`
	MLA     []string    `name:"mla" aliases:"budgets" placeholder:"FORM,…" help:"Forms of B's cache, such as 50%,64+64,off; when B is left out 83%,67%,50%,33%,25%."`
	Cache   []cacheForm `name:"cache" placeholder:"TYPE,…" help:"Caches of the exact form to compare too, such as q8,q4,20%,14%."`
	File    string      `short:"f" required:"" type:"nonempty" placeholder:"FILE" help:"The text; a .json file holds token ids."`
	Ctx     int         `short:"c" name:"ctx" aliases:"ctx-size" default:"256" placeholder:"N" help:"Tokens of a window (default ${default})."`
	Windows int         `default:"40" placeholder:"N" help:"Windows at most; 0 is the whole text (default ${default})."`
	Recall  []int       `name:"recall" placeholder:"N,…" help:"Also hide codes in so many tokens of the text, such as 2000,6000, and ask for them at the end."`
	Facts   int         `name:"facts" default:"8" placeholder:"N" help:"How many codes (default ${default})."`
	Plot    string      `type:"nonempty" placeholder:"FILE" help:"Draw perplexity against cache size; the name ends in .png, .jpg, .tif, .svg, .pdf, .eps or .tex."`
	Curves  []string    `name:"curve" placeholder:"FILE.csv" help:"Draw another curve into it: lines of cache size in percent and perplexity ratio, under a line with its name (may be repeated)."`
}

// Validate implements kong's hook.
func (c *compareCmd) Validate() error {
	if err := checkWindows(c.Ctx, c.Windows); err != nil {
		return err
	}
	switch {
	case len(c.Recall) > 0 && slices.Min(c.Recall) < 100 || c.Facts < 1 || c.Facts > 24:
		return errors.New("--recall must be at least 100, and --facts 1 to 24")
	case len(c.Curves) > 0 && c.Plot == "":
		return errors.New("--curve adds to a picture: --plot FILE.png names it")
	case c.Force && c.Plot == "":
		return errors.New("--force is about the picture of --plot")
	}
	if c.Plot != "" {
		if err := chart.CheckName(c.Plot); err != nil {
			return fmt.Errorf("--plot %w", err)
		}
	}
	if err := c.threadsFlag.Validate(); err != nil {
		return err
	}
	if c.B == "" && len(c.MLA)+len(c.Cache) == 0 {
		c.MLA = []string{"83%", "67%", "50%", "33%", "25%"}
	}
	compressed := engine.MLAExact
	for _, s := range c.MLA {
		form, err := engine.ParseMLA(s)
		if err != nil {
			return fmt.Errorf("--mla: %w", err)
		}
		if form.Compressed() {
			compressed = form
		}
	}
	calibrated := engine.Cache{}
	for _, f := range c.Cache {
		if mayCalibrate(f.Cache) {
			calibrated = f.Cache
		}
	}
	return c.convertFlags.check(compressed, calibrated)
}

// checkWindows checks tokens of a window and the number of windows.
func checkWindows(ctx, windows int) error {
	if ctx < 2 || windows < 0 {
		return errors.New("--ctx must be at least 2 and --windows not negative")
	}
	return nil
}

// comparison is what `chat compare --json` prints.
type comparison struct {
	Ctx     int        `json:"ctx"`
	Windows int        `json:"windows"`
	Tokens  int        `json:"tokens"` // scored
	A       compared   `json:"reference"`
	Models  []compared `json:"models"`
}

// compared is one model's result.
type compared struct {
	Model      string             `json:"model"`
	File       string             `json:"file"`
	Asked      string             `json:"asked"` // form that was asked for
	MLA        string             `json:"mla"`
	CacheBytes int                `json:"cache_bytes"`   // per token, all layers
	Recent     int                `json:"recent_bytes"`  // per session beside, see engine.Info
	Session    int                `json:"session_bytes"` // all of a session's at the end of a window
	Recall     []measure.Recalled `json:"recall,omitempty"`
	PPL        float64            `json:"ppl"`
	Ratio      float64            `json:"ratio"`   // to the reference's perplexity
	KL         float64            `json:"kl_mean"` // of its next-token distributions from the reference's, in nats
	KL99       float64            `json:"kl_p99"`  // 99th percentile
	Top1       float64            `json:"top1"`    // share of tokens where both find the same one likeliest
	Made       *engine.Conversion `json:"conversion,omitempty"`
}

// Run implements kong's command.
func (c *compareCmd) Run(a *app) error {
	if err := c.mayDraw(c.A, c.B, c.File, c.Calib); err != nil {
		return err
	}
	curves, err := chart.ReadCurves(c.Curves)
	if err != nil {
		return err
	}
	cmp := &comparer{a: a, ctx: c.Ctx}
	defer cmp.close()
	if err := c.load(a, cmp); err != nil {
		return err
	}
	for _, s := range cmp.sides {
		if err := c.mayDraw(s.m.File().Paths()...); err != nil {
			return err
		}
	}
	ids, windows, err := cmp.cut("compare", c.File, c.Windows)
	if err != nil {
		return err
	}
	res, err := cmp.run(ids, windows)
	if err != nil {
		return err
	}
	for _, n := range c.Recall {
		if err := cmp.recall(res, ids, n, c.Facts); err != nil {
			return err
		}
	}
	if c.Plot != "" {
		if err := c.draw(res, curves); err != nil {
			return err
		}
	}
	if c.JSON {
		return a.printJSON(res)
	}
	res.print(a, c.B != "")
	if c.Plot != "" {
		a.printf("drawn in %s\n", c.Plot)
	}
	return nil
}

// mayDraw returns an error when there is a picture to draw that may not be written.
func (c *compareCmd) mayDraw(inputs ...string) error {
	if c.Plot == "" {
		return nil
	}
	return c.mayWrite(c.Plot, append(inputs, c.Curves...)...)
}

// load loads the reference and all models to compare with it.
func (c *compareCmd) load(a *app, cmp *comparer) error {
	opt, err := c.options(a)
	if err != nil {
		return err
	}
	sides := []engine.Options{{}}
	for _, form := range c.MLA {
		mla, err := engine.ParseMLA(form)
		if err != nil {
			return err
		}
		sides = append(sides, engine.Options{MLA: mla})
	}
	for _, f := range c.Cache {
		sides = append(sides, engine.Options{Cache: f.Cache})
	}
	if len(sides) == 1 {
		sides = append(sides, engine.Options{})
	}
	threads := c.count(a)
	for i, o := range sides {
		name := c.A
		if i > 0 && c.B != "" {
			name = c.B
		}
		if o.Threads = threads; o.MLA.Compressed() || mayCalibrate(o.Cache) {
			o.Convert = opt
		}
		if err := cmp.load(name, &o); err != nil {
			return err
		}
	}
	return nil
}

// draw writes the picture.
func (c *compareCmd) draw(r *comparison, curves []chart.Curve) error {
	name := r.A.Model
	own := chart.Curve{Name: "latentgo"}
	for _, m := range r.Models {
		own.Points = append(own.Points, chart.Point{Cache: 100 * float64(m.Session) / float64(r.A.Session), Ratio: m.Ratio})
	}
	note := fmt.Sprintf("%d windows of %d tokens; all bytes of a session, the original's takes %s", r.Windows, r.Ctx, human.Size(int64(r.A.Session)))
	p := &chart.Chart{
		Title:  fmt.Sprintf("%s: text quality against cache size", human.Line(name)),
		Note:   note,
		Curves: append([]chart.Curve{own}, curves...),
	}
	return c.write(c.Plot, func(w io.Writer) error { return p.Write(w, c.Plot) })
}
