// Package cpu tells which SIMD instructions the kernels may use:
//
//	Generic   plain Go                                          every platform, the build tag purego
//	AVX2      AVX2, BMI2, FMA, F16C                             x86-64-v3: since 2013 (Intel), 2015 (AMD)
//	AVXVNNI   VNNI in 256 bits (AVX-VNNI) on top of AVX2        since 2021 (Intel's client CPUs), 2024 (AMD)
//	AVX512    AVX-512 F, BW, DQ, VL and VNNI on top of AVX2     since 2019 (Intel), 2022 (AMD)
//	AMX       AMX tiles of int8 and bfloat16 on top of AVX512   since 2023 (Intel); on Linux
//	NEON      Advanced SIMD with dot product (FEAT_DotProd)     arm64: since 2017 (Cortex-A75), every Apple M
//	I8MM      8-bit matrix products (FEAT_I8MM) on top of NEON  arm64: since 2020 (Neoverse V1), Apple M2
//
// The environment variable LATENTGO_CPU, one of those names, upper or lower case, chooses another level; tests switch
// it within the process by [Force]. Only packages with assembly need this package.
//
// AVXVNNI and AMX were tested on emulated CPUs and not timed. AMX gives the products of weights that AVX512 gives, bit
// for bit, and package kernel measures on the CPU at hand which of the two is faster, unless AMX was [Chosen].
package cpu

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// EnvName is the environment variable that chooses the level.
const EnvName = "LATENTGO_CPU"

// ErrLevel is returned when LATENTGO_CPU asks for a level that does not exist, that the CPU does not have, or that has
// no kernels in this build.
var ErrLevel = errors.New("CPU level")

// Level names a set of instructions. Of the levels that a CPU has, the highest is the fastest. It need not have all
// below: AVX-512's CPUs of 2019 to 2022 lack AVXVNNI.
type Level uint8

// The levels.
const (
	Generic Level = iota // no assembly
	AVX2                 // amd64: AVX2, BMI2, FMA and F16C
	AVXVNNI              // amd64: AVX2 and VPDPBUSD, VPDPWSSD of 256 bits
	AVX512               // amd64: AVX2 and AVX-512 F, BW, DQ, VL, VNNI
	AMX                  // amd64: AVX512, AMX-TILE, AMX-INT8 and AMX-BF16
	NEON                 // arm64: Advanced SIMD with SDOT and UDOT
	I8MM                 // arm64: NEON and SMMLA
	levels
)

// NumLevels is the length of a table indexed by Level.
const NumLevels = int(levels)

var names = [levels]string{"generic", "avx2", "avxvnni", "avx512", "amx", "neon", "i8mm"}

// String returns the level's name as LATENTGO_CPU takes it.
func (l Level) String() string {
	if l >= levels {
		return fmt.Sprintf("level(%d)", uint8(l))
	}
	return names[l]
}

var (
	all    = detect()    // ascending, Generic first
	active atomic.Uint32 // the level, and chosenBit where it was chosen
	envErr error
)

const chosenBit = 1 << 8

func init() {
	env := os.Getenv(EnvName)
	l, err := resolve(env, all)
	envErr = err
	active.Store(uint32(l))
	if env != "" && err == nil {
		active.Store(uint32(l) | chosenBit)
	}
}

// resolve returns the level that the value env of LATENTGO_CPU asks for on a CPU that has the levels have: the best
// when env is empty, and together with an error when env is unknown or not among them.
func resolve(env string, have []Level) (Level, error) {
	best := have[len(have)-1]
	if env == "" {
		return best, nil
	}
	name := strings.ToLower(env)
	i := slices.Index(names[:], name)
	switch {
	case i < 0:
		return best, fmt.Errorf("%s=%q is unknown; %s: %w", EnvName, env, offer(have), ErrLevel)
	case !slices.Contains(have, Level(i)):
		return best, fmt.Errorf("%s=%s is not there; %s: %w", EnvName, env, offer(have), ErrLevel)
	}
	return Level(i), nil
}

// offer says which levels there are.
func offer(have []Level) string {
	list := make([]string, len(have))
	for i, l := range have {
		list[i] = l.String()
	}
	return "this CPU and build have " + strings.Join(list, ", ")
}

// Best returns the highest level that the CPU and the build have.
func Best() Level { return all[len(all)-1] }

// Active returns the level in use: Best, or another that LATENTGO_CPU or Force wants.
func Active() Level { return Level(active.Load() &^ chosenBit) }

// Chosen reports whether LATENTGO_CPU or Force wants the level in use: then it is what runs, whether it is faster or
// not.
func Chosen() bool { return active.Load()&chosenBit != 0 }

// EnvError returns what was wrong with LATENTGO_CPU at start, nil when nothing was. It wraps ErrLevel. The level in use
// is then Best.
func EnvError() error { return envErr }

// Levels returns every level that can be forced here, Generic first.
func Levels() []Level { return slices.Clone(all) }

// Available reports whether the CPU and the build have l.
func (l Level) Available() bool { return slices.Contains(all, l) }

// Force makes l the level in use until the function returned is called; where l is not available, the highest level
// below it. It is meant for tests, and must not be called while kernels run.
func Force(l Level) (restore func()) {
	i, found := slices.BinarySearch(all, l)
	if !found {
		i--
	}
	old := active.Swap(uint32(all[i]) | chosenBit)
	return func() { active.Store(old) }
}

// Pretend makes l the level in use until the function returned is called, whether the CPU has it or not: for tests that
// put other code in the place of the instructions that are not there.
func Pretend(l Level) (restore func()) {
	old := active.Swap(uint32(l) | chosenBit)
	return func() { active.Store(old) }
}
