package huggingface

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/internal/atomicfile"
)

// CheckDir finds out what would keep a folder from being written to dir before work is spent on it: something that is
// there, unless overwrite and it is a folder that an export made. Errors wrap fs.ErrExist, or are the system's.
func CheckDir(dir string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		st, err := os.Stat(filepath.Dir(filepath.Clean(dir)))
		if err == nil && !st.IsDir() {
			err = fmt.Errorf("%s: not a folder", filepath.Dir(dir))
		}
		return err
	case err != nil:
		if _, serr := os.Stat(dir); serr == nil {
			return fmt.Errorf("write %s: it is no folder: %w", dir, fs.ErrExist)
		}
		return err
	case len(entries) > 0 && !overwrite:
		return fmt.Errorf("write %s: the folder holds something: %w", dir, fs.ErrExist)
	}
	for _, e := range entries {
		if !exported(e) {
			return fmt.Errorf("write %s: it holds %q, which is no part of a model, and would be lost: %w", dir, e.Name(), fs.ErrExist)
		}
	}
	return nil
}

// exported reports whether a file of a folder may be one that an export wrote.
func exported(e fs.DirEntry) bool {
	switch name := e.Name(); {
	case e.IsDir():
		return name == poolingDir
	case !e.Type().IsRegular():
		return false
	case strings.HasPrefix(name, "model") && strings.HasSuffix(name, ".safetensors"):
		return true
	default:
		return slices.Contains([]string{"config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
			"modules.json", "README.md", indexName}, name)
	}
}

// Write writes the folder to dir, which appears when it is complete: beside it first, each file synced, then renamed. A
// folder that is there must be empty, or with overwrite hold nothing but what an export writes; it is replaced then.
// progress, which may be nil, is told how many bytes are written of how many. Errors are those of CheckDir, of f, of
// ctx, or the system's.
func (e *Export) Write(ctx context.Context, dir string, overwrite bool, progress func(done, total int64)) (err error) {
	if err := CheckDir(dir, overwrite); err != nil {
		return err
	}
	dir = filepath.Clean(dir)
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	p := &written{ctx: ctx, report: progress}
	entries := e.entries()
	for _, f := range entries {
		p.total += f.size
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		path := filepath.Join(tmp, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := p.file(path, entries[name]); err != nil {
			return err
		}
	}
	atomicfile.SyncDir(tmp)
	return replaceDir(tmp, dir)
}

// replaceDir renames tmp to dir; what is at dir moves into tmp's place and goes with it.
func replaceDir(tmp, dir string) error {
	old := tmp + "-old"
	err := os.Rename(dir, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	replaced := err == nil
	if err := os.Rename(tmp, dir); err != nil {
		if replaced {
			err = errors.Join(err, os.Rename(old, dir))
		}
		return err
	}
	atomicfile.SyncDir(filepath.Dir(dir))
	if replaced {
		return os.RemoveAll(old)
	}
	return nil
}

// written counts what is written.
type written struct {
	ctx         context.Context
	done, total int64
	report      func(done, total int64)
}

// file writes one file.
func (p *written) file(path string, e entry) error {
	return atomicfile.Write(path, atomicfile.Options{}, func(w io.Writer) error {
		const piece = 4 << 20
		buf := make([]byte, min(piece, e.size))
		for at := int64(0); at < e.size; {
			if err := p.ctx.Err(); err != nil {
				return err
			}
			b := buf[:min(piece, e.size-at)]
			if n, err := e.data.ReadAt(b, at); n < len(b) {
				return err
			}
			if _, err := w.Write(b); err != nil {
				return err
			}
			at += int64(len(b))
			if p.done += int64(len(b)); p.report != nil {
				p.report(p.done, p.total)
			}
		}
		return nil
	})
}
