package memory

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestAvailable(t *testing.T) {
	meminfo := "MemTotal:       24000 kB\nMemAvailable:    8000 kB\n"
	for name, tc := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no Linux":      {nil, math.MaxInt64},
		"no groups":     {map[string]string{"proc/meminfo": meminfo}, 8000 << 10},
		"damaged":       {map[string]string{"proc/meminfo": "MemAvailable:", "proc/self/cgroup": "x\n\n:"}, math.MaxInt64},
		"without limit": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 8000 << 10},
		"version 2": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "5000000\n",
			"sys/fs/cgroup/a/memory.current": "2000000\n", "sys/fs/cgroup/a/memory.stat": "anon 7\nactive_file 3\ninactive_file 500000\n"}, 3500000},
		"container": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/outside\n", "sys/fs/cgroup/memory.max": "1000\n",
			"sys/fs/cgroup/memory.current": "2000\n"}, 0},
		"version 1": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:cpu:/x\n7:memory:/y\n", "sys/fs/cgroup/memory/y/memory.limit_in_bytes": "4000\n",
			"sys/fs/cgroup/memory/y/memory.usage_in_bytes": "1000\n", "sys/fs/cgroup/memory/y/memory.stat": "total_inactive_file 10\n"}, 3010},
	} {
		root := fstest.MapFS{}
		for path, text := range tc.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := available(root); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
	if Available() <= 0 {
		t.Error("nothing")
	}
}
