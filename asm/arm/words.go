package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// forms are the vector instructions on registers, with all registers 0, and their operands as the
// disassembler prints them: qd is the register of four lanes called d, dn the one of two called n.
// The names are the mnemonics and, after a space, what tells those apart that have the same. The
// encodings are those of the Arm Architecture Reference Manual for ARMv7-A, A7.4.
var forms = map[string]struct {
	bits uint32
	text string
}{
	"vmull.s8":     {0xf2800c00, "qd, dn, dm"},
	"vmlal.s8":     {0xf2800800, "qd, dn, dm"},
	"vpadal.s16":   {0xf3b40640, "qd, qm"},
	"vadd.i32":     {0xf2200840, "qd, qn, qm"},
	"veor":         {0xf3000150, "qd, qn, qm"},
	"vbit":         {0xf3200150, "qd, qn, qm"},
	"vbif":         {0xf3300150, "qd, qn, qm"},
	"vmovn.i32":    {0xf3b60200, "dd, qm"},
	"vmovn.i16":    {0xf3b20200, "dd, qm"},
	"vcvt.f32.s32": {0xf3bb0640, "qd, qm"},
	"vadd.f32":     {0xf2000d40, "qd, qn, qm"},
	"vmul.f32":     {0xf3000d50, "qd, qn, qm"},
	"vmax.f32":     {0xf2000f40, "qd, qn, qm"},
	"vcgt.f32":     {0xf3200e40, "qd, qn, qm"},
	"vclt.f32":     {0xf3b90640, "qd, qm, #0"},
	"vcvt.f32.f16": {0xf3b60700, "qd, dm"}, // VFPv4
	"vmla.f32":     {0xf2000d50, "qd, qn, qm"},
	"vmul.f32 0":   {0xf3a00940, "qd, qn, dm[0]"},
	"vmul.f32 1":   {0xf3a00960, "qd, qn, dm[1]"},
	"vmla.f32 0":   {0xf3a00140, "qd, qn, dm[0]"},
	"vmla.f32 1":   {0xf3a00160, "qd, qn, dm[1]"},
}

// moves are those from and to memory: how many neighboring registers they move, and which part of
// each.
var moves = map[string]struct {
	bits      uint32
	registers int
	lane      string
}{
	"vld1.8":     {0xf420070f, 1, ""},
	"vld1.8 x2":  {0xf4200a0f, 2, ""},
	"vld1.8 x4":  {0xf420020f, 4, ""},
	"vld1.16 x2": {0xf4200a4f, 2, ""},
	"vld1.32":    {0xf420078f, 1, ""},
	"vld1.32 x2": {0xf4200a8f, 2, ""},
	"vld1.32 x3": {0xf420068f, 3, ""},
	"vld1.32 x4": {0xf420028f, 4, ""},
	"vst1.32 x2": {0xf4000a8f, 2, ""},
	"vst1.32 x4": {0xf400028f, 4, ""},
	"vst1.32 0":  {0xf480080f, 1, "[0]"},
	"vst1.32 1":  {0xf480088f, 1, "[1]"},
	"vld1.32 0":  {0xf4a0080f, 1, "[0]"},
	"vld1.16 []": {0xf4a00c4f, 1, "[]"},
	"vld1.32 []": {0xf4a00caf, 2, "[]"},
	"vld4.16 []": {0xf4a00f4f, 4, "[]"},
}

var operands = regexp.MustCompile(`\b[qd][dnm]\b`)

// word encodes the instruction called name on vector registers: d, n and m as far as the form has
// them.
func word(name string, regs ...int) string {
	f, ok := forms[name]
	if !ok {
		panic("no instruction " + name)
	}
	bits, used := f.bits, 0
	text := operands.ReplaceAllStringFunc(f.text, func(s string) string {
		if used == len(regs) {
			panic(name + " has more operands")
		}
		r := regs[used]
		used++
		half := r // as a register of two lanes
		if s[0] == 'q' {
			half = 2 * r
		}
		if r < 0 || half > 31 || half > 15 && strings.Contains(f.text, s+"[") {
			panic("no register " + s[:1] + strconv.Itoa(r))
		}
		switch s[1] {
		case 'd':
			bits |= uint32(half&15)<<12 | uint32(half>>4)<<22
		case 'n':
			bits |= uint32(half&15)<<16 | uint32(half>>4)<<7
		case 'm':
			bits |= uint32(half&15) | uint32(half>>4)<<5
		}
		return s[:1] + strconv.Itoa(r)
	})
	if used != len(regs) {
		panic(name + " has fewer operands")
	}
	mnemonic, _, _ := strings.Cut(name, " ")
	return fmt.Sprintf("WORD $0x%08x // %s %s", bits, mnemonic, text)
}

// move encodes the instruction called name on vector registers from first on, of two lanes each,
// and memory at base. After it base moves on: by what was moved if step is "!", by the register
// step, or, if that is "", not at all.
func move(name string, first int, base, step string) string {
	f, ok := moves[name]
	if !ok || first < 0 || first+f.registers > 32 {
		panic("no instruction " + name + " of register " + strconv.Itoa(first))
	}
	bits := f.bits&^15 | uint32(first&15)<<12 | uint32(first>>4)<<22 | general(base)<<16
	list := fmt.Sprintf("d%d%s", first, f.lane)
	if f.registers > 1 {
		list += fmt.Sprintf("-d%d%s", first+f.registers-1, f.lane)
	}
	mnemonic, _, _ := strings.Cut(name, " ")
	text := fmt.Sprintf("%s {%s}, [%s]", mnemonic, list, printed(base))
	switch step {
	case "":
		bits |= 15
	case "!":
		bits |= 13
		text += "!"
	default:
		bits |= general(step)
		text += ", " + printed(step)
	}
	return fmt.Sprintf("WORD $0x%08x // %s", bits, text)
}

// general is the number of a general register called R and a number.
func general(name string) uint32 {
	n, err := strconv.ParseUint(strings.TrimPrefix(name, "R"), 10, 4)
	if err != nil || n > 12 {
		panic("no register " + name)
	}
	return uint32(n)
}

// printed is the register's name in a disassembly.
func printed(name string) string {
	if name == "R12" {
		return "ip"
	}
	return strings.ToLower(name)
}
