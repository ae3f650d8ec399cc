package gguf

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// streams hides from a file system everything but reading from the start.
type streams struct{ fs.FS }

type stream struct{ fs.File }

func (s streams) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return stream{f}, nil
}

// zipped packs files into an archive, compressed.
func zipped(t *testing.T, files fstest.MapFS) fs.FS {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, f := range files {
		out, err := w.Create(name)
		if err == nil {
			_, err = out.Write(f.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sources returns file systems of every kind that hold the same files.
func sources(t *testing.T, files fstest.MapFS) map[string]fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatal(err)
	}
	return map[string]fs.FS{"io.ReaderAt": files, "os": os.DirFS(dir), "stream": streams{files}, "zip": zipped(t, files)}
}

// Every kind of file system gives what a file of the system gives, in every form; so does a file in memory.
func TestOpenFS(t *testing.T) {
	for form, b := range forms {
		b.AddKV("answer", uint32(42))
		want := addEveryType(&b, b.BigEndian)
		for source, fsys := range sources(t, fstest.MapFS{"models/x.gguf": {Data: b.Bytes()}}) {
			f, err := OpenFS(fsys, "models/x.gguf")
			if err != nil {
				t.Fatalf("%s, %s: %v", form, source, err)
			}
			if n, err := f.Uint("answer"); n != 42 || err != nil || f.Name() != "models/x.gguf" || f.Size() != int64(len(b.Bytes())) {
				t.Errorf("%s, %s: %s, answer %d, %v", form, source, f.Name(), n, err)
			}
			if f.Mapped() != (source != "io.ReaderAt" && !b.BigEndian) {
				t.Errorf("%s, %s: mapped is %v", form, source, f.Mapped())
			}
			checkTensors(t, f, want)
			if err := f.Close(); err != nil {
				t.Errorf("%s, %s: %v", form, source, err)
			}
			if _, err := f.Tensors()[0].Bytes(); !errors.Is(err, ErrClosed) {
				t.Errorf("%s, %s: after Close: %v", form, source, err)
			}
		}
		f, err := OpenBytes("memory", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		checkTensors(t, f, want)
	}
}

// The parts of a split model come from the same file system; a reader and bytes have none.
func TestOpenFSSplit(t *testing.T) {
	dir := t.TempDir()
	paths := splitModel(false).WriteSplit(t, filepath.Join(dir, "model"), 3, nil)
	files := fstest.MapFS{}
	for i, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files["a/"+filepath.Base(path)] = &fstest.MapFile{Data: raw}
		if _, err := OpenBytes("upload", raw); !errors.Is(err, ErrSplit) || !strings.Contains(err.Error(), "upload") {
			t.Errorf("bytes of part %d: %v", i+1, err)
		}
	}
	for source, fsys := range sources(t, files) {
		f, err := OpenFS(fsys, "a/model-00002-of-00003.gguf")
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if f.Parts() != 3 || len(f.Tensors()) != 5 || f.Paths()[2] != "a/model-00003-of-00003.gguf" {
			t.Errorf("%s: %d parts %q", source, f.Parts(), f.Paths())
		}
		for i, x := range f.Tensors() {
			if b, err := x.Bytes(); err != nil || len(b) != 40 || b[0] != byte(i+1) {
				t.Errorf("%s: %s: %v %v", source, x.Name, b, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	delete(files, "a/model-00003-of-00003.gguf")
	for source, fsys := range sources(t, files) {
		before := openFiles(t)
		_, err := OpenFS(fsys, "a/model-00001-of-00003.gguf")
		if !errors.Is(err, ErrSplit) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "part 3 of 3") {
			t.Errorf("%s: a missing part: %v", source, err)
		}
		if after := openFiles(t); after != before {
			t.Errorf("%s: %d files left open", source, after-before)
		}
	}
}

// What is refused in one way is refused in all.
func TestRejectEverywhere(t *testing.T) {
	for _, group := range [][]reject{rejectStart, rejectKeys, rejectTensors} {
		for _, c := range group {
			_, err := OpenBytes("evil.gguf", c.file)
			checkFormatError(t, err, c.item, c.offset, c.reason)
			files := fstest.MapFS{"evil.gguf": {Data: c.file}}
			for _, fsys := range []fs.FS{files, streams{files}} {
				_, err := OpenFS(fsys, "evil.gguf")
				checkFormatError(t, err, c.item, c.offset, c.reason)
			}
		}
	}
	file := smallFile(gguftest.Builder{}).Bytes()
	for n := range file {
		files := fstest.MapFS{"x": {Data: file[:n]}}
		for _, fsys := range []fs.FS{files, streams{files}} {
			if _, err := OpenFS(fsys, "x"); !errors.Is(err, ErrFormat) {
				t.Errorf("cut to %d bytes: %v", n, err)
			}
		}
	}
}

func TestOpenFSErrors(t *testing.T) {
	if _, err := OpenFS(nil, "x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("no file system: %v", err)
	}
	if _, err := OpenReaderAt("x", nil, 9); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("no reader: %v", err)
	}
	for source, fsys := range sources(t, fstest.MapFS{"dir/x": {Data: []byte("GGUF")}}) {
		// Names that lead out of a file system are invalid, for some of them just not there.
		for name, want := range map[string]error{"none": fs.ErrNotExist, "dir": ErrFormat, "../x": fs.ErrInvalid, "/x": fs.ErrInvalid, "": fs.ErrInvalid} {
			_, err := OpenFS(fsys, name)
			if !errors.Is(err, want) && (want != fs.ErrInvalid || !errors.Is(err, fs.ErrNotExist)) {
				t.Errorf("%s: %q: %v", source, name, err)
			}
		}
	}
}

// claims is a file system whose only file says that it has so many bytes.
type claims struct {
	size int64
	data []byte
}

func (c claims) Open(string) (fs.File, error) { return &claimed{c, bytes.NewReader(c.data)}, nil }

type claimed struct {
	claims
	r io.Reader
}

func (c *claimed) Read(b []byte) (int, error) { return c.r.Read(b) }
func (c *claimed) Close() error               { return nil }
func (c *claimed) Stat() (fs.FileInfo, error) {
	info, err := fs.Stat(fstest.MapFS{"x": {Data: c.data}}, "x")
	return sized{info, c.size}, err
}

type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

// A stream that is shorter than its archive says is an error, without memory for what it says. A longer one is cut
// there.
func TestStreamOfWrongSize(t *testing.T) {
	file := new(gguftest.Builder).AddTensor("x", ggtype.I8, []uint64{1 << 20}, nil).Bytes()
	for _, size := range []int64{int64(len(file)) + 1, 1 << 40, 1 << 62} {
		before := allocated()
		if _, err := OpenFS(claims{size, file}, "x"); !errors.Is(err, ErrShrunk) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if n := allocated() - before; n > 8<<20 {
			t.Errorf("%d bytes: %d allocated", size, n)
		}
	}
	if _, err := OpenFS(claims{int64(len(file)) - 1, file}, "x"); !errors.Is(err, ErrFormat) {
		t.Errorf("cut: %v", err)
	}
	if _, err := OpenReaderAt("x", bytes.NewReader(file), int64(len(file))+1); !errors.Is(err, ErrShrunk) {
		t.Errorf("a reader of the wrong size: %v", err)
	}
	for _, size := range []int64{0, -1} {
		if _, err := OpenFS(claims{size, file}, "x"); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// counting counts what is read of a file.
type counting struct {
	*bytes.Reader
	mu sync.Mutex
	n  int
}

func (c *counting) ReadAt(b []byte, off int64) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += len(b)
	return c.Reader.ReadAt(b, off)
}

// A tensor is read once while its data is in use, whoever asks, and not kept for nobody.
func TestReadOnce(t *testing.T) {
	const size = 8 << 20
	file := new(gguftest.Builder).AddTensor("x", ggtype.I8, []uint64{size}, bytes.Repeat([]byte{7}, size)).Bytes()
	r := &counting{Reader: bytes.NewReader(file)}
	f, err := OpenReaderAt("x", r, int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	x := f.Tensors()[0]
	first, err := x.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if b, err := x.Bytes(); err != nil || &b[0] != &first[0] || len(b) != size || cap(b) != size {
				t.Errorf("another slice of %d bytes: %v", len(b), err)
			}
		})
	}
	wg.Wait()
	f.Release()
	if bytes.Count(first, []byte{7}) != size {
		t.Error("the data changed")
	}
	if r.n > size+firstRead+1 {
		t.Errorf("%d bytes read of %d", r.n, len(file))
	}
	runtime.KeepAlive(first)
	first = nil
	if n := heapInUse(); n > int64(len(file))+size/2 {
		t.Errorf("%d bytes in use: the data is still there", n)
	}
	runtime.KeepAlive(f)
}

// Reading a fingerprint through a reader reads samples, and gives what a mapped file gives.
func TestFingerprintEverywhere(t *testing.T) {
	for form, b := range forms {
		addEveryType(&b, b.BigEndian)
		file := b.AddTensor("large", ggtype.I8, []uint64{1 << 20}, nil).Bytes()
		want := ""
		r := &counting{Reader: bytes.NewReader(file)}
		for _, open := range []func() (*File, error){
			func() (*File, error) { return Open(b.Write(t)) },
			func() (*File, error) { return OpenBytes("x", file) },
			func() (*File, error) { return OpenReaderAt("x", r, int64(len(file))) },
		} {
			f, err := open()
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Fingerprint()
			if err != nil || want != "" && got != want {
				t.Errorf("%s: %s, want %s; %v", form, got, want, err)
			}
			want = got
			f.Close()
			if _, err := f.Fingerprint(); !errors.Is(err, ErrClosed) {
				t.Errorf("%s: after Close: %v", form, err)
			}
		}
		if !b.BigEndian && r.n > 1<<20 {
			t.Errorf("%s: %d bytes read of %d", form, r.n, len(file))
		}
	}
}

// A file in memory is not copied, and Release leaves it alone.
func TestOpenBytesCopiesNothing(t *testing.T) {
	file := new(gguftest.Builder).AddTensor("x", ggtype.I8, []uint64{1 << 20}, bytes.Repeat([]byte{7}, 1<<20)).Bytes()
	f, err := OpenBytes("x", file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Tensors()[0].Bytes()
	if err != nil || &b[0] != &file[f.Tensors()[0].Offset] || !f.Mapped() {
		t.Errorf("a copy: %v", err)
	}
	f.Release()
	if bytes.Count(b, []byte{7}) != 1<<20 {
		t.Error("Release lost the data")
	}
	if err := f.FaultError(fault{addr: address(b)}); err != nil {
		t.Errorf("memory is no mapping: %v", err)
	}
}
