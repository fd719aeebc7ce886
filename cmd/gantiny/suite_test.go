package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// board reads a file tree: "-- path --" begins a file, what precedes the first says where it comes from.
func board(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "boards", name))
	if err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{}
	path := ""
	for line := range strings.Lines(strings.ReplaceAll(string(b), `\x00`, "\x00")) {
		if at, ok := strings.CutPrefix(line, "-- "); ok {
			path = strings.TrimSuffix(strings.TrimSpace(at), " --")
			tree[path] = &fstest.MapFile{}
		} else if path != "" {
			tree[path].Data = append(tree[path].Data, line...)
		}
	}
	return tree
}

func TestBoards(t *testing.T) {
	off, on := false, true
	for name, want := range map[string]struct {
		machine
		condition
		line string
	}{
		"pi3.txt": {
			machine{"Raspberry Pi 3 Model B Plus Rev 1.3", "a020d3", "4 x Cortex-A53", 948304 << 10, "Debian GNU/Linux 12 (bookworm)", "6.1.21-v8+"},
			condition{[]clock{{"policy0", "ondemand", 1200, 1400}}, []temperature{{"cpu-thermal", 61.224}}, "0x80008",
				[]string{"soft temperature limit", "soft temperature limit has occurred"}, &off, 0},
			"1200 MHz of 1400 (ondemand), cpu-thermal 61.2 °C, throttled 0x80008 (soft temperature limit, soft temperature limit has occurred), peak 0.0",
		},
		"pi4.txt": {
			machine{"Raspberry Pi 4 Model B Rev 1.4", "c03114", "4 x Cortex-A72", 3885396 << 10, "Debian GNU/Linux 12 (bookworm)", "6.6.20+rpt-rpi-v8"},
			condition{[]clock{{"policy0", "performance", 1800, 1800}}, []temperature{{"cpu-thermal", 48.686}}, "0x50005",
				[]string{"under-voltage", "throttled", "under-voltage has occurred", "throttling has occurred"}, &on, 0},
			"under-voltage alarm",
		},
		"pi5.txt": {
			machine{"Raspberry Pi 5 Model B Rev 1.0", "c04170", "4 x Cortex-A76", 4147200 << 10, "Debian GNU/Linux 12 (bookworm)", "6.6.31+rpt-rpi-2712"},
			condition{[]clock{{"policy0", "ondemand", 1500, 2400}}, []temperature{{"cpu-thermal", 45.75}}, "", nil, &off, 0},
			"1500 MHz of 2400 (ondemand), cpu-thermal 45.8 °C, peak",
		},
	} {
		tree := board(t, name)
		if got := readMachine(tree); got != want.machine {
			t.Errorf("%s: machine\n%+v, want\n%+v", name, got, want.machine)
		}
		got := readCondition(tree)
		if !reflect.DeepEqual(got, want.condition) {
			t.Errorf("%s: condition\n%+v, want\n%+v", name, got, want.condition)
		}
		if line := got.String(); !strings.Contains(line, want.line) {
			t.Errorf("%s: %q, want %q in it", name, line, want.line)
		}
	}
}

// What a system does not tell is left out.
func TestUnknownBoard(t *testing.T) {
	for name, tree := range map[string]fstest.MapFS{
		"nothing": {},
		"nonsense": {
			"proc/cpuinfo": {Data: []byte("no colon")}, "proc/meminfo": {Data: []byte("MemTotal: much")},
			"sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq":     {Data: []byte("<unknown>")},
			"sys/class/thermal/thermal_zone0/temp":                        {},
			"sys/devices/platform/soc/soc:firmware/get_throttled":         {Data: []byte("xyz")},
			"sys/class/hwmon/hwmon0/name":                                 {Data: []byte("rpi_volt\n")},
			"sys/devices/system/cpu/cpufreq/policy0/unreadable/something": {},
		},
	} {
		if m := readMachine(tree); m != (machine{}) {
			t.Errorf("%s: %+v", name, m)
		}
		b, err := json.Marshal(readCondition(tree))
		if err != nil || string(b) != `{"peak_gops":0}` {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
	two := fstest.MapFS{"proc/cpuinfo": {Data: []byte("processor : 0\nCPU implementer : 0x41\nCPU part : 0xd05\n\nprocessor : 1\nCPU implementer : 0x41\nCPU part : 0xd0b\n\n" +
		"processor : 2\nCPU implementer : 0x61\nCPU part : 0x023\n\nprocessor : 3\nmodel name : Some CPU @ 2GHz\n")}}
	if got, want := readMachine(two).Processors, "1 x Cortex-A55, 1 x Cortex-A76, 1 x part 0x023 of implementer 0x61, 1 x Some CPU @ 2GHz"; got != want {
		t.Errorf("processors %q, want %q", got, want)
	}
}

func TestSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the full-size network")
	}
	t.Chdir(t.TempDir())
	r := gantiny(t, "bench", "--suite", "pi", "--seconds", "0.001", "--json").want(t, exitDone, suiteFile)
	var first, file suiteReport
	if err := json.Unmarshal([]byte(r.stdout), &first); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	b, err := os.ReadFile(suiteFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil || !reflect.DeepEqual(file, first) {
		t.Errorf("the file holds %+v, standard output %+v (%v)", file, first, err)
	}
	cases := 8
	if runtime.GOMAXPROCS(0) == 1 {
		cases = 4
	}
	if first.Suite != "pi" || first.Go != runtime.Version() || first.Kernel == "" || first.Time == "" || len(first.Cases) != cases {
		t.Errorf("got %+v", first)
	}
	if first.Before.PeakGOPS <= 0 || first.After.PeakGOPS <= 0 {
		t.Errorf("peaks %g and %g", first.Before.PeakGOPS, first.After.PeakGOPS)
	}
	for i, c := range first.Cases {
		if c.Runs < 3 || !(0 < c.LowMS && c.LowMS <= c.MedianMS && c.MedianMS <= c.HighMS) || c.Images <= 0 || c.Ratio != 0 {
			t.Errorf("case %d: %+v", i, c)
		}
		for j := range i {
			if c.same(first.Cases[j]) {
				t.Errorf("cases %d and %d are the same", i, j)
			}
		}
	}
	// Against a file with half of the cases, each twice as fast.
	for i := range first.Cases {
		first.Cases[i].MedianMS /= 2
	}
	first.Cases = first.Cases[:cases/2]
	b, err = json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, "earlier.json", string(b))
	r = gantiny(t, "bench", "--suite", "pi", "--seconds", "0.001", "--compare", "earlier.json", "-o", "later.json").want(t, exitDone, "later.json")
	if !strings.Contains(r.stdout, "of earlier.json") || !strings.Contains(r.stdout, "before: ") {
		t.Errorf("it prints %s", r.stdout)
	}
	later, err := readSuite("later.json")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range later.Cases {
		if want := i < cases/2; (c.Ratio > 0) != want {
			t.Errorf("case %d has the ratio %g", i, c.Ratio)
		}
	}
}

func TestSuiteCompletion(t *testing.T) {
	if r := gantiny(t, "__complete", "bench", "--suite", "").want(t, exitDone); !strings.HasPrefix(r.stdout, "pi\n") {
		t.Errorf("the shell is offered %q", r.stdout)
	}
	if r := gantiny(t, "generate", "--help").want(t, exitDone); !strings.Contains(r.stdout, "--max-ram SIZE") {
		t.Errorf("the help says %s", r.stdout)
	}
}

func TestSuiteFails(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "other.json", `{"suite": ""}`)
	writeFile(t, "text.json", "no JSON")
	for args, says := range map[string]string{
		"--suite moon":                      "--suite moon: want pi",
		"--suite pi --batch 3":              "sets --batch itself",
		"--suite pi --train":                "sets --train itself",
		"--suite pi model.safetensors":      "not model.safetensors",
		"--suite pi --json -o -":            "--json and -o -",
		"--compare a.json":                  "--compare goes with --suite",
		"-o a.json":                         "--out goes with --suite",
		"--suite pi --seconds -1":           "--seconds -1",
		"--suite pi --kernel nosuch":        "--kernel nosuch",
		"--suite pi --threads 2 --batch 16": "itself",
	} {
		gantiny(t, append([]string{"bench"}, strings.Fields(args)...)...).want(t, exitUsage, says)
	}
	for _, name := range []string{"nosuch.json", "other.json", "text.json"} {
		gantiny(t, "bench", "--suite", "pi", "--compare", name).want(t, exitFailed, "--compare", name)
	}
	gantiny(t, "bench", "--suite", "pi", "--seconds", "0.001", "-o", "nosuch/a.json").want(t, exitFailed, "nosuch/a.json")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gantinyContext(ctx, "bench", "--suite", "pi").want(t, exitInterrupted, "interrupted")
	if left := files(t, "."); len(left) != 2 {
		t.Errorf("files %q", left)
	}
}
