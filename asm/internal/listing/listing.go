package listing

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const disassembler = "aarch64-linux-gnu-objdump" // of Debian's binutils-aarch64-linux-gnu, which reads both kinds of ARM

var wordLine = regexp.MustCompile(`^\s*WORD \$0x([0-9a-f]{8}) // (.*)$`)

// Words returns the different WORDs of the files that glob names; each has to have an instruction
// beside it.
func Words(t *testing.T, glob string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated files (%v)", err)
	}
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
	return lines
}

// Compare disassembles the words of lines for a machine, aarch64 or arm, and compares with what
// stands beside them.
func Compare(t *testing.T, machine string, lines []string) {
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
	out, err := exec.Command(disassembler, "-D", "-b", "binary", "-m", machine, file).Output()
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
			t.Errorf("%s: it is %s", lines[i], text)
		}
	}
}
