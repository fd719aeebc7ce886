package board

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Machine is what the system tells about the machine. What it does not tell is empty.
type Machine struct {
	Board      string `json:"board,omitempty"`      // Raspberry Pi 4 Model B Rev 1.4
	Revision   string `json:"revision,omitempty"`   // of a Raspberry Pi
	Processors string `json:"processors,omitempty"` // 4 x Cortex-A72
	Memory     int64  `json:"memory_bytes,omitempty"`
	System     string `json:"system,omitempty"` // Debian GNU/Linux 12 (bookworm)
	Linux      string `json:"linux,omitempty"`  // the kernel's release
}

// Condition is what may change while one measures.
type Condition struct {
	Clocks       []Clock       `json:"clocks,omitempty"`
	Temperatures []Temperature `json:"temperatures,omitempty"`
	Throttled    string        `json:"throttled,omitempty"`     // the firmware's bits, as vcgencmd get_throttled prints them
	Throttling   []string      `json:"throttling,omitempty"`    // and what they say
	UnderVoltage *bool         `json:"under_voltage,omitempty"` // the alarm of the voltage monitor
	PeakGOPS     float64       `json:"peak_gops"`               // float32, one thread: it falls with the real clock, which the system may not tell
}

// Clock is a group of processors that change their frequency together.
type Clock struct {
	Policy   string `json:"policy"`
	Governor string `json:"governor,omitempty"`
	MHz      int    `json:"mhz"`
	MaxMHz   int    `json:"max_mhz,omitempty"`
}

// Temperature is what a sensor reads.
type Temperature struct {
	Zone    string  `json:"zone"`
	Celsius float64 `json:"celsius"`
}

// text returns a file's content without what ends it, "" if there is none.
func text(system fs.FS, name string) string {
	b, err := fs.ReadFile(system, name)
	if err != nil {
		return ""
	}
	return strings.Trim(string(b), "\x00 \t\r\n")
}

// number returns the whole number in a file.
func number(system fs.FS, name string) (int, bool) {
	n, err := strconv.Atoi(text(system, name))
	return n, err == nil
}

// field returns the value of the first line "name : value" or name=value.
func field(content, name, separator string) string {
	for line := range strings.Lines(content) {
		if key, value, ok := strings.Cut(line, separator); ok && strings.TrimSpace(key) == name {
			return strings.Trim(value, "\" \t\r\n")
		}
	}
	return ""
}

// parts are the processors that ARM Limited (implementer 0x41) gives these numbers, in what is
// likely to be met.
var parts = map[string]string{
	"0xb76": "ARM1176", "0xc07": "Cortex-A7", "0xc08": "Cortex-A8", "0xc09": "Cortex-A9", "0xc0f": "Cortex-A15",
	"0xd03": "Cortex-A53", "0xd04": "Cortex-A35", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57", "0xd08": "Cortex-A72", "0xd09": "Cortex-A73",
	"0xd0a": "Cortex-A75", "0xd0b": "Cortex-A76", "0xd0c": "Neoverse-N1", "0xd40": "Neoverse-V1", "0xd41": "Cortex-A78", "0xd49": "Neoverse-N2",
}

// ReadMachine reads /proc and /etc below the root of system.
func ReadMachine(system fs.FS) Machine {
	info := text(system, "proc/cpuinfo")
	m := Machine{
		Board: text(system, "proc/device-tree/model"), Revision: field(info, "Revision", ":"), Processors: processorNames(info),
		System: field(text(system, "etc/os-release"), "PRETTY_NAME", "="), Linux: text(system, "proc/sys/kernel/osrelease"),
	}
	if m.Board == "" {
		m.Board = field(info, "Model", ":")
	}
	if _, err := fmt.Sscan(field(text(system, "proc/meminfo"), "MemTotal", ":"), &m.Memory); err == nil {
		m.Memory <<= 10
	}
	return m
}

// processorNames counts the processors of /proc/cpuinfo by what they are called.
func processorNames(info string) string {
	var names []string
	count := map[string]int{}
	for block := range strings.SplitSeq(info, "\n\n") {
		if field(block, "processor", ":") == "" {
			continue
		}
		name := field(block, "model name", ":")
		if part := field(block, "CPU part", ":"); part != "" {
			if field(block, "CPU implementer", ":") == "0x41" && parts[part] != "" {
				name = parts[part]
			} else if name == "" {
				name = "part " + part + " of implementer " + field(block, "CPU implementer", ":")
			}
		}
		if name == "" {
			name = "unnamed"
		}
		if count[name]++; count[name] == 1 {
			names = append(names, name)
		}
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%d x %s", count[name], name)
	}
	return strings.Join(names, ", ")
}

// throttling is what the bits of a Raspberry Pi's get_throttled mean.
var throttling = map[uint]string{
	0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit",
	16: "under-voltage has occurred", 17: "frequency capping has occurred", 18: "throttling has occurred", 19: "soft temperature limit has occurred",
}

// ReadCondition reads /sys below the root of system; the peak is left to the caller.
func ReadCondition(system fs.FS) (c Condition) {
	const cpufreq = "sys/devices/system/cpu/cpufreq"
	policies, _ := fs.Glob(system, cpufreq+"/policy*")
	slices.SortFunc(policies, func(a, b string) int { return len(a) - len(b) }) // policy10 after policy9
	for _, p := range policies {
		khz, ok := number(system, p+"/scaling_cur_freq")
		if !ok {
			continue
		}
		most, _ := number(system, p+"/scaling_max_freq")
		c.Clocks = append(c.Clocks, Clock{path.Base(p), text(system, p+"/scaling_governor"), khz / 1000, most / 1000})
	}
	zones, _ := fs.Glob(system, "sys/class/thermal/thermal_zone*")
	for _, z := range zones {
		if milli, ok := number(system, z+"/temp"); ok {
			c.Temperatures = append(c.Temperatures, Temperature{text(system, z+"/type"), float64(milli) / 1000})
		}
	}
	if bits, err := strconv.ParseUint(text(system, "sys/devices/platform/soc/soc:firmware/get_throttled"), 16, 32); err == nil {
		c.Throttled = fmt.Sprintf("0x%x", bits)
		for bit := range uint(32) {
			if bits>>bit&1 == 0 {
				continue
			}
			means := throttling[bit]
			if means == "" {
				means = fmt.Sprintf("bit %d", bit)
			}
			c.Throttling = append(c.Throttling, means)
		}
	}
	monitors, _ := fs.Glob(system, "sys/class/hwmon/hwmon*")
	for _, h := range monitors {
		if text(system, h+"/name") != "rpi_volt" {
			continue
		}
		if alarm, ok := number(system, h+"/in0_lcrit_alarm"); ok {
			on := alarm != 0
			c.UnderVoltage = &on
		}
	}
	return c
}

// String is one line: 1500 MHz of 1800 (ondemand), cpu-thermal 48.7 °C, throttled 0x50000 (...)
func (c Condition) String() string {
	var list []string
	for _, k := range c.Clocks {
		s := fmt.Sprintf("%d MHz", k.MHz)
		if k.MaxMHz > 0 {
			s += fmt.Sprintf(" of %d", k.MaxMHz)
		}
		if k.Governor != "" {
			s += " (" + k.Governor + ")"
		}
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, t := range c.Temperatures {
		list = append(list, fmt.Sprintf("%s %.1f °C", t.Zone, t.Celsius))
	}
	if c.Throttled != "" {
		s := "throttled " + c.Throttled
		if len(c.Throttling) > 0 {
			s += " (" + strings.Join(c.Throttling, ", ") + ")"
		}
		list = append(list, s)
	}
	if c.UnderVoltage != nil && *c.UnderVoltage {
		list = append(list, "under-voltage alarm")
	}
	return strings.Join(append(list, fmt.Sprintf("peak %.1f GFLOP/s a thread", c.PeakGOPS)), ", ")
}
