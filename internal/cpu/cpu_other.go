//go:build (!amd64 && !arm64) || purego

package cpu

// detect finds nothing: there is no assembly in this build.
func detect() []Level { return []Level{Generic} }
