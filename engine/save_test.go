package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/kept"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
)

// A session that was saved and loaded goes on as if nothing had been, to the bit.
func TestSaveAndLoad(t *testing.T) {
	other := byteModel(t, Options{})
	for name, b := range gguftest.Convertible() {
		path := b.Write(t)
		for form, opt := range cacheForms(name) {
			for _, cache := range cachesOf(name) {
				t.Run(fmt.Sprintf("%s/%s/%v", name, form, cache), func(t *testing.T) {
					saveAndLoad(t, loadForCache(t, path, opt, cache), other, cache)
				})
			}
		}
	}
}

func saveAndLoad(t *testing.T, m, stranger *Model, cache CacheType) {
	s := newSession(t, m, &SessionOptions{Context: 500, Cache: cache})
	opt := &GenerateOptions{MaxTokens: 5, IgnoreEOG: true, Sampling: &Sampling{}}
	for _, err := range s.Generate(t.Context(), gguftest.RandomIDs(300, 80), opt) {
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "session")
	if err := s.SaveFile(path, false); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveFile(path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file is replaced: %v", err)
	}
	l, err := m.LoadSessionFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.Tokens(), s.Tokens()) || l.Context() != 500 || l.CacheBytes() > s.CacheBytes() {
		t.Errorf("%d tokens, context %d, %d bytes", len(l.Tokens()), l.Context(), l.CacheBytes())
	}
	if n := m.CacheBytes(); n != int64(s.CacheBytes()+l.CacheBytes()) {
		t.Errorf("the model counts %d bytes, the sessions hold %d and %d", n, s.CacheBytes(), l.CacheBytes())
	}
	ids := gguftest.RandomIDs(40, 80)
	want, err1 := s.Eval(t.Context(), ids)
	got, err2 := l.Eval(t.Context(), ids)
	if err1 != nil || err2 != nil || !slices.Equal(got, want) {
		t.Errorf("the loaded session goes on otherwise: %v, %v", err1, err2)
	}
	other := CacheF16
	if cache == CacheF16 {
		other = CacheQ8
	}
	if _, err := m.LoadSessionFile(path, &SessionOptions{Cache: other}); !errors.Is(err, ErrSaved) {
		t.Errorf("another cache: %v", err)
	}
	if _, err := m.LoadSessionFile(path, &SessionOptions{Cache: cache, Context: 100}); !errors.Is(err, ErrContextFull) {
		t.Errorf("a small context: %v", err)
	}
	if _, err := stranger.LoadSessionFile(path, nil); !errors.Is(err, ErrSaved) {
		t.Errorf("another model: %v", err)
	}
}

// Whatever a file holds, loading it gives a session or an error that wraps ErrSaved, and takes no memory beyond its
// size.
func TestDamagedSessions(t *testing.T) {
	for _, form := range []string{"exact", "compressed"} {
		m := tinyModel(t, Options{})
		if form == "compressed" {
			m = compressedModel(t)
		}
		s := newSession(t, m, nil)
		if _, err := s.Eval(t.Context(), gguftest.RandomIDs(70, 80)); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := s.Save(&b); err != nil {
			t.Fatal(err)
		}
		s.Close()
		load := func(what string, data []byte) {
			t.Helper()
			l, err := m.LoadSession(bytes.NewReader(data), int64(len(data)), nil)
			if err == nil {
				l.Close()
			}
			if !errors.Is(err, ErrSaved) {
				t.Errorf("%s: %s: %v", form, what, err)
			}
		}
		good := b.Bytes()
		for n := 0; n < len(good); n += 1 + n/50 {
			load(fmt.Sprintf("%d bytes", n), good[:n])
		}
		load("a byte more", append(slices.Clone(good), 0))
		for at := 0; at < len(good); at += 1 + at/40 {
			bad := slices.Clone(good)
			bad[at] ^= 0x41
			load(fmt.Sprintf("byte %d of %d", at, len(bad)), bad)
		}
		// Counts that their checksum agrees with.
		first := len("latentgo session\n") + 4
		fixed := first + binary.Size(kept.Head{})
		for at := first + 32; at < fixed+4*70; at += 4 {
			for _, v := range []uint32{0, 1 << 31, 1<<32 - 1} {
				bad := slices.Clone(good)
				if binary.LittleEndian.Uint32(bad[at:]) == v || at >= fixed && v == 0 {
					continue
				}
				binary.LittleEndian.PutUint32(bad[at:], v)
				end := fixed + 4*(70+80)
				binary.LittleEndian.PutUint32(bad[end:], crc32.Checksum(bad[:end], crc32.MakeTable(crc32.Castagnoli)))
				load(fmt.Sprintf("%d at byte %d", v, at), bad)
			}
		}
		if n := m.CacheBytes(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	}
}

// Loading 8,000 tokens from the page cache. The cache holds zeros: nobody computes with it.
func BenchmarkLoadSession(b *testing.B) {
	const tokens = 8000
	m := loadFile(b, testenv.Model(b), Options{})
	s := newSession(b, m, &SessionOptions{Context: 8192})
	layers := len(m.net.Spec().Layers)
	sum := func(x []byte) []byte {
		return binary.LittleEndian.AppendUint32(x, crc32.Checksum(x, crc32.MakeTable(crc32.Castagnoli)))
	}
	head := make([]byte, 12+4*layers)
	binary.LittleEndian.PutUint32(head, uint32(layers))
	binary.LittleEndian.PutUint32(head[4:], tokens)
	layer := sum(make([]byte, 8192*s.TokenBytes()/layers))
	zeros := bytes.NewReader(append(sum(head), bytes.Repeat(layer, layers)...))
	if err := s.seq.Load(tokens, zeros, 0, zeros.Size()); err != nil {
		b.Fatal(err)
	}
	s.tokens = gguftest.RandomIDs(tokens, m.net.Vocab())
	path := filepath.Join(b.TempDir(), "session")
	if err := s.SaveFile(path, false); err != nil {
		b.Fatal(err)
	}
	s.Close()
	for b.Loop() {
		l, err := m.LoadSessionFile(path, nil)
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}
