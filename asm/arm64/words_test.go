package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const disassembler = "aarch64-linux-gnu-objdump" // of Debian's binutils-aarch64-linux-gnu

var wordLine = regexp.MustCompile(`^\s*WORD \$0x([0-9a-f]{8}) // (.*)$`)

// TestForms: every form, with registers that set every bit of every field, reads as its text says.
func TestForms(t *testing.T) {
	var lines []string
	for name, f := range forms {
		n := len(operands.FindAllString(f.text, -1))
		for _, regs := range [][]int{{0, 0, 0, 0}, {31, 30, 29, 3}, {1, 31, 16, 1}, {16, 8, 31, 2}} {
			lines = append(lines, word(name, regs[:n]...))
		}
	}
	slices.Sort(lines)
	compare(t, lines)
}

// TestWords: every WORD of the generated files reads as the comment beside it says.
func TestWords(t *testing.T) {
	files, err := filepath.Glob("../../simd/*_arm64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated files (%v)", err)
	}
	var lines []string
	seen := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if !strings.Contains(line, "WORD") || seen[line] {
				continue
			}
			if !wordLine.MatchString(line) {
				t.Errorf("%s:%d: a WORD without a mnemonic: %s", name, i+1, line)
				continue
			}
			seen[line] = true
			lines = append(lines, line)
		}
	}
	if len(lines) < 100 {
		t.Errorf("only %d different WORDs", len(lines))
	}
	compare(t, lines)
}

// compare disassembles the words of lines and compares with their comments.
func compare(t *testing.T, lines []string) {
	t.Helper()
	if _, err := exec.LookPath(disassembler); err != nil {
		t.Skipf("no %s here (Debian: binutils-aarch64-linux-gnu)", disassembler)
	}
	var code []byte
	var want []string
	for _, line := range lines {
		m := wordLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("not a WORD: %s", line)
		}
		bits, err := strconv.ParseUint(m[1], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		code = binary.LittleEndian.AppendUint32(code, uint32(bits))
		want = append(want, m[2])
	}
	file := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(disassembler, "-D", "-b", "binary", "-m", "aarch64", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\s*([0-9a-f]+):\t[0-9a-f]{8} \t(.*)$`)
	got := row.FindAllStringSubmatch(string(out), -1)
	if len(got) != len(want) {
		t.Fatalf("%d words, %d disassembled", len(want), len(got))
	}
	for i, g := range got {
		text := strings.Join(strings.Fields(g[2]), " ")
		if text != want[i] {
			t.Errorf("%s: it is %s", fmt.Sprint(lines[i]), text)
		}
	}
}
