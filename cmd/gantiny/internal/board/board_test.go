package board

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

// board reads a file tree: "-- path --" begins a file, what precedes the first says where it comes
// from.
func board(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
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
		Machine
		Condition
		line string
	}{
		"pi3.txt": {
			Machine{"Raspberry Pi 3 Model B Plus Rev 1.3", "a020d3", "4 x Cortex-A53", 948304 << 10, "Debian GNU/Linux 12 (bookworm)", "6.1.21-v8+"},
			Condition{[]Clock{{"policy0", "ondemand", 1200, 1400}}, []Temperature{{"cpu-thermal", 61.224}}, "0x80008",
				[]string{"soft temperature limit", "soft temperature limit has occurred"}, &off, 0},
			"1200 MHz of 1400 (ondemand), cpu-thermal 61.2 °C, throttled 0x80008 (soft temperature limit, soft temperature limit has occurred), peak 0.0",
		},
		"pi4.txt": {
			Machine{"Raspberry Pi 4 Model B Rev 1.4", "c03114", "4 x Cortex-A72", 3885396 << 10, "Debian GNU/Linux 12 (bookworm)", "6.6.20+rpt-rpi-v8"},
			Condition{[]Clock{{"policy0", "performance", 1800, 1800}}, []Temperature{{"cpu-thermal", 48.686}}, "0x50005",
				[]string{"under-voltage", "throttled", "under-voltage has occurred", "throttling has occurred"}, &on, 0},
			"under-voltage alarm",
		},
		"pi5.txt": {
			Machine{"Raspberry Pi 5 Model B Rev 1.0", "c04170", "4 x Cortex-A76", 4147200 << 10, "Debian GNU/Linux 12 (bookworm)", "6.6.31+rpt-rpi-2712"},
			Condition{[]Clock{{"policy0", "ondemand", 1500, 2400}}, []Temperature{{"cpu-thermal", 45.75}}, "", nil, &off, 0},
			"1500 MHz of 2400 (ondemand), cpu-thermal 45.8 °C, peak",
		},
	} {
		tree := board(t, name)
		if got := ReadMachine(tree); got != want.Machine {
			t.Errorf("%s: machine\n%+v, want\n%+v", name, got, want.Machine)
		}
		got := ReadCondition(tree)
		if !reflect.DeepEqual(got, want.Condition) {
			t.Errorf("%s: condition\n%+v, want\n%+v", name, got, want.Condition)
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
		if m := ReadMachine(tree); m != (Machine{}) {
			t.Errorf("%s: %+v", name, m)
		}
		b, err := json.Marshal(ReadCondition(tree))
		if err != nil || string(b) != `{"peak_gops":0}` {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
	two := fstest.MapFS{"proc/cpuinfo": {Data: []byte("processor : 0\nCPU implementer : 0x41\nCPU part : 0xd05\n\nprocessor : 1\nCPU implementer : 0x41\nCPU part : 0xd0b\n\n" +
		"processor : 2\nCPU implementer : 0x61\nCPU part : 0x023\n\nprocessor : 3\nmodel name : Some CPU @ 2GHz\n")}}
	if got, want := ReadMachine(two).Processors, "1 x Cortex-A55, 1 x Cortex-A76, 1 x part 0x023 of implementer 0x61, 1 x Some CPU @ 2GHz"; got != want {
		t.Errorf("processors %q, want %q", got, want)
	}
}
