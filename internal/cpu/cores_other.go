//go:build !darwin && !windows

package cpu

// physicalCores returns 0 where it is not known.
func physicalCores() int { return countCores(siblingsPattern) }
