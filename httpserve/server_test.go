package httpserve

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
)

// plain is a small generator of colored images in float32.
func plain(t testing.TB, seed uint64) *gantiny.Generator {
	t.Helper()
	g, err := gantiny.New(model.Generator(model.Config{Width: 2, Latent: 5, Size: 8, Channels: 3, Seed: seed}))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// conditional is one of gray images with four classes.
func conditional(t testing.TB) *gantiny.Generator {
	t.Helper()
	g := &model.Graph{}
	z, class := g.Input("latent", model.Flat(6)), g.Class("class", 4)
	h := g.Add(model.Concat{}, z, g.Add(model.Embedding{Dim: 3}, class))
	h = g.Add(model.Dense{Units: 4 * 4 * 4}, h)
	h = g.Add(model.Reshape{H: 4, W: 4, C: 4}, h)
	h = g.Add(model.ConvTranspose2D{Filters: 1, Kernel: [2]int{4, 4}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}}, g.Add(model.LeakyReLU{Slope: 0.2}, h))
	g.Add(model.Tanh{}, h)
	m, err := model.FromGraph("conditional", g)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(5, model.Normal(0.5))
	m.ClassNames = []string{"round", "square"}
	generator, err := gantiny.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return generator
}

func newServer(t testing.TB, o Options, models ...Model) *Server {
	t.Helper()
	if len(models) == 0 {
		models = []Model{{"colors", plain(t, 3)}, {"classes", conditional(t)}}
	}
	s, err := New(models, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// ask sends a request; headers come in pairs.
func ask(t testing.TB, s http.Handler, method, path string, body []byte, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func get(t testing.TB, s http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return ask(t, s, http.MethodGet, path, nil, headers...)
}

// pixelsOf decodes a PNG of one row of pictures into the pixels of each.
func pixelsOf(t testing.TB, b []byte, width, channels int) [][]uint8 {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	list := make([][]uint8, img.Bounds().Dx()/width)
	for i := range list {
		for y := range img.Bounds().Dy() {
			for x := range width {
				r, g, b, _ := img.At(i*width+x, y).RGBA()
				list[i] = append(list[i], []uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}[:channels]...)
			}
		}
	}
	return list
}

// drawn is what the library draws, pixels of each image.
func drawn(t testing.TB, g *gantiny.Generator, r gantiny.Request) (list [][]uint8) {
	t.Helper()
	images, err := g.Draw(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	channels := g.Model().Output().C
	for _, img := range images {
		var pix []uint8
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				r, g, b, _ := img.At(x, y).RGBA()
				pix = append(pix, []uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}[:channels]...)
			}
		}
		list = append(list, pix)
	}
	return list
}

// TestSamePictures: the pictures are those that the library draws, by seed, index, class and
// latents.
func TestSamePictures(t *testing.T) {
	colors, classes := plain(t, 3), conditional(t)
	s := newServer(t, Options{}, Model{"colors", colors}, Model{"classes", classes})
	z := make([]float32, 3*5)
	model.Latents(z, 5, 77, 0)
	var body bytes.Buffer
	if err := errors.Join(npy.WriteHeader(&body, 3, 5), npy.WriteFloats(&body, z)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		body []byte
		g    *gantiny.Generator
		r    gantiny.Request
	}{
		{"?n=1", nil, colors, gantiny.Request{Seed: 1}},
		{"?n=20&seed=9&first=5", nil, colors, gantiny.Request{N: 20, Seed: 9, First: 5}},
		{"?n=3&seed=18446744073709551615&truncation=0.5", nil, colors, gantiny.Request{N: 3, Seed: 1<<64 - 1, Truncation: 0.5}},
		{"?n=6&model=classes&first=2", nil, classes, gantiny.Request{N: 6, Seed: 1, First: 2}},
		{"?n=6&model=classes&class=3", nil, classes, gantiny.Request{N: 6, Seed: 1, Class: gantiny.Class(3)}},
		{"?n=6&model=classes&class=Square", nil, classes, gantiny.Request{N: 6, Seed: 1, Class: gantiny.Class(1)}},
		{"?truncation=2", body.Bytes(), colors, gantiny.Request{Latents: z, Truncation: 2}},
	} {
		want := drawn(t, c.g, c.r)
		method := http.MethodGet
		if c.body != nil {
			method = http.MethodPost
		}
		w := ask(t, s, method, "/v1/images.png"+c.path+"&cols="+strconv.Itoa(len(want)), c.body)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" {
			t.Fatalf("%s: status %d: %s", c.path, w.Code, w.Body)
		}
		shape := c.g.Model().Output()
		for i, got := range pixelsOf(t, w.Body.Bytes(), shape.W, shape.C) {
			if !bytes.Equal(got, want[i]) {
				t.Errorf("%s: picture %d is not the library's", c.path, i)
			}
		}
		w = ask(t, s, method, "/v1/images.npy"+c.path, c.body)
		floats, dims, err := npy.Read(w.Body, "answer")
		if err != nil || !slices.Equal(dims, []int{len(want), shape.H, shape.W, shape.C}) {
			t.Fatalf("%s: .npy of %v, %v", c.path, dims, err)
		}
		for i, v := range floats {
			if got, p := (v+1)*127.5, want[i/shape.Len()][i%shape.Len()]; got < float32(p)-.51 || got > float32(p)+.51 {
				t.Fatalf("%s: .npy has %v where the pixel is %d", c.path, v, p)
			}
		}
	}
	w := get(t, s, "/v1/images.gif?n=3")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "GIF89a") {
		t.Errorf("GIF: status %d", w.Code)
	}
	w = get(t, s, "/v1/latents.npy?seed=77&n=3")
	if got, _, err := npy.Read(w.Body, "answer"); err != nil || !slices.Equal(got, z) {
		t.Errorf("latents: %v, %v", got, err)
	}
}

// TestBadRequests: what is wrong with a request is said, with its status.
func TestBadRequests(t *testing.T) {
	s := newServer(t, Options{MaxImages: 8})
	npyFile := func(shape ...int) []byte {
		var b bytes.Buffer
		npy.WriteHeader(&b, shape...)
		n := 1
		for _, d := range shape {
			n *= d
		}
		npy.WriteFloats(&b, make([]float32, n))
		return b.Bytes()
	}
	for _, c := range []struct {
		method, path string
		body         []byte
		status       int
		says         string
	}{
		{"GET", "/v1/images.png?n=9", nil, 400, "1 to 8"},
		{"GET", "/v1/images.png?n=0", nil, 400, "1 to 8"},
		{"GET", "/v1/images.png?n=x", nil, 400, "n=x"},
		{"GET", "/v1/images.png?seed=-1", nil, 400, "seed=-1"},
		{"GET", "/v1/images.png?first=-1", nil, 400, "first=-1"},
		{"GET", "/v1/images.png?truncation=NaN", nil, 400, "truncation"},
		{"GET", "/v1/images.png?class=0", nil, 400, "no classes"},
		{"GET", "/v1/images.png?model=classes&class=4", nil, 400, "0 to 3"},
		{"GET", "/v1/images.png?model=classes&class=triangle", nil, 400, "0 to 3"},
		{"GET", "/v1/images.png?model=nosuch", nil, 404, "there are colors, classes"},
		{"GET", "/v1/images.png?sed=1", nil, 400, "no such parameter"},
		{"GET", "/v1/images.png?seed=1&seed=2", nil, 400, "2 times"},
		{"GET", "/v1/images.png?a=%zz", nil, 400, "query"},
		{"GET", "/v1/images.npy?cols=2", nil, 400, "cols"},
		{"POST", "/v1/images.png", npyFile(9, 5), 400, "N from 1 to 8"},
		{"POST", "/v1/images.png", npyFile(2, 6), 400, "(N, 5)"},
		{"POST", "/v1/images.png", npyFile(10), 400, "shape"},
		{"POST", "/v1/images.png", []byte("no numbers"), 400, "npy"},
		{"POST", "/v1/images.png", npyFile(2, 5)[:140], 400, "npy"},
		{"POST", "/v1/images.png?seed=3", npyFile(2, 5), 400, "seed"},
		{"POST", "/v1/images.png", make([]byte, 1<<20), 413, "bytes"},
		{"DELETE", "/v1/images.png", nil, 405, ""},
		{"GET", "/nosuch", nil, 404, ""},
		{"GET", "/v1/directions?count=0", nil, 400, "count"},
	} {
		w := ask(t, s, c.method, c.path, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s: status %d, %s; want %d and %q", c.method, c.path, w.Code, w.Body, c.status, c.says)
		}
		if c.says != "" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: the error is no JSON: %s", c.path, w.Body)
		}
	}
}

// TestConditional: a client that has the answer gets none, and nothing is drawn; other models and
// requests have other tags.
func TestConditional(t *testing.T) {
	s := newServer(t, Options{MaxAge: time.Hour})
	seen := map[string]string{}
	for _, path := range []string{"/v1/images.png", "/v1/images.png?n=2", "/v1/images.png?seed=2", "/v1/images.png?first=1", "/v1/images.png?truncation=0.5",
		"/v1/images.png?n=2&cols=1", "/v1/images.npy", "/v1/images.gif", "/v1/images.png?model=classes", "/v1/images.png?model=classes&class=1", "/v1/latents.npy", "/v1/directions"} {
		w := get(t, s, path)
		tag := w.Header().Get("ETag")
		if w.Code != http.StatusOK || tag == "" || w.Header().Get("Cache-Control") != "public, max-age=3600" {
			t.Fatalf("%s: status %d, %v", path, w.Code, w.Header())
		}
		if seen[tag] != "" {
			t.Errorf("%s has the tag of %s", path, seen[tag])
		}
		seen[tag] = path
		before := s.entrance.drawn.Load()
		for _, header := range []string{tag, `"other", W/` + tag, "*"} {
			w = get(t, s, path, "If-None-Match", header)
			if w.Code != http.StatusNotModified || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
				t.Errorf("%s: status %d for If-None-Match: %s", path, w.Code, header)
			}
		}
		if w = ask(t, s, http.MethodHead, path, nil); w.Code != http.StatusOK || w.Header().Get("ETag") != tag {
			t.Errorf("HEAD %s: status %d, %v", path, w.Code, w.Header())
		}
		if got := s.entrance.drawn.Load(); got != before {
			t.Errorf("%s: %d images were drawn for clients that have them", path, got-before)
		}
	}
	// The same model under other names and in other servers has the same tags; another has others.
	same, other := newServer(t, Options{}, Model{"a", plain(t, 3)}), newServer(t, Options{}, Model{"colors", plain(t, 4)})
	if tag := get(t, same, "/v1/images.png").Header().Get("ETag"); seen[tag] != "/v1/images.png" {
		t.Error("another server has another tag for the same picture")
	}
	if tag := get(t, other, "/v1/images.png").Header().Get("ETag"); seen[tag] != "" {
		t.Error("another model has the same tag")
	}
}

// TestReplace: models are replaced at once, requests at work finish on the old ones, and a bad list
// changes nothing.
func TestReplace(t *testing.T) {
	old, next := plain(t, 3), plain(t, 4)
	s := newServer(t, Options{}, Model{"m", old})
	before := get(t, s, "/v1/images.npy?n=4").Body.String()
	c := s.models.Load()
	held := c.find("m")
	if err := s.SetModels([]Model{{"m", next}}); err != nil {
		t.Fatal(err)
	}
	if held.users != 1 {
		t.Errorf("the replaced model has %d users, want the one request", held.users)
	}
	o := &order{s: held, n: 4, seed: 1, class: -1, truncation: 1}
	b, err := s.draw(t.Context(), o, "npy")
	if err != nil || b.String() != before {
		t.Errorf("a request at work did not finish on its model: %v", err)
	}
	held.leave()
	if len(held.free) != 0 || c.find("m") != nil {
		t.Error("the replaced model still has sessions")
	}
	if after := get(t, s, "/v1/images.npy?n=4"); after.Body.String() == before || after.Code != http.StatusOK {
		t.Errorf("the new model draws as the old one, status %d", after.Code)
	}
	for _, bad := range [][]Model{nil, {{"", next}}, {{"a", nil}}, {{"a", next}, {"a", old}}} {
		if err := s.SetModels(bad); !errors.Is(err, ErrModels) {
			t.Errorf("%v: error %v", bad, err)
		}
	}
	if w := get(t, s, "/v1/images.npy?model=m"); w.Code != http.StatusOK {
		t.Errorf("after bad lists: status %d", w.Code)
	}
}

// TestHeadersAndProbes: health, readiness, metrics and the log.
func TestHeadersAndProbes(t *testing.T) {
	var lines bytes.Buffer
	s := newServer(t, Options{Log: slog.New(slog.NewJSONHandler(&lines, nil))})
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := get(t, s, path); w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	get(t, s, "/v1/images.png?n=5")
	get(t, s, "/v1/images.png?n=x")
	get(t, s, "/made/up")
	text := get(t, s, "/metrics").Body.String()
	for _, want := range []string{
		`gantiny_images_total{model="colors"} 5`, `gantiny_requests_total{route="/v1/images.png",code="200"} 1`,
		`gantiny_requests_total{route="/v1/images.png",code="400"} 1`, `gantiny_requests_total{route="other",code="404"} 1`,
		"gantiny_queue_images 0", "gantiny_refused_total 0", "gantiny_requests_in_progress 0", "gantiny_requests_bytes 0", "# TYPE gantiny_batch_images histogram", `gantiny_batch_images_bucket{le="+Inf"}`,
	} {
		if !strings.Contains(text, want+"\n") && !strings.Contains(text, want) {
			t.Errorf("no %q in the metrics:\n%s", want, text)
		}
	}
	var last struct {
		Path   string
		Status int
	}
	log := strings.Split(strings.TrimSpace(lines.String()), "\n")
	if err := json.Unmarshal([]byte(log[2]), &last); err != nil || last.Path != "/v1/images.png" || last.Status != 200 || len(log) != 6 {
		t.Errorf("log: %v %+v, %d lines", err, last, len(log))
	}
	s.Drain()
	if w := get(t, s, "/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("draining: status %d", w.Code)
	}
	if w := get(t, s, "/v1/images.png"); w.Code != http.StatusOK || w.Header().Get("Connection") != "close" {
		t.Errorf("draining: status %d, %v", w.Code, w.Header())
	}
}

// TestQueue: beyond the queue or the memory a request is refused with Retry-After, and those within
// are all answered.
func TestQueue(t *testing.T) {
	s := newServer(t, Options{Queue: 40, MaxImages: 40, Threads: 1})
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 64 {
		wg.Go(func() {
			w := get(t, s, "/v1/images.png?n=10")
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
			if retry, err := strconv.Atoi(w.Header().Get("Retry-After")); w.Code == 503 && (err != nil || retry < 1 || retry > 60) {
				t.Errorf("Retry-After: %s", w.Header().Get("Retry-After"))
			}
		})
	}
	wg.Wait()
	if codes[200]+codes[503] != 64 || codes[200] < 4 {
		t.Errorf("answers %v", codes)
	}
	if !s.entrance.enter(40, 0) || s.entrance.enter(1, 0) {
		t.Fatal("the queue is not empty, or has no end")
	}
	if w := get(t, s, "/v1/images.png"); w.Code != 503 {
		t.Errorf("a full queue: status %d", w.Code)
	}
	if w := get(t, s, "/healthz"); w.Code != 200 {
		t.Errorf("a full queue: /healthz has status %d", w.Code)
	}
	s.entrance.drew(40)
	s.entrance.leave(0)
	small := newServer(t, Options{Memory: 1 << 10})
	if w := get(t, small, "/v1/images.png?n=100"); w.Code != 400 {
		t.Errorf("more than all memory: status %d", w.Code)
	}
}

// TestTimeout: what is not drawn in time is status 503, and leaves nothing behind.
func TestTimeout(t *testing.T) {
	s := newServer(t, Options{Timeout: time.Nanosecond})
	if w := get(t, s, "/v1/images.png?n=100"); w.Code != 503 || w.Header().Get("ETag") != "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
	if images, bytes := s.entrance.now(); images != 0 || bytes != 0 || s.entrance.requests.Load() != 0 {
		t.Errorf("%d images and %d bytes are held", images, bytes)
	}
}

// TestClosed: after Close, requests are refused.
func TestClosed(t *testing.T) {
	s := newServer(t, Options{})
	s.Close()
	for _, path := range []string{"/v1/images.png", "/readyz", "/v1/models"} {
		if w := get(t, s, path); w.Code != 503 {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	io.Copy(io.Discard, get(t, s, "/metrics").Body)
}
