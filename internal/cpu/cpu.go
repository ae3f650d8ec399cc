// Package cpu tells which SIMD instructions the kernels may use:
//
//	Generic   plain Go                                          every platform, the build tag purego
//	AVX2      AVX2, BMI2, FMA, F16C                             x86-64-v3: since 2013 (Intel), 2015 (AMD)
//	AVX512    AVX-512 F, BW, DQ, VL and VNNI on top of AVX2     since 2019 (Intel), 2022 (AMD)
//
// The environment variable LATENTGO_CPU, one of those names in lower case, lowers the level; tests switch it within the
// process by [Force]. Only packages with assembly need this package.
package cpu

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// EnvName is the environment variable that lowers the level.
const EnvName = "LATENTGO_CPU"

// ErrLevel is returned when LATENTGO_CPU asks for a level that does not exist or that the CPU does not have.
var ErrLevel = errors.New("CPU level")

// Level names a set of instructions. The levels of one platform are ordered: a higher one has all of the lower ones.
type Level uint8

// The levels.
const (
	Generic Level = iota // no assembly
	AVX2                 // amd64: AVX2, BMI2, FMA and F16C
	AVX512               // amd64: AVX2 and AVX-512 F, BW, DQ, VL, VNNI
	levels
)

// NumLevels is the length of a table indexed by Level.
const NumLevels = int(levels)

var names = [levels]string{"generic", "avx2", "avx512"}

// String returns the level's name as LATENTGO_CPU takes it.
func (l Level) String() string {
	if l >= levels {
		return fmt.Sprintf("level(%d)", uint8(l))
	}
	return names[l]
}

var (
	best   = detect()
	active atomic.Uint32
	envErr error
)

func init() {
	l, err := resolve(os.Getenv(EnvName), best)
	envErr = err
	active.Store(uint32(l))
}

// resolve returns the level that the value env of LATENTGO_CPU asks for on a CPU that has level have: have itself when env
// is empty, and together with an error when env is unknown or above have.
func resolve(env string, have Level) (Level, error) {
	if env == "" {
		return have, nil
	}
	i := slices.Index(names[:], strings.ToLower(env))
	if i < 0 {
		return have, fmt.Errorf("%s=%q is none of %s: %w", EnvName, env, strings.Join(names[:], ", "), ErrLevel)
	}
	if Level(i) > have {
		return have, fmt.Errorf("%s=%s on a CPU or build that has %v at most: %w", EnvName, env, have, ErrLevel)
	}
	return Level(i), nil
}

// Best returns the highest level that the CPU and the build have.
func Best() Level { return best }

// Active returns the level in use: Best, lowered by LATENTGO_CPU or Force.
func Active() Level { return Level(active.Load()) }

// EnvError returns what was wrong with LATENTGO_CPU at start, nil when nothing was. It wraps ErrLevel. The level in use is
// then Best.
func EnvError() error { return envErr }

// Levels returns every level that can be forced here, Generic first.
func Levels() []Level {
	all := make([]Level, 0, NumLevels)
	for l := Generic; l <= best; l++ {
		all = append(all, l)
	}
	return all
}

// Force makes l, or Best when that is lower, the level in use until the function returned is called. It is meant for tests,
// and must not be called while kernels run.
func Force(l Level) (restore func()) {
	old := active.Swap(uint32(min(l, best)))
	return func() { active.Store(old) }
}
