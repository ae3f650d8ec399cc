package cpu

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestCountCores(t *testing.T) {
	dir := t.TempDir()
	for i, siblings := range []string{"0,4\n", "1,5\n", "2,6\n", "3,7\n", "0,4\n", "1,5\n", "2,6\n", "3,7\n"} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("cpu%d", i)), []byte(siblings), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := countCores(filepath.Join(dir, "cpu[0-9]*")); n != 4 {
		t.Errorf("8 processors on 4 cores count as %d", n)
	}
	if n := countCores(filepath.Join(dir, "none*")); n != 0 {
		t.Errorf("no files count as %d", n)
	}
}

// Only cores of the highest class count, and no other records.
func TestFastCores(t *testing.T) {
	record := func(relationship uint32, class byte) []byte {
		r := make([]byte, 48)
		binary.LittleEndian.PutUint32(r, relationship)
		binary.LittleEndian.PutUint32(r[4:], 48)
		r[9] = class
		return r
	}
	var list []byte
	for i := range 14 {
		list = append(list, record(0, byte(i%2))...)
		list = append(list, record(3, 5)...) // a package
	}
	if n := fastCores(list); n != 7 {
		t.Errorf("%d fast cores, want 7", n)
	}
	binary.LittleEndian.PutUint32(list[4:], 1<<20)
	if n := fastCores(list); n != 0 || fastCores(nil) != 0 {
		t.Errorf("a broken list: %d", n)
	}
}

func TestThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if n := Threads(); n != 1 {
		t.Errorf("%d threads with GOMAXPROCS=1", n)
	}
	runtime.GOMAXPROCS(4 * runtime.NumCPU())
	if n := Processors(); n != runtime.NumCPU() {
		t.Errorf("%d processors of %d", n, runtime.NumCPU())
	}
}
