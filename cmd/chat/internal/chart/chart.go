// Package chart draws perplexity ratios against cache sizes: the picture of `chat compare --plot`.
//
// The horizontal axis is the cache in percent of the original's, the vertical one the perplexity in multiples of the
// original's, logarithmic since that is how perplexity adds up. The original is the line at 1.
package chart

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Chart is a picture.
type Chart struct {
	Title  string
	Note   string // below the title
	Curves []Curve

	escape *strings.Replacer // of the format that it is drawn for; nil changes nothing
}

// Curve is one line with its name; points may come in any order.
type Curve struct {
	Name   string
	Points []Point
}

// Point is a measurement.
type Point struct {
	Cache float64 // percent of the original's
	Ratio float64 // of perplexities
}

// The size of the picture, and its dots per inch: 1440 × 900 pixels.
const (
	width  = 8 * vg.Inch
	height = 5 * vg.Inch
	dpi    = 180
)

// palette are the curves' colours, the first one for the most important; grey is for what is beside them.
var (
	palette = []color.Color{
		color.RGBA{0x0b, 0x6e, 0xb8, 0xff}, color.RGBA{0xd9, 0x5f, 0x02, 0xff}, color.RGBA{0x1b, 0x8a, 0x5a, 0xff},
		color.RGBA{0x8e, 0x44, 0xad, 0xff}, color.RGBA{0xa0, 0x52, 0x2d, 0xff},
	}
	grey  = color.RGBA{0x60, 0x60, 0x60, 0xff}
	light = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
)

// shapes are the curves' points.
var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}}

// draw draws the chart.
func (c *Chart) draw(to vg.CanvasSizer) error {
	p := c.frame()
	original := plotter.NewFunction(func(float64) float64 { return 1 })
	original.LineStyle = draw.LineStyle{Color: grey, Width: vg.Points(1.2), Dashes: []vg.Length{vg.Points(6), vg.Points(4)}}
	original.XMin, original.XMax, original.Samples = p.X.Min, p.X.Max, 2
	p.Add(original)
	for i, curve := range c.Curves {
		if err := addCurve(p, curve, i); err != nil {
			return fmt.Errorf("curve %q: %w", curve.Name, err)
		}
	}
	p.Legend.Add("original model", original)
	p.Draw(area(to))
	c.drawNote(p, area(to))
	return nil
}

// drawNote writes the note below the title.
func (c *Chart) drawNote(p *plot.Plot, area draw.Canvas) {
	style := p.Title.TextStyle
	style.Font.Size, style.Color = vg.Points(10), grey
	style.XAlign, style.YAlign = draw.XCenter, draw.YTop
	area.FillText(style, vg.Point{X: area.Center().X, Y: area.Max.Y - vg.Points(20)}, c.Note)
}

// frame makes title, axes and grid.
func (c *Chart) frame() *plot.Plot {
	p := plot.New()
	p.Title.Text = c.Title
	p.Title.Padding = vg.Points(28) // room for the note
	for _, s := range []*font.Font{&p.Title.TextStyle.Font, &p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font, &p.X.Tick.Label.Font, &p.Y.Tick.Label.Font, &p.Legend.TextStyle.Font} {
		s.Variant = "Sans"
		s.Size = vg.Points(11)
	}
	p.Title.TextStyle.Font.Size = vg.Points(13)
	p.X.Label.Text = c.text("bytes of the cache, % of the original's")
	p.Y.Label.Text = "perplexity, multiples of the original's"
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(6), vg.Points(6)
	p.Legend.Top, p.Legend.XOffs, p.Legend.YOffs = true, -vg.Points(12), -vg.Points(8)
	p.Legend.Padding, p.Legend.ThumbnailWidth = vg.Points(4), vg.Points(28)
	c.scale(p)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = light, light
	p.Add(grid)
	return p
}

// scale sets ranges and ticks.
func (c *Chart) scale(p *plot.Plot) {
	lo, hi, worst, best := 100.0, 100.0, 1.0, 1.0
	for _, curve := range c.Curves {
		for _, pt := range curve.Points {
			lo, hi = math.Min(lo, pt.Cache), math.Max(hi, pt.Cache)
			worst, best = math.Max(worst, pt.Ratio), math.Min(best, pt.Ratio)
		}
	}
	p.X.Min, p.X.Max = math.Floor(lo/10)*10-2, hi+2
	p.Y.Min, p.Y.Max = best/math.Pow(math.Max(worst/best, 1.1), 0.04), worst*math.Pow(math.Max(worst/best, 1.1), 0.08)
	p.Y.Scale = plot.LogScale{}
	var x, y []plot.Tick
	for v := 0.0; v <= p.X.Max; v += 10 {
		x = append(x, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f", v)})
	}
	for _, v := range ratioTicks(p.Y.Min, p.Y.Max) {
		y = append(y, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(x), plot.ConstantTicks(y)
}

// ratioTicks are round ratios between lo and hi, some four to ten of them.
func ratioTicks(lo, hi float64) []float64 {
	for _, ladder := range [][]float64{
		{0.96, 0.98, 1, 1.02, 1.04, 1.06, 1.08, 1.1, 1.12},
		{0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6},
		{0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4},
		{0.1, 0.2, 0.5, 1, 2, 3, 5, 7, 10, 20, 30, 50},
	} {
		if hi <= ladder[len(ladder)-1]*1.06 && lo >= ladder[0] {
			return slices.DeleteFunc(ladder, func(v float64) bool { return v < lo || v > hi })
		}
	}
	var out []float64
	for v := math.Pow(10, math.Floor(math.Log10(lo))); v <= hi; v *= 10 {
		if v >= lo {
			out = append(out, v)
		}
	}
	return out
}

// addCurve draws one curve with its points' values.
func addCurve(p *plot.Plot, c Curve, i int) error {
	points := slices.SortedFunc(slices.Values(c.Points), func(a, b Point) int {
		switch {
		case a.Cache < b.Cache:
			return -1
		case a.Cache > b.Cache:
			return 1
		}
		return 0
	})
	xy := make(plotter.XYs, len(points))
	labels := make([]string, len(points))
	for j, pt := range points {
		xy[j] = plotter.XY{X: pt.Cache, Y: pt.Ratio}
		labels[j] = fmt.Sprintf("%.2f", pt.Ratio)
	}
	line, dots, err := plotter.NewLinePoints(xy)
	if err != nil {
		return err
	}
	ink := palette[i%len(palette)]
	line.Color, line.Width = ink, vg.Points(2.2)
	dots.Color, dots.Radius, dots.Shape = ink, vg.Points(3.6), shapes[i%len(shapes)]
	text, err := plotter.NewLabels(plotter.XYLabels{XYs: xy, Labels: labels})
	if err != nil {
		return err
	}
	text.Offset = vg.Point{X: vg.Points(5), Y: vg.Points(5)}
	for j := range text.TextStyle {
		text.TextStyle[j].Color = ink
		text.TextStyle[j].Font.Variant, text.TextStyle[j].Font.Size = "Sans", vg.Points(9)
	}
	p.Add(line, dots, text)
	p.Legend.Add(c.Name, line, dots)
	return nil
}
