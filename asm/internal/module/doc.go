// Package module writes WebAssembly modules in their binary form, as the WebAssembly core
// specification 2.0 describes it. It knows no kernels.
package module
