package gguf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// splitModel has five tensors, filled with 1 to 5.
func splitModel(bigEndian bool) *gguftest.Builder {
	b := &gguftest.Builder{BigEndian: bigEndian}
	b.AddKV("general.architecture", "test").AddKV("answer", uint32(42))
	for i := range byte(5) {
		b.AddTensor(string('a'+rune(i)), ggtype.I8, []uint64{40}, bytes.Repeat([]byte{i + 1}, 40))
	}
	return b
}

// Whichever part is named, all are opened: metadata of the first, tensors of all in order.
func TestSplit(t *testing.T) {
	for _, bigEndian := range []bool{false, true} {
		prefix := filepath.Join(t.TempDir(), "model")
		for _, path := range splitModel(bigEndian).WriteSplit(t, prefix, 3, nil) {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := f.Uint("answer"); n != 42 || err != nil || f.Parts() != 3 || f.Name() != prefix+"-00001-of-00003.gguf" {
				t.Errorf("%s: answer %d, %v; %d parts", f.Name(), n, err, f.Parts())
			}
			for i, x := range f.Tensors() {
				b, err := x.Bytes()
				if err != nil || x.Name != string('a'+rune(i)) || b[0] != byte(i+1) || x.Part != []int{0, 1, 1, 2, 2}[i] {
					t.Errorf("tensor %d: %q of part %d: %v %v", i, x.Name, x.Part, b, err)
				}
			}
			if len(f.Tensors()) != 5 || f.Close() != nil {
				t.Errorf("%d tensors", len(f.Tensors()))
			}
		}
	}
}

// A file whose split.count is 0 or 1 is a model of its own, whatever its name.
func TestSplitCountOne(t *testing.T) {
	for _, n := range []uint16{0, 1} {
		b := new(gguftest.Builder).AddKV("split.count", n)
		path := filepath.Join(t.TempDir(), "x-00002-of-00009.gguf")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil || f.Parts() != 1 {
			t.Fatalf("split.count %d: %v", n, err)
		}
		f.Close()
	}
}

// rejectSplit changes one thing about a model in three files; open is the index of the file that is opened.
var rejectSplit = []struct {
	name   string
	modify func(no int, part *gguftest.Builder)
	after  func(paths []string) error
	open   int
	reason string
}{
	{name: "second part missing", after: func(p []string) error { return os.Remove(p[1]) }, reason: "open part 2 of 3"},
	{name: "first part missing", after: func(p []string) error { return os.Remove(p[0]) }, open: 1, reason: "open part 1 of 3"},
	{name: "renamed", after: func(p []string) error { return os.Rename(p[0], p[0]+".gguf") }, reason: "SELF"},
	{name: "parts swapped", after: func(p []string) error {
		return errors.Join(os.Rename(p[1], p[1]+".x"), os.Rename(p[2], p[1]), os.Rename(p[1]+".x", p[2]))
	}, reason: "says part 3 of 3 with 5 tensors, expected part 2 of 3"},
	{name: "name against metadata", modify: set(0, "split.no", uint16(1)), reason: "the name says part 1 of 3, the metadata part 2 of 3"},
	{name: "count against name", modify: set(0, "split.count", uint16(4)), reason: "the name says part 1 of 3, the metadata part 1 of 4"},
	{name: "count differs", modify: set(2, "split.count", uint16(4)), reason: "says part 3 of 4"},
	{name: "no beyond count", modify: set(0, "split.no", uint16(3)), reason: "split.no is 3, split.count is 3"},
	{name: "count beyond the name's digits", modify: set(0, "split.count", uint32(100000)), reason: "split.count is 100000"},
	{name: "no missing", modify: drop(0, "split.no"), reason: `key "split.no": no such key`},
	{name: "no missing in second", modify: drop(1, "split.no"), reason: `key "split.no": no such key`},
	{name: "keys missing in second", modify: func(no int, p *gguftest.Builder) {
		if no == 1 {
			p.Delete("split.no").Delete("split.count").Delete("split.tensors.count")
		}
	}, reason: "says part 1 of 0"},
	{name: "tensor count missing", modify: drop(0, "split.tensors.count"), reason: `key "split.tensors.count": no such key`},
	{name: "no of wrong kind", modify: set(0, "split.no", "0"), reason: `key "split.no": wrong kind of value: is str`},
	{name: "count of wrong kind", modify: set(0, "split.count", []uint16{3}), reason: `key "split.count": wrong kind of value: is arr of 1 u16`},
	{name: "negative count", modify: set(0, "split.count", int32(-3)), reason: "-3 is negative"},
	{name: "tensor count wrong", modify: func(_ int, p *gguftest.Builder) { p.Set("split.tensors.count", int32(6)) }, reason: "split.tensors.count is 6, the 3 files have 5 tensors"},
	{name: "tensor counts differ", modify: set(1, "split.tensors.count", int32(4)), reason: "with 4 tensors, expected part 2 of 3 with 5"},
	{name: "same tensor twice", modify: func(no int, p *gguftest.Builder) {
		p.Set("split.tensors.count", int32(6))
		if no == 2 {
			p.AddTensor("a", ggtype.I8, []uint64{1}, nil)
		}
	}, reason: `tensor "a" is in`},
	{name: "second part broken", after: func(p []string) error { return os.WriteFile(p[1], []byte("GGUF"), 0o644) }, reason: "version needs 4 bytes"},
}

func set(no int, key string, value any) func(int, *gguftest.Builder) {
	return func(n int, p *gguftest.Builder) {
		if n == no {
			p.Set(key, value)
		}
	}
}

func drop(no int, key string) func(int, *gguftest.Builder) {
	return func(n int, p *gguftest.Builder) {
		if n == no {
			p.Delete(key)
		}
	}
}

func TestRejectSplit(t *testing.T) {
	for _, c := range rejectSplit {
		t.Run(c.name, func(t *testing.T) {
			before := openFiles(t)
			paths := splitModel(false).WriteSplit(t, filepath.Join(t.TempDir(), "model"), 3, c.modify)
			if c.after != nil {
				if err := c.after(paths); err != nil {
					t.Fatal(err)
				}
			}
			path := paths[c.open]
			if c.reason == "SELF" { // renamed: the error explains the name that is needed
				path += ".gguf"
				c.reason = "part 1 of 3 is not named NAME-00001-of-00003.gguf"
			}
			_, err := Open(path)
			if err == nil || !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), "model-0000") {
				t.Errorf("got %v, want …%s…", err, c.reason)
			}
			if !errors.Is(err, ErrSplit) && !errors.Is(err, ErrKind) && !errors.Is(err, ErrNoKey) {
				t.Errorf("%v matches no sentinel", err)
			}
			if after := openFiles(t); after != before {
				t.Errorf("%d files left open", after-before)
			}
		})
	}
}

// openFiles counts the open file descriptors where the system shows them.
func openFiles(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Names of parts come from the opened path alone: no key and no tensor name leads out of its folder.
func TestSplitPathTraversal(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	evil := func(_ int, p *gguftest.Builder) {
		for _, key := range []string{"split.name", "split.prefix", "split.path", "general.name", "general.basename"} {
			p.Set(key, "../model")
		}
	}
	splitModel(false).WriteSplit(t, filepath.Join(dir, "model"), 2, evil)
	paths := splitModel(false).WriteSplit(t, filepath.Join(inner, "model"), 2, evil)
	if err := os.Remove(paths[1]); err != nil {
		t.Fatal(err)
	}
	_, err := Open(paths[0])
	if !errors.Is(err, ErrSplit) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), paths[1]) {
		t.Errorf("got %v, want %s missing", err, paths[1])
	}
	// A count that is no number of five digits, signs or separators included, cannot name a file.
	for _, name := range []string{"model-00001-of-../00.gguf", "-00001-of-00002.gguf", "model-1-of-2.gguf", "model-+0001-of-00002.gguf"} {
		p := &part{name: filepath.Join(inner, name)}
		if got, err := p.splitPrefix(splitInfo{no: 0, count: 2}); err == nil {
			t.Errorf("%s: prefix %q", name, got)
		}
	}
}

func TestSplitNeedsPath(t *testing.T) {
	path := splitModel(false).WriteSplit(t, filepath.Join(t.TempDir(), "model"), 2, nil)[1]
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenReaderAt("upload", bytes.NewReader(file), int64(len(file)))
	if !errors.Is(err, ErrSplit) || !strings.Contains(err.Error(), "part 2 of 2") {
		t.Errorf("got %v", err)
	}
}
