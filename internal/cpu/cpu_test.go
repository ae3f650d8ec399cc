package cpu

import (
	"errors"
	"testing"
)

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		env  string
		have Level
		want Level
		ok   bool
	}{
		{"", Generic, Generic, true},
		{"", AVX512, AVX512, true},
		{"generic", AVX512, Generic, true},
		{"avx2", AVX512, AVX2, true},
		{"AVX2", AVX2, AVX2, true},
		{"avx512", AVX512, AVX512, true},
		{"avx512", AVX2, AVX2, false},
		{"avx2", Generic, Generic, false},
		{"neon", NEON, NEON, true},
		{"generic", NEON, Generic, true},
		{"avx2", NEON, NEON, false},
		{"avx512", NEON, NEON, false},
		{"neon", AVX512, AVX512, false},
		{"neon", Generic, Generic, false},
		{"sse2", AVX2, AVX2, false},
		{" avx2", AVX2, AVX2, false},
		{"amx", AVX512, AVX512, false},
		{"AVXVNNI", AVX2, AVX2, false},
		{"i8mm", NEON, NEON, false},
		{"i8mm", I8MM, I8MM, true},
		{"neon", I8MM, NEON, true},
		{"avx2", I8MM, I8MM, false},
	} {
		got, err := resolve(c.env, c.have)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("resolve(%q, %v) = %v, %v; want %v", c.env, c.have, got, err, c.want)
		}
		if err != nil && !errors.Is(err, ErrLevel) {
			t.Errorf("resolve(%q, %v): %v does not wrap ErrLevel", c.env, c.have, err)
		}
	}
}

// What is wrong and which levels there are is said in one line.
func TestResolveSays(t *testing.T) {
	for env, want := range map[string]string{
		"avxvnni": "LATENTGO_CPU=avxvnni: no kernels are built for it; this CPU and build have generic, avx2: CPU level",
		"amx":     "LATENTGO_CPU=amx is not there; this CPU and build have generic, avx2: CPU level",
		"sse2":    `LATENTGO_CPU="sse2" is unknown; this CPU and build have generic, avx2: CPU level`,
		"avx512":  "LATENTGO_CPU=avx512 is not there; this CPU and build have generic, avx2: CPU level",
	} {
		if _, err := resolve(env, AVX2); err.Error() != want {
			t.Errorf("%s: %v, want %s", env, err, want)
		}
	}
}

func TestForceClampsAndRestores(t *testing.T) {
	before := Active()
	for l := Generic; l < levels; l++ {
		restore := Force(l)
		want := Generic
		for _, have := range Levels() {
			if have <= l {
				want = have
			}
		}
		if Active() != want || l.Available() != (want == l) {
			t.Errorf("forced %v: active %v, want %v; available: %v", l, Active(), want, l.Available())
		}
		restore()
	}
	if Active() != before {
		t.Errorf("active %v after all restores, want %v", Active(), before)
	}
}

func TestLevels(t *testing.T) {
	all := Levels()
	if len(all) == 0 || all[0] != Generic || all[len(all)-1] != Best() {
		t.Errorf("Levels() = %v with best %v", all, Best())
	}
	if s := levels.String(); s != "level(6)" {
		t.Errorf("unknown level prints %q", s)
	}
}

func TestEnvErrorMeansBest(t *testing.T) {
	if EnvError() != nil && Active() != Best() {
		t.Errorf("active %v with error %v, want %v", Active(), EnvError(), Best())
	}
}
