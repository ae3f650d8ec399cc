package engine

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/latentgo/latentgo/internal/gguftest"

	"github.com/latentgo/latentgo/gguf"
)

// archive returns a zip archive of the files, compressed.
func archive(t *testing.T, files fstest.MapFS) fs.FS {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	if err := errors.Join(w.AddFS(files), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// loaders are the ways to load the file at path.
func loaders(t *testing.T, path string) map[string]func(*Options) (*Model, error) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(path)
	files := fstest.MapFS{name: {Data: raw}}
	packed := archive(t, files)
	return map[string]func(*Options) (*Model, error){
		"path":        func(o *Options) (*Model, error) { return Load(path, o) },
		"folder":      func(o *Options) (*Model, error) { return LoadFS(os.DirFS(filepath.Dir(path)), name, o) },
		"file system": func(o *Options) (*Model, error) { return LoadFS(files, name, o) },
		"archive":     func(o *Options) (*Model, error) { return LoadFS(packed, name, o) },
		"reader":      func(o *Options) (*Model, error) { return LoadReader(bytes.NewReader(raw), int64(len(raw)), o) },
		"memory": func(o *Options) (*Model, error) {
			f, err := gguf.OpenBytes(name, raw)
			if err != nil {
				return nil, err
			}
			return LoadGGUF(t.Context(), f, o)
		},
	}
}

// However a file is loaded, the logits are the same; so they are of its compressed form, which all share in the cache.
func TestLoadFromEverywhere(t *testing.T) {
	t.Setenv("LATENTGO_CACHE", t.TempDir())
	for name, path := range map[string]string{"llama": gguftest.TinyLlama().Build().Write(t), "randgguf": filepath.Join("testdata", "tiny.gguf")} {
		ids := gguftest.RandomIDs(40, 80)
		conversions := 0
		opt := quick(MLA{Percent: 50})
		opt.NoCache = false
		opt.Progress = func(p Progress) {
			if p.Stage == StageSave && p.Done == p.Total {
				conversions++
			}
		}
		exact, compressed := allLogits(t, loadFile(t, path, Options{}), ids), [][]float32(nil)
		for source, load := range loaders(t, path) {
			for _, o := range []*Options{nil, {MLA: MLA{Percent: 50}, Convert: opt, Threads: 1}} {
				m, err := load(o)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, source, err)
				}
				got, want := allLogits(t, m, ids), exact
				if o != nil {
					if compressed == nil {
						compressed = got
					}
					want = compressed
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %s: other logits: %.2g", name, source, nmse(got, want))
				}
				if err := m.Close(); err != nil {
					t.Errorf("%s, %s: %v", name, source, err)
				}
			}
		}
		if conversions != 1 {
			t.Errorf("%s: converted %d times", name, conversions)
		}
	}
}

// countingReader counts the bytes that are read.
type countingReader struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *countingReader) ReadAt(b []byte, off int64) (int, error) {
	c.n.Add(int64(len(b)))
	return c.ReaderAt.ReadAt(b, off)
}

// Weights are read once, and sessions read nothing.
func TestLoadReaderReadsOnce(t *testing.T) {
	raw := gguftest.TinyLlama().Build().Bytes()
	r := &countingReader{ReaderAt: bytes.NewReader(raw)}
	m, err := LoadReader(r, int64(len(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	// The header is read in a piece that holds all of so small a file.
	if n := r.n.Load(); n > int64(2*len(raw)+1) {
		t.Errorf("%d bytes read of %d", n, len(raw))
	}
	before := r.n.Load()
	allLogits(t, m, gguftest.RandomIDs(20, 80))
	if n := r.n.Load(); n != before {
		t.Errorf("%d bytes read for a session", n-before)
	}
}

// A split model loads from a file system and not from a reader.
func TestLoadSplitFromEverywhere(t *testing.T) {
	dir := t.TempDir()
	parts := gguftest.TinyLlama().Build().WriteSplit(t, filepath.Join(dir, "m"), 3, nil)
	want := allLogits(t, loadFile(t, gguftest.TinyLlama().Build().Write(t), Options{}), gguftest.RandomIDs(20, 80))
	for source, load := range loaders(t, parts[1]) {
		m, err := load(nil)
		switch source {
		case "path", "folder":
			if err != nil {
				t.Fatalf("%s: %v", source, err)
			}
			if !reflect.DeepEqual(allLogits(t, m, gguftest.RandomIDs(20, 80)), want) {
				t.Errorf("%s: other logits", source)
			}
			m.Close()
		default: // they hold one part
			if !errors.Is(err, gguf.ErrSplit) {
				t.Errorf("%s: %v", source, err)
			}
		}
	}
}

// Files that don't load are closed, whoever opened them.
func TestLoadErrors(t *testing.T) {
	raw := gguftest.TinyLlama().Build().Delete("llama.embedding_length").Bytes()
	f, err := gguf.OpenBytes("broken", raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LoadGGUF(t.Context(), f, nil); !errors.Is(err, gguf.ErrNoKey) {
		t.Errorf("got %v", err)
	}
	if _, err := f.Tensors()[0].Bytes(); !errors.Is(err, gguf.ErrClosed) {
		t.Errorf("the file is open: %v", err)
	}
	if _, err := LoadReader(bytes.NewReader(raw), int64(len(raw)), &Options{Threads: -1}); err == nil {
		t.Error("negative threads")
	}
	for name, err := range map[string]error{
		"nil file": drop2(LoadGGUF(t.Context(), nil, nil)), "nil file system": drop2(LoadFS(nil, "x", nil)), "nil reader": drop2(LoadReader(nil, 1, nil)),
		"missing": drop2(LoadFS(fstest.MapFS{}, "x", nil)),
	} {
		if !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func drop2(_ *Model, err error) error { return err }

// An empty tensor in the place of any that the model needs is an error that names it; one that nobody asks for is none.
func TestLoadEmptyTensors(t *testing.T) {
	f := openGGUF(t, gguftest.TinyLlama().Build().Write(t))
	for _, shape := range [][]uint64{{0}, {0, 0}, {64, 0}, {0, 80}} {
		for _, x := range f.Tensors() {
			w := new(gguf.Writer)
			if err := w.CopyMetadata(f, nil); err != nil {
				t.Fatal(err)
			}
			for _, y := range f.Tensors() {
				var err error
				if x == y {
					err = w.AddTensor(y.Name, y.Type, shape, func() ([]byte, error) { return nil, nil })
				} else {
					err = w.AddTensorFrom(y)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			var file bytes.Buffer
			if _, err := w.WriteTo(&file); err != nil {
				t.Fatal(err)
			}
			m, err := LoadReader(bytes.NewReader(file.Bytes()), int64(file.Len()), nil)
			if err == nil {
				m.Close()
			}
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), x.Name) {
				t.Errorf("%s %v: %v", x.Name, shape, err)
			}
		}
	}
}

// Locked weights stay in memory; where they are not mapped, that is refused.
func TestLoadLocked(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	want := f.Lock() // some systems refuse
	f.Close()
	m, err := Load(path, &Options{Lock: true})
	if (err == nil) != (want == nil) {
		t.Errorf("%v, the file alone: %v", err, want)
	}
	m.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LoadReader(bytes.NewReader(data), int64(len(data)), &Options{Lock: true}); !errors.Is(err, gguf.ErrUnsupported) {
		t.Errorf("from a reader: %v", err)
	}
}
