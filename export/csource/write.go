package csource

import (
	"embed"
	"fmt"
	"io"
	"strings"

	"github.com/gantiny/gantiny/internal/rng"
)

// parts are the functions of the programs.
//
//go:embed c
var parts embed.FS

// codeBytes is about what the functions take on a Cortex-M, by gcc -Os: 1.4 to 2.3 KB, and up to
// 600 bytes of the compiler's own for float32 where the processor has none.
const codeBytes = 3 << 10

// Cost is what a program takes on a microcontroller, in bytes.
type Cost struct {
	Data    int // constants: weights, biases, scales and tables
	Latents int // of which the table for latents of a seed, which the program may leave out
	Code    int // about, by gcc -Os on a Cortex-M
	RAM     int // static memory; the pixels are the caller's
	Stack   int // about, below the functions that are called from outside
}

// Flash is all that lies in flash.
func (c Cost) Flash() int { return c.Data + c.Code }

// Cost returns what the program takes.
func (p *Program) Cost() Cost {
	return Cost{
		Data: p.bytes + 4*len(rises()) + p.tableBytes(), Latents: p.tableBytes(), Code: codeBytes,
		RAM: p.arena, Stack: 8*p.taps + 256,
	}
}

func (p *Program) tableBytes() int { return 4 * len(rng.NormalTable()) }

// Write writes the program. The same model gives the same bytes.
func (p *Program) Write(w io.Writer) error {
	var b strings.Builder
	p.head(&b)
	p.declarations(&b)
	if err := p.functions(&b); err != nil {
		return fmt.Errorf("csource: %w", err)
	}
	p.interfaces(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// clean keeps a text from ending the comment that it stands in.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '*' || r == '\\' {
			return '?'
		}
		return r
	}, s)
}

func (p *Program) head(b *strings.Builder) {
	c, s, name := p.Cost(), p.m.Output(), p.options.Name
	fmt.Fprintf(b, "/* %s: a generator in 8-bit integers, written by gantiny %s. %d x %d pixels, %d %s.\n", clean(p.m.Name), clean(p.options.Version),
		s.W, s.H, s.C, plural(s.C, "channel"))
	if names := p.m.ClassNames; names != nil {
		fmt.Fprintf(b, " * Classes, from 0 on: %s.\n", clean(strings.Join(names, ", ")))
	}
	fmt.Fprintf(b, ` *
 * Flash: %d bytes of constants, of which %d are for latents of a seed, and about %d of code.
 * RAM: %d bytes, and about %d of stack; the pixels are the caller's.
 *
 * It needs no library but memcpy, allocates nothing and draws the same bytes on every machine whose
 * float is IEEE 754's: the bytes of 'gantiny generate' with the same model, seed and index.
 *
 *   uint8_t pixels[%s_PIXELS];       rows from the top, channels of a pixel side by side
 *   %s_draw(pixels, 1, 0%s);          image 0 of seed 1%s
 *
 * A file that calls it defines %s_DECLARATIONS before it includes this one, which is compiled once
 * by itself. With %s_NO_SEED defined there is no %s_draw, nor its table. It is not reentrant.
 */
`, c.Data, c.Latents, c.Code, c.RAM, c.Stack, upper(name), name, p.argument(", 3"), p.argument(", of class 3"), upper(name), upper(name), name)
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

func upper(s string) string { return strings.ToUpper(s) }

// argument is a text where there is a class.
func (p *Program) argument(text string) string {
	if p.classes == 0 {
		return ""
	}
	return text
}

// declarations writes what callers need.
func (p *Program) declarations(b *strings.Builder) {
	s, up, name := p.m.Output(), upper(p.options.Name), p.options.Name
	fmt.Fprintf(b, "#ifndef %s_H\n#define %s_H\n\n#include <stdint.h>\n\n", up, up)
	for _, d := range []struct {
		name  string
		value int
	}{{"HEIGHT", s.H}, {"WIDTH", s.W}, {"CHANNELS", s.C}, {"PIXELS", s.Len()}, {"LATENTS", p.latents.Shape.C}, {"CLASSES", p.classes}} {
		fmt.Fprintf(b, "#define %s_%s %d\n", up, d.name, d.value)
	}
	class := p.argument(", int class_index")
	fmt.Fprintf(b, `
/* Each draws one image and returns 0%s. */

#ifndef %s_NO_SEED
/* Image index of a seed: the latents are random numbers that depend on both alone. */
int %s_draw(uint8_t pixels[%s_PIXELS], uint64_t seed, uint64_t index%s);
#endif

/* Latents of the caller's: standard normal numbers, which are clipped to [-8, 8]. */
int %s_draw_floats(uint8_t pixels[%s_PIXELS], const float latents[%s_LATENTS]%s);

/* The same as bytes from -127 to 127, in steps of %d / 2097152. */
int %s_draw_bytes(uint8_t pixels[%s_PIXELS], const int8_t latents[%s_LATENTS]%s);

#endif
`, p.argument(", or -1 if there is no such class"), up, name, up, class, name, up, up, class, p.step, name, up, up, class)
}

// functions writes the constants and the parts.
func (p *Program) functions(b *strings.Builder) error {
	up := upper(p.options.Name)
	fmt.Fprintf(b, "\n#ifndef %s_DECLARATIONS\n\n#include <stddef.h>\n#include <string.h>\n\n", up)
	fmt.Fprintf(b, "#define LATENTS %d\n#define LATENT_STEP %d\n#define MAX_TAPS %d\n\n", p.latents.Shape.C, p.step, p.taps)
	if p.parts["tanh"] {
		fmt.Fprintf(b, "static const int32_t rises[] = {%s};\n\n", list(rises()))
	}
	for _, name := range append(p.sortedParts(), "latents") {
		if err := p.part(b, name); err != nil {
			return err
		}
	}
	fmt.Fprintf(b, "#ifndef %s_NO_SEED\n/* Quadratics: 32 segments for each count of leading zeros. */\nstatic const int32_t normal_table[][3] = {\n", up)
	table := rng.NormalTable()
	for i := 0; i < len(table); i += 3 {
		fmt.Fprintf(b, "  {%d, %d, %d},\n", table[i], table[i+1], table[i+2])
	}
	b.WriteString("};\n\n")
	if err := p.part(b, "seed"); err != nil {
		return err
	}
	b.WriteString("#endif\n\n")
	for _, d := range p.data {
		b.WriteString(d)
	}
	return nil
}

func (p *Program) part(b *strings.Builder, name string) error {
	text, err := parts.ReadFile("c/" + name + ".c")
	if err != nil {
		return err
	}
	b.Write(text)
	b.WriteByte('\n')
	return nil
}

// interfaces writes the functions that are called from outside.
func (p *Program) interfaces(b *strings.Builder) {
	up, name := upper(p.options.Name), p.options.Name
	class, pass, check := "", "", ""
	inner := ""
	if p.classes > 0 {
		class, pass, inner = ", int class_index", "class_index", ", int32_t class"
		check = fmt.Sprintf("  if (class_index < 0 || class_index >= %s_CLASSES) return -1;\n", up)
	}
	fmt.Fprintf(b, "\nstatic int8_t arena[%d];\n\n/* Draws an image of the latents in the arena. */\nstatic void run(uint8_t *pixels%s) {\n", max(p.arena, 1), inner)
	for _, line := range p.body {
		fmt.Fprintf(b, "  %s\n", line)
	}
	b.WriteString("}\n\n")
	function := func(kind, args, load string) {
		call := "run(pixels)"
		if pass != "" {
			call = "run(pixels, " + pass + ")"
		}
		fmt.Fprintf(b, "int %s_draw%s(uint8_t pixels[%s_PIXELS], %s%s) {\n%s%s  %s;\n  return 0;\n}\n\n", name, kind, up, args, class, check, load, call)
	}
	fmt.Fprintf(b, "#ifndef %s_NO_SEED\n", up)
	function("", "uint64_t seed, uint64_t index", fmt.Sprintf("  seed_latents(%s, seed, index);\n", p.input))
	b.WriteString("#endif\n\n")
	function("_floats", fmt.Sprintf("const float latents[%s_LATENTS]", up), fmt.Sprintf(`  for (int i = 0; i < LATENTS; i++) {
    float v = latents[i];
    if (!(v > -8)) v = -8;
    (%s)[i] = latent_byte((int32_t)((v < 8 ? v : 8) * 2097152));
  }
`, p.input))
	function("_bytes", fmt.Sprintf("const int8_t latents[%s_LATENTS]", up), fmt.Sprintf("  memcpy(%s, latents, LATENTS);\n", p.input))
	fmt.Fprintf(b, "#endif /* %s_DECLARATIONS */\n", up)
}
