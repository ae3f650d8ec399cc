package gguf

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// mappedResident returns how many bytes of mapped files the process keeps in memory.
func mappedResident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// Data that was released takes no memory and is the same when it is read again; after Close there is nothing to
// release.
func TestRelease(t *testing.T) {
	const size = 32 << 20
	f, err := Open(new(gguftest.Builder).AddTensor("x", ggtype.F32, []uint64{size / 4}, bytes.Repeat([]byte{7}, size)).Write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !f.Mapped() {
		t.Skip("SKIPPED, NOT TESTED: files are not mapped here")
	}
	data, err := f.Tensors()[0].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(data, []byte{7}) != size {
		t.Fatal("not what was written")
	}
	before := mappedResident(t)
	f.Release()
	if after := mappedResident(t); before-after < size/2 {
		t.Errorf("%d bytes are resident, %d were before Release", after, before)
	}
	if bytes.Count(data, []byte{7}) != size {
		t.Error("the data changed")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.Release()
}
