package cpu

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestResolve(t *testing.T) {
	var (
		none     = []Level{Generic}
		haswell  = []Level{Generic, AVX2}
		alder    = []Level{Generic, AVX2, AVXVNNI}
		zen4     = []Level{Generic, AVX2, AVX512}
		sapphire = []Level{Generic, AVX2, AVXVNNI, AVX512, AMX}
		a76      = []Level{Generic, NEON}
		m2       = []Level{Generic, NEON, I8MM}
	)
	for _, c := range []struct {
		env  string
		have []Level
		want Level
		ok   bool
	}{
		{"", none, Generic, true},
		{"", zen4, AVX512, true},
		{"generic", zen4, Generic, true},
		{"avx2", zen4, AVX2, true},
		{"AVX2", haswell, AVX2, true},
		{"avx512", zen4, AVX512, true},
		{"avx512", haswell, AVX2, false},
		{"avx2", none, Generic, false},
		{"neon", a76, NEON, true},
		{"generic", a76, Generic, true},
		{"avx2", a76, NEON, false},
		{"avx512", a76, NEON, false},
		{"neon", zen4, AVX512, false},
		{"neon", none, Generic, false},
		{"sse2", haswell, AVX2, false},
		{" avx2", haswell, AVX2, false},
		{"amx", zen4, AVX512, false},
		{"AVXVNNI", haswell, AVX2, false},
		{"AVXVNNI", alder, AVXVNNI, true},
		{"", alder, AVXVNNI, true},
		{"avx2", alder, AVX2, true},
		{"avx512", alder, AVXVNNI, false},
		{"", sapphire, AMX, true},
		{"avx512", sapphire, AVX512, true},
		{"amx", sapphire, AMX, true},
		{"avxvnni", sapphire, AVXVNNI, true},
		{"avxvnni", zen4, AVX512, false},
		{"i8mm", a76, NEON, false},
		{"i8mm", m2, I8MM, true},
		{"neon", m2, NEON, true},
		{"avx2", m2, I8MM, false},
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
		"amx":    "LATENTGO_CPU=amx is not there; this CPU and build have generic, avx2: CPU level",
		"sse2":   `LATENTGO_CPU="sse2" is unknown; this CPU and build have generic, avx2: CPU level`,
		"avx512": "LATENTGO_CPU=avx512 is not there; this CPU and build have generic, avx2: CPU level",
	} {
		if _, err := resolve(env, []Level{Generic, AVX2}); err.Error() != want {
			t.Errorf("%s: %v, want %s", env, err, want)
		}
	}
}

func TestForceClampsAndRestores(t *testing.T) {
	before, chosen := Active(), Chosen()
	for l := Generic; l < levels; l++ {
		restore := Force(l)
		if !Chosen() {
			t.Errorf("forced %v is not chosen", l)
		}
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
	if Active() != before || Chosen() != chosen {
		t.Errorf("active %v after all restores, want %v; chosen: %v, want %v", Active(), before, Chosen(), chosen)
	}
}

func TestLevels(t *testing.T) {
	all := Levels()
	if len(all) == 0 || all[0] != Generic || !slices.Contains(all, Best()) {
		t.Errorf("Levels() = %v with best %v", all, Best())
	}
	if s := levels.String(); s != fmt.Sprintf("level(%d)", NumLevels) {
		t.Errorf("unknown level prints %q", s)
	}
}

func TestEnvErrorMeansBest(t *testing.T) {
	if EnvError() != nil && (Active() != Best() || Chosen()) {
		t.Errorf("active %v with error %v, want %v; chosen: %v", Active(), EnvError(), Best(), Chosen())
	}
}
