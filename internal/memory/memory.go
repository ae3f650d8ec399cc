// Package memory says how much memory there is for this program.
package memory

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// Available returns how many bytes this program can have without pushing others out, as Linux says it, and within the
// limits of its control groups (those of a container). Elsewhere no bound is known: math.MaxInt64.
func Available() int64 { return available(os.DirFS("/")) }

func available(root fs.FS) int64 {
	n := int64(math.MaxInt64)
	if kb, ok := field(root, "proc/meminfo", "MemAvailable:"); ok {
		n = kb << 10
	}
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return n
	}
	for line := range strings.Lines(string(groups)) {
		// "0::/group" of version 2, "7:memory:/group" of version 1.
		controller, group, _ := strings.Cut(strings.TrimSpace(line[strings.Index(line, ":")+1:]), ":")
		switch controller {
		case "":
			n = min(n, left(root, "sys/fs/cgroup", group, "memory.max", "memory.current", "inactive_file"))
		case "memory":
			n = min(n, left(root, "sys/fs/cgroup/memory", group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))
		}
	}
	return n
}

// left returns what the limits of a group and of those around it leave. Within a container the group's name may be that of
// the system outside, which is not to be seen: then the folder itself is the group's.
func left(root fs.FS, dir, group, limit, usage, reclaimable string) int64 {
	n := int64(math.MaxInt64)
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		at := path.Join(dir, group)
		if most, ok := number(root, path.Join(at, limit)); ok {
			if used, ok := number(root, path.Join(at, usage)); ok {
				cached, _ := field(root, path.Join(at, "memory.stat"), reclaimable+" ")
				n = min(n, max(0, most-used+cached))
			}
		}
		if group == "/" {
			return n
		}
	}
}

// number reads a file that holds a number; "max" is none.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil
}

// field reads the number behind a word that begins a line.
func field(root fs.FS, name, word string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	_, rest, _ := bytes.Cut(append([]byte("\n"), text...), []byte("\n"+word))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return n, err == nil
}
