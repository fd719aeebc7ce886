//go:build js

// Command web is the program that draws for the explorer page in the browser, in WebAssembly:
// 'gantiny export --web' writes it beside the page, as explorer.wasm. It gives JavaScript one
// object, gantiny; page/worker.js in internal/explorer calls it.
package main
