package cpu

import (
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
