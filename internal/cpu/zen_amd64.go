//go:build !purego

package cpu

// IsZen4 reports whether the CPU is an AMD Zen 4, of which the kernels know a peculiarity.
func IsZen4() bool {
	_, b, c, d := cpuid(0)
	if b != 0x68747541 || d != 0x69746e65 || c != 0x444d4163 { // AuthenticAMD
		return false
	}
	a, _, _, _ := cpuid(1)
	return isZen4(a)
}

// isZen4 reports what a signature, EAX of leaf 1, tells: family 19h, models 10h to 1Fh, 60h to 7Fh and A0h to AFh.
func isZen4(signature uint32) bool {
	family := signature>>8&0xf + signature>>20&0xff
	switch signature >> 12 & 0xf0 >> 4 {
	case 1, 6, 7, 0xa:
		return family == 0x19
	}
	return false
}

// cpuid returns a leaf of the CPUID instruction.
func cpuid(leaf uint32) (a, b, c, d uint32)
