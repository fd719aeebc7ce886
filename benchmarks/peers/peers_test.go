package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gantiny/gantiny/benchmarks/internal/cli"
)

// The test binary plays a contestant when this variable says which.
const roleKey = "GANTINY_PEERS_TEST_ROLE"

func TestMain(m *testing.M) {
	turns := 0
	quick := func() error { return nil }
	tired := func() error {
		if turns++; turns > 2 {
			return errors.New("out of breath")
		}
		return nil
	}
	var err error
	switch os.Getenv(roleKey) {
	case "":
		os.Exit(m.Run())
	case "quick":
		err = answer("quick 1.0", quick, os.Stdin, os.Stdout)
	case "tired":
		err = answer("tired", tired, os.Stdin, os.Stdout)
	case "mute":
		err = errors.New("no engine")
	case "babbler":
		fmt.Println("ready babbler")
		_, err = io.Copy(os.Stdout, os.Stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "first line\n"+err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

func role(name string) contestant {
	return contestant{name: name, install: "get " + name, does: []string{"generate"}, command: func(w *workshop, _ string, _, _ int) (*exec.Cmd, error) {
		c := exec.CommandContext(w.ctx, os.Args[0])
		c.Env = append(os.Environ(), roleKey+"="+name)
		return c, nil
	}}
}

// newTestWorkshop skips where this binary cannot start itself, as under an emulator that the kernel
// does not know.
func newTestWorkshop(t *testing.T) *workshop {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), roleKey+"=quick")
	if err := c.Run(); errors.Is(err, syscall.ENOEXEC) {
		t.Skip(err)
	}
	w, err := newWorkshop(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func TestRace(t *testing.T) {
	w := newTestWorkshop(t)
	tab := newTable("generate")
	var field []*process
	for _, name := range []string{"quick", "tired", "babbler", "quick"} {
		p, err := start(t.Context(), w, role(name), "generate", 4, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer p.stop()
		field = append(field, p)
	}
	if err := race(t.Context(), tab, field, options{rounds: 3}); err != nil {
		t.Fatal(err)
	}
	tab.add(field, 4, 1)
	if len(tab.Rows) != 1 || tab.Rows[0].Peer != "quick 1.0" || tab.Rows[0].Rounds != 3 || tab.Rows[0].Batch != 4 {
		t.Errorf("rows %+v", tab.Rows)
	}
	if len(tab.Skipped) != 2 || tab.Skipped[0].Peer != "babbler" || tab.Skipped[0].Reason != `answered "0"` ||
		tab.Skipped[1].Peer != "tired" || tab.Skipped[1].Install != "get tired" || !strings.HasSuffix(tab.Skipped[1].Reason, ": out of breath") {
		t.Errorf("skipped %+v", tab.Skipped)
	}
}

func TestStartFails(t *testing.T) {
	w := newTestWorkshop(t)
	_, err := start(t.Context(), w, role("mute"), "generate", 1, 1)
	if err == nil || err.Error() != "did not start: no engine" {
		t.Errorf("error %v", err)
	}
	absent := contestant{command: func(w *workshop, _ string, _, _ int) (*exec.Cmd, error) {
		return w.compiled("xnnpack.c", []string{"no-such-compiler"}, "", nil, "generate", 1, 1)
	}}
	for range 2 { // the second time from memory
		if _, err := start(t.Context(), w, absent, "generate", 1, 1); !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	}
}

func TestTable(t *testing.T) {
	tab := newTable("train")
	tab.Machine, tab.CPUs = "a machine", 2
	own := &process{title: "gantiny, kernel fast", ms: []float64{1000, 1200, 5000}}
	peer := &process{contestant: contestant{name: "slow"}, title: "slow 2.1", ms: []float64{2000, 3000, 4000}}
	tab.add([]*process{own, peer}, 6, 2)
	tab.skip(contestant{name: "other", install: "install other"}, errors.New("not there"))
	tab.skip(contestant{name: "other", install: "install other"}, errors.New("not there"))

	var b bytes.Buffer
	if err := tab.markdown(&b); err != nil {
		t.Fatal(err)
	}
	want := `gantiny, kernel fast; a machine; 2 CPUs; medians

| one training step: batch | threads | peer | peer, ms | gantiny, ms | peer, images/s | gantiny, images/s | ratio of times |
|---:|---:|---|---:|---:|---:|---:|---:|
| 6 | 2 | slow 2.1 | 3000 | 1200 | 2 | 5 | 0.50 |

other skipped: not there (install other)
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := cli.JSON(&b, tab); err != nil {
		t.Fatal(err)
	}
	var back table
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back.Rows) != 1 || back.Rows[0].Ratio != 0.5 {
		t.Errorf("JSON %s: %v", b.String(), err)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--what", "paint"}, {"--batch", "0"}, {"--threads", "1,x"}, {"--rounds", "0"}, {"--only", "oneDNN,ONNX"}, {"-nothing"},
		{"--network", "large"}, {"--network", "residual", "--model", "x.onnx"}, {"--network", "rgb64", "--what", "train"}, {"--model", "x.onnx", "--what", "half"},
		{"--node", "--what", "train", "--threads", "1"}, {"--node", "--threads", "2"}} {
		var log bytes.Buffer
		if err := run(t.Context(), args, io.Discard, &log); !errors.Is(err, cli.ErrUsage) || !strings.Contains(log.String(), args[0]) {
			t.Errorf("%v: error %v, said %q", args, err, log.String())
		}
	}
}

// gantiny's own contestant does the work and speaks the protocol.
func TestServe(t *testing.T) {
	for _, what := range []string{"generate", "half", "int8", "train"} {
		if what != "generate" && testing.Short() {
			continue
		}
		var out bytes.Buffer
		if err := serve([]string{what, "2", "1"}, strings.NewReader("0\n"), &out); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		var ms float64
		var runs int
		if _, err := fmt.Sscan(lines[1], &ms, &runs); err != nil || !strings.HasPrefix(lines[0], "ready gantiny") || ms <= 0 || runs != 1 {
			t.Errorf("%s: answered %q", what, out.String())
		}
	}
	if err := serve([]string{"paint", "1", "1"}, nil, io.Discard); err == nil {
		t.Error("unknown work is no error")
	}
}

// Every network of ours becomes a file that gantiny's contestant draws.
func TestNetworks(t *testing.T) {
	for name, n := range others {
		if testing.Short() && name != "conditional" {
			continue
		}
		w, err := newWorkshop(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		if err := w.use(n, name); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := serve([]string{"generate", "1", "1", w.model}, strings.NewReader("0\n"), &out); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), "ready gantiny float32, "+name+", kernel ") {
			t.Errorf("%s: answered %q", name, out.String())
		}
		if len(w.sizes) != 0 && name != "rgb64" {
			t.Errorf("%s: contestants that are scaled would take part with %q", name, w.sizes)
		}
	}
}

func TestField(t *testing.T) {
	for network, want := range map[string][]string{
		reference:  {"oneDNN", "oneDNN s8", "ONNX Runtime", "XNNPACK", "ncnn", "PyTorch"},
		"rgb64":    {"ONNX Runtime", "ONNX Runtime int8", "oneDNN", "oneDNN s8", "XNNPACK", "ncnn"},
		"residual": {"ONNX Runtime", "ONNX Runtime int8"},
	} {
		var got []string
		for _, c := range (options{network: network}).field() {
			if !strings.HasPrefix(c.name, "gantiny") {
				got = append(got, c.name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: field %q, want %q", network, got, want)
		}
	}
	if got := (options{network: reference, node: true}).field(); got[len(got)-1].name != "ONNX Runtime Web" {
		t.Errorf("under Node.js: field %v", got)
	}
}

// A library outside of the compiler's paths is found by its folder, and so are parts that only some
// versions of it have.
func TestInstallation(t *testing.T) {
	at := installation(t.TempDir())
	lib := filepath.Join(string(at), "lib64")
	if err := os.Mkdir(lib, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lib, "libnew.a"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if f := at.flags(); !slices.Contains(f, "-I"+filepath.Join(string(at), "include")) || !slices.Contains(f, "-L"+lib) || !slices.Contains(f, "-Wl,-rpath,"+lib) {
		t.Errorf("flags %q", f)
	}
	if f := at.has("new"); !slices.Equal(f, []string{"-lnew"}) {
		t.Errorf("has new: %q", f)
	}
	if err := at.check(); err == nil || !strings.Contains(err.Error(), filepath.Join(string(at), "include")) {
		t.Errorf("without include: %v", err)
	}
	if err := os.WriteFile(filepath.Join(string(at), "include"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if at.check() == nil {
		t.Error("a file named include is taken")
	}
	if err := installation("").check(); err != nil {
		t.Errorf("no folder at all: %v", err)
	}
	if f := slices.Concat(at.has("ne"), installation("").has("new"), installation("").flags()); f != nil {
		t.Errorf("what is not there: %q", f)
	}
}
