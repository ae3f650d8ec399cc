package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// target is the place of a file that will be written.
type target struct {
	path, base string // links followed; path ends in base
	stream     bool   // no regular file, written in place
	overwrite  bool
	exists     bool
	perm       fs.FileMode // of the file that exists, or of a new one before the umask
}

// find looks at what is at path and refuses what can't be written there.
func find(path string, opt Options) (*target, error) {
	st, err := os.Stat(path)
	if isDescriptor(path) || err == nil && !st.Mode().IsRegular() && !st.IsDir() {
		return &target{stream: true}, nil
	}
	t := &target{overwrite: opt.Overwrite, perm: opt.Perm}
	if t.perm == 0 {
		t.perm = 0o666
	}
	switch {
	case err == nil && st.IsDir():
		return nil, errors.New("is a directory")
	case err == nil && !opt.Overwrite:
		return nil, fs.ErrExist
	case err == nil:
		t.exists, t.perm = true, st.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, reason(err)
	}
	if t.path, err = follow(path); err != nil {
		return nil, err
	}
	if _, t.base = filepath.Split(t.path); t.base == "" {
		return nil, errors.New("the path has no file name")
	}
	return t, nil
}

// isDescriptor reports whether path names a file that this process has open, such as /dev/stdout: to be written through
// the descriptor even where a shell has led it to a regular file.
func isDescriptor(path string) bool {
	path = filepath.ToSlash(path)
	return path == "/dev/stdout" || path == "/dev/stderr" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}

// dir is the folder of the target, not cleaned: "x/.." is not "." where x is a link.
func (t *target) dir() string { return strings.TrimSuffix(t.path, t.base) + "." }

// follow returns the file that a path ends at, through links, also those whose file is not there.
func follow(path string) (string, error) {
	for range 40 {
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(path)
			link = dir + link
		}
		path = link
	}
	return "", errors.New("too many links")
}

// create opens a new file beside the target. No one who may not read the target can read it.
func (t *target) create() (*os.File, error) {
	for {
		// A name has at most 255 bytes on most systems.
		base := strings.ToValidUTF8(t.base[:min(len(t.base), 200)], "")
		name := "." + base + "." + strconv.FormatUint(uint64(rand.Uint32()), 36) + ".tmp"
		f, err := os.OpenFile(strings.TrimSuffix(t.path, t.base)+name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, t.perm)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("create a file in %s: %w", filepath.Clean(t.dir()), reason(err))
		}
	}
}

// finish syncs and closes tmp and gives it the target's bits and name.
func (t *target) finish(tmp *os.File) error {
	if t.exists {
		if err := tmp.Chmod(t.perm); err != nil {
			return err
		}
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if t.overwrite {
		return os.Rename(tmp.Name(), t.path)
	}
	return t.place(tmp.Name())
}

// place gives the file at tmp the target's name unless something took it meanwhile. A hard link does both in one step;
// file systems without them leave a moment between looking and renaming.
func (t *target) place(tmp string) error {
	err := os.Link(tmp, t.path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(t.path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(tmp, t.path)
}

// syncDir makes a rename durable where the system can do that for folders.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
