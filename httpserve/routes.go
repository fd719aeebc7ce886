package httpserve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gantiny/gantiny/internal/explorer"
)

// endpoint is one thing that a Server answers.
type endpoint struct {
	method, path string
	parameters   []string // of the query
	handler      http.Handler
}

// endpoints is everything that a Server answers besides the page; openapi.json describes it.
func (s *Server) endpoints() []endpoint {
	list := []endpoint{
		{"GET", "/v1/latents.npy", latentParameters, s.answering(s.latents)},
		{"GET", "/v1/models", nil, s.answering(s.listModels)},
		{"GET", "/v1/directions", directionParameters, s.answering(s.directions)},
		{"GET", "/openapi.json", nil, newFile("openapi.json", openapi)},
		{"GET", "/healthz", nil, http.HandlerFunc(s.health)},
		{"GET", "/readyz", nil, http.HandlerFunc(s.ready)},
		{"GET", "/metrics", nil, http.HandlerFunc(s.writeMetrics)},
	}
	for _, kind := range []explorer.Kind{explorer.PNG, explorer.GIF, explorer.NPY} {
		draw := s.answering(func(w http.ResponseWriter, r *http.Request) error { return s.images(w, r, kind) })
		list = append(list, endpoint{"GET", "/v1/images." + string(kind), imageParameters(kind), draw},
			endpoint{"POST", "/v1/images." + string(kind), without(imageParameters(kind), latentsOfBody), draw})
	}
	return list
}

// routes finds the endpoint of a request.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, e := range s.endpoints() {
		mux.Handle(e.method+" "+e.path, e.handler)
	}
	if !s.o.NoPage {
		addPage(mux)
	}
	return mux
}

// answering turns an error into an answer.
func (s *Server) answering(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		status := http.StatusInternalServerError
		var f *failure
		switch {
		case errors.As(err, &f):
			status = f.status
		case r.Context().Err() != nil:
			return // nobody is there to read it
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errClosed):
			status = http.StatusServiceUnavailable
			err = fmt.Errorf("not drawn within %v", s.o.Timeout)
		}
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", strconv.Itoa(s.entrance.retryAfter(s.o.Threads)))
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Del("ETag")
		writeJSON(w, status, map[string]string{"error": err.Error()})
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("httpserve: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// images draws what a request asks for: find out what, say whether the client has it already, find
// room, draw, encode.
func (s *Server) images(w http.ResponseWriter, r *http.Request, kind explorer.Kind) error {
	o, err := s.order(w, r, imageParameters(kind))
	if err != nil {
		return err
	}
	defer o.s.leave()
	if err := explorer.CanEncode(kind, o.s.out); err != nil {
		return badRequest("%w", err)
	}
	if s.fresh(w, r, o.etag(kind)) {
		return nil
	}
	w.Header().Set("Content-Type", explorer.ContentType(kind))
	if r.Method == http.MethodHead {
		return nil
	}
	room := o.bytes(kind)
	if room > s.o.Memory {
		return badRequest("n=%d: pictures of %v take %d bytes; one request may take %d", o.n, o.s.out, room, s.o.Memory)
	}
	if !s.entrance.enter(o.n, room) {
		s.metrics.refused.add("", 1)
		return &failure{http.StatusServiceUnavailable, errors.New("too many pictures wait already")}
	}
	defer s.entrance.leave(room)
	b, err := s.draw(r.Context(), o, kind)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, err = w.Write(b.Bytes())
	if err != nil {
		s.metrics.unsent.add("", 1) // the client has left: nothing can be answered
	}
	return nil
}

// draw has the images of an order drawn and encodes them.
func (s *Server) draw(ctx context.Context, o *order, kind explorer.Kind) (*bytes.Buffer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	j := &job{s: o.s, n: o.n}
	j.z, j.classes = o.fill()
	if kind == explorer.NPY {
		j.floats = make([]float32, o.n*o.s.out.Len())
	} else {
		j.pixels = make([]uint8, o.n*o.s.out.Len())
	}
	if err := s.batcher.draw(ctx, j); err != nil {
		return nil, err
	}
	s.metrics.images.add("model="+quoted(o.s.name), o.n)
	b := &bytes.Buffer{}
	if kind == explorer.NPY {
		b.Grow(4*len(j.floats) + 256) // and the header
		return b, explorer.WriteNPY(b, j.floats, o.s.out)
	}
	return b, explorer.Write(b, kind, j.pixels, o.s.out, o.cols)
}

// fresh sets the headers by which clients keep an answer, and answers a request of one that has it.
func (s *Server) fresh(w http.ResponseWriter, r *http.Request, etag string) bool {
	h := w.Header()
	if r.Method == http.MethodPost {
		h.Set("Cache-Control", "no-store")
		return false
	}
	h.Set("ETag", etag)
	h.Set("Cache-Control", cacheControl(s.o.MaxAge))
	if !matches(r.Header.Values("If-None-Match"), etag) {
		return false
	}
	s.metrics.notModified.add("", 1)
	w.WriteHeader(http.StatusNotModified)
	return true
}

func cacheControl(age time.Duration) string {
	if age < 0 {
		return "public, no-cache"
	}
	return "public, max-age=" + strconv.Itoa(int(age.Seconds()))
}

// matches tells whether an If-None-Match names etag, by RFC 9110's weak comparison.
func matches(headers []string, etag string) bool {
	for _, line := range headers {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
				return true
			}
		}
	}
	return false
}

// latents answers with the latents that a seed has.
func (s *Server) latents(w http.ResponseWriter, r *http.Request) error {
	o, err := s.order(w, r, latentParameters)
	if err != nil {
		return err
	}
	defer o.s.leave()
	if s.fresh(w, r, o.etag("latents")) {
		return nil
	}
	w.Header().Set("Content-Type", explorer.ContentType(explorer.NPY))
	z, _ := o.fill()
	var b bytes.Buffer
	if err := explorer.WriteLatents(&b, z, o.s.dim); err != nil {
		return err
	}
	w.Write(b.Bytes())
	return nil
}

// modelList is what /v1/models answers.
type modelList struct {
	Models    []explorer.Info `json:"models"`
	MaxImages int             `json:"max_images"` // of one request
}

func (s *Server) listModels(w http.ResponseWriter, r *http.Request) error {
	if q := parseQuery(r, nil); q.err != nil {
		return q.err
	}
	c := s.models.Load()
	if c == nil {
		return errClosed
	}
	list := modelList{MaxImages: s.o.MaxImages}
	for _, m := range c.list {
		list.Models = append(list.Models, m.info)
	}
	w.Header().Set("Cache-Control", "no-cache")
	writeJSON(w, http.StatusOK, list)
	return nil
}

// directions answers with the principal directions of a model's latents.
func (s *Server) directions(w http.ResponseWriter, r *http.Request) error {
	q := parseQuery(r, directionParameters)
	m, err := s.find(q)
	if err != nil {
		return err
	}
	defer m.leave()
	count := q.whole("count", 10, 1, 100)
	if q.err != nil {
		return q.err
	}
	if s.fresh(w, r, (&order{s: m, n: count}).etag("directions")) {
		return nil
	}
	d, err := m.directions()
	if err != nil { // its first layer has none: an answer like any other
		s.event("no directions", "model", m.name, "error", err)
	}
	writeJSON(w, http.StatusOK, d.First(count))
	return nil
}

// health answers whether the process works at all.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	if s.Stuck() {
		writeText(w, http.StatusInternalServerError, "images have waited for too long")
		return
	}
	writeText(w, http.StatusOK, "ok")
}

// ready answers whether requests should come here.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() || s.models.Load() == nil {
		writeText(w, http.StatusServiceUnavailable, "stopping")
		return
	}
	writeText(w, http.StatusOK, "ok")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
