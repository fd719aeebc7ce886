package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// pixelsOf is what generate --json prints of the pixels.
type pixelsOf struct {
	Form   string
	SHA256 string `json:"pixels_sha256"`
}

func drawJSON(t *testing.T, args ...string) (d pixelsOf) {
	t.Helper()
	r := gantiny(t, append([]string{"generate", "--json", "-n", "5"}, args...)...).want(t, exitDone)
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	return d
}

// TestQuantize quantizes, reads the report, and draws with the file by every row of kernels.
func TestQuantize(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	r := gantiny(t, "quantize", smallFile, "-o", "int8.safetensors", "--calib", "32", "--judge", "20", "--report", "report", "--json").want(t, exitDone, "PSNR")
	var got struct {
		FloatBytes  int64   `json:"float_bytes"`
		Int8Bytes   int64   `json:"int8_bytes"`
		Images      int     `json:"images"`
		PSNR        float64 `json:"psnr_db"`
		Largest     int     `json:"largest_pixel_error"`
		Mean        float64 `json:"mean_pixel_error"`
		Calibration struct {
			Layers []struct {
				Name string
				SNR  float64 `json:"snr_db"`
			}
		}
		Speed []struct {
			FloatMS float64 `json:"float_ms"`
			Int8MS  float64 `json:"int8_ms"`
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat("int8.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if got.Images != 20 || got.PSNR < 34 || got.Mean >= 1 || float64(got.Largest) < got.Mean || got.Int8Bytes != info.Size() || got.FloatBytes <= got.Int8Bytes {
		t.Errorf("report %+v of a file of %d bytes", got, info.Size())
	}
	if len(got.Calibration.Layers) != 4 || len(got.Speed) != 2 || !(got.Speed[0].FloatMS > 0 && got.Speed[1].Int8MS > 0) {
		t.Errorf("report %+v", got)
	}
	if list := files(t, "."); !slices.Equal(list, []string{"int8.safetensors", "report/index.html", "report/report.json", smallFile}) {
		t.Errorf("it left %v", list)
	}
	page, err := os.ReadFile(filepath.Join("report", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(page), "data:image/png;base64,"); n != 3 || strings.Contains(string(page), "http") || strings.Contains(string(page), "ZgotmplZ") {
		t.Errorf("the page has %d pictures, or refers to something outside", n)
	}
	checkQuantized(t)
}

// checkQuantized: the file draws the same pixels in any way, and is known as an int8 one.
func checkQuantized(t *testing.T) {
	t.Helper()
	want := drawJSON(t, "int8.safetensors", "-o", "a.png", "--threads", "1")
	if want.Form != formInt8 {
		t.Errorf("form %q", want.Form)
	}
	for _, k := range simd.Variants() {
		for _, cut := range []string{"--threads=1", "--threads=3", "--batch=2"} {
			if got := drawJSON(t, "int8.safetensors", "-o", "a.png", "--kernel", k.Name, cut); got != want {
				t.Errorf("%s %s draws other pixels", k.Name, cut)
			}
		}
	}
	gantiny(t, "generate", "int8.safetensors", "--float").want(t, exitFailed, "8-bit integers only")
	gantiny(t, "quantize", "int8.safetensors", "-o", "again.safetensors").want(t, exitFailed, "8-bit integers only")
	if r := gantiny(t, "inspect", "int8.safetensors").want(t, exitDone); !strings.Contains(r.stdout, formInt8) || !strings.Contains(r.stdout, "convtranspose2d10") {
		t.Errorf("inspect prints %s", r.stdout)
	}
	gantiny(t, "bench", "int8.safetensors", "--batch", "1", "--threads", "1", "--seconds", "0.01").want(t, exitDone)
}

// TestBothForms keeps the floats beside the bytes.
func TestBothForms(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	gantiny(t, "quantize", smallFile, "-o", "both.safetensors", "--calib", "32", "--judge", "5", "--both").want(t, exitDone, "; the file holds both\n")
	float := drawJSON(t, smallFile, "-o", "a.png")
	if float.Form != formFloat {
		t.Errorf("form %q", float.Form)
	}
	if got := drawJSON(t, "both.safetensors", "--float", "-o", "a.png"); got != float {
		t.Errorf("--float draws other pixels")
	}
	if got := drawJSON(t, "both.safetensors", "-o", "a.png"); got.Form != formInt8 || got.SHA256 == float.SHA256 {
		t.Errorf("without --float: %+v", got)
	}
	gantiny(t, "generate", "both.safetensors", "-n", "2", "-o", "two.npy").want(t, exitDone)
	x, _, err := npy.ReadFile("two.npy")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range x {
		if p := (v + 1) * 127.5; math.Abs(float64(p)-math.Round(float64(p))) > 1e-4 {
			t.Fatalf("%v is no pixel's value", v)
		}
	}
}

// TestQuantizeFails: the error names the layer, and nothing is left behind.
func TestQuantizeFails(t *testing.T) {
	t.Chdir(t.TempDir())
	m := model.Generator(model.Config{Width: 2, Latent: 3})
	m.Params()[5].Data[1] = float32(math.NaN())
	save := func(name string, m *model.Model) {
		t.Helper()
		if err := m.Save(name, model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	save("nan.safetensors", m)
	shares, err := model.New("g", model.Flat(3), model.Dense{Units: 16}, model.Reshape{H: 4, W: 4, C: 1}, model.Softmax{}, model.Tanh{})
	if err != nil {
		t.Fatal(err)
	}
	save("shares.safetensors", shares)
	for file, says := range map[string]string{"nan": "layer 4 (convtranspose2d)", "shares": "layer 2 (softmax)"} {
		gantiny(t, "quantize", file+".safetensors", "-o", "out.safetensors", "--report", "report").want(t, exitFailed, file+".safetensors", says)
	}
	gantiny(t, "quantize", "nan.safetensors", "-o", "nosuch/out.safetensors").want(t, exitFailed, "nosuch")
	if got := files(t, "."); !slices.Equal(got, []string{"nan.safetensors", "shares.safetensors"}) {
		t.Errorf("failed runs left %v", got)
	}
}

// TestQuantizeHuge: a model whose numbers overflow is an error before anything is written.
func TestQuantizeHuge(t *testing.T) {
	t.Chdir(t.TempDir())
	m := model.Generator(model.Config{Width: 2, Latent: 3})
	for _, p := range m.Params() {
		for i := range p.Data {
			p.Data[i] = 3e38
		}
	}
	if err := m.Save("huge.safetensors", model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "quantize", "huge.safetensors", "-o", "out.safetensors", "--calib", "8", "--judge", "4", "--report", "report").want(t, exitFailed, "huge.safetensors")
	if got := files(t, "."); !slices.Equal(got, []string{"huge.safetensors"}) || isDir("report") {
		t.Errorf("it left %v", got)
	}
	r := &quantizeReport{}
	r.Calibration.Layers = []quant.Layer{{Name: "dense", SNR: math.Inf(1)}}
	r.Calibration.Steps = []quant.Step{{Name: "minmax", PSNR: 30}}
	if err := r.finite(); err != nil || r.Calibration.Layers[0].SNR != perfect {
		t.Errorf("a perfect layer: %v, %v", r.Calibration.Layers, err)
	}
	r.Calibration.Steps[0].PSNR = math.NaN()
	if err := r.finite(); err == nil || !strings.Contains(err.Error(), "minmax") {
		t.Errorf("no number: error %v", err)
	}
}

// TestFineTune: fine-tuning is reported, and an end on the way leaves nothing.
func TestFineTune(t *testing.T) {
	if testing.Short() {
		t.Skip("calibrates some models")
	}
	t.Chdir(t.TempDir())
	small(t)
	args := []string{"quantize", smallFile, "-o", "int8.safetensors", "--calib", "32", "--judge", "20", "--finetune", "4", "--threads", "1", "--report", "report"}
	var got struct {
		PSNR       float64 `json:"psnr_db"`
		SHA256     string  `json:"pixels_sha256"`
		FineTuning struct {
			Steps int
			PSNR  float64 `json:"psnr_db_before"`
			Kept  bool
		}
	}
	m := model.Generator(model.Config{Width: 4})
	m.Provenance.Dataset = "mnist" // for which there is a classifier
	if err := m.Save("digits.safetensors", model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	args[1] = "digits.safetensors"
	gantiny(t, append(args, "--finetune", "2")...).want(t, exitDone, "step 2 of 2, ", " dB, features ")
	args[1] = smallFile
	r := gantiny(t, append(args, "--json")...).want(t, exitDone, "fine-tuning: step 4 of 4", "before, kept: ")
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if tuned := got.FineTuning; tuned.Steps != 4 || tuned.PSNR < 34 || tuned.Kept != (got.PSNR > tuned.PSNR) || got.PSNR < tuned.PSNR {
		t.Errorf("report %+v", got)
	}
	tuned, err := model.Load("int8.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if made := tuned.Provenance.Command; strings.HasSuffix(made, "gantiny quantize --finetune 4 --seed 1") != got.FineTuning.Kept {
		t.Errorf("made by %q, kept: %v", made, got.FineTuning.Kept)
	}
	page, err := os.ReadFile(filepath.Join("report", "index.html"))
	if err != nil || !strings.Contains(string(page), "fine-tuning<td>4 steps, ") {
		t.Errorf("no fine-tuning in the page (%v)", err)
	}
	if err := errors.Join(os.RemoveAll("report"), os.Remove("int8.safetensors"), os.Remove("digits.safetensors")); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(300*time.Millisecond, cancel).Stop()
	gantinyContext(ctx, append(args, "--finetune", "100000")...).want(t, exitInterrupted, "interrupted")
	gantiny(t, append(args, "--finetune", "-1")...).want(t, exitUsage, "--finetune -1")
	gantiny(t, append(args, "--classifier", "nosuch")...).want(t, exitUsage, "--classifier", "nosuch")
	gantiny(t, append(args, "--classifier", smallFile)...).want(t, exitFailed, "--classifier "+smallFile)
	gantiny(t, append(args, "--classifier", "x", "--finetune", "0")...).want(t, exitUsage, "--finetune alone")
	if got := files(t, "."); !slices.Equal(got, []string{smallFile}) || isDir("report") {
		t.Errorf("runs that ended early left %v", got)
	}
}

// TestQuantizeWeightBits: weights of 4 bits make smaller files, which are read like others.
func TestQuantizeWeightBits(t *testing.T) {
	if testing.Short() {
		t.Skip("calibrates some models")
	}
	t.Chdir(t.TempDir())
	m := model.Generator(model.Config{Latent: 17, Size: 8, Width: 16})
	m.Init(1, model.GlorotUniform)
	if err := m.Save("m.safetensors", model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	size := map[string]int64{}
	for _, bits := range []string{"8", "7", "4"} {
		file := bits + ".safetensors"
		var got struct {
			Bits   int   `json:"weight_bits"`
			Bytes  int64 `json:"int8_bytes"`
			Images int
		}
		r := gantiny(t, "quantize", "m.safetensors", "-o", file, "--weight-bits", bits, "--calib", "32", "--judge", "4", "--json").want(t, exitDone)
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || fmt.Sprint(got.Bits) != bits {
			t.Fatalf("report %s, %v", r.stdout, err)
		}
		info, err := os.Stat(file)
		if err != nil || info.Size() != got.Bytes {
			t.Fatalf("%v, want %d bytes", err, got.Bytes)
		}
		size[bits] = got.Bytes
		gantiny(t, "generate", file, "-n", "2", "-o", bits+".npy").want(t, exitDone)
		gantiny(t, "inspect", file).want(t, exitDone)
	}
	if size["4"] > size["8"]*3/4 {
		t.Errorf("sizes by bits: %v", size)
	}
	gantiny(t, "quantize", "m.safetensors", "-o", "x.safetensors", "--weight-bits", "5").want(t, exitUsage, "--weight-bits 5")
	gantiny(t, "quantize", "m.safetensors", "-o", "x.onnx").want(t, exitUsage, "-o x.onnx", "gantiny export")
}
