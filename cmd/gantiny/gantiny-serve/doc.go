//go:build !js

// Command gantiny-serve is 'gantiny serve', which starts it: it draws pictures for HTTP requests.
// Flags, signals, files that change and systemd are dealt with here, requests in package httpserve.
//
// Built with CGO_ENABLED=0, as packages and archives are, it is static. Where a C compiler is at
// hand a plain go build links the C library's resolver, as it does with every program that uses
// package net.
package main
