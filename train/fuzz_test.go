package train

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/simd"
)

// checkpointParts are a checkpoint without checksums, its header and its tensors.
func checkpointParts(f *testing.F, c Config, dir string) (file []byte, text string, tensors []safetensors.Tensor) {
	path := filepath.Join(dir, CheckpointFile)
	if err := Run(f.Context(), c, pictures, Options{Dir: dir}); err != nil {
		f.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	file = bytes.Replace(file, []byte(`"crc32c"`), []byte(`"no sum"`), 1)
	s, err := safetensors.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		f.Fatal(err)
	}
	for _, i := range s.Tensors {
		raw, err := s.ReadRaw(i.Name)
		if err != nil {
			f.Fatal(err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: i.Name, DType: i.DType, Shape: i.Shape, Raw: raw})
	}
	return file, s.Meta[checkpointKey], tensors
}

// FuzzResume: any bytes as a checkpoint, or any header before good tensors with right checksums,
// are refused by name or are a state that a Trainer takes; in no time, and without a panic.
func FuzzResume(f *testing.F) {
	c := small()
	c.Epochs, c.Width, c.Size, c.Latent = 1, 1, 8, 2
	dir := f.TempDir()
	file, text, tensors := checkpointParts(f, c, dir)
	f.Add(file, "")
	f.Add(file[:len(file)-1], "")
	f.Add([]byte{}, text)
	for _, change := range [][2]string{
		{`"step":4`, `"step":18446744073709551615`}, {`"batch":0`, `"batch":9`}, {`"epoch":1`, `"epoch":-1`}, {`"epoch":1`, `"epoch":9223372036854775807`},
		{`"size":8`, `"size":16`}, {`"threads":1`, `"threads":300000`}, {`"steps":`, `"steps":-`}, {`"batch":6`, `"batch":3`}, {`"epochs":1`, `"epochs":0`},
	} {
		f.Add([]byte{}, strings.Replace(text, change[0], change[1], 1))
	}
	tr := newTrainer(f, c, simd.Best())
	data := infoOf(c, pictures)
	path := filepath.Join(f.TempDir(), CheckpointFile)
	f.Fuzz(func(t *testing.T, file []byte, text string) {
		if len(file) == 0 {
			var b bytes.Buffer
			if safetensors.Write(&b, map[string]string{checkpointKey: text}, tensors) != nil {
				t.Skip() // no valid UTF-8
			}
			file = b.Bytes()
		}
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		err := resume(path, c, data, tr)
		if spent := time.Since(start); spent > 5*time.Second {
			t.Errorf("%v for a file of %d bytes", spent, len(file))
		}
		if err != nil && !strings.Contains(err.Error(), path) && !strings.HasPrefix(err.Error(), "train: resume: ") {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}

// resume takes the state of a checkpoint as a run does.
func resume(path string, c Config, data dataInfo, t *Trainer) error {
	h, err := openCheckpoint(path)
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.fits(c, data, perEpoch); err != nil {
		return err
	}
	h.otherBits(t.k)
	return h.restore(t)
}

// FuzzMetrics: of any lines, those are kept that a run up to the step has written, each whole;
// opened again, they stay as they are.
func FuzzMetrics(f *testing.F) {
	const line = `{"epoch":1,"step":4,"g_loss":0.7,"d_loss":1.3,"d_real":0.5,"d_fake":0.4,"images_per_s":9,"seconds":1}` + "\n"
	f.Add([]byte(line), uint64(4))
	f.Add([]byte(line+strings.Replace(line, `"step":4`, `"step":8`, 1)), uint64(4))
	f.Add([]byte(line+line[:30]), uint64(9))
	f.Add([]byte("\n\n{}\n{\"step\":-1}\nnull\n[]\n"+strings.Repeat("x", 1<<17)+"\n"+line), uint64(9))
	path := filepath.Join(f.TempDir(), MetricsFile)
	f.Fuzz(func(t *testing.T, file []byte, step uint64) {
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		var kept [2][]byte
		for i := range kept {
			m, err := openMetrics(path, step)
			if err != nil {
				t.Fatal(err)
			}
			m.Close()
			if kept[i], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(kept[0], kept[1]) {
			t.Errorf("kept %q, then %q", kept[0], kept[1])
		}
		lines, err := readMetrics(path, step)
		if err != nil || len(lines) > bytes.Count(kept[0], []byte("\n")) {
			t.Errorf("%d lines in %q (%v)", len(lines), kept[0], err)
		}
		for _, m := range lines {
			if m.Step > step {
				t.Errorf("a line of step %d was kept, of %d", m.Step, step)
			}
		}
	})
}
