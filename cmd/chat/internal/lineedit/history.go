package lineedit

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/latentgo/latentgo/internal/atomicfile"
)

// historyLimit is the number of entries that are kept.
const historyLimit = 1000

// History is a list of entries that outlives the program: a file of one entry per line, the newest last. Entries with
// line ends, and those that start with a quote, are JSON strings. The file can be read by its owner only.
type History struct {
	path    string
	entries []string
}

// OpenHistory reads the file at path; a missing one is an empty history. Its folder is created with the first entry.
func OpenHistory(path string) (*History, error) {
	h := &History{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	defer f.Close()
	if err := h.read(f); err != nil {
		return h, err
	}
	if n := len(h.entries); n > 2*historyLimit {
		h.entries = h.entries[n-historyLimit:]
		return h, h.rewrite()
	}
	return h, nil
}

// read takes all entries from r; lines that cannot be read are left out.
func (h *History) read(r io.Reader) error {
	br := bufio.NewReader(r)
	for {
		line, err := br.ReadString('\n')
		if entry, ok := decodeEntry(strings.TrimSuffix(line, "\n")); ok {
			h.entries = append(h.entries, entry)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Entries returns the newest entries, the oldest of them first. The caller must not change the slice.
func (h *History) Entries() []string {
	return h.entries[max(0, len(h.entries)-historyLimit):]
}

// Add appends an entry to the list and the file, unless it repeats the last one.
func (h *History) Add(entry string) error {
	if n := len(h.entries); n > 0 && h.entries[n-1] == entry {
		return nil
	}
	h.entries = append(h.entries, entry)
	if err := os.MkdirAll(filepath.Dir(h.path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(encodeEntry(entry) + "\n") // one write: two programs do not mix their entries
	return errors.Join(err, f.Chmod(0o600), f.Close())
}

// rewrite replaces the file by the entries in memory.
func (h *History) rewrite() error {
	var b strings.Builder
	for _, e := range h.entries {
		b.WriteString(encodeEntry(e) + "\n")
	}
	return atomicfile.Write(h.path, atomicfile.Options{Overwrite: true, Perm: 0o600}, func(w io.Writer) error {
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// encodeEntry writes an entry as one line.
func encodeEntry(s string) string {
	if !strings.ContainsAny(s, "\n\r") && !strings.HasPrefix(s, `"`) {
		return s
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return strings.ReplaceAll(s, "\n", " ")
	}
	return string(raw)
}

// decodeEntry is the inverse of encodeEntry; false for an empty or broken line.
func decodeEntry(line string) (string, bool) {
	if !strings.HasPrefix(line, `"`) {
		return line, strings.TrimSpace(line) != ""
	}
	var s string
	err := json.Unmarshal([]byte(line), &s)
	return s, err == nil
}
