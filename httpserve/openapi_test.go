package httpserve

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// description is what the tests read of openapi.json.
type description struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Parameters  []map[string]any
		RequestBody map[string]any
		Responses   map[string]any
	}
	Components map[string]map[string]map[string]any
}

func described(t *testing.T, s *Server) (d description) {
	t.Helper()
	w := get(t, s, "/openapi.json")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %v", w.Code, w.Header())
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDescription: openapi.json describes every endpoint with its parameters, and nothing else.
func TestDescription(t *testing.T) {
	s := newServer(t, Options{})
	d := described(t, s)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q", d.OpenAPI)
	}
	found := 0
	for _, e := range s.endpoints() {
		at, ok := d.Paths[e.path][strings.ToLower(e.method)]
		if !ok {
			t.Errorf("%s %s is not described", e.method, e.path)
			continue
		}
		found++
		var names []string
		for _, p := range at.Parameters {
			if ref, ok := p["$ref"].(string); ok {
				p = d.Components["parameters"][strings.TrimPrefix(ref, "#/components/parameters/")]
			}
			if p["in"] == "query" {
				names = append(names, p["name"].(string))
			}
		}
		want := slices.Sorted(slices.Values(e.parameters))
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("%s %s: parameters %v, described %v", e.method, e.path, want, names)
		}
		if (at.RequestBody != nil) != (e.method == http.MethodPost) || at.Responses["200"] == nil {
			t.Errorf("%s %s: body %v, answers %v", e.method, e.path, at.RequestBody, at.Responses)
		}
	}
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, at := range methods {
			found--
			if ids[at.OperationID] || at.OperationID == "" {
				t.Errorf("%s %s: operationId %q", method, path, at.OperationID)
			}
			ids[at.OperationID] = true
		}
	}
	if found != 0 {
		t.Errorf("%d operations are described that there are not", -found)
	}
}

// TestReferences: every $ref of openapi.json leads somewhere.
func TestReferences(t *testing.T) {
	var whole map[string]any
	if err := json.Unmarshal(openapi, &whole); err != nil {
		t.Fatal(err)
	}
	count := 0
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				visit(e)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				count++
				var at any = whole
				for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					m, _ := at.(map[string]any)
					at = m[name]
				}
				if at == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, e := range v {
				visit(e)
			}
		}
	}
	visit(whole)
	if count < 20 {
		t.Errorf("only %d references: is this test looking at the right thing?", count)
	}
}

// TestDescribedAnswers: what is answered has a status that is described, and the fields.
func TestDescribedAnswers(t *testing.T) {
	s := newServer(t, Options{})
	d := described(t, s)
	for _, c := range []struct{ path, route, status string }{
		{"/v1/models", "/v1/models", "200"}, {"/v1/models?x=1", "/v1/models", "400"},
		{"/v1/images.png?n=x", "/v1/images.png", "400"}, {"/v1/images.png?model=x", "/v1/images.png", "404"},
		{"/v1/directions?model=classes&count=3", "/v1/directions", "200"},
	} {
		w := get(t, s, c.path)
		if http.StatusText(w.Code) == "" || d.Paths[c.route]["get"].Responses[c.status] == nil || w.Result().Status[:3] != c.status {
			t.Errorf("%s: status %d, want %s, described", c.path, w.Code, c.status)
		}
	}
	for path, schema := range map[string]string{"/v1/models": "Models", "/v1/directions": "Directions"} {
		var answer map[string]any
		if err := json.Unmarshal(get(t, s, path).Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		sameFields(t, path, answer, d.Components["schemas"][schema])
		if list, ok := answer["models"].([]any); ok {
			sameFields(t, path, list[0].(map[string]any), d.Components["schemas"]["Model"])
		}
	}
}

// sameFields: an answer has the fields that a schema requires, and they are all that it describes.
func sameFields(t *testing.T, path string, answer, schema map[string]any) {
	t.Helper()
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range required {
		if _, ok := answer[name.(string)]; !ok {
			t.Errorf("%s: no %v", path, name)
		}
	}
	if len(answer) != len(properties) || len(required) != len(properties) {
		t.Errorf("%s: %d fields, %d are described", path, len(answer), len(properties))
	}
}
