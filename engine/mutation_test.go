package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/huggingface"
	"github.com/latentgo/latentgo/internal/hubtest"
)

// TestMutatedHeaders changes bytes of the headers of models of many architectures: an error, or a model that loads and
// runs a token, with no more memory than a sound one takes and some.
//
// LATENTGO_MUTATE says how much: "all" is every byte of every model in turn, and as many pairs at random; a number is
// so many random bytes of each model. Without it some of a few models.
func TestMutatedHeaders(t *testing.T) {
	files, err := filepath.Glob("../gguf/huggingface/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no models")
	}
	rounds, all := 40, false
	switch s := os.Getenv("LATENTGO_MUTATE"); s {
	case "all":
		all = true
	case "":
		files = []string{files[0], files[len(files)/3], files[2*len(files)/3], files[len(files)-1]}
	default:
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal("LATENTGO_MUTATE:", err)
		}
	}
	sum := &tally{}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		file, header := modelBytes(t, path, name)
		r := rand.New(rand.NewPCG(7, uint64(header)))
		change := func(at ...int) {
			m := bytes.Clone(file)
			for _, i := range at {
				m[i] ^= byte(1 + r.IntN(255))
			}
			sum.try(t, fmt.Sprintf("%s with bytes %v changed", name, at), m)
		}
		n := rounds
		if all {
			n = header
		}
		for i := range n {
			if !all {
				i = r.IntN(header)
			}
			change(i)
			change(r.IntN(header), r.IntN(header))
		}
		if all {
			t.Logf("%s: %d bytes; %d files so far", name, header, sum.files)
		}
	}
	t.Logf("%d files, %d refused, %d ran; the longest took %v, the largest %d MB", sum.files, sum.refused, sum.ran, sum.longest, sum.largest>>20)
}

// modelBytes returns a small model as a file, and the length of its header.
func modelBytes(t *testing.T, path, name string) (file []byte, header int) {
	t.Helper()
	m, err := huggingface.Open(hubtest.Read(t, path).Folder(t), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	h, _ := m.Header(0)
	return hubtest.Bytes(t, m.File), len(h)
}

// tally counts what became of files.
type tally struct {
	files, refused, ran int
	longest             time.Duration
	largest             uint64 // bytes that a file made the program allocate
}

// most is what a file of some hundred kilobytes may make the program allocate.
const most = 192 << 20

// try loads a file and runs a token.
func (s *tally) try(t *testing.T, what string, file []byte) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%s: panic: %v", what, r)
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := run(file)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	s.files++
	if err != nil {
		s.refused++
	} else {
		s.ran++
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Errorf("%s: %d MB were allocated", what, n>>20)
	} else {
		s.largest = max(s.largest, n)
	}
	s.longest = max(s.longest, took)
}

// run loads a model and evaluates a token, or makes an embedding where that is what it is for.
func run(file []byte) error {
	f, err := gguf.OpenBytes("x", file)
	if err != nil {
		return err
	}
	m, err := engine.LoadGGUF(context.Background(), f, &engine.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := m.NewSession(nil)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Eval(context.Background(), []int32{1})
	return err
}
