package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
)

// docPages are the pages whose commands people copy.
func docPages(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*.md", "examples/*.md", "examples/*/*.md", "zoo/*.md", "zoo/*/*.md", "benchmarks/*/*.md", "contrib/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range found {
			if filepath.Base(page) != "CHANGELOG.md" { // what once was
				pages = append(pages, page)
			}
		}
	}
	return pages
}

// shellLines are the lines of a page's blocks of shell commands, those that end in a backslash
// joined.
func shellLines(page string) []string {
	var lines []string
	inside := false
	for line := range strings.Lines(strings.ReplaceAll(page, "\\\n", " ")) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "```"):
			inside = !inside && (line == "```sh" || line == "```bash")
		case inside && line != "":
			lines = append(lines, line)
		}
	}
	return lines
}

// shellCommands splits a line into commands of words, as far as documentation needs it: quotes,
// comments, assignments before a command, redirections, and several commands in a line.
func shellCommands(line string) [][]string {
	var commands [][]string
	var words []string
	end := func() {
		if len(words) > 0 {
			commands = append(commands, words)
		}
		words = nil
	}
	token := regexp.MustCompile(`^(?:'[^']*'|"[^"]*"|[^\s'"|;&<>()#]|#\b)+`)
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if strings.HasPrefix(line, "#") {
			break
		}
		if word := token.FindString(line); word != "" {
			line = line[len(word):]
			word = strings.NewReplacer("'", "", `"`, "").Replace(word)
			assignment := regexp.MustCompile(`^[A-Z_]+=`).MatchString(word)
			if len(words) > 0 || !assignment && word != "do" && word != "sudo" && word != "nice" {
				words = append(words, word)
			}
			continue
		}
		if strings.HasPrefix(line, ">") || strings.HasPrefix(line, "<") { // a redirection: its file is no argument
			if n := len(words); n > 0 && words[n-1] == "2" {
				words = words[:n-1]
			}
			line = strings.TrimSpace(strings.TrimLeft(line, "<>&"))
			line = line[len(token.FindString(line)):]
			continue
		}
		line = line[1:]
		end()
	}
	end()
	return commands
}

// arguments are those of gantiny in a command, if it is one of this program's.
func arguments(words []string) ([]string, bool) {
	switch {
	case words[0] == "gantiny" || words[0] == "./gantiny":
		return words[1:], true
	case len(words) > 2 && words[0] == "go" && words[1] == "run" && words[2] == "./cmd/gantiny":
		return words[3:], true
	}
	return nil, false
}

// parseOnly reads arguments as the program does, up to where the command would run.
func parseOnly(args []string) error {
	root := newRoot()
	var replace func(c *cli.Command)
	replace = func(c *cli.Command) {
		if c.Run != nil {
			c.Run = func(context.Context, *cli.Command, []string) error { return nil }
		}
		for _, sub := range c.Commands() {
			replace(sub)
		}
	}
	replace(root)
	_, err := root.Execute(context.Background(), args, io.Discard, io.Discard)
	return err
}

// TestDocumentedCommands: every command line in the documentation that calls gantiny is one that it
// understands: the command, its flags with their values, and the number of its arguments.
func TestDocumentedCommands(t *testing.T) {
	commands := 0
	for _, page := range docPages(t) {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range shellLines(string(b)) {
			for _, words := range shellCommands(line) {
				args, ok := arguments(words)
				if !ok {
					continue
				}
				commands++
				if err := parseOnly(args); err != nil {
					t.Errorf("%s: %s: %v", page, strings.Join(words, " "), err)
				}
			}
		}
	}
	if commands < 90 {
		t.Errorf("%d commands: does this test read the documentation?", commands)
	}
}

// TestDocumentedPackages: every go command in the documentation names directories of packages that
// there are.
func TestDocumentedPackages(t *testing.T) {
	names := 0
	for _, page := range docPages(t) {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		lines := shellLines(text)
		for _, m := range regexp.MustCompile("`(go (?:-C [a-z/]+ )?(?:run|test|build) [^`]*)`").FindAllStringSubmatch(text, -1) {
			lines = append(lines, strings.ReplaceAll(m[1], `\|`, "|"))
		}
		for _, line := range lines {
			for _, words := range shellCommands(line) {
				if words[0] != "go" || len(words) < 2 {
					continue
				}
				top := filepath.Join("..", "..")
				if words[1] == "-C" && len(words) > 2 {
					top = filepath.Join(top, words[2])
				}
				for _, word := range words[2:] {
					dir, ok := strings.CutPrefix(word, "./")
					if !ok || strings.ContainsAny(dir, "=<") {
						continue
					}
					names++
					if info, err := os.Stat(filepath.Join(top, strings.TrimSuffix(dir, "..."))); err != nil || !info.IsDir() {
						t.Errorf("%s: %s: no directory %s", page, strings.Join(words, " "), word)
					}
				}
			}
		}
	}
	if names < 20 {
		t.Errorf("%d packages: does this test read the documentation?", names)
	}
}

// TestShellCommands holds the reader of command lines to what it is relied upon for.
func TestShellCommands(t *testing.T) {
	for line, want := range map[string]string{
		"gantiny generate run1 -n 4  # four":                        "gantiny|generate|run1|-n|4",
		"gantiny verify 'a b*.json'":                                "gantiny|verify|a b*.json",
		"gantiny train --print > mine.toml; make":                   "gantiny|train|--print / make",
		"gantiny bench 2>log | jq '.layers[] | .ms'":                "gantiny|bench / jq|.layers[] | .ms",
		"CGO_ENABLED=0 go build && (cd x && go test ./...)":         "go|build / cd|x / go|test|./...",
		"for c in a b; do nice gantiny version; done":               "for|c|in|a|b / gantiny|version / done",
		"gantiny generate --background '#ffffff' --data=\"my dir\"": "gantiny|generate|--background|#ffffff|--data=my dir",
	} {
		var got []string
		for _, words := range shellCommands(line) {
			got = append(got, strings.Join(words, "|"))
		}
		if s := strings.Join(got, " / "); s != want {
			t.Errorf("%s: %s, want %s", line, s, want)
		}
	}
	for _, wrong := range []string{"generate --colums 4", "generate -n four", "genrate", "generate a b", "train --out"} {
		var usage *cli.UsageError
		if err := parseOnly(strings.Fields(wrong)); !errors.As(err, &usage) {
			t.Errorf("gantiny %s: %v, want an error about usage", wrong, err)
		}
	}
	const page = "text\n```go\ngantiny a\n```\n```sh\ngantiny b \\\n  c\n```\ngantiny d\n```\ngantiny e\n```\n```sh\ngantiny f\n```\n"
	if got := strings.Join(shellLines(page), "|"); got != "gantiny b    c|gantiny f" {
		t.Errorf("the lines are %q", got)
	}
}
