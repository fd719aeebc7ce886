package httpserve

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/internal/explorer"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
)

// failure is an error with the status that answers it.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func badRequest(format string, args ...any) error {
	return &failure{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

// order is what one request wants drawn.
type order struct {
	s          *served
	n          int
	seed       uint64
	first      int
	class      int // -1 for each class by turns
	truncation float64
	cols       int // of a grid; 0 for a square
	latents    []float32
}

// The query parameters of each route; openapi.json describes them.
var (
	latentParameters    = []string{"model", "n", "seed", "first", "truncation"}
	directionParameters = []string{"model", "count"}
	latentsOfBody       = []string{"n", "seed", "first"} // whose place the body of a POST takes
)

// imageParameters are those of pictures; only a PNG has columns.
func imageParameters(kind explorer.Kind) []string {
	list := []string{"model", "n", "seed", "first", "class", "truncation"}
	if kind == explorer.PNG {
		list = append(list, "cols")
	}
	return list
}

// without returns the names of list that are not in others.
func without(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(others, name) })
}

// query reads the parameters of a request, and refuses those that the route has not.
type query struct {
	values url.Values
	err    error
}

func parseQuery(r *http.Request, known []string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &query{err: badRequest("the query cannot be read: %w", err)}
	}
	q := &query{values: values}
	for name, list := range values {
		switch {
		case !slices.Contains(known, name):
			q.fail(badRequest("%.40q: no such parameter; there are %s", name, strings.Join(known, ", ")))
		case len(list) > 1:
			q.fail(badRequest("%s is given %d times", name, len(list)))
		}
	}
	return q
}

func (q *query) fail(err error) {
	if q.err == nil {
		q.err = err
	}
}

func (q *query) has(name string) bool { return q.values.Has(name) }

// whole reads a whole number within bounds.
func (q *query) whole(name string, value, from, to int) int {
	if !q.has(name) {
		return value
	}
	v, err := strconv.Atoi(q.values.Get(name))
	if err != nil || v < from || v > to {
		q.fail(badRequest("%s=%.40s: want a whole number from %d to %d", name, q.values.Get(name), from, to))
	}
	return v
}

// find returns the model that a request names; the caller calls leave.
func (s *Server) find(q *query) (*served, error) {
	if q.err != nil {
		return nil, q.err
	}
	for range 2 { // a model may be replaced between the look at the catalog and the entry
		c := s.models.Load()
		if m := c.find(q.values.Get("model")); m != nil {
			return m, nil
		}
		if c == nil {
			return nil, &failure{http.StatusServiceUnavailable, errClosed}
		}
	}
	return nil, &failure{http.StatusNotFound, fmt.Errorf("no model %.80q; there are %s", q.values.Get("model"), strings.Join(s.models.Load().names(), ", "))}
}

// order reads a request for images or latents. The caller has the model leave when it is done.
func (s *Server) order(w http.ResponseWriter, r *http.Request, known []string) (*order, error) {
	q := parseQuery(r, known)
	m, err := s.find(q)
	if err != nil {
		return nil, err
	}
	o := &order{s: m, class: -1, truncation: 1, seed: 1}
	if r.Method == http.MethodPost {
		err = s.readLatents(w, r, q, o)
	} else {
		o.n = q.whole("n", 1, 1, s.o.MaxImages)
	}
	o.readParameters(q)
	if err == nil {
		err = q.err
	}
	if err != nil {
		m.leave()
		return nil, err
	}
	return o, nil
}

func (o *order) readParameters(q *query) {
	if q.has("seed") {
		var err error
		if o.seed, err = strconv.ParseUint(q.values.Get("seed"), 10, 64); err != nil {
			q.fail(badRequest("seed=%.40s: want a whole number from 0 to %d", q.values.Get("seed"), uint64(math.MaxUint64)))
		}
	}
	o.first = q.whole("first", 0, 0, math.MaxInt32)
	if q.has("class") {
		class, ok := o.s.info.Class(q.values.Get("class"))
		switch o.class = class; {
		case o.s.classes == 0:
			q.fail(badRequest("class=%.40s: model %s has no classes", q.values.Get("class"), o.s.name))
		case !ok:
			q.fail(badRequest("class=%.40s: model %s has classes 0 to %d", q.values.Get("class"), o.s.name, o.s.classes-1))
		}
	}
	if q.has("truncation") {
		var err error
		if o.truncation, err = strconv.ParseFloat(q.values.Get("truncation"), 64); err != nil || !(o.truncation >= 0 && o.truncation <= 16) {
			q.fail(badRequest("truncation=%.40s: want a number from 0 to 16", q.values.Get("truncation")))
		}
	}
	o.cols = q.whole("cols", 0, 1, max(1, o.n))
}

// readLatents takes the latents of a POST: a .npy file of float32 or float64 (N, latent).
func (s *Server) readLatents(w http.ResponseWriter, r *http.Request, q *query, o *order) error {
	for _, name := range latentsOfBody {
		if q.has(name) {
			return badRequest("%s: the body has the latents already", name)
		}
	}
	most := min(s.o.MaxBody, 8*int64(s.o.MaxImages)*int64(o.s.dim)+1<<16)
	if r.ContentLength > most {
		return &failure{http.StatusRequestEntityTooLarge, fmt.Errorf("a body of %d bytes, at most %d are taken", r.ContentLength, most)}
	}
	room := 2 * most
	if r.ContentLength >= 0 {
		room = 2 * r.ContentLength
	}
	if !s.bodies.enter(0, room) {
		s.metrics.refused.add("", 1)
		return &failure{http.StatusServiceUnavailable, errors.New("too many bodies are arriving already")}
	}
	defer s.bodies.leave(room)
	body := http.MaxBytesReader(w, r.Body, most)
	z, shape, err := npy.Read(body, "body")
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &failure{http.StatusRequestEntityTooLarge, fmt.Errorf("a body of more than %d bytes", most)}
	case errors.Is(err, npy.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF):
		return badRequest("%w", err)
	case err != nil:
		return &failure{http.StatusRequestTimeout, fmt.Errorf("the body did not arrive: %w", err)}
	case len(shape) != 2 || shape[1] != o.s.dim || shape[0] < 1 || shape[0] > s.o.MaxImages:
		return badRequest("body: shape %v, want (N, %d) with N from 1 to %d", shape, o.s.dim, s.o.MaxImages)
	}
	for i, v := range z {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return badRequest("body: latent %d, number %d: %v", i/o.s.dim, i%o.s.dim, v)
		}
	}
	o.n, o.latents = shape[0], z
	return nil
}

// fill returns the order's latents, and classes if the model has any.
func (o *order) fill() (z []float32, classes []int32) {
	z = o.latents
	if z == nil {
		z = make([]float32, o.n*o.s.dim)
		model.Latents(z, o.s.dim, o.seed, o.first)
	}
	if t := float32(o.truncation); t != 1 {
		for i := range z {
			z[i] *= t
		}
	}
	if o.s.class >= 0 {
		classes = make([]int32, o.n)
		for i := range classes {
			classes[i] = int32(o.class)
			if o.class < 0 {
				classes[i] = int32((o.first + i) % o.s.classes)
			}
		}
	}
	return z, classes
}

// bytes is about what the answer to an order takes until it has gone out.
func (o *order) bytes(kind explorer.Kind) int64 {
	size := int64(o.s.out.Len())
	each := 4 * int64(o.s.dim)
	switch kind {
	case explorer.NPY:
		each += 8 * size
	default:
		each += 6 * size // the pixels, a grid of up to four bytes a pixel, what it is compressed to
	}
	return int64(o.n) * each
}

// etag names the answer: the same model and order give the same one on every server of this build.
func (o *order) etag(kind explorer.Kind) string {
	h := sha256.New()
	fmt.Fprintln(h, "1", runtime.Version(), kind, o.s.info.ID, o.n, o.seed, o.first, o.class, o.truncation, o.cols)
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}
