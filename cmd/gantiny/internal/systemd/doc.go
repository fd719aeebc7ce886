// Package systemd speaks with systemd as sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3)
// describe it: sockets that it has opened, and what it wants to be told. Elsewhere, and where
// nothing is set in the environment, it does nothing.
package systemd
