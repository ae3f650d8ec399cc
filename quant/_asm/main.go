// Command _asm writes the amd64 assembly of package quant, and the Go declarations that go with it. It runs in its own
// folder and needs nothing else:
//
//	cd quant/_asm && go run .
//
// Every file of the list below becomes ../NAME_amd64.s and ../NAME_amd64.go. The output is a function of this program
// alone, so that a second run changes nothing.
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

// files are the assembly files by name, each with what builds it.
var files = []struct {
	name  string
	build func(*gen)
}{
	{"asm_f16", buildF16},
	{"asm_attention", buildAttention},
	{"asm_vector", buildVector},
	{"asm_rows32", buildRows32},
	{"asm_rowsk", buildRowsK},
	{"asm_gemm", buildGemm},
	{"asm_panel", buildPanel},
	{"asm_quantize", buildQuantize},
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

// write builds one file and writes base.s and base.go.
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
	cfg := printer.Config{Argv: []string{"go", "run", "."}, Pkg: "quant"}
	if err := print(base+".s", printer.NewGoAsm(cfg), f); err != nil {
		return err
	}
	return print(base+".go", printer.NewStubs(cfg), f)
}

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

// check refuses what avo lets through: a function for AVX2 that needs AVX-512, be it an instruction or one of the
// registers 16 to 31, and a function that uses the frame pointer or Go's own registers.
func check(f *ir.File) error {
	for _, fn := range f.Functions() {
		avx2 := strings.HasSuffix(fn.Name, "AVX2")
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
