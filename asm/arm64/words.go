package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// form is an instruction that Go's assembler lacks.
type form struct {
	bits uint32 // with all registers 0
	text string // operands as the disassembler prints them: d, n and m stand for register numbers, i for an element
}

// forms are keyed by a short name, which is the mnemonic and, where that is not enough, the
// arrangement. The encodings are those of the Arm Architecture Reference Manual, C7.2.
var forms = map[string]form{
	// float32, four lanes
	"fadd":    {0x4e20d400, "fadd vd.4s, vn.4s, vm.4s"},
	"fsub":    {0x4ea0d400, "fsub vd.4s, vn.4s, vm.4s"},
	"fmul":    {0x6e20dc00, "fmul vd.4s, vn.4s, vm.4s"},
	"fdiv":    {0x6e20fc00, "fdiv vd.4s, vn.4s, vm.4s"},
	"fmax":    {0x4e20f400, "fmax vd.4s, vn.4s, vm.4s"},
	"fmin":    {0x4ea0f400, "fmin vd.4s, vn.4s, vm.4s"},
	"fmaxnm":  {0x4e20c400, "fmaxnm vd.4s, vn.4s, vm.4s"},
	"fminnm":  {0x4ea0c400, "fminnm vd.4s, vn.4s, vm.4s"},
	"faddp":   {0x6e20d400, "faddp vd.4s, vn.4s, vm.4s"},
	"fcmgt":   {0x6ea0e400, "fcmgt vd.4s, vn.4s, vm.4s"},
	"fcmgt0":  {0x4ea0c800, "fcmgt vd.4s, vn.4s, #0.0"},
	"fcmlt0":  {0x4ea0e800, "fcmlt vd.4s, vn.4s, #0.0"},
	"fneg":    {0x6ea0f800, "fneg vd.4s, vn.4s"},
	"fabs":    {0x4ea0f800, "fabs vd.4s, vn.4s"},
	"fsqrt":   {0x6ea1f800, "fsqrt vd.4s, vn.4s"},
	"fmlaE":   {0x4f801000, "fmla vd.4s, vn.4s, vm.s[i]"},
	"fmulE":   {0x4f809000, "fmul vd.4s, vn.4s, vm.s[i]"},
	"fcvtl":   {0x0e217800, "fcvtl vd.4s, vn.4h"},
	"fcvtl2":  {0x4e217800, "fcvtl2 vd.4s, vn.8h"},
	"scvtf":   {0x4e21d800, "scvtf vd.4s, vn.4s"},
	"fcvtns":  {0x4e21a800, "fcvtns vd.4s, vn.4s"},
	"bic":     {0x4e601c00, "bic vd.16b, vn.16b, vm.16b"},
	"mul":     {0x4ea09c00, "mul vd.4s, vn.4s, vm.4s"},
	"cmhi":    {0x6ea03400, "cmhi vd.4s, vn.4s, vm.4s"},
	"sqadd":   {0x4e600c00, "sqadd vd.8h, vn.8h, vm.8h"},
	"sqxtn":   {0x0e614800, "sqxtn vd.4h, vn.4s"},
	"sqxtn2":  {0x4e614800, "sqxtn2 vd.8h, vn.4s"},
	"sqxtnB":  {0x0e214800, "sqxtn vd.8b, vn.8h"},
	"sqxtn2B": {0x4e214800, "sqxtn2 vd.16b, vn.8h"},
	// bytes, widened
	"sxtlB":     {0x0f08a400, "sxtl vd.8h, vn.8b"},
	"sxtlH":     {0x0f10a400, "sxtl vd.4s, vn.4h"},
	"sxtl2H":    {0x4f10a400, "sxtl2 vd.4s, vn.8h"},
	"mla":       {0x4ea09400, "mla vd.4s, vn.4s, vm.4s"},
	"addS":      {0x4ea08400, "add vd.4s, vn.4s, vm.4s"},
	"subS":      {0x6ea08400, "sub vd.4s, vn.4s, vm.4s"},
	"negS":      {0x6ea0b800, "neg vd.4s, vn.4s"},
	"not":       {0x6e205800, "mvn vd.16b, vn.16b"},
	"smin":      {0x4ea06c00, "smin vd.4s, vn.4s, vm.4s"},
	"smax":      {0x4ea06400, "smax vd.4s, vn.4s, vm.4s"},
	"srshl":     {0x4ea05400, "srshl vd.4s, vn.4s, vm.4s"},
	"smullD":    {0x0ea0c000, "smull vd.2d, vn.2s, vm.2s"},
	"smull2D":   {0x4ea0c000, "smull2 vd.2d, vn.4s, vm.4s"},
	"addD":      {0x4ee08400, "add vd.2d, vn.2d, vm.2d"},
	"negD":      {0x6ee0b800, "neg vd.2d, vn.2d"},
	"ushlD":     {0x6ee04400, "ushl vd.2d, vn.2d, vm.2d"},
	"xtnD":      {0x0ea12800, "xtn vd.2s, vn.2d"},
	"xtn2D":     {0x4ea12800, "xtn2 vd.4s, vn.2d"},
	"shrn16":    {0x0f308400, "shrn vd.2s, vn.2d, #16"},
	"shrn16to2": {0x4f308400, "shrn2 vd.4s, vn.2d, #16"},
	// int8 products
	"smull":  {0x0e20c000, "smull vd.8h, vn.8b, vm.8b"},
	"smull2": {0x4e20c000, "smull2 vd.8h, vn.16b, vm.16b"},
	"smlal":  {0x0e208000, "smlal vd.8h, vn.8b, vm.8b"},
	"smlal2": {0x4e208000, "smlal2 vd.8h, vn.16b, vm.16b"},
	"sadalp": {0x4e606800, "sadalp vd.4s, vn.8h"},
	"sdotE":  {0x4f80e000, "sdot vd.4s, vn.16b, vm.4b[i]"},
	"smmla":  {0x4e80a400, "smmla vd.4s, vn.16b, vm.16b"},
}

var operands = regexp.MustCompile(`v[dnm]\.|\[i\]`)

// word encodes the instruction called name. regs are d, n and, as far as the form has them, m and
// the element.
func word(name string, regs ...int) string {
	f, ok := forms[name]
	if !ok {
		panic("no instruction " + name)
	}
	have := map[string]int{}
	for i, r := range regs {
		have["dnmi"[i:i+1]] = r
	}
	bits, used := f.bits, 0
	text := operands.ReplaceAllStringFunc(f.text, func(s string) string {
		used++
		if s == "[i]" {
			i := have["i"]
			if i < 0 || i > 3 {
				panic("no element " + strconv.Itoa(i))
			}
			bits |= uint32(i&1)<<21 | uint32(i>>1)<<11
			return fmt.Sprintf("[%d]", i)
		}
		r := have[s[1:2]]
		if r < 0 || r > 31 {
			panic("no register v" + strconv.Itoa(r))
		}
		bits |= uint32(r) << map[string]int{"d": 0, "n": 5, "m": 16}[s[1:2]]
		return fmt.Sprintf("v%d.", r)
	})
	if used != len(regs) {
		panic(fmt.Sprintf("%s has %d operands, not %d", name, used, len(regs)))
	}
	return fmt.Sprintf("WORD $0x%08x // %s", bits, strings.TrimSpace(text))
}
