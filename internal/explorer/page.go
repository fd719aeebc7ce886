package explorer

import (
	"embed"
	"path"
	"strings"
)

// Form is where the page's pictures are drawn.
type Form string

// The forms: by the server that serves the page, or in the browser, by the program in WebAssembly.
const (
	Served  Form = "served"
	Browser Form = "browser"
)

//go:embed page
var page embed.FS

// Policy is the page's Content-Security-Policy: nothing but its own files, and no code in the HTML.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'"

// Page returns the files of the page by their names, "index.html" among them.
func Page(f Form) map[string][]byte {
	engine := map[Form]string{Served: "engine-server.js", Browser: "engine-browser.js"}
	files := map[string][]byte{}
	list, err := page.ReadDir("page")
	if err != nil {
		panic("explorer: " + err.Error()) // it is embedded
	}
	for _, e := range list {
		b, err := page.ReadFile(path.Join("page", e.Name()))
		if err != nil {
			panic("explorer: " + err.Error())
		}
		switch name := e.Name(); {
		case name == engine[f]:
			files["engine.js"] = b
		case name == "worker.js" && f == Served, strings.HasPrefix(name, "engine-"):
		case name == "index.html":
			files[name] = []byte(strings.ReplaceAll(string(b), "{{policy}}", Policy))
		default:
			files[name] = b
		}
	}
	return files
}
