package chat_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// differential is what testdata/differential.py writes.
type differential struct {
	Vars          chat.Object
	Now           string
	Cases         [][2]*string // source and text; no text for an error
	Conversations []conversationCase
}

// conversationCase is a conversation, a template's file and the text.
type conversationCase struct {
	file string
	conv chat.Conversation
	text *string
}

func (c *conversationCase) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&c.file, &c.conv, &c.text})
}

// readDifferential reads a file, packed or not.
func readDifferential(t *testing.T, path string) (d differential) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.NewDecoder(r).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDifferential renders random templates and conversations and compares with Jinja2. LATENTGO_DIFFERENTIAL names
// another file of differential.py, whose templates are looked for in the shared vectors too.
func TestDifferential(t *testing.T) {
	path := os.Getenv("LATENTGO_DIFFERENTIAL")
	if path == "" {
		path = filepath.Join("testdata", "differential.json.gz")
	}
	d := readDifferential(t, path)
	now, err := time.Parse("2006-01-02T15:04:05", d.Now)
	if err != nil {
		t.Fatal(err)
	}
	opt := chat.RenderOptions{BOS: "<BOS>", EOS: "<EOS>", Now: now, Vars: d.Vars}
	for _, c := range d.Cases {
		tmpl, err := chat.Parse(*c[0])
		got := ""
		if err == nil {
			var r chat.Rendering
			r, err = tmpl.Render(context.Background(), chat.Conversation{}, opt)
			got = r.String()
		}
		compareCase(t, *c[0], got, err, c[1])
	}
	opt.Vars = chat.Object{}
	for _, c := range d.Conversations {
		file := filepath.Join("testdata", c.file)
		if _, err := os.Stat(file); err != nil {
			file = filepath.Join(testenv.Shared(t, "vectors/chat"), c.file)
		}
		tmpl := compile(t, file)
		if c.text == nil && (strings.Contains(tmpl.Source(), ".append(") || strings.HasPrefix(c.file, "llama-cpp-deepseek-r1")) {
			continue // allowed here: changing a list, a generator as JSON
		}
		r, err := tmpl.Render(context.Background(), c.conv, opt)
		source, _ := json.Marshal(c.conv)
		compareCase(t, c.file+" "+string(source), r.String(), err, c.text)
	}
}

// compareCase compares a rendering with Jinja2's, nil for an error.
func compareCase(t *testing.T, source, got string, err error, want *string) {
	t.Helper()
	switch {
	case want == nil && err == nil:
		t.Errorf("%s\ngot %.200q, Jinja2 fails", source, got)
	case want != nil && err != nil:
		t.Errorf("%s\n%v\nwant %.200q", source, err, *want)
	case want != nil && got != *want:
		t.Errorf("%s\ngot  %q\nwant %q", source, got, *want)
	}
}
