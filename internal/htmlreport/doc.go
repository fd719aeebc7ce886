// Package htmlreport holds what the program's HTML reports have in common: their style, pictures
// inside the page, and curves as SVG. A page needs nothing beside itself. What is said in it is the
// callers'.
package htmlreport
