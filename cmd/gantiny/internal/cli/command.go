package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Command is what a program does under one name, or a group of such.
type Command struct {
	Name    string
	Args    string // how its arguments are written, as in "[MODEL]"
	Short   string // one line, without a full stop
	Long    string // paragraphs; Short if empty
	Example string
	Hidden  bool // left out of help and completion

	// Check says what is wrong with the arguments; nil takes none.
	Check func(args []string) error
	// Complete is what an argument may be, behind those before it.
	Complete func(before []string) Candidates
	// Run does the work. A group without one shows its help.
	Run func(ctx context.Context, c *Command, args []string) error

	flags    FlagSet // of this command alone
	global   FlagSet // of this command and those below it
	commands []*Command
	parent   *Command

	stdout, stderr io.Writer // of the root
}

// UsageError is a mistake in the arguments.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Add puts commands below c.
func (c *Command) Add(commands ...*Command) {
	for _, sub := range commands {
		sub.parent = c
		c.commands = append(c.commands, sub)
	}
}

// Flags are those of c alone.
func (c *Command) Flags() *FlagSet { return &c.flags }

// Global are flags of c and of all commands below it.
func (c *Command) Global() *FlagSet { return &c.global }

// Commands are those below c that help shows.
func (c *Command) Commands() []*Command {
	var shown []*Command
	for _, sub := range c.commands {
		if !sub.Hidden {
			shown = append(shown, sub)
		}
	}
	return shown
}

// Parent is the command above c, nil for the root.
func (c *Command) Parent() *Command { return c.parent }

// Root is the program.
func (c *Command) Root() *Command {
	for c.parent != nil {
		c = c.parent
	}
	return c
}

// Path is the words that call c: "gantiny generate".
func (c *Command) Path() string {
	if c.parent == nil {
		return c.Name
	}
	return c.parent.Path() + " " + c.Name
}

// Stdout is where results go.
func (c *Command) Stdout() io.Writer { return c.Root().stdout }

// Stderr is where progress and logs go.
func (c *Command) Stderr() io.Writer { return c.Root().stderr }

// find returns the command below c of a name.
func (c *Command) find(name string) *Command {
	for _, sub := range c.commands {
		if sub.Name == name {
			return sub
		}
	}
	return nil
}

// lookup finds a flag of c, or a global one above it, by its name.
func (c *Command) lookup(name string) *Flag {
	return c.firstFlag(func(f *Flag) bool { return f.Name == name })
}

// letter finds one by its letter.
func (c *Command) letter(letter byte) *Flag {
	return c.firstFlag(func(f *Flag) bool { return f.Letter == letter })
}

func (c *Command) firstFlag(is func(*Flag) bool) *Flag {
	if f := c.flags.first(is); f != nil {
		return f
	}
	for at := c; at != nil; at = at.parent {
		if f := at.global.first(is); f != nil {
			return f
		}
	}
	return nil
}

// Execute runs what args ask for, and returns the command that they name, as far as they do.
func (c *Command) Execute(ctx context.Context, args []string, stdout, stderr io.Writer) (*Command, error) {
	c.stdout, c.stderr = stdout, stderr
	if len(args) > 0 && args[0] == completeName {
		return c, c.writeCandidates(args[1:])
	}
	var p parsed
	cmd, err := c.descend(args, &p)
	if err != nil {
		return cmd, err
	}
	if p.help || cmd.Run == nil && len(p.args) == 0 {
		return cmd, cmd.WriteHelp(stdout)
	}
	if err := cmd.check(p.args); err != nil {
		return cmd, err
	}
	return cmd, cmd.Run(ctx, cmd, p.args)
}

// parsed is what a command line holds beside flags with a value.
type parsed struct {
	args []string
	help bool
}

// descend reads flags, and follows the names of commands: the first word that is no flag is one
// where there are some.
func (c *Command) descend(args []string, p *parsed) (*Command, error) {
	for len(args) > 0 {
		word := args[0]
		switch {
		case word == "--" && len(c.commands) == 0:
			p.args = append(p.args, args[1:]...)
			return c, nil
		case strings.HasPrefix(word, "-") && word != "-":
			rest, err := c.parse(args, p)
			if err != nil {
				return c, err
			}
			args = rest
		case len(c.commands) > 0:
			sub := c.find(word)
			if sub == nil && word == "help" {
				p.help, args = true, args[1:]
				continue
			}
			if sub == nil {
				return c, c.unknown(word)
			}
			return sub.descend(args[1:], p)
		default:
			p.args = append(p.args, word)
			args = args[1:]
		}
	}
	return c, nil
}

func (c *Command) check(args []string) error {
	if c.Check != nil {
		return c.Check(args)
	}
	if len(args) > 0 {
		return Usagef("takes no arguments, got %s", strings.Join(args, " "))
	}
	return nil
}

// unknown is the error about a word that is no command's name.
func (c *Command) unknown(word string) error {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name)
	}
	if near := near(word, names); len(near) > 0 {
		return Usagef("unknown command %q; did you mean %s?", word, strings.Join(near, " or "))
	}
	return Usagef("unknown command %q; there are %s", word, strings.Join(names, ", "))
}
