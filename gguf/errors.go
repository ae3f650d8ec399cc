package gguf

import (
	"errors"
	"fmt"
)

// Sentinels, to be tested with errors.Is. Messages name the file, and the key, tensor or offset.
var (
	// ErrFormat is returned when a file is not a valid GGUF file; errors.As gives the [FormatError].
	ErrFormat = errors.New("not a valid GGUF file")
	// ErrNoKey is returned by the getters when the file has no such key.
	ErrNoKey = errors.New("no such key")
	// ErrKind is returned by the getters when the value has another kind, or does not fit into the type asked for.
	ErrKind = errors.New("wrong kind of value")
	// ErrNoTensor is returned by File.Tensor when the file has no such tensor.
	ErrNoTensor = errors.New("no such tensor")
	// ErrSplit is returned by Open when the files of a split model do not belong together or one is missing.
	ErrSplit = errors.New("inconsistent split")
	// ErrShrunk is returned when mapped or announced data cannot be read any more: the file was truncated, or the disk
	// failed.
	ErrShrunk = errors.New("the file shrank or became unreadable while in use")
	// ErrClosed is returned by every access to tensor data after Close.
	ErrClosed = errors.New("file is closed")
	// ErrUnsupported is returned for valid data that cannot be handed out in the form asked for.
	ErrUnsupported = errors.New("unsupported")
)

// FormatError says where and why a file is not valid. It matches ErrFormat.
type FormatError struct {
	File   string // name given to Open
	Item   string // what was being read: `key "general.alignment"`, `tensor 12 "blk.0.attn_q.weight"`, `header`
	Offset int64  // position in the file, in bytes
	Reason string // what is wrong there
}

// Error gives file, item, offset and reason in one line.
func (e *FormatError) Error() string {
	return fmt.Sprintf("gguf: %s: %s at offset %d: %s", e.File, e.Item, e.Offset, e.Reason)
}

// Is makes a FormatError match ErrFormat.
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

// keyError wraps a sentinel for a getter: gguf: FILE: key "K": sentinel (detail).
func (f *File) keyError(key string, sentinel error, detail string) error {
	if detail != "" {
		return fmt.Errorf("gguf: %s: key %q: %w: %s", f.name, key, sentinel, detail)
	}
	return fmt.Errorf("gguf: %s: key %q: %w", f.name, key, sentinel)
}
