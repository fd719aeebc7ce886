package man

import (
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
)

// Write writes a page for root and each command below it into dir. date stands in their footers.
func Write(root *cli.Command, dir, date, version string) error {
	for _, c := range append([]*cli.Command{root}, root.Commands()...) {
		var page manual
		page.command(c, date, version)
		if err := os.WriteFile(filepath.Join(dir, Name(c)+".1"), []byte(page.String()), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Name is the name of a command's page: gantiny-generate.
func Name(c *cli.Command) string { return strings.ReplaceAll(c.Path(), " ", "-") }

// manual is a page in the macros of man(7).
type manual struct{ strings.Builder }

// command writes the page of a command.
func (m *manual) command(c *cli.Command, date, version string) {
	m.macro("TH", strings.ToUpper(Name(c)), "1", date, "gantiny "+version, "User Commands")
	m.macro("SH", "NAME")
	m.WriteString(roff(Name(c)) + ` \- ` + roff(c.Short) + "\n")
	m.macro("SH", "SYNOPSIS")
	m.synopsis(c)
	m.macro("SH", "DESCRIPTION")
	m.text(c.Long, c.Short+".")
	for i, s := range c.Commands() {
		if i == 0 {
			m.macro("SH", "COMMANDS")
		}
		m.macro("TP")
		if c.Parent() != nil {
			m.macro("B", s.Name)
		} else {
			m.macro("BR", Name(s), "(1)")
		}
		m.text(s.Short)
	}
	m.options(c)
	if c.Example != "" {
		m.macro("SH", "EXAMPLES")
		m.macro("EX")
		for line := range strings.Lines(c.Example) {
			m.WriteString(roffLine(strings.ReplaceAll(roff(strings.TrimRight(line, "\n")), "-", `\-`)) + "\n")
		}
		m.macro("EE")
	}
	m.macro("SH", "EXIT STATUS")
	for _, s := range [][2]string{
		{"0", "Done."},
		{"1", "Failed: a file, the disk, or a model that does not fit."},
		{"2", "Wrong usage."},
		{"3", "Training diverged. The last good checkpoint is kept."},
		{"130", "Interrupted; 'gantiny train' has saved a checkpoint."},
	} {
		if trains := c.Parent() == nil || c.Name == "train"; s[0] == "3" && !trains {
			continue
		}
		m.macro("TP")
		m.macro("B", s[0])
		m.text(s[1])
	}
	m.macro("SH", "ENVIRONMENT")
	m.macro("TP")
	m.macro("B", "GANTINY_KERNEL")
	m.text("The instruction set to use, one of those that 'gantiny inspect' lists.")
	m.macro("TP")
	m.macro("B", "NO_COLOR")
	m.text("Pictures in the terminal are drawn in plain characters if it is set.")
	m.seeAlso(c)
}

// synopsis writes how the command is called: what the user fills in, the upper-case words, in
// italics.
func (m *manual) synopsis(c *cli.Command) {
	m.macro("B", c.Path())
	if len(c.Commands()) > 0 {
		m.macro("I", "COMMAND")
	}
	for _, w := range strings.Fields(c.Args) {
		before, after := strings.TrimRight(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ]"), ""
		filled := w[len(before):]
		if i := strings.IndexByte(filled, ']'); i >= 0 {
			filled, after = filled[:i], filled[i:]
		}
		m.macro("RI", before, filled, after)
	}
	m.text("[options]")
}

// options lists the flags in the order of --help.
func (m *manual) options(c *cli.Command) {
	m.macro("SH", "OPTIONS")
	c.Flags().VisitAll(func(f *cli.Flag) {
		if f.Hidden {
			return
		}
		value, usage := f.ValueName()
		if f.Manual != "" {
			usage = f.Manual
		} else if f.Default != "" && f.Default != "0" && f.Default != "false" {
			usage += " (" + f.Default + " by default)"
		}
		m.macro("TP")
		name := "--" + f.Name
		if f.Letter != 0 {
			name = "-" + string(f.Letter) + ", " + name
		}
		switch {
		case value == "":
			m.macro("B", name)
		case f.Alone != "":
			m.macro("BI", name+"[=", value, "]")
		default:
			m.macro("BI", name+" ", value)
		}
		m.text(usage)
	})
	m.macro("TP")
	m.macro("B", "-h, --help")
	m.text("say the same in short")
}

func (m *manual) seeAlso(c *cli.Command) {
	m.macro("SH", "SEE ALSO")
	var pages []*cli.Command
	if c.Parent() != nil {
		pages = append(pages, c.Parent())
	}
	for _, s := range c.Root().Commands() {
		if s != c {
			pages = append(pages, s)
		}
	}
	for i, p := range pages {
		after := "(1),"
		if i == len(pages)-1 {
			after = "(1)"
		}
		m.macro("BR", Name(p), after)
	}
}

// macro writes a line that calls a macro.
func (m *manual) macro(name string, args ...string) {
	m.WriteString("." + name)
	for _, a := range args {
		m.WriteString(` "` + strings.ReplaceAll(roffOption(a), `"`, `\(dq`) + `"`)
	}
	m.WriteString("\n")
}

// text writes the first of the texts that is not empty: paragraphs, in lines that a person can
// read, a new one for each sentence.
func (m *manual) text(texts ...string) {
	for _, text := range texts {
		if text == "" {
			continue
		}
		for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
			if i > 0 {
				m.macro("PP")
			}
			m.fill(strings.Fields(paragraph))
		}
		return
	}
}

func (m *manual) fill(words []string) {
	const width = 76
	line := ""
	flush := func() {
		if line != "" {
			m.WriteString(roffLine(line) + "\n")
		}
		line = ""
	}
	for _, w := range words {
		w = roffOption(w)
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > width {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += w
		if strings.HasSuffix(w, ".") || strings.HasSuffix(w, "?") {
			flush()
		}
	}
	flush()
}

// roff writes characters that roff reads in ways of its own so that they stand for themselves.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

// roffOption works like roff, and gives an option its dashes, which roff would set as hyphens.
func roffOption(w string) string {
	s := roff(w)
	if strings.HasPrefix(strings.TrimLeft(w, "'([,"), "-") {
		s = strings.ReplaceAll(s, "-", `\-`)
	}
	return s
}

// roffLine keeps a line of text from being read as a macro.
func roffLine(s string) string {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}
