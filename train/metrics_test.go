package train

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var m meter
	m.add(Losses{G: 1, D: 2, Real: 0.5, Fake: 0.25}, time.Second)
	m.add(Losses{G: 3, D: 4, Real: 0.75, Fake: 0.75}, 3*time.Second)
	want := Metrics{Epoch: 2, Step: 7, G: 2, D: 3, Real: 0.625, Fake: 0.5, ImagesPerSecond: 16, Seconds: 4}
	if got := m.line(2, 7, 32); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	m.add(Losses{G: 5}, time.Second)
	if got := m.line(2, 8, 32); got.G != 5 || got.ImagesPerSecond != 32 || got.Seconds != 5 {
		t.Errorf("the second line is %+v", got)
	}
}

func TestOpenMetrics(t *testing.T) {
	line := map[int]string{
		1: `{"epoch":1,"step":10,"g_loss":0.5}` + "\n",
		2: `{"epoch":1,"step":20,"g_loss":0.5}` + "\n",
		3: `{"epoch":2,"step":30,"g_loss":0.5}` + "\n",
	}
	for name, c := range map[string]struct {
		old  string
		step uint64
		want string
	}{
		"none yet":      {"", 0, ""},
		"complete":      {line[1] + line[2], 25, line[1] + line[2]},
		"at the step":   {line[1] + line[2], 20, line[1] + line[2]},
		"past the step": {line[1] + line[2] + line[3], 20, line[1] + line[2]},
		"all past":      {line[1], 0, ""},
		"cut short":     {line[1] + line[2][:12], 25, line[1]},
		"no newline":    {line[1][:len(line[1])-1], 25, line[1]},
	} {
		path := filepath.Join(t.TempDir(), "metrics.jsonl")
		if c.old != "" {
			if err := os.WriteFile(path, []byte(c.old), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		f, err := openMetrics(path, c.step)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("next\n")
		f.Close()
		if got, err := os.ReadFile(path); err != nil || string(got) != c.want+"next\n" {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want+"next\n")
		}
	}
}
