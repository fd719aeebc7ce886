// Package serving is what gantiny and gantiny-serve both know of 'gantiny serve': its flags, and
// how one starts the other. Serving itself is in gantiny-serve, a program of its own: package net,
// which it links, would make gantiny a third larger, and where a C compiler is at hand dependent on
// the C library.
package serving
