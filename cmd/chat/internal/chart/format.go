package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"image/jpeg"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgeps"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
	"gonum.org/v1/plot/vg/vgtex"
)

// canvas is what a chart is drawn on and then written from.
type canvas interface {
	vg.CanvasSizer
	io.WriterTo
}

// format is a kind of file.
type format struct {
	canvas func() canvas
	escape *strings.Replacer // for texts that the canvas puts into the file as they are; nil where it does that itself
}

// formats are the kinds of files by the extensions of their names.
var formats = map[string]format{
	"png":  {canvas: func() canvas { return vgimg.PngCanvas{Canvas: pixels()} }},
	"jpg":  {canvas: func() canvas { return jpegCanvas{pixels()} }},
	"jpeg": {canvas: func() canvas { return jpegCanvas{pixels()} }},
	"tif":  {canvas: func() canvas { return vgimg.TiffCanvas{Canvas: pixels()} }},
	"tiff": {canvas: func() canvas { return vgimg.TiffCanvas{Canvas: pixels()} }},
	"svg":  {canvas: func() canvas { return vgsvg.New(width, height) }},
	"pdf":  {canvas: func() canvas { return vgpdf.New(width, height) }},
	"eps":  {canvas: func() canvas { return epsCanvas{vgeps.New(width, height)} }, escape: strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`)},
	"tex": {canvas: func() canvas { return vgtex.NewDocument(width, height) }, escape: strings.NewReplacer(`\`, `\textbackslash{}`, `{`, `\{`, `}`, `\}`,
		`%`, `\%`, `$`, `\$`, `&`, `\&`, `#`, `\#`, `_`, `\_`, `^`, `\textasciicircum{}`, `~`, `\textasciitilde{}`)},
}

// CheckName returns an error unless a chart can be written to a file of this name: its extension names the format.
func CheckName(path string) error {
	if _, ok := formats[extension(path)]; ok {
		return nil
	}
	return fmt.Errorf("%s: the name of a picture ends in one of .%s", path, strings.Join(slices.Sorted(maps.Keys(formats)), ", ."))
}

// extension is the end of a file's name, in lower case and without the dot.
func extension(path string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
}

// pixels is a white picture.
func pixels() *vgimg.Canvas {
	return vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
}

// jpegCanvas is written with so little loss that lines and letters stay clear.
type jpegCanvas struct{ *vgimg.Canvas }

// WriteTo implements io.WriterTo; the number of bytes is not counted.
func (c jpegCanvas) WriteTo(w io.Writer) (int64, error) {
	return 0, jpeg.Encode(w, c.Image(), &jpeg.Options{Quality: 93})
}

// epsCanvas is written with the first line that readers know an EPS file by; the library's has a percent sign too many.
type epsCanvas struct{ *vgeps.Canvas }

// WriteTo implements io.WriterTo.
func (c epsCanvas) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	if _, err := c.Canvas.WriteTo(&b); err != nil {
		return 0, err
	}
	n, err := w.Write(bytes.Replace(b.Bytes(), []byte("%%!PS"), []byte("%!PS"), 1))
	return int64(n), err
}

// Write draws the chart to w, in the format that the name of a file asks for, see CheckName.
func (c *Chart) Write(w io.Writer, name string) error {
	f, ok := formats[extension(name)]
	if !ok {
		return CheckName(name)
	}
	to := f.canvas()
	if err := c.escaped(f.escape).draw(to); err != nil {
		return err
	}
	_, err := to.WriteTo(w)
	return err
}

// escaped returns a copy of c whose texts are escaped; nil changes nothing.
func (c *Chart) escaped(by *strings.Replacer) *Chart {
	if by == nil {
		return c
	}
	e := &Chart{Title: by.Replace(c.Title), Note: by.Replace(c.Note), escape: by}
	for _, curve := range c.Curves {
		e.Curves = append(e.Curves, Curve{by.Replace(curve.Name), curve.Points})
	}
	return e
}

// text returns one of the chart's own texts, escaped where the format needs it.
func (c *Chart) text(s string) string {
	if c.escape == nil {
		return s
	}
	return c.escape.Replace(s)
}

// area is the part of a canvas that is drawn on.
func area(to vg.CanvasSizer) draw.Canvas {
	return draw.Crop(draw.New(to), vg.Points(10), -vg.Points(16), vg.Points(10), -vg.Points(10))
}
