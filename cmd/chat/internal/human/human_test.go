package human

import (
	"testing"
	"time"

	"github.com/latentgo/latentgo/engine"
)

func TestSizeAndCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 96_600_000: "96.6 MB", 4_920_000_000: "4.9 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{12: "12", 134_515_008: "134.5 million", 8_030_000_000: "8.03 billion"} {
		if got := Count(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestSpeed(t *testing.T) {
	st := engine.Stats{PromptTokens: 10, CachedTokens: 3, PromptTime: time.Second, Tokens: 7, DecodeTime: 2 * time.Second}
	if got, want := Speed(st), "prompt 10 tokens (+3 cached) in 1.00 s, 10.0 tokens/s; answer 7 tokens in 2.00 s, 3.5 tokens/s"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := Speed(engine.Stats{}), "prompt 0 tokens (+0 cached) in 0.00 s, -; answer 0 tokens in 0.00 s, -"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPrintable(t *testing.T) {
	if got := Printable("a\x1b[2J\x07b\u009b\r\n\tc\u202e日"); got != "a[2Jb\n\tc\u202e日" {
		t.Errorf("%q", got)
	}
	if got := Line("a\r\nb\nc\td\x00"); got != "a↵b↵c d" {
		t.Errorf("%q", got)
	}
}
