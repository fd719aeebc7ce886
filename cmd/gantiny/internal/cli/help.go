package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// helpWidth is how wide the descriptions of flags make the text.
const helpWidth = 120

// UseLine is how c is called.
func (c *Command) UseLine() string {
	line := c.Path()
	if len(c.commands) > 0 {
		line += " COMMAND"
	}
	if c.Args != "" {
		line += " " + c.Args
	}
	return line + " [flags]"
}

// WriteHelp writes what --help shows.
func (c *Command) WriteHelp(w io.Writer) error {
	var b strings.Builder
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", long, c.UseLine())
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	if shown := c.Commands(); len(shown) > 0 {
		var rows [][2]string
		for _, sub := range shown {
			rows = append(rows, [2]string{"  " + sub.Name, sub.Short})
		}
		b.WriteString("\nCommands:\n")
		writeRows(&b, rows)
	}
	var rows [][2]string
	for _, f := range c.shownFlags() {
		rows = append(rows, f.row())
	}
	b.WriteString("\nFlags:\n")
	writeRows(&b, append(rows, [2]string{"  -h, --help", "show this"}))
	if len(c.commands) > 0 {
		fmt.Fprintf(&b, "\n'%s COMMAND --help' says more about one.\n", c.Path())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// row is a flag and its description.
func (f *Flag) row() [2]string {
	value, usage := f.ValueName()
	left := "      --" + f.Name
	if f.Letter != 0 {
		left = fmt.Sprintf("  -%c, --%s", f.Letter, f.Name)
	}
	switch {
	case f.Alone != "":
		left += "[=" + value + "]"
	case value != "":
		left += " " + value
	}
	if d := f.Default; d != "" && d != "0" && d != "false" {
		usage += " (default " + d + ")"
	}
	return [2]string{left, usage}
}

// writeRows writes descriptions side by side, and those that are long in several lines.
func writeRows(b *strings.Builder, rows [][2]string) {
	left := 0
	for _, r := range rows {
		left = max(left, utf8.RuneCountInString(r[0]))
	}
	for _, r := range rows {
		line := fmt.Sprintf("%-*s  ", left, r[0])
		for _, word := range strings.Fields(r[1]) {
			if width := utf8.RuneCountInString(line); width > left+2 && width+utf8.RuneCountInString(word) > helpWidth {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line = strings.Repeat(" ", left+2)
			}
			line += word + " "
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}
