package csource_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gantiny/gantiny/export/csource"
	"github.com/gantiny/gantiny/export/internal/nets"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// strict are gcc's flags that the programs have to pass.
var strict = []string{"-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"}

// thorough, if set, has all networks tested, on all targets that there are compilers and emulators
// for.
var thorough = os.Getenv("GANTINY_CSOURCE") != ""

// int8Nets are the networks in 8-bit integers by name.
var int8Nets = sync.OnceValues(func() (map[string]*model.Model, error) {
	all := map[string]*model.Model{}
	for _, n := range nets.All() {
		if !n.Quantizes || !thorough && !slices.Contains([]string{"plain", "conditional", "gates", "judge"}, n.Name) {
			continue
		}
		m, err := n.Int8(context.Background())
		if err != nil {
			return nil, err
		}
		all[n.Name] = m
	}
	return all, nil
})

// generators are the networks that draw images from latents.
func generators(t *testing.T) (list []*model.Model) {
	t.Helper()
	all, err := int8Nets()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains([]string{"skips", "judge", "views"}, name) {
			list = append(list, all[name])
		}
	}
	return list
}

// written writes a model's program and main.c into a folder.
func written(t *testing.T, m *model.Model) (dir string, cost csource.Cost) {
	t.Helper()
	dir = t.TempDir()
	p, err := csource.New(m, csource.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	main, err := os.ReadFile("testdata/main.c")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"gen.c": b.Bytes(), "main.c": main} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir, p.Cost()
}

// drawn are the images that main.c draws, by the model's own plain loops.
func drawn(t *testing.T, m *model.Model) string {
	t.Helper()
	_, class, err := m.GeneratorInputs()
	if err != nil {
		t.Fatal(err)
	}
	step := m.Layers()[slices.IndexFunc(m.Layers(), func(l model.LayerInfo) bool { return l.Op.Kind() == "qlatents" })].Op.(model.QLatents).Step
	dim := 0
	for _, p := range m.Inputs() {
		if p.Type.Kind == model.Float32 {
			dim = p.Shape.C
		}
	}
	z := make([][]float32, 5)
	for i := range 5 {
		z[i] = make([]float32, dim)
		if i < 3 {
			model.Latents(z[i], dim, 0x123456789a, i+math.MaxInt32-3)
		}
	}
	for i := range dim {
		z[3][i] = float32(i%23-11) * 0.37
		z[4][i] = float32(i*37%255-127) * quant.LatentScale(step)
	}
	z[3][0] = 1e30
	var out strings.Builder
	for i, z := range z {
		pix := make([]uint8, m.Output().Len())
		var classes []int32
		if class >= 0 {
			classes = []int32{int32(i % m.Inputs()[class].Type.Classes)}
		}
		if err := m.Exact(pix, z, classes...); err != nil {
			t.Fatal(err)
		}
		out.WriteString(hex.EncodeToString(pix) + "\n")
	}
	return out.String()
}

// build compiles a program and its main.c separately.
func build(t *testing.T, dir, compiler string, flags ...string) string {
	t.Helper()
	to := filepath.Join(dir, "program")
	args := slices.Concat(strict, flags, []string{"-o", to, filepath.Join(dir, "gen.c"), filepath.Join(dir, "main.c")})
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", compiler, err, out)
	}
	return to
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, problems.Bytes())
	}
	return string(out)
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("no " + name)
		}
	}
}

// TestSameBytes: the programs draw what the models draw, on this machine, without anything that the
// sanitizers find.
func TestSameBytes(t *testing.T) {
	needs(t, "gcc")
	for _, m := range generators(t) {
		t.Run(m.Name, func(t *testing.T) {
			dir, _ := written(t, m)
			want := drawn(t, m)
			all := [][]string{{"-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"}, {"-O3", "-ffp-contract=fast"}}
			if runtime.GOARCH == "amd64" {
				all[1] = append(all[1], "-mfma")
			}
			for _, flags := range all {
				if got := run(t, build(t, dir, "gcc", flags...)); got != want {
					t.Errorf("gcc %v: other bytes:\n%.200s\nwant\n%.200s", flags, got, want)
				}
			}
		})
	}
}

// TestExample: the model of examples/microcontroller fits into 128 KB of flash, and its program
// draws what it does.
func TestExample(t *testing.T) {
	m, err := model.LoadInt8("../../examples/microcontroller/digits.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	needs(t, "gcc")
	dir, cost := written(t, m)
	if cost.Flash() > 128<<10 {
		t.Errorf("%d bytes of flash, want at most 128 KB", cost.Flash())
	}
	if got := run(t, build(t, dir, "gcc", "-O2")); got != drawn(t, m) {
		t.Error("other bytes")
	}
}

// TestARM: the same on 32-bit ARM, by qemu.
func TestARM(t *testing.T) {
	if !thorough {
		t.Skip("GANTINY_CSOURCE is not set")
	}
	needs(t, "arm-linux-gnueabihf-gcc", "qemu-arm-static")
	for _, m := range generators(t) {
		dir, _ := written(t, m)
		program := build(t, dir, "arm-linux-gnueabihf-gcc", "-O2", "-static")
		if got := run(t, "qemu-arm-static", program); got != drawn(t, m) {
			t.Errorf("%s: other bytes", m.Name)
		}
	}
}

// TestCortexM: the same on a microcontroller without floating point, a Cortex-M3 of 4 MB, with what
// the program says of its size.
func TestCortexM(t *testing.T) {
	if !thorough {
		t.Skip("GANTINY_CSOURCE is not set")
	}
	needs(t, "arm-none-eabi-gcc", "qemu-system-arm")
	for _, m := range generators(t) {
		dir, cost := written(t, m)
		program := build(t, dir, "arm-none-eabi-gcc", "-Os", "-mcpu=cortex-m3", "-mthumb", "--specs=rdimon.specs", "-T", "../../examples/microcontroller/mps2.ld", "../../examples/microcontroller/start.c")
		got := run(t, "qemu-system-arm", "-M", "mps2-an385", "-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel", program)
		if got != drawn(t, m) {
			t.Errorf("%s: other bytes:\n%.200s", m.Name, got)
		}
		checkSize(t, dir, m.Name, cost)
	}
}

// TestRefused: what cannot be written is listed, and floats get a hint.
func TestRefused(t *testing.T) {
	m, err := nets.All()[0].Model()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := csource.New(m, csource.Options{}); !errors.Is(err, csource.ErrFloat) || !errors.Is(err, csource.ErrUnsupported) {
		t.Errorf("floats: %v", err)
	}
	all, err := int8Nets()
	if err != nil {
		t.Fatal(err)
	}
	var list *csource.UnsupportedError
	if _, err := csource.New(all["judge"], csource.Options{}); !errors.As(err, &list) || len(list.Items) != 2 ||
		!strings.HasPrefix(list.Items[0], "inputs: ") || !strings.HasPrefix(list.Items[1], "outputs: 2") {
		t.Errorf("a discriminator: %v", err)
	}
	if _, err := csource.New(all["plain"], csource.Options{Name: "9x"}); err == nil {
		t.Error("9x is a name")
	}
}

// TestAll: package csource has a rule for every int8 operator.
func TestAll(t *testing.T) {
	for _, kind := range model.Kinds() {
		if strings.HasPrefix(kind, "q") && !csource.Knows(kind) {
			t.Errorf("no rule for %s", kind)
		}
	}
}

// checkSize holds the program's promises to what the compiler makes of it.
func checkSize(t *testing.T, dir, name string, cost csource.Cost) {
	t.Helper()
	object := filepath.Join(dir, "gen.o")
	run(t, "arm-none-eabi-gcc", "-std=c99", "-Os", "-mcpu=cortex-m3", "-mthumb", "-c", "-o", object, filepath.Join(dir, "gen.c"))
	sizes := map[string]int{}
	for _, line := range strings.Split(run(t, "arm-none-eabi-size", "-A", object), "\n") {
		if fields := strings.Fields(line); len(fields) == 3 {
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				continue
			}
			section, _, _ := strings.Cut(strings.TrimPrefix(fields[0], "."), ".")
			sizes[section] += n
		}
	}
	t.Logf("%s: %d bytes of code, %d of constants, said %d and %d; %d of RAM, said %d", name, sizes["text"], sizes["rodata"], cost.Code, cost.Data, sizes["bss"]+sizes["data"], cost.RAM)
	if sizes["text"] > cost.Code || sizes["rodata"] > cost.Data+64 || sizes["rodata"] < cost.Data-cost.Data/20 || sizes["bss"]+sizes["data"] != cost.RAM {
		t.Errorf("%s: takes %v, said %+v", name, sizes, cost)
	}
}
