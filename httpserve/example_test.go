package httpserve_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/httpserve"
	"github.com/gantiny/gantiny/zoo/digits"
)

func Example() {
	g, err := gantiny.Read(digits.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	s, err := httpserve.New([]httpserve.Model{{Name: "digits", Generator: g}}, httpserve.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	// In a program of one's own: http.Handle("/pictures/", http.StripPrefix("/pictures", s)).
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/images.png?n=4&seed=7", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"))
	// Output: 200 image/png public, max-age=60
}
