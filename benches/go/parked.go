package main

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Time for the last of the parked to be really parked: as in wave.rs.
const settle = 50 * time.Millisecond

// wave is what one wave of parked goroutines measured.
type wave struct {
	bytesEach, spawn, wake float64
	mappings               int
}

// park starts n goroutines that wait on one channel, closes it, waits for all.
func park(n int) (wave, error) {
	before := usage()
	start := time.Now()
	var arrived, all sync.WaitGroup
	var woken atomic.Int64
	gate := make(chan struct{})
	for range n {
		arrived.Add(1)
		all.Add(1)
		go func() {
			arrived.Done()
			<-gate
			woken.Add(1)
			all.Done()
		}()
	}
	arrived.Wait()
	w := wave{spawn: nsEach(time.Since(start), n)}

	time.Sleep(settle)
	w.bytesEach = float64(usage()-before) / float64(n)
	w.mappings = mappings()

	start = time.Now()
	close(gate)
	all.Wait()
	w.wake = nsEach(time.Since(start), n)
	return w, check("tasks woken", int(woken.Load()), n)
}

// manyParked runs two waves: the second finds the stacks warm.
func manyParked(n int) ([]float64, error) {
	first, err := park(n)
	if err != nil {
		return nil, err
	}
	second, err := park(n)
	return []float64{first.bytesEach, first.spawn, second.spawn, first.wake, float64(first.mappings)}, err
}

// usage is the resident memory and the page tables of this process, in bytes.
func usage() int {
	status, _ := os.ReadFile("/proc/self/status")
	kib := 0
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		if name == "VmRSS" || name == "VmPTE" {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			kib += n
		}
	}
	return kib * 1024
}

// mappings is the number of lines of /proc/self/maps.
func mappings() int {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0
	}
	defer maps.Close()
	lines := 0
	for buf := make([]byte, 1<<16); ; {
		n, err := maps.Read(buf)
		lines += bytes.Count(buf[:n], []byte{'\n'})
		if err == io.EOF || n == 0 {
			return lines
		}
	}
}
