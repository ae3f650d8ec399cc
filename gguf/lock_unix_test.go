//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package gguf

import (
	"strings"
	"testing"
)

func TestMemlockSays(t *testing.T) {
	if s := memlock(8<<20, 4<<30+1); !strings.Contains(s, "8192 kB (ulimit -l), 4194305 are needed") {
		t.Error(s)
	}
	if s := memlock(4<<30, 4<<30); !strings.Contains(s, "large enough") {
		t.Error(s)
	}
}
