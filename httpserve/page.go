package httpserve

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gantiny/gantiny/internal/explorer"
)

//go:embed openapi.json
var openapi []byte

// file answers with the same bytes always.
type file struct {
	kind, etag, policy string
	b                  []byte
}

func newFile(name string, b []byte) *file {
	sum := sha256.Sum256(b)
	f := &file{kind: mime.TypeByExtension(path.Ext(name)), etag: `"` + hex.EncodeToString(sum[:16]) + `"`, b: b}
	switch path.Ext(name) { // what a system's tables may say otherwise
	case ".js":
		f.kind = "text/javascript; charset=utf-8"
	case ".json":
		f.kind = "application/json"
	case ".html":
		f.policy = explorer.Policy + "; frame-ancestors 'none'"
	}
	return f
}

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache")
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
		h.Set("Referrer-Policy", "no-referrer")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.b))
}

// addPage adds the explorer page.
func addPage(mux *http.ServeMux) {
	for name, b := range explorer.Page(explorer.Served) {
		at := strings.TrimSuffix(name, "index.html")
		if at == "" {
			at = "{$}"
		}
		mux.Handle("GET /"+at, newFile(name, b))
	}
}
