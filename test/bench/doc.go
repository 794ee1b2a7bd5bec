// Package bench measures the suite side by side: the bare engine, a service
// without the gateway, and the whole way through it, as one process and as four.
//
// scripts/bench.sh runs it. It starts the built programs with a data folder of
// their own, asks them over 127.0.0.1 by vegeta, and prints the tables of
// docs/performance.md. Any answer but the wanted one fails the run. It reads /proc
// and so needs Linux.
package bench
