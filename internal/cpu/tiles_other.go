//go:build amd64 && !purego && !linux

package cpu

// permitTiles returns false: how other systems save tiles has not been tried.
func permitTiles() bool { return false }
