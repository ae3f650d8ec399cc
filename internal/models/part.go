package models

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/latentgo/latentgo/internal/atomicfile"
)

// partFile is a download in progress: the bytes so far in FILE.part, the server's ETag in FILE.etag, and the SHA-256
// of what was written. One process at a time, guarded by the model's lock.
type partFile struct {
	dst  string
	f    *os.File
	hash hash.Hash
	size int64
}

// openPart opens or creates the part of dst and hashes what an earlier run left.
func openPart(dst string) (*partFile, error) {
	f, err := os.OpenFile(dst+".part", os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	p := &partFile{dst: dst, f: f, hash: sha256.New()}
	if p.size, err = io.Copy(p.hash, f); err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return p, nil
}

// Write appends b to the file and the hash.
func (p *partFile) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.hash.Write(b[:n])
	p.size += int64(n)
	return n, err
}

// Reset throws away what is there.
func (p *partFile) Reset() error {
	p.hash.Reset()
	p.size = 0
	_ = os.Remove(p.dst + ".etag")
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return p.f.Truncate(0)
}

// ETag returns the validator that the bytes so far came with, or "".
func (p *partFile) ETag() string {
	raw, err := os.ReadFile(p.dst + ".etag")
	if err != nil {
		return ""
	}
	return string(raw)
}

// SetETag stores the validator; a failure only costs the chance to resume.
func (p *partFile) SetETag(tag string) {
	if tag == "" {
		_ = os.Remove(p.dst + ".etag")
		return
	}
	_ = os.WriteFile(p.dst+".etag", []byte(tag), 0o666)
}

// Close keeps the part for the next try.
func (p *partFile) Close() error { return p.f.Close() }

// Discard removes the part.
func (p *partFile) Discard() {
	_ = p.f.Close()
	_ = os.Remove(p.dst + ".part")
	_ = os.Remove(p.dst + ".etag")
}

// Commit checks size and SHA-256 (where file knows them) and gives the bytes their name. A wrong content is removed
// and returned as ErrHash.
func (p *partFile) Commit(file remoteFile) error {
	sum := hex.EncodeToString(p.hash.Sum(nil))
	switch {
	case file.size > 0 && p.size != file.size:
		p.Discard()
		return fmt.Errorf("%s: %w: %d bytes, expected %d; the download was removed", file.name, ErrHash, p.size, file.size)
	case file.sha256 != "" && sum != file.sha256:
		p.Discard()
		return fmt.Errorf("%s: %w: SHA-256 is %s, expected %s; the download was removed", file.name, ErrHash, sum, file.sha256)
	}
	if err := errors.Join(p.f.Sync(), p.f.Close()); err != nil {
		return err
	}
	if err := os.Rename(p.dst+".part", p.dst); err != nil {
		return err
	}
	_ = os.Remove(p.dst + ".etag")
	syncDir(filepath.Dir(p.dst))
	return nil
}

// writeFile replaces path by raw in one step.
func writeFile(path string, raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(path, atomicfile.Options{Overwrite: true}, func(w io.Writer) error {
		_, err := w.Write(raw)
		return err
	})
}

// syncDir makes a rename durable where the system can; elsewhere it does nothing.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// fileSHA256 returns the hash of a file's content as lower-case hex.
func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
