package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// Every architecture runs with a cache of few bits, by prompt and token by token, or says that it is not supported.
func TestCodesOfEveryArchitecture(t *testing.T) {
	if testing.Short() {
		t.Skip("calibrates a hundred models")
	}
	for name, build := range gguftest.ByArchitecture() {
		for _, c := range []Cache{{Type: CacheQ4}, {Type: CacheCalibrated, Share: 0.4}} {
			t.Run(fmt.Sprintf("%s/%v", name, c), func(t *testing.T) {
				opt := quick(MLA{})
				opt.Tokens = 256
				m, err := Load(build().Write(t), &Options{Cache: c, Convert: opt, Threads: 1})
				if errors.Is(err, ErrUnsupported) {
					t.Skip(err)
				} else if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = m.Close() })
				s, err := m.NewSession(nil)
				if errors.Is(err, ErrUnsupported) {
					t.Skip(err)
				} else if err != nil {
					t.Fatal(err)
				}
				const steps = 40
				ids := gguftest.RandomIDs(min(100, s.Context()-steps), 32)
				if _, err := s.Eval(t.Context(), ids); err != nil {
					t.Fatal(err)
				}
				for i := range steps {
					if _, err := s.Eval(t.Context(), ids[i%len(ids):][:1]); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}
