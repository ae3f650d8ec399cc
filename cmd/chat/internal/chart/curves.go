package chart

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
)

// ReadCurves reads a curve from each file: a line with its name, then lines "cache,ratio", cache in percent of the
// original's. Empty lines and lines that start with # do not count.
func ReadCurves(paths []string) ([]Curve, error) {
	var out []Curve
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		c, err := readCurve(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func readCurve(r io.Reader) (Curve, error) {
	var c Curve
	in := bufio.NewScanner(r)
	for no := 1; in.Scan(); no++ {
		line := strings.TrimSpace(strings.TrimPrefix(in.Text(), "\ufeff"))
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case c.Name == "":
			c.Name = line
		default:
			p, err := readPoint(line)
			if err != nil {
				return c, fmt.Errorf("line %d: %w", no, err)
			}
			c.Points = append(c.Points, p)
		}
	}
	if err := in.Err(); err != nil {
		return c, err
	}
	if len(c.Points) == 0 {
		return c, fmt.Errorf("no points: want a name, then lines of cache size in percent and perplexity ratio, such as 50,1.53")
	}
	return c, nil
}

func readPoint(line string) (Point, error) {
	a, b, _ := strings.Cut(line, ",")
	x, err1 := strconv.ParseFloat(strings.TrimSpace(a), 64)
	y, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	if err1 != nil || err2 != nil || !(x > 0) || !(y > 0) || math.IsInf(x, 0) || math.IsInf(y, 0) {
		return Point{}, fmt.Errorf("%q is not two positive numbers with a comma between", line)
	}
	return Point{x, y}, nil
}
