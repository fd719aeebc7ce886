package listing

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Instruction is one line of a disassembly.
type Instruction struct {
	Address uint64
	Text    string // mnemonic and operands
}

// Mnemonic is the first word.
func (i Instruction) Mnemonic() string { return strings.Fields(i.Text)[0] }

// IsBranch tells whether i may go on elsewhere.
func (i Instruction) IsBranch() bool { return branchTarget.MatchString(i.Text) }

// WithTarget is the text of a branch to another target; of any other instruction it is the text as
// it is.
func (i Instruction) WithTarget(label string) string {
	return branchTarget.ReplaceAllString(i.Text, "${1}"+label)
}

// IsMultiply tells whether i multiplies vectors.
func (i Instruction) IsMultiply() bool {
	return slices.Contains([]string{"fmla", "sdot", "smull", "smull2", "smlal", "smlal2", "smmla", "vmull.s8", "vmlal.s8", "vmla.f32"}, i.Mnemonic())
}

var (
	codeLine     = regexp.MustCompile(`^\s*([0-9a-f]+):\t(.*)$`)
	branchTarget = regexp.MustCompile(`^((?:b\.\w+|b|b(?:eq|ne|ge|lt)|cbn?z|tbn?z)\s+(?:[xw]\d+, )?(?:#\d+, )?)([0-9a-f]+).*$`)
)

// Read reads objdump's text.
func Read(text string) (list []Instruction) {
	for line := range strings.Lines(text) {
		m := codeLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		address, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			continue
		}
		words, _, _ := strings.Cut(m[2], "//")
		if words = strings.Join(strings.Fields(words), " "); words != "" {
			list = append(list, Instruction{address, words})
		}
	}
	return list
}

// InnerLoops are the stretches that end in a branch back to their beginning and have no other
// branch.
func InnerLoops(code []Instruction) (loops [][]Instruction) {
	first := 0 // after the last branch
	for i, ins := range code {
		m := branchTarget.FindStringSubmatch(ins.Text)
		if m == nil {
			continue
		}
		to, err := strconv.ParseUint(m[2], 16, 64)
		if err != nil {
			continue
		}
		at, found := slices.BinarySearchFunc(code, to, func(c Instruction, a uint64) int { return cmp.Compare(c.Address, a) })
		if found && at >= first && at <= i {
			loops = append(loops, code[at:i+1])
		}
		first = i + 1
	}
	return loops
}
