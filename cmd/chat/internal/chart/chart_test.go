package chart

import (
	"bytes"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sample is a picture like those that users get.
func sample() *Chart {
	return &Chart{
		Title: "SmolLM2-135M-Instruct: text quality against cache size",
		Note:  "40 windows of 256 tokens; the original caches 23.0 kB per token",
		Curves: []Curve{
			{"latentgo", []Point{{50, 1.11}, {83.3, 1.01}, {66.7, 1.04}, {25, 1.62}, {33.3, 1.31}}},
			{"TransMLA's own code", []Point{{83.3, 1.103}, {66.7, 1.249}, {50, 1.53}, {33.3, 2.05}, {25, 2.871}}},
		},
	}
}

// The picture is a PNG of the documented size with both curves' colours in it; CHART_OUT names a file to keep it in.
func TestWritePNG(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b, "x.png"); err != nil {
		t.Fatal(err)
	}
	if out := os.Getenv("CHART_OUT"); out != "" {
		if err := os.WriteFile(out, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if s := img.Bounds().Size(); s.X != 1440 || s.Y != 900 {
		t.Errorf("%v pixels", s)
	}
	for i := range 2 {
		r, g, bl, _ := palette[i].RGBA()
		n := 0
		for y := range 900 {
			for x := range 1440 {
				if pr, pg, pb, _ := img.At(x, y).RGBA(); pr == r && pg == g && pb == bl {
					n++
				}
			}
		}
		if n < 500 {
			t.Errorf("curve %d has %d pixels", i, n)
		}
	}
}

// A picture is what its name says, whatever its texts hold.
func TestFormats(t *testing.T) {
	begins := map[string]string{
		"png": "\x89PNG\r\n", "jpg": "\xff\xd8\xff", "jpeg": "\xff\xd8\xff", "JPG": "\xff\xd8\xff", "tif": "II*\x00", "tiff": "II*\x00",
		"svg": "<?xml", "pdf": "%PDF-", "eps": "%!PS-Adobe", "tex": "\\documentclass",
	}
	for ext, want := range begins {
		c := sample()
		c.Title = `50 % of (a\b) & <c> {d}_e`
		name := "no.png/x." + ext
		var b bytes.Buffer
		if err := c.Write(&b, name); err != nil || CheckName(name) != nil {
			t.Errorf("%s: %v, %v", ext, err, CheckName(name))
		}
		head := strings.TrimLeft(b.String(), "%\n ")
		if !strings.HasPrefix(b.String(), want) && !(ext == "tex" && strings.Contains(head, want)) {
			t.Errorf("%s begins with %.20q", ext, b.String())
		}
		if out := os.Getenv("CHART_OUT"); out != "" {
			_ = os.WriteFile(out+"."+ext, b.Bytes(), 0o644)
		}
		if ext == "tex" && !strings.Contains(b.String(), `50 \% of (a\textbackslash{}b) \& <c> \{d\}\_e`) {
			t.Errorf("tex does not escape the title:\n%s", b.String())
		}
		if ext == "eps" && !strings.Contains(b.String(), `(50 % of \(a\\b\) & <c> {d}_e) show`) {
			t.Error("eps does not escape the title")
		}
	}
	for _, name := range []string{"p", "p.gif", "p.", ".", "png", "p.png.txt"} {
		if err := CheckName(name); err == nil || !strings.Contains(err.Error(), ".jpg") {
			t.Errorf("%s: %v", name, err)
		}
		if err := sample().Write(io.Discard, name); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

// Whatever was measured can be drawn.
func TestOddCharts(t *testing.T) {
	for name, points := range map[string][]Point{
		"one point":        {{50, 1.2}},
		"better than it":   {{50, 0.9}, {20, 0.7}},
		"nothing lost":     {{50, 1}},
		"destroyed":        {{50, 3}, {10, 4000}},
		"larger than it":   {{150, 1.01}},
		"same cache twice": {{50, 1.1}, {50, 1.2}},
	} {
		var b bytes.Buffer
		c := &Chart{Title: name, Curves: []Curve{{"a curve", points}}}
		if err := c.Write(&b, "x.png"); err != nil || b.Len() < 1000 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
}

func TestRatioTicks(t *testing.T) {
	for _, c := range [][2]float64{{0.99, 1.05}, {0.97, 1.2}, {0.95, 3}, {0.9, 1.55}, {0.99, 30}, {0.4, 5000}} {
		ticks := ratioTicks(c[0], c[1])
		if len(ticks) < 3 || !slices.IsSorted(ticks) || ticks[0] < c[0] || ticks[len(ticks)-1] > c[1] {
			t.Errorf("%v: %v", c, ticks)
		}
	}
}

func TestReadCurves(t *testing.T) {
	path := func(text string) string {
		p := filepath.Join(t.TempDir(), "c.csv")
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	got, err := ReadCurves([]string{path("# from a paper\n\nOthers\n50, 1.5\n# and\n25,3\n")})
	if err != nil || len(got) != 1 || got[0].Name != "Others" || !slices.Equal(got[0].Points, []Point{{50, 1.5}, {25, 3}}) {
		t.Errorf("%v, %v", got, err)
	}
	for text, want := range map[string]string{
		"": "no points", "Name\n": "no points", "Name\n50\n": "line 2", "N\n50,x": `"50,x"`, "N\n-1,2": "positive", "N\n1,Inf": "positive",
	} {
		if _, err := ReadCurves([]string{path(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ReadCurves([]string{"missing.csv"}); !os.IsNotExist(err) {
		t.Errorf("missing file: %v", err)
	}
}
