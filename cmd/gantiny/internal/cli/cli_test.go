package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// values is what the flags of a small program were set to.
type values struct {
	n      int
	seed   uint64
	rate   float64
	out    string
	quiet  bool
	log    string
	graph  string
	args   []string
	called string
}

func program(v *values) *Command {
	root := &Command{Name: "prog", Short: "Draws"}
	root.Global().StringVar(&v.log, "log", "", "write to `FILE`").Hidden = true
	draw := &Command{
		Name: "draw", Args: "[MODEL]", Short: "Draws pictures", Long: "draw draws.", Example: "  prog draw",
		Check: func(args []string) error {
			if len(args) > 1 {
				return Usagef("one MODEL")
			}
			return nil
		},
		Complete: func(before []string) Candidates { return Candidates{Files: len(before) == 0, Extension: "mod"} },
		Run: func(_ context.Context, c *Command, args []string) error {
			v.called, v.args = c.Path(), args
			return nil
		},
	}
	fl := draw.Flags()
	fl.IntVar(&v.n, "number", 16, "how many").Letter = 'n'
	fl.Uint64Var(&v.seed, "seed", 1, "seed")
	fl.Float64Var(&v.rate, "rate", 0, "rate")
	fl.StringVar(&v.out, "out", "", "the `FILE` to write").Letter = 'o'
	fl.BoolVar(&v.quiet, "quiet", false, "say nothing").Letter = 'q'
	f := fl.StringVar(&v.graph, "graph", "", "to a `FILE`")
	f.Alone, f.IsValue = "text", func(word string) bool { return strings.HasSuffix(word, ".svg") }
	f = fl.StringVar(new(string), "kernel", "", "a `NAME`")
	f.Complete = func() Candidates { return Fixed("avx2", "avx512", "scalar") }
	root.Add(draw, &Command{Name: "secret", Hidden: true, Run: draw.Run}, Completion("prog"))
	return root
}

func TestParse(t *testing.T) {
	for args, want := range map[string]values{
		"draw":                               {n: 16, seed: 1},
		"draw m":                             {n: 16, seed: 1, args: []string{"m"}},
		"draw m -n 5 --seed=7":               {n: 5, seed: 7, args: []string{"m"}},
		"draw -n5 -q -o x":                   {n: 5, seed: 1, quiet: true, out: "x"},
		"draw -qn=5 -o=x":                    {n: 5, seed: 1, quiet: true, out: "x"},
		"draw --quiet=false -o -":            {n: 16, seed: 1, out: "-"},
		"draw -n 010 --seed 08":              {n: 10, seed: 8},
		"draw -n -010 --seed 0x10":           {n: -10, seed: 16},
		"draw --seed 0018446744073709551615": {n: 16, seed: 1<<64 - 1},
		"draw --rate 1e-3 -- -n":             {n: 16, seed: 1, rate: 1e-3, args: []string{"-n"}},
		"draw --graph":                       {n: 16, seed: 1, graph: "text"},
		"draw --graph m":                     {n: 16, seed: 1, graph: "text", args: []string{"m"}},
		"draw --graph a.svg m":               {n: 16, seed: 1, graph: "a.svg", args: []string{"m"}},
		"draw --graph=a -q":                  {n: 16, seed: 1, graph: "a", quiet: true},
		"draw --graph -- a.svg":              {n: 16, seed: 1, graph: "text", args: []string{"a.svg"}},
		"--log a draw --log b -":             {n: 16, seed: 1, log: "b", args: []string{"-"}},
	} {
		var got values
		if _, err := program(&got).Execute(t.Context(), strings.Fields(args), io.Discard, io.Discard); err != nil {
			t.Errorf("%s: %v", args, err)
		}
		want.called = "prog draw"
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: got %+v, want %+v", args, got, want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for args, says := range map[string]string{
		"drew":                           `unknown command "drew"; did you mean draw?`,
		"zzzzz --data x":                 `unknown command "zzzzz"; there are draw, completion`,
		"draw --sed 1":                   "unknown flag --sed; did you mean --seed?",
		"draw --n 1":                     "unknown flag --n; did you mean --number?",
		"draw --zzz":                     "unknown flag --zzz",
		"draw -qx":                       "unknown flag -x in -qx",
		"draw -é":                        "unknown flag -é in -é",
		"draw --seed":                    "--seed: needs a value",
		"draw -n":                        "-n: needs a value",
		"draw -n=":                       "-n : not a whole number",
		"draw -n nine":                   "-n nine: not a whole number",
		"draw -n 0b1":                    "-n 0b1: not a whole number",
		"draw -n 1_0":                    "-n 1_0: not a whole number",
		"draw -n 1.5":                    "-n 1.5: not a whole number",
		"draw --seed -1":                 "--seed -1: not a whole number from 0 to 18446744073709551615",
		"draw --rate fast":               "--rate fast: not a number",
		"draw --quiet=no":                "--quiet no: not true or false",
		"draw a b":                       "one MODEL",
		"secret now":                     "takes no arguments, got now",
		"-n 99999999999999999999":        "unknown flag -n",
		"draw -n 9999999999999999999999": "-n 9999999999999999999999: not within what a whole number can be here",
	} {
		var v values
		_, err := program(&v).Execute(t.Context(), strings.Fields(args), io.Discard, io.Discard)
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%s: error %q, want %q", args, err, says)
		}
		if v.called != "" {
			t.Errorf("%s: it ran", args)
		}
	}
}

func TestVisit(t *testing.T) {
	var v values
	root := program(&v)
	cmd, err := root.Execute(t.Context(), strings.Fields("draw --seed 3 -n 4 --seed 5 --log x"), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var given []string
	cmd.Flags().Visit(func(f *Flag) { given = append(given, f.Name+"="+f.Value.String()) })
	if !slices.Equal(given, []string{"seed=5", "number=4"}) || !cmd.Flags().Changed("seed") || cmd.Flags().Changed("out") {
		t.Errorf("given %v", given)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestHelp(t *testing.T) {
	for args, says := range map[string][]string{
		"":                {"Draws.", "prog COMMAND [flags]", "  draw        Draws pictures", "prog COMMAND --help"},
		"--help":          {"prog COMMAND [flags]"},
		"help":            {"prog COMMAND [flags]"},
		"help draw":       {"draw draws.", "prog draw [MODEL] [flags]", "-n, --number int    how many (default 16)", "  -o, --out FILE      the FILE to write\n", "      --graph[=FILE]  to a FILE\n"},
		"draw -h":         {"Examples:\n  prog draw"},
		"draw m --help":   {"prog draw [MODEL] [flags]"},
		"completion":      {"prog completion COMMAND [flags]"},
		"completion bash": {"complete -F _prog prog"},
	} {
		var v values
		var out bytes.Buffer
		if _, err := program(&v).Execute(t.Context(), strings.Fields(args), &out, io.Discard); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		for _, s := range says {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%q prints %s, want %q in it", args, out.String(), s)
			}
		}
		if strings.Contains(out.String(), "secret") || strings.Contains(out.String(), "--log") {
			t.Errorf("%q shows what is hidden: %s", args, out.String())
		}
		if _, err := program(&v).Execute(t.Context(), strings.Fields(args), full{}, io.Discard); err == nil {
			t.Errorf("%q: no error where nothing can be written", args)
		}
	}
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  string
	}{
		{nil, "draw\tDraws pictures\ncompletion\tPrints the script by which a shell completes commands and flags\n:none\n"},
		{[]string{"dr"}, "draw\tDraws pictures\n:none\n"},
		{[]string{"draw", ""}, ":files mod\n"},
		{[]string{"draw", "m", ""}, ":none\n"},
		{[]string{"draw", "--ker"}, "--kernel\ta NAME\n:none\n"},
		{[]string{"draw", "--kernel", "avx"}, "avx2\navx512\n:none\n"},
		{[]string{"draw", "--graph", ""}, ":files mod\n"},
		{[]string{"draw", "--kernel=s"}, "--kernel=scalar\n:none\n"},
		{[]string{"draw", "-o", ""}, ":files\n"},
		{[]string{"draw", "-q", ""}, ":files mod\n"},
		{[]string{"draw", "--seed", ""}, ":none\n"},
		{[]string{"--log", "x", "draw", "--nosuch="}, ":none\n"},
		{[]string{"completion", "z"}, "zsh\tPrints the script for zsh\n:none\n"},
	} {
		var v values
		var out bytes.Buffer
		_, err := program(&v).Execute(t.Context(), append([]string{completeName}, c.words...), &out, io.Discard)
		if err != nil || out.String() != c.want {
			t.Errorf("%q: %q, %v, want %q", c.words, out.String(), err, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"seed", "sed", 1}, {"abc", "abc", 0}} {
		if got, back := distance(c.a, c.b), distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%q to %q is %d, and back %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
