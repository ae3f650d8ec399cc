// Command _asm writes the amd64 assembly of package kernel, and the Go declarations that go with it. It runs in its own
// folder and needs nothing else:
//
//	cd internal/kernel/_asm && go run .
//
// Every file of the list below becomes ../NAME_amd64.s and ../NAME_amd64.go. The output is a function of this program
// alone, so that a second run changes nothing; the script check fails when the files are not what this program writes.
//
// # What all functions have in common
//
// They are called from Go with its stack convention (ABI0), do not call anything, and use a frame only for a few spilled
// words, so that they need no stack check. They may fault: weights lie in a memory map, and a file may shrink under it. The
// runtime then unwinds from the faulting instruction as from any Go function, which works as long as the stack pointer, the
// frame pointer (BP) and the goroutine (R14) are untouched; check refuses code that touches them. Vectors are dirty then,
// which costs time and nothing else.
//
// Loops count elements down; pointers advance. Nothing outside of the operands is read, be it masked or ignored, except by
// prefetch instructions, which cannot fault.
//
// # Levels
//
// The same Go code writes AVX2 and AVX-512 where the algorithm is the same: the methods of gen choose the width of vectors
// and, where an instruction exists in one encoding only, the instruction. AVX2 has 16 registers, and its functions must not
// get the other 16 that the assembler would silently use AVX-512 encodings for; check looks for that too. AVXVNNI is AVX2 with
// two instructions more, which the assembler does not know in the form that they have there (vnni.go), and AMX is AVX-512 with
// those of tiles, which it does not know at all (amx.go).
//
// # Equations
//
// Subscript w is the weights', a the activations'. A comment with the equation stands before each group of instructions, here
// and in the output.
package main

import (
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

// files are the assembly files by name, each with what builds it. The generator's files are called after them:
//
//	f16        conversion between half and single precision
//	blockfloat blocks of 8-bit mantissas with one exponent
//	attention  products with a half-precision cache; products of float weights
//	cache      products with a cache of 8-bit panels
//	codes      products with a cache of 4-bit codes, and its rotation
//	vector     exp, SiLU, GELU, sums of squares, the transpose, floats of codes
//	rows32     weight rows in blocks of 32 times one token, straight from the file's bytes
//	rows32x4   the same times four or eight tokens that each get the bits of one
//	rowsk      rows in blocks of 256 times one token
//	rowskx4    the same times four or eight tokens that each get the bits of one
//	lattice    rows of the types of lattice points and of digits times one token, and their unpacking to panels
//	gemm       panels of unpacked weights times several tokens
//	panel      unpacking of weights to panels
//	quantize   activations to int8
//	fit        sums and codes of groups of weights, for package encode
//	tiles      products of AMX tiles, and what they are filled with
var files = []struct {
	name  string
	build func(*gen)
}{
	{"asm_f16", buildF16},
	{"asm_blockfloat", buildBlockFloat},
	{"asm_attention", buildAttention},
	{"asm_cache", buildCache},
	{"asm_codes", buildCodes},
	{"asm_vector", buildVector},
	{"asm_rows32", buildRows32},
	{"asm_rows32x4", buildRowsTokens},
	{"asm_rowsk", buildRowsK},
	{"asm_rowskx4", buildRowsKTokens},
	{"asm_lattice", buildLattice},
	{"asm_gemm", buildGemm},
	{"asm_panel", buildPanel},
	{"asm_quantize", buildQuantize},
	{"asm_fit", buildFit},
	{"asm_tiles", buildTiles},
}

func main() {
	log.SetFlags(0)
	dir := ".."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for _, f := range files {
		if err := write(filepath.Join(dir, f.name+"_amd64"), f.build); err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
	}
}

// write builds one file and writes base.s and base.go: avo allocates registers, and prints the code and the declarations.
func write(base string, build func(*gen)) error {
	g := newGen()
	build(g)
	f, err := g.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(f); err != nil {
		return err
	}
	if err := check(f); err != nil {
		return err
	}
	writeBytes(f)
	cfg := printer.Config{Argv: []string{"go", "run", "."}, Pkg: "kernel"}
	if err := print(base+".s", printer.NewGoAsm(cfg), f); err != nil {
		return err
	}
	return print(base+".go", printer.NewStubs(cfg), f)
}

// print writes one of the two texts of a file.
func print(name string, p printer.Printer, f *ir.File) error {
	src, err := p.Print(f)
	if err != nil {
		return err
	}
	if strings.HasSuffix(name, ".go") {
		if src, err = format.Source(src); err != nil {
			return err
		}
	}
	return os.WriteFile(name, src, 0o644)
}

// check refuses what avo lets through: a function for less that needs AVX-512, be it an instruction or one of the
// registers 16 to 31, and a function that uses the frame pointer or Go's own registers.
func check(f *ir.File) error {
	for _, fn := range f.Functions() {
		avx2 := !strings.HasSuffix(fn.Name, avx512.name) && !strings.HasSuffix(fn.Name, amx.name)
		if isa := strings.Join(fn.ISA, " "); avx2 && strings.Contains(isa, "AVX512") {
			return fmt.Errorf("%s needs %s", fn.Name, isa)
		}
		for _, i := range fn.Instructions() {
			for _, r := range i.Registers() {
				if err := checkRegister(reg.ToPhysical(r), avx2); err != nil {
					return fmt.Errorf("%s: %s: %w", fn.Name, i.Opcode, err)
				}
			}
		}
	}
	return nil
}

// checkRegister refuses a register that was not allocated, one of the upper 16 vectors below AVX-512, and Go's own.
func checkRegister(p reg.Physical, avx2 bool) error {
	switch {
	case p == nil:
		return fmt.Errorf("register without a place")
	case p.Kind() == reg.KindVector && avx2 && p.PhysicalIndex() > 15:
		return fmt.Errorf("register %d is AVX-512's", p.PhysicalIndex())
	case p.Kind() == reg.KindGP && (p.PhysicalIndex() == reg.RBP.PhysicalIndex() || p.PhysicalIndex() == reg.R14.PhysicalIndex()):
		return fmt.Errorf("%s is not ours", p.Asm())
	}
	return nil
}
