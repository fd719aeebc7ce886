package httpserve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/gif"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/internal/explorer"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/zoo/digits"
)

// browserVariable names the Chromium that the page is tested in; 1 is the one on the PATH.
const browserVariable = "GANTINY_BROWSER"

func browser(t *testing.T) string {
	t.Helper()
	switch name := os.Getenv(browserVariable); name {
	case "":
		t.Skip("tests in a browser: " + browserVariable + "=1")
		return ""
	case "1":
		return "chromium"
	default:
		return name
	}
}

// TestBrowserServed explores with a server that draws.
func TestBrowserServed(t *testing.T) {
	program := browser(t)
	g, err := gantiny.Read(digits.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	colors := plain(t, 3)
	at := httptest.NewServer(newServer(t, Options{}, Model{"digits", g}, Model{"colors", colors}))
	defer at.Close()
	c := startChrome(t, program)
	p := open(t, c, at.URL)
	p.screenshot("GANTINY_SCREENSHOT")
	p.explore(g)
	p.classes(g)
	p.phone()
	p.choose("#model", "1")
	p.c.until(t, `document.querySelector("#about").textContent.startsWith("colors") && `+idle)
	if c.eval(t, `document.querySelector("#class").checkVisibility()`) != false {
		t.Error("a class picker for a model without classes")
	}
	p.samePicture(colors, nil)
	p.done()
}

// TestBrowserAlone explores with the program in WebAssembly, without a network once it is loaded.
func TestBrowserAlone(t *testing.T) {
	program := browser(t)
	classes := conditional(t)
	at := httptest.NewServer(http.FileServer(http.Dir(staticPage(t, classes.Model()))))
	defer at.Close()
	c := startChrome(t, program)
	p := open(t, c, at.URL)
	c.call(t, "Network.emulateNetworkConditions", map[string]any{"offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}, nil)
	at.CloseClientConnections()
	p.explore(classes)
	p.classes(classes)
	p.phone()
	p.done()
}

// TestBrowserDigits: the embedded model draws in the browser what it draws here.
func TestBrowserDigits(t *testing.T) {
	program := browser(t)
	g, err := gantiny.Read(digits.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	at := httptest.NewServer(http.FileServer(http.Dir(staticPage(t, g.Model()))))
	defer at.Close()
	p := open(t, startChrome(t, program), at.URL)
	start := time.Now()
	p.c.press(t, "#direction-1", "ArrowRight", 39, 1)
	p.settle()
	t.Logf("a slider's move to the picture and 12 variations: %v", time.Since(start))
	p.samePicture(g, nil)
	kernel := p.c.eval(t, `new Promise(resolve => {
		const worker = new Worker("worker.js");
		worker.onmessage = event => { worker.terminate(); resolve(event.data.value); };
		worker.postMessage({id: 1, method: "kernel", args: []});
	})`)
	if kernel != "simd128" {
		t.Errorf("the browser draws by the row %v, want simd128", kernel)
	}
	p.done()
}

// staticPage writes the page, as gantiny export --web does, into a folder.
func staticPage(t *testing.T, m *model.Model) string {
	t.Helper()
	dir := t.TempDir()
	files := explorer.Page(explorer.Browser)
	var b bytes.Buffer
	if err := m.Encode(&b, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	files["model.safetensors"] = b.Bytes()
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "explorer.wasm"), "../web")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	if files["wasm_exec.js"], err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// explored is the page in a browser.
type explored struct {
	t         *testing.T
	c         *chrome
	downloads string
}

const idle = `!document.querySelector("#main").hidden && document.querySelector("#main").getAttribute("aria-busy") === "false"`

func open(t *testing.T, c *chrome, url string) *explored {
	t.Helper()
	p := &explored{t, c, t.TempDir()}
	c.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": 1000, "height": 1500, "deviceScaleFactor": 1, "mobile": false}, nil)
	c.call(t, "Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": p.downloads}, nil)
	c.call(t, "Page.navigate", map[string]any{"url": url + "/"}, nil)
	c.until(t, `document.readyState === "complete" && document.querySelector("#main") && `+idle)
	return p
}

// settle waits until all that was asked for is drawn.
func (p *explored) settle() {
	p.t.Helper()
	p.c.until(p.t, idle)
}

// pixels is what a canvas shows, as text to compare.
func (p *explored) pixels(selector string) string {
	p.t.Helper()
	return p.c.eval(p.t, fmt.Sprintf(`(() => {
		const c = document.querySelector(%q);
		const copy = new OffscreenCanvas(c.width, c.height).getContext("2d", {willReadFrequently: true});
		copy.drawImage(c, 0, 0);
		return Array.from(copy.getImageData(0, 0, c.width, c.height).data.filter((_, i) => i %% 4 === 0)).join();
	})()`, selector)).(string)
}

// changes does something, and wants a canvas to show another picture afterwards.
func (p *explored) changes(what, selector string, do func()) {
	p.t.Helper()
	before := p.pixels(selector)
	do()
	p.settle()
	if p.pixels(selector) == before {
		p.t.Errorf("%s: %s shows the same picture", what, selector)
	}
}

func (p *explored) choose(selector, value string) {
	p.t.Helper()
	p.c.eval(p.t, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event("change")); })()`, selector, value))
}

// explore goes through all that the page does, by mouse and keyboard.
func (p *explored) explore(g *gantiny.Generator) {
	t, c := p.t, p.c
	t.Helper()
	p.changes("a direction by the keyboard", "#picture", func() { c.press(t, "#direction-2", "ArrowRight", 39, 25) })
	if v := c.eval(t, `document.querySelector("#direction-2").value + document.querySelector("#direction-2 + output").textContent`); v != "2.52.5" {
		t.Errorf("the slider and its number are at %v", v)
	}
	p.changes("truncation by the keyboard", "#picture", func() { c.press(t, "#truncation", "ArrowLeft", 37, 6) })
	p.samePicture(g, nil)
	p.changes("set to 0", "#picture", func() { c.click(t, "#reset") })
	p.changes("another seed", "#picture", func() { p.choose("#seed", "77") })
	p.changes("a random seed", "#picture", func() { c.click(t, "#random") })
	want := ""
	p.changes("a variation", "#picture", func() {
		want = p.pixels("#variations button:nth-child(5) canvas")
		c.click(t, "#variations button:nth-child(5)")
	})
	if p.pixels("#picture") != want {
		t.Error("the chosen variation is not what is shown")
	}
	p.changes("a picture between the seeds, by the keyboard", "#picture", func() {
		want = p.pixels("#strip button:nth-child(4) canvas")
		c.press(t, "#strip button:nth-child(4)", "Enter", 13, 1)
	})
	if p.pixels("#picture") != want {
		t.Error("the chosen picture between the seeds is not what is shown")
	}
	p.changes("the strip's end", "#strip button:nth-child(9) canvas", func() { p.choose("#to", "12") })
	p.changes("dragging between pictures", "#between", func() {
		x, y := c.center(t, "#pad")
		c.mouse(t, "mousePressed", x, y)
		for i := range 10 {
			c.mouse(t, "mouseMoved", x-float64(12*i), y-float64(9*i))
		}
		c.mouse(t, "mouseReleased", x-108, y-81)
	})
	if v := c.eval(t, `Number(document.querySelector("#across").value) < 0.4 && Number(document.querySelector("#down").value) < 0.4`); v != true {
		t.Error("the sliders do not follow the point")
	}
	p.changes("morphing by the keyboard", "#between", func() { c.press(t, "#across", "ArrowRight", 39, 30) })
	p.changes("going on from a morph", "#picture", func() { c.click(t, "#take") })
	p.samePicture(g, nil)
	p.saveGIF(g)
	p.named()
}

// classes picks a class.
func (p *explored) classes(g *gantiny.Generator) {
	p.t.Helper()
	if p.c.eval(p.t, `document.querySelector("#class").checkVisibility() && document.querySelectorAll("#class option").length`) != float64(g.Classes()) {
		p.t.Error("the class picker does not show the classes")
	}
	p.changes("another class", "#picture", func() { p.choose("#class", "2") })
	p.changes("another class, by the keyboard", "#picture", func() { p.c.press(p.t, "#class", "ArrowDown", 40, 1) })
	if v := p.c.eval(p.t, `document.querySelector("#class").value`); v != "3" {
		p.t.Fatalf("class %v", v)
	}
	p.samePicture(g, gantiny.Class(3))
}

// download clicks and returns the file that comes.
func (p *explored) download(selector, name string) []byte {
	p.t.Helper()
	path := filepath.Join(p.downloads, name)
	os.Remove(path)
	p.c.click(p.t, selector)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			if p.settle(); !strings.Contains(fmt.Sprint(p.c.eval(p.t, `document.querySelector("#status").textContent`)), name) {
				p.t.Errorf("%s: the status does not tell of it", name)
			}
			return b
		}
	}
	p.t.Fatalf("%s does not come; %v", name, p.c.complaints())
	return nil
}

// samePicture downloads the picture and its latent, and has the library draw the latter.
func (p *explored) samePicture(g *gantiny.Generator, class *int) {
	t := p.t
	t.Helper()
	if class == nil && g.Classes() > 0 {
		class = gantiny.Class(0)
	}
	z, shape, err := npy.Read(bytes.NewReader(p.download("#save-latent", "gantiny.npy")), "gantiny.npy")
	if err != nil || len(shape) != 2 || shape[0] != 1 || shape[1] != g.Latent() {
		t.Fatalf("latent of %v, %v", shape, err)
	}
	out := g.Model().Output()
	want := drawn(t, g, gantiny.Request{Latents: z, Class: class})[0]
	got := pixelsOf(t, p.download("#save-png", "gantiny.png"), out.W, out.C)[0]
	different := 0
	for i := range want {
		if d := int(want[i]) - int(got[i]); d < -1 || d > 1 || g.Model().Quantized() && d != 0 {
			different++
		}
	}
	if different > 0 {
		t.Errorf("the downloaded picture is not that of the downloaded latent: %d pixels", different)
	}
	shown := strings.Split(p.pixels("#picture"), ",")
	for i := range shown {
		if shown[i] != fmt.Sprint(got[i*out.C]) {
			t.Errorf("what is shown is not what is downloaded: pixel %d", i)
			break
		}
	}
}

func (p *explored) saveGIF(g *gantiny.Generator) {
	p.t.Helper()
	animation, err := gif.DecodeAll(bytes.NewReader(p.download("#save-gif", "gantiny.gif")))
	if err != nil || len(animation.Image) != 24 || animation.Config.Width != g.Model().Output().W {
		p.t.Errorf("GIF: %v", err)
	}
}

// named: every control and picture has a name that a screen reader can say.
func (p *explored) named() {
	p.t.Helper()
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	p.c.call(p.t, "Accessibility.getFullAXTree", nil, &tree)
	count := map[string]int{}
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		switch role {
		case "button", "slider", "spinbutton", "combobox", "textbox", "image", "img":
			count[role]++
			if n.Name.Value == nil || n.Name.Value == "" {
				b, _ := json.Marshal(n)
				p.t.Errorf("a %s without a name: %s", role, b)
			}
		}
	}
	if count["button"] < 25 || count["slider"] < 8 || count["spinbutton"] != 3 {
		p.t.Errorf("controls: %v", count)
	}
}

// phone: on a narrow screen nothing is wider than it, and touching works.
func (p *explored) phone() {
	p.t.Helper()
	p.c.call(p.t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true}, nil)
	p.c.call(p.t, "Emulation.setTouchEmulationEnabled", map[string]any{"enabled": true}, nil)
	if w := p.c.eval(p.t, `document.documentElement.scrollWidth`).(float64); w > 360 {
		p.t.Errorf("the page is %v pixels wide on a screen of 360", w)
	}
	p.changes("morphing by touch", "#between", func() {
		x, y := p.c.center(p.t, "#pad")
		touch := func(kind string, points ...map[string]any) {
			p.c.call(p.t, "Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": points}, nil)
		}
		touch("touchStart", map[string]any{"x": x, "y": y})
		for i := range 8 {
			touch("touchMove", map[string]any{"x": x + float64(8*i), "y": y + float64(8*i)})
		}
		p.c.call(p.t, "Input.dispatchTouchEvent", map[string]any{"type": "touchEnd", "touchPoints": []any{}}, nil)
	})
	p.c.call(p.t, "Emulation.setTouchEmulationEnabled", map[string]any{"enabled": false}, nil)
	p.c.call(p.t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": 1000, "height": 1500, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// screenshot writes what is seen to the file that a variable names.
func (p *explored) screenshot(variable string) {
	if name := os.Getenv(variable); name != "" {
		if err := os.WriteFile(name, p.c.screenshot(p.t), 0o666); err != nil {
			p.t.Fatal(err)
		}
	}
}

// done: nothing was complained about.
func (p *explored) done() {
	p.t.Helper()
	for _, text := range p.c.complaints() {
		p.t.Errorf("the browser complains: %s", text)
	}
	if text := p.c.eval(p.t, `document.querySelector("#problem").textContent`); text != "" {
		p.t.Errorf("the page says: %v", text)
	}
}
