package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ModelRow is a row of the table in docs/models.md, without the marks of Markdown.
type ModelRow struct {
	Files, Architecture, Words, Template, Calls, Thoughts string
	Switch, SwitchValue                                   string // of the template, or ""
	Ends                                                  string // token that ends an answer, or ""
	EndsByKey                                             bool   // because a key says so, not by its text
	Compressed                                            string
}

// Models returns the table of docs/models.md.
func Models(t testing.TB) []ModelRow {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, "docs", "models.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []ModelRow
	for _, line := range strings.Split(string(b), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| files ") {
			continue
		}
		const columns = 9
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != columns+2 {
			t.Fatalf("docs/models.md: %d columns, want %d: %s", len(cells)-2, columns, line)
		}
		for i := range cells {
			cells[i] = strings.Trim(strings.ReplaceAll(cells[i], "\x00", "|"), " `")
		}
		c := cells[1:]
		r := ModelRow{Files: c[0], Architecture: c[1], Words: c[2], Template: c[3], Calls: c[4], Thoughts: c[5], Compressed: c[8]}
		r.Switch, r.SwitchValue, _ = strings.Cut(c[6], "=")
		if r.EndsByKey = strings.HasPrefix(c[7], "("); r.EndsByKey {
			c[7] = strings.Trim(c[7], "()`")
		}
		r.Ends = c[7]
		out = append(out, r)
	}
	if len(out) == 0 {
		t.Fatal("docs/models.md has no table")
	}
	return out
}
