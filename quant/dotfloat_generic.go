//go:build !amd64 || purego

package quant

// dotFloat returns Σ x·y of equal lengths.
func dotFloat(x, y []float32) float32 { return dotFloatGeneric(x, y) }
