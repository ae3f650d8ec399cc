package quantize

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// FileType is a mixture of tensor types, numbered as general.file_type of a file: llama.cpp's llama_ftype.
type FileType uint32

// fileTypes are the mixtures, with the type of most of their tensors.
var fileTypes = []struct {
	id   FileType
	name string
	typ  gguf.Type
}{
	{0, "F32", ggtype.F32}, {1, "F16", ggtype.F16}, {32, "BF16", ggtype.BF16},
	{7, "Q8_0", ggtype.Q8_0}, {18, "Q6_K", ggtype.Q6_K},
	{17, "Q5_K_M", ggtype.Q5_K}, {16, "Q5_K_S", ggtype.Q5_K}, {9, "Q5_1", ggtype.Q5_1}, {8, "Q5_0", ggtype.Q5_0},
	{15, "Q4_K_M", ggtype.Q4_K}, {14, "Q4_K_S", ggtype.Q4_K}, {3, "Q4_1", ggtype.Q4_1}, {2, "Q4_0", ggtype.Q4_0},
	{25, "IQ4_NL", ggtype.IQ4_NL}, {30, "IQ4_XS", ggtype.IQ4_XS}, {38, "MXFP4_MOE", ggtype.MXFP4},
	{13, "Q3_K_L", ggtype.Q3_K}, {12, "Q3_K_M", ggtype.Q3_K}, {11, "Q3_K_S", ggtype.Q3_K},
	{10, "Q2_K", ggtype.Q2_K}, {21, "Q2_K_S", ggtype.Q2_K}, {27, "IQ3_M", ggtype.IQ3_S},
	{26, "IQ3_S", ggtype.IQ3_S}, {22, "IQ3_XS", ggtype.IQ3_S}, {23, "IQ3_XXS", ggtype.IQ3_XXS}, {29, "IQ2_M", ggtype.IQ2_S},
	{28, "IQ2_S", ggtype.IQ2_XS}, {20, "IQ2_XS", ggtype.IQ2_XS}, {19, "IQ2_XXS", ggtype.IQ2_XXS},
	{31, "IQ1_M", ggtype.IQ1_M}, {24, "IQ1_S", ggtype.IQ1_S}, {36, "TQ1_0", ggtype.TQ1_0}, {37, "TQ2_0", ggtype.TQ2_0},
	{41, "Q2_0", ggtype.Q2_0}, {40, "Q1_0", ggtype.Q1_0},
}

// Names of mixtures by their number, where rules differ.
const (
	ftQ4_0   FileType = 2
	ftQ5_0   FileType = 8
	ftQ2K    FileType = 10
	ftQ3KS   FileType = 11
	ftQ3KM   FileType = 12
	ftQ3KL   FileType = 13
	ftQ4KS   FileType = 14
	ftQ4KM   FileType = 15
	ftQ5KM   FileType = 17
	ftIQ2XXS FileType = 19
	ftIQ2XS  FileType = 20
	ftQ2KS   FileType = 21
	ftIQ3XS  FileType = 22
	ftIQ3XXS FileType = 23
	ftIQ1S   FileType = 24
	ftIQ4NL  FileType = 25
	ftIQ3S   FileType = 26
	ftIQ3M   FileType = 27
	ftIQ2S   FileType = 28
	ftIQ2M   FileType = 29
	ftIQ4XS  FileType = 30
	ftIQ1M   FileType = 31
	ftTQ1    FileType = 36
	ftTQ2    FileType = 37
	ftMXFP4  FileType = 38
	ftQ2     FileType = 41
)

// aliases are other names that llama-quantize takes.
var aliases = map[string]string{"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M", "MXFP4": "MXFP4_MOE"}

// ParseFileType returns the mixture of a name such as "Q4_K_M", upper or lower case; Q3_K, Q4_K and Q5_K are their _M.
func ParseFileType(name string) (FileType, error) {
	up := strings.ToUpper(name)
	if a, ok := aliases[up]; ok {
		up = a
	}
	for _, f := range fileTypes {
		if f.name == up {
			return f.id, nil
		}
	}
	return 0, fmt.Errorf("file type %q is not one of %s", name, strings.Join(FileTypes(), ", "))
}

// FileTypes returns the names of the mixtures, large ones first.
func FileTypes() []string {
	names := make([]string, len(fileTypes))
	for i, f := range fileTypes {
		names[i] = f.name
	}
	return names
}

// String returns the name.
func (t FileType) String() string {
	if i := t.find(); i >= 0 {
		return fileTypes[i].name
	}
	return fmt.Sprintf("file type %d", uint32(t))
}

// Default returns the type of most tensors of the mixture.
func (t FileType) Default() gguf.Type { return fileTypes[t.find()].typ }

// find returns the place in fileTypes, -1 for an unknown one.
func (t FileType) find() int {
	return slices.IndexFunc(fileTypes, func(f struct {
		id   FileType
		name string
		typ  gguf.Type
	}) bool {
		return f.id == t
	})
}
