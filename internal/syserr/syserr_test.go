package syserr

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestMeaning(t *testing.T) {
	for name, c := range map[string]struct {
		is   func(error) bool
		err  error
		none error
	}{
		"full":    {DiskFull, diskFull[0], closedPipe[0]},
		"pipe":    {ClosedPipe, closedPipe[0], refused[0]},
		"refused": {Refused, refused[0], readOnly[0]},
		"read":    {ReadOnly, readOnly[0], diskFull[0]},
	} {
		wrapped := fmt.Errorf("write: %w", &fs.PathError{Op: "write", Path: "x", Err: c.err})
		if !c.is(wrapped) || c.is(c.none) || c.is(nil) || c.is(errors.New("other")) {
			t.Error(name)
		}
	}
}
