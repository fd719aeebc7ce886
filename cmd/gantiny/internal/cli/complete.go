package cli

import (
	"context"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
)

// completeName is the word behind which the scripts of shells ask what may come next: the words so
// far, the last one being that to complete, possibly empty. The answer is a candidate a line, with
// a tab and a description where there is one, and then one line that says which files go with them:
// ":files", ":files EXTENSION" or ":none".
const completeName = "__complete"

// Candidates are what a word may be.
type Candidates struct {
	Words []string // each with a tab and a description behind it, if it has one
	// Files tells whether it may be a file too, Extension (without the dot) of which kind alone.
	// Folders always go with files.
	Files     bool
	Extension string
}

// Fixed are candidates that are known, where nothing else is allowed.
func Fixed(words ...string) Candidates { return Candidates{Words: words} }

// writeCandidates answers a shell.
func (c *Command) writeCandidates(words []string) error {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	found := c.candidates(words[:len(words)-1], last)
	var b strings.Builder
	for _, w := range found.Words {
		if strings.HasPrefix(w, last) {
			b.WriteString(w + "\n")
		}
	}
	switch {
	case !found.Files:
		b.WriteString(":none\n")
	case found.Extension == "":
		b.WriteString(":files\n")
	default:
		b.WriteString(":files " + found.Extension + "\n")
	}
	_, err := io.WriteString(c.stdout, b.String())
	return err
}

// candidates are what word may be behind others.
func (c *Command) candidates(before []string, word string) Candidates {
	cmd, waiting, args := c.follow(before)
	name, _, isValue := strings.Cut(word, "=")
	switch {
	case waiting != nil:
		return waiting.values()
	case strings.HasPrefix(word, "--") && isValue:
		f := cmd.lookup(name[2:])
		if f == nil {
			return Candidates{}
		}
		found := f.values()
		found.Words = slices.Clone(found.Words)
		for i, w := range found.Words {
			found.Words[i] = name + "=" + w
		}
		return found
	case strings.HasPrefix(word, "-") && word != "-":
		var found Candidates
		for _, f := range cmd.shownFlags() {
			_, usage := f.ValueName()
			found.Words = append(found.Words, "--"+f.Name+"\t"+usage)
		}
		found.Words = append(found.Words, "--help\tshow what the command does")
		return found
	case len(cmd.commands) > 0:
		var found Candidates
		for _, sub := range cmd.Commands() {
			found.Words = append(found.Words, sub.Name+"\t"+sub.Short)
		}
		return found
	case cmd.Complete != nil:
		return cmd.Complete(args)
	}
	return Candidates{}
}

// follow finds the command that words name, the arguments among them, and the flag whose value
// comes next, nil if none does.
func (c *Command) follow(words []string) (cmd *Command, waiting *Flag, args []string) {
	cmd = c
	for _, w := range words {
		name, isLong := strings.CutPrefix(w, "--")
		switch {
		case waiting != nil:
			waiting = nil
		case isLong && !strings.Contains(w, "="):
			waiting = cmd.lookup(name)
		case len(w) == 2 && w[0] == '-' && !isLong:
			waiting = cmd.letter(w[1])
		case strings.HasPrefix(w, "-") && w != "-":
		case cmd.find(w) != nil:
			cmd = cmd.find(w)
		default:
			args = append(args, w)
		}
		if waiting != nil && !waiting.needsValue() {
			waiting = nil
		}
	}
	return cmd, waiting, args
}

// values are what a flag's value may be.
func (f *Flag) values() Candidates {
	if f.Complete != nil {
		return f.Complete()
	}
	if t := f.Value.Type(); t == "string" {
		return Candidates{Files: true}
	}
	return Candidates{}
}

//go:embed completion
var scripts embed.FS

// Completion is the command that prints the script of a shell for a program.
func Completion(program string) *Command {
	c := &Command{
		Name:  "completion",
		Short: "Prints the script by which a shell completes commands and flags",
		Long:  "completion prints a script for a shell. It goes where that shell looks for such, or is read in its start-up file.",
		Example: strings.ReplaceAll(`  source <(PROGRAM completion bash)
  PROGRAM completion zsh >"${fpath[1]}/_PROGRAM"
  PROGRAM completion fish >~/.config/fish/completions/PROGRAM.fish
  PROGRAM completion powershell | Out-String | Invoke-Expression`, "PROGRAM", program),
	}
	for _, shell := range [][2]string{{"bash", "bash"}, {"fish", "fish"}, {"powershell", "PowerShell"}, {"zsh", "zsh"}} {
		c.Add(&Command{
			Name:  shell[0],
			Short: fmt.Sprintf("Prints the script for %s", shell[1]),
			Run:   func(_ context.Context, c *Command, _ []string) error { return c.writeScript(shell[0]) },
		})
	}
	return c
}

func (c *Command) writeScript(shell string) error {
	script, err := scripts.ReadFile("completion/" + shell)
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.Stdout(), strings.ReplaceAll(string(script), "PROGRAM", c.Root().Name))
	return err
}
