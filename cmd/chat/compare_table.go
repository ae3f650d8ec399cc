package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
)

// tableWidth is what a terminal of 80 columns shows without breaking lines.
const tableWidth = 79

// print writes the table for people. Rows are named by the form of the cache, those of two files by the file.
func (r *comparison) print(a *app, twoFiles bool) {
	a.printf("%d tokens in %d windows of %d\n", r.Tokens, r.Windows, r.Ctx)
	rows := [][]string{{"", "B/token", "session", "perplexity", "ratio", "KL mean", "KL p99", "same top"}}
	all := append([]compared{r.A}, r.Models...)
	for i, m := range all {
		rows = append(rows, r.row(i, m))
	}
	widths := columnWidths(rows)
	room := tableWidth
	for _, w := range widths[1:] {
		room -= w + 2
	}
	names := r.names(all, twoFiles)
	short := shorten(names, max(room, 8))
	for i, name := range short {
		rows[i+1][0] = name
	}
	printTable(a, rows)
	r.printRecall(a, all, short)
	for i, m := range all {
		if note := m.note(names[i], short[i]); note != "" {
			a.printf("%s\n", foldAt(short[i]+": ", note))
		}
	}
}

// printRecall writes how many of the facts each model has found again.
func (r *comparison) printRecall(a *app, all []compared, names []string) {
	if len(r.A.Recall) == 0 {
		return
	}
	rows := [][]string{{""}}
	for _, x := range r.A.Recall {
		rows[0] = append(rows[0], fmt.Sprintf("%d codes in %s tokens", x.Facts, human.Count(int64(x.Tokens))), "log-prob")
	}
	for i, m := range all {
		row := []string{names[i]}
		for _, x := range m.Recall {
			row = append(row, fmt.Sprint(x.Right), fmt.Sprintf("%.3f", x.LogProb))
		}
		rows = append(rows, row)
	}
	a.printf("\n")
	printTable(a, rows)
}

// foldAt returns head and a list of words with commas between, in lines that fit the table's width where the words
// allow it.
func foldAt(head, list string) string {
	var b strings.Builder
	b.WriteString(head)
	column := runewidth.StringWidth(head)
	for i, word := range strings.SplitAfter(list, ", ") {
		if n := runewidth.StringWidth(strings.TrimRight(word, " ")); i > 0 && column+n > tableWidth {
			b.WriteString("\n  ")
			column = 2
		}
		b.WriteString(word)
		column += runewidth.StringWidth(word)
	}
	return strings.ReplaceAll(b.String(), ", \n", ",\n")
}

// row is the line of model i, without its name.
func (r *comparison) row(i int, m compared) []string {
	share := fmt.Sprintf("%.1f %%", 100*float64(m.Session)/float64(r.A.Session))
	row := []string{"", fmt.Sprint(m.CacheBytes), share, decimals(m.PPL)}
	if i == 0 {
		return append(row, "1", "–", "–", "–")
	}
	return append(row, decimals(m.Ratio), fmt.Sprintf("%.5f", m.KL), fmt.Sprintf("%.4f", m.KL99), fmt.Sprintf("%.2f %%", 100*m.Top1))
}

// decimals renders a number with four decimals, a large one with four digits.
func decimals(x float64) string {
	if x < 10000 {
		return fmt.Sprintf("%.4f", x)
	}
	return fmt.Sprintf("%.4g", x)
}

// note says what else there is to know of a row: its name, where that was cut, the form of the cache, bytes beside it.
func (m *compared) note(name, short string) string {
	var parts []string
	if name != short {
		parts = append(parts, name)
	}
	if m.MLA != m.Asked && m.MLA != "exact" {
		parts = append(parts, m.MLA)
	}
	if m.Recent > 0 {
		parts = append(parts, human.Size(int64(m.Recent))+" per session beside")
	}
	return strings.Join(parts, ", ")
}

// names returns a name for each model, all different unless the models are the same.
func (r *comparison) names(all []compared, twoFiles bool) []string {
	names := make([]string, len(all))
	for i, m := range all {
		names[i] = m.Asked
		if !twoFiles {
			continue
		}
		names[i] = human.Line(fileTitle(m.File, all))
		if i > 0 && (m.Asked != "exact" || len(all) > 2) {
			names[i] += " " + m.Asked
		}
	}
	return names
}

// fileTitle is a file's name without its extension, with its folder where another file has the same name.
func fileTitle(path string, all []compared) string {
	name := filepath.Base(path)
	for _, m := range all {
		if m.File != path && filepath.Base(m.File) == name {
			name = path
		}
	}
	return strings.TrimSuffix(name, ".gguf")
}

// shorten cuts names to a width: their beginnings, which models of one family share. Where that leaves two of them
// equal they become letters.
func shorten(names []string, width int) []string {
	short := make([]string, len(names))
	seen := map[string]string{}
	for i, name := range names {
		short[i] = name
		if n := runewidth.StringWidth(name); n > width {
			short[i] = runewidth.TruncateLeft(name, n-width+1, "…")
		}
		if other, ok := seen[short[i]]; ok && other != name {
			return letters(len(names))
		}
		seen[short[i]] = name
	}
	return short
}

// letters are the names A, B, C …
func letters(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = string(rune('A' + i%26))
		if i >= 26 {
			out[i] += fmt.Sprint(i / 26)
		}
	}
	return out
}

// columnWidths returns the widest cell of each column.
func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	return widths
}

// printTable prints rows with names on the left and figures flush right.
func printTable(a *app, rows [][]string) {
	widths := columnWidths(rows)
	for _, row := range rows {
		var b strings.Builder
		b.WriteString(runewidth.FillRight(row[0], widths[0]))
		for i, cell := range row[1:] {
			b.WriteString("  " + runewidth.FillLeft(cell, widths[i+1]))
		}
		a.printf("%s\n", b.String())
	}
}
