package cli

import (
	"errors"
	"slices"
	"strings"
)

// Value is what a flag sets. Set's error says what it is not: "not a whole number".
type Value interface {
	String() string
	Set(string) error
	Type() string // how help writes it where the usage names nothing; "" for flags that need no value
}

// Flag is one option of a command.
type Flag struct {
	Name   string // --name
	Letter byte   // -n, or 0
	Usage  string // with the value's name in backquotes, if it has one
	Value  Value
	// Default is the value before any was set.
	Default string
	// Manual is the usage in manual pages, where Usage and Default tell of this machine.
	Manual   string
	Hidden   bool
	Complete func() Candidates // what the value may be; files if nil

	// Alone, if not empty, is the value of a flag that is given without one: --graph. A value is
	// then joined by =, or is the next word where IsValue tells that it can be nothing else.
	Alone   string
	IsValue func(word string) bool
}

// needsValue tells whether the word behind the flag is its value whatever it is.
func (f *Flag) needsValue() bool { return f.Value.Type() != "" && f.Alone == "" }

// ValueName is how the value is written, "" if the flag takes none, and the usage without
// backquotes.
func (f *Flag) ValueName() (name, usage string) {
	if before, rest, ok := strings.Cut(f.Usage, "`"); ok {
		if name, after, ok := strings.Cut(rest, "`"); ok {
			return name, before + name + after
		}
	}
	return f.Value.Type(), f.Usage
}

// FlagSet is flags in the order in which they were defined.
type FlagSet struct {
	all []*Flag
	set []*Flag // by the user, in that order
}

// Var defines a flag.
func (s *FlagSet) Var(v Value, name, usage string) *Flag {
	f := &Flag{Name: name, Usage: usage, Value: v, Default: v.String()}
	if s.Lookup(name) != nil {
		panic("cli: two flags --" + name)
	}
	s.all = append(s.all, f)
	return f
}

// StringVar defines a flag of any text.
func (s *FlagSet) StringVar(p *string, name, value, usage string) *Flag {
	*p = value
	return s.Var((*stringValue)(p), name, usage)
}

// BoolVar defines a flag that needs no value.
func (s *FlagSet) BoolVar(p *bool, name string, value bool, usage string) *Flag {
	*p = value
	return s.Var((*boolValue)(p), name, usage)
}

// IntVar defines a flag of a whole number.
func (s *FlagSet) IntVar(p *int, name string, value int, usage string) *Flag {
	*p = value
	return s.Var((*intValue)(p), name, usage)
}

// Uint64Var defines a flag of a whole number from 0.
func (s *FlagSet) Uint64Var(p *uint64, name string, value uint64, usage string) *Flag {
	*p = value
	return s.Var((*uint64Value)(p), name, usage)
}

// Float64Var defines a flag of a number.
func (s *FlagSet) Float64Var(p *float64, name string, value float64, usage string) *Flag {
	*p = value
	return s.Var((*float64Value)(p), name, usage)
}

// Lookup finds a flag by its name; it returns nil where there is none.
func (s *FlagSet) Lookup(name string) *Flag {
	return s.first(func(f *Flag) bool { return f.Name == name })
}

func (s *FlagSet) first(is func(*Flag) bool) *Flag {
	if i := slices.IndexFunc(s.all, is); i >= 0 {
		return s.all[i]
	}
	return nil
}

// Set gives a flag a value, as the user does.
func (s *FlagSet) Set(name, value string) error {
	f := s.Lookup(name)
	if f == nil {
		return errors.New("no flag --" + name)
	}
	if err := f.Value.Set(value); err != nil {
		return err
	}
	s.mark(f)
	return nil
}

// mark counts f among those that the user gave, if it is of s.
func (s *FlagSet) mark(f *Flag) {
	if slices.Contains(s.all, f) && !slices.Contains(s.set, f) {
		s.set = append(s.set, f)
	}
}

// Changed tells whether the user gave a flag.
func (s *FlagSet) Changed(name string) bool {
	return slices.ContainsFunc(s.set, func(f *Flag) bool { return f.Name == name })
}

// Visit calls visit for the flags that the user gave, in that order.
func (s *FlagSet) Visit(visit func(*Flag)) {
	for _, f := range s.set {
		visit(f)
	}
}

// VisitAll calls visit for all flags.
func (s *FlagSet) VisitAll(visit func(*Flag)) {
	for _, f := range s.all {
		visit(f)
	}
}

// parse reads the flag, or the letters, at the front of args and returns what follows.
func (c *Command) parse(args []string, p *parsed) (rest []string, err error) {
	word, rest := args[0], args[1:]
	if long, ok := strings.CutPrefix(word, "--"); ok {
		name, value, given := strings.Cut(long, "=")
		f := c.lookup(name)
		switch {
		case f != nil:
			return c.take(f, "--"+name, value, given, rest)
		case name == "help" && !given:
			p.help = true
			return rest, nil
		}
		return nil, c.unknownFlag(name)
	}
	for letters := word[1:]; letters != ""; letters = letters[1:] {
		f, after := c.letter(letters[0]), letters[1:]
		switch {
		case f == nil && letters[0] == 'h':
			p.help = true
		case f == nil:
			return nil, Usagef("unknown flag -%s in %s", string([]rune(letters)[:1]), word)
		case f.Value.Type() != "" || strings.HasPrefix(after, "="):
			return c.take(f, "-"+letters[:1], strings.TrimPrefix(after, "="), after != "", rest)
		default:
			if _, err := c.take(f, "-"+letters[:1], "true", true, nil); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

// take sets a flag, to the next word where it needs a value and was given none, and returns what
// follows. shown is how the user wrote it.
func (c *Command) take(f *Flag, shown, value string, given bool, rest []string) ([]string, error) {
	if !given {
		switch {
		case f.Value.Type() == "":
			value = "true"
		case f.Alone != "" && (len(rest) == 0 || f.IsValue == nil || !f.IsValue(rest[0])):
			value = f.Alone
		case len(rest) == 0:
			return nil, Usagef("%s: needs a value", shown)
		default:
			value, rest = rest[0], rest[1:]
		}
	}
	if err := f.Value.Set(value); err != nil {
		return nil, Usagef("%s %s: %w", shown, value, err)
	}
	c.flags.mark(f)
	return rest, nil
}

func (c *Command) unknownFlag(name string) error {
	var names []string
	for _, f := range c.shownFlags() {
		names = append(names, f.Name)
	}
	if near := near(name, names); len(near) > 0 {
		return Usagef("unknown flag --%s; did you mean --%s?", name, strings.Join(near, " or --"))
	}
	return Usagef("unknown flag --%s", name)
}

// shownFlags are the flags that help shows.
func (c *Command) shownFlags() []*Flag {
	var shown []*Flag
	c.flags.VisitAll(func(f *Flag) {
		if !f.Hidden {
			shown = append(shown, f)
		}
	})
	for at := c; at != nil; at = at.parent {
		at.global.VisitAll(func(f *Flag) {
			if !f.Hidden {
				shown = append(shown, f)
			}
		})
	}
	return shown
}
